"""What templates see besides the page: the functions and values that the parts and the layout rely on."""

from __future__ import annotations

from typing import Any

from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import initials, stable_hue
from callboard.ui.messages import format_number
from callboard.ui.shortcuts import SHORTCUTS


def entity_path(ref: str) -> str:
    """The address of an entity's page; the catalog for what is no ref."""
    try:
        parsed = EntityRef.parse(ref.lower())
    except RefError:
        return "/catalog"
    return f"/catalog/{parsed.namespace}/{parsed.kind}/{parsed.name}"


def template_globals() -> dict[str, Any]:
    """Globals of every template: number formats, marks of people, addresses."""
    return {
        "number": format_number,
        "initials": initials,
        "stable_hue": stable_hue,
        "entity_path": entity_path,
        "shortcuts": SHORTCUTS,
    }
