"""The catalog's pages: read the request, ask the services, render. No decisions live here."""

from callboard.features.catalog.views.routes import CatalogViews

__all__ = ["CatalogViews"]
