"""What the catalog's templates may see: frozen values with documented fields, made from documents without queries."""

from callboard.features.catalog.pages.entity import EntityPage
from callboard.features.catalog.pages.home import HomePage
from callboard.features.catalog.pages.list_state import ListState
from callboard.features.catalog.pages.listing import ListPage
from callboard.features.catalog.pages.problems import ProblemsPage
from callboard.features.catalog.pages.why import WhyPage

__all__ = ["EntityPage", "HomePage", "ListPage", "ListState", "ProblemsPage", "WhyPage"]
