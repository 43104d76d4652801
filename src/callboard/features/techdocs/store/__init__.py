"""All the SQL of documentation."""
