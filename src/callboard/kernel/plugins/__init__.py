"""How features and third parties enter: hook specifications, manifests, the loader, and a scaffold for new plugins."""
