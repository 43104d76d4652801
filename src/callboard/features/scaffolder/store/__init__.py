"""All the SQL of tasks: reading them for people (``reading``), and running them (``running``)."""
