"""The pages of importing: read the request, ask the service, render. No decisions live here."""

from callboard.features.importing.views.routes import ImportViews

__all__ = ["ImportViews"]
