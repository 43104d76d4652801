"""GitHub Actions on the pages of entities: the last run of each branch as a card, all runs as the tab *CI*. How to: ``docs/how-to/ci-card.md``."""
