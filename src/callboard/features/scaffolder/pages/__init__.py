"""What the templates of these pages may see: frozen values, made without queries."""
