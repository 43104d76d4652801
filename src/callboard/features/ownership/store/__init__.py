"""All the SQL of ownership, a module for each table or two."""
