"""What the templates of importing may see: frozen values made from what the service gives, without queries."""

from callboard.features.importing.pages.columns import ColumnsPage
from callboard.features.importing.pages.plan import PlanPage
from callboard.features.importing.pages.records import DonePage, DriftPage, ProgressPage, StartPage

__all__ = ["ColumnsPage", "DonePage", "DriftPage", "PlanPage", "ProgressPage", "StartPage"]
