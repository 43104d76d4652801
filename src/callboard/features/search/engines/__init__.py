"""What finds candidates: SQLite's FTS5, PostgreSQL's text search, or OpenSearch, each behind ``base.Engine``."""
