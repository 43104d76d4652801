"""All the SQL of search that is not an engine's."""
