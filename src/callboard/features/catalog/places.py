"""Places of the catalog in the navigation."""

from __future__ import annotations

from callboard.features.catalog.interface import CREATE_LOCATION, READ_ENTITY
from callboard.kernel.web.shell import NavItem

NAV_ITEMS = (
    NavItem("home", "nav.home", "/", "home", 0, key="h"),
    NavItem("catalog", "nav.catalog", "/catalog", "catalog", 10, READ_ENTITY, "c"),
    NavItem("groups", "nav.groups", "/groups", "group", 50, READ_ENTITY),
    NavItem("systems", "nav.systems", "/systems", "system", 52, READ_ENTITY),
    NavItem("apis", "nav.apis", "/api-docs", "api", 54, READ_ENTITY),
    NavItem("locations", "nav.locations", "/catalog/locations", "location", 70, CREATE_LOCATION),
    NavItem("problems", "nav.problems", "/catalog/problems", "problems", 80, READ_ENTITY, "p"),
    NavItem("why", "nav.why", "/catalog/why", "why", 90, READ_ENTITY, "w"),
)
