"""The routes of administration, and the handlers behind them."""
