"""Features, low to high: search, catalog, notifications, importing, scaffolder, techdocs, scorecards, flags, …"""
