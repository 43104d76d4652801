"""Pages of ownership: read the request, call a service, render."""
