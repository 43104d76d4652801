"""What templates see besides the page: the functions and values that the parts and the layout rely on."""

from __future__ import annotations

from functools import partial
from typing import Any

from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import initials, stable_hue
from callboard.ui.look.serving import Shown
from callboard.ui.messages import MessageError, format_number
from callboard.ui.moments import format_date, format_exact
from callboard.ui.parts import Banner, LinkItem
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


def notice_banner(request: Any) -> Banner | None:
    """Taken by whoever draws it: it is told once."""
    notice, t = request.take_notice(), request.translate
    if notice is None:
        return None
    try:
        body = [t(notice.detail, **notice.arguments)] if notice.detail else []
        ways = [LinkItem(t(notice.way[0]), notice.way[1], "to")] if notice.way is not None else []
        return Banner("ok", t(notice.message, **notice.arguments), body, ways)
    except MessageError:  # left by another release
        return None


def page_context(request: Any) -> dict[str, Any]:
    """The same functions for numbers and times, in the language of the page; and what the page before left to tell."""
    locale = request.locale
    return {
        "notice": lambda: notice_banner(request),
        "number": partial(format_number, locale=locale),
        "exact_time": partial(format_exact, locale=locale),
        "date_of": partial(format_date, locale=locale),
    }
