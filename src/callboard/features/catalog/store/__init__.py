"""All the SQL of the catalog. Functions take an open transaction and give back values; nobody else writes SQL."""
