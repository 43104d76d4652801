"""The catalog's pages: read the request, ask the services, render. No decisions live here."""
