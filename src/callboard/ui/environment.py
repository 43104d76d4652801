"""What templates see besides the page: the functions and values that the parts and the layout rely on."""

from __future__ import annotations

from functools import partial
from typing import Any

from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import initials, stable_hue
from callboard.ui.look.serving import Shown
from callboard.ui.messages import format_number
from callboard.ui.moments import format_date, format_exact
from callboard.ui.shortcuts import SHORTCUTS


def entity_path(ref: str) -> str:
    """The address of an entity's page; the catalog for what is no ref."""
    try:
        parsed = EntityRef.parse(ref.lower())
    except RefError:
        return "/catalog"
    return f"/catalog/{parsed.namespace}/{parsed.kind}/{parsed.name}"


def template_globals(look: Shown | None = None) -> dict[str, Any]:
    """Globals of every template: number formats, marks of people, addresses, the look."""
    return {
        "number": format_number,
        "initials": initials,
        "stable_hue": stable_hue,
        "entity_path": entity_path,
        "exact_time": format_exact,
        "date_of": format_date,
        "shortcuts": SHORTCUTS,
        "site_look": look or Shown(),
    }


def locale_context(locale: str) -> dict[str, Any]:
    """The same functions for numbers and times, in the language of the page."""
    return {
        "number": partial(format_number, locale=locale),
        "exact_time": partial(format_exact, locale=locale),
        "date_of": partial(format_date, locale=locale),
    }
