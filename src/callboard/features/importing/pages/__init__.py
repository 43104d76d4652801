"""What the templates of importing may see: frozen values made from what the service gives, without queries."""
