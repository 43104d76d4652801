"""Entities as links, for pages of other features: part of the catalog's face."""

from __future__ import annotations

from callboard.features.catalog.pages.links import entity_href, link_to, safe_href

__all__ = ["entity_href", "link_to", "safe_href"]
