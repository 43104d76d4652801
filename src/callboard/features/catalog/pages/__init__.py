"""What the catalog's templates may see: frozen values with documented fields, made from documents without queries."""
