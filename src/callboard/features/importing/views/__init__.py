"""The pages of importing: read the request, ask the service, render. No decisions live here."""
