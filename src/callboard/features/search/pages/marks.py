"""A result's mark, its place and why it is there, in the reader's words."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.search.interface import Hit, Reason, SearchDocument
from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import ICONS, kind_mark, stable_hue
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink

MOST_REASONS = 3
MAX_PLACE = 5


def is_entity(document: SearchDocument) -> bool:
    """Whether the document is its resource itself, and no text about it."""
    return document.resource is not None and document.id == document.resource


def mark_of(hit: Hit, icon: str) -> tuple[str, int | None]:
    """(icon, hue): an entity's are those of its kind, a person's hue is their own, others have the icon of their type."""
    document = hit.document
    if not is_entity(document):
        return (icon if icon in ICONS else "source"), None
    kind = field(document, "kind")
    mark = kind_mark(kind)
    return mark.icon, stable_hue(document.id) if kind.lower() in ("user", "group") else mark.hue


def href_of(document: SearchDocument) -> str:
    """Its address, if a page may link there: a path of this portal, http or https. Else the search page."""
    location = document.location.strip()
    if location.startswith("/") and not location.startswith(("//", "/\\")):
        return location
    return location if location.lower().startswith(("https://", "http://")) else "/search"


def field(document: SearchDocument, name: str) -> str:
    """The first value of a field, or empty."""
    value = document.fields.get(name) or ""
    return value if isinstance(value, str) else next(iter(value), "")


def place_of(hit: Hit, type_title: str, title: str = "") -> Sequence[str]:
    """Where it is, from the outside in: kind, system, namespace and name of an entity, unless ``title`` says it; site and headings of a page."""
    document = hit.document
    if is_entity(document):
        namespace = field(document, "namespace")
        shown = "" if namespace == "default" else namespace
        name = field(document, "name")
        parts = [field(document, "kind"), short(field(document, "system")), shown, "" if name == title else name]
    else:
        site: Any = document.wire.get("entityTitle") or short(document.resource or "")
        parts = [type_title, str(site), *document.headings]
    parts = [part for part in parts if part and part.strip()]
    distinct = [part for at, part in enumerate(parts) if not at or part.lower() != parts[at - 1].lower()]
    return distinct[:MAX_PLACE]


def short(ref: str) -> str:
    """``name`` in the default namespace, else ``namespace/name``; what is no ref as it is."""
    try:
        parsed = EntityRef.parse(ref)
    except RefError:
        return ref
    return parsed.name if parsed.namespace.lower() == "default" else f"{parsed.namespace}/{parsed.name}"


def owner_link(ref: str, titles: Mapping[str, str]) -> EntityLink | None:
    """A link to an owner that was found by ``titles``; one that is not there for the reader is only named."""
    try:
        parsed = EntityRef.parse(ref.lower())
    except RefError:
        return None
    mark, text = kind_mark(parsed.kind), str(parsed)
    return EntityLink(
        ref=text, href=f"/catalog/{parsed.namespace}/{parsed.kind}/{parsed.name}", title=titles.get(text, short(text)), short=short(text),
        kind=parsed.kind, icon=mark.icon, hue=stable_hue(text), absent=False,
    )  # fmt: skip


def why(reasons: Sequence[Reason], t: Translator) -> Sequence[str]:
    """At most ``MOST_REASONS`` sentences; words that stand in one part are told together."""
    told: list[str] = []
    together: dict[str, list[str]] = {}
    places: dict[str, int] = {}
    for reason in reasons:
        where = t(f"search.why.in_{reason.part}")
        if reason.how == "exact" and reason.part == "name":
            told.append(t("search.why.exact", asked=reason.asked))
        elif reason.how in ("exact", "word"):
            if reason.part not in places:
                places[reason.part] = len(told)
                together[reason.part] = []
                told.append("")
            together[reason.part].append(reason.asked)
        else:
            told.append(t(f"search.why.{reason.how}", asked=reason.asked, found=reason.found, where=where))
    for part, at in places.items():
        words = ", ".join(t("search.why.word", asked=word) for word in dict.fromkeys(together[part]))
        told[at] = t("search.why.words", words=words, where=t(f"search.why.in_{part}"))
    return list(dict.fromkeys(told))[:MOST_REASONS]
