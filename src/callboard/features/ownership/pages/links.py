"""Refs as links, the way every page of the catalog draws them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import kind_mark, stable_hue
from callboard.ui.parts import EntityLink


def entity_href(ref: str, tab: str = "") -> str:
    """The page of an entity; the catalog for what is no ref."""
    try:
        parsed = EntityRef.parse(ref)
    except RefError:
        return "/catalog"
    path = "/".join(quote(part.lower(), safe="") for part in (parsed.namespace, parsed.kind, parsed.name))
    return f"/catalog/{path}" + (f"/{tab}" if tab else "")


def link_of(ref: str, known: Mapping[str, Any], title: str | None = None) -> EntityLink:
    """``known`` has the documents of those that are there and visible; others read as absent."""
    try:
        parsed = EntityRef.parse(ref)
    except RefError:
        parsed = EntityRef("unknown", "default", ref or "?")
    entity = known.get(ref)
    mark, kind = kind_mark(parsed.kind), parsed.kind.lower()
    short = parsed.name if parsed.namespace.lower() == "default" else f"{parsed.namespace}/{parsed.name}"
    absent = entity is None
    return EntityLink(
        ref, f"/catalog/why?asked={quote(ref)}" if absent else entity_href(ref), title or title_of(entity) or short, short,
        kind, mark.icon, stable_hue(ref) if kind in ("user", "group") else mark.hue, absent,
    )  # fmt: skip


def links_of(refs: Sequence[str], known: Mapping[str, Any]) -> list[EntityLink]:
    return [link_of(ref, known) for ref in refs]


def title_of(entity: Mapping[str, Any] | None) -> str:
    if entity is None:
        return ""
    spec = entity.get("spec")
    profile = spec.get("profile") if isinstance(spec, dict) else None
    shown = profile.get("displayName") if isinstance(profile, dict) else None
    for text in (entity["metadata"].get("title"), shown, entity["metadata"].get("name")):
        if isinstance(text, str) and text.strip():
            return text.strip()[:120]
    return ""
