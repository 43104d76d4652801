"""JSON of documentation: Backstage's wire below ``/api/techdocs``, our own below ``/api/techdocs/v1``, and files for our pages."""
