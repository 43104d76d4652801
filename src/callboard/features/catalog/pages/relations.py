"""Relations of an entity, grouped by meaning, bounded on every page however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.pages.links import entity_href, link_to, links_of
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink, Tab

ORDER: Final = (
    "partof", "haspart", "providesapi", "consumesapi", "apiprovidedby", "apiconsumedby", "dependson", "dependencyof",
    "hasmember", "memberof", "parentof", "childof", "ownerof", "ownedby",
)  # fmt: skip
SHOWN: Final = 8
PAGE: Final = 100
_FACTS: Final = frozenset(["partof", "memberof", "childof"])
_TOLD: Final = {
    "group": ("hasmember", "parentof", "childof", "ownerof"), "user": ("ownerof", "memberof"), "system": ("haspart",), "domain": ("haspart",),
    "resource": ("dependencyof",), "api": ("apiconsumedby", "dependencyof"),
}  # fmt: skip
"""Relations that cards of their own tell of, by kind."""


@dataclass(frozen=True, slots=True)
class RelationGroup:
    """Relations of one meaning. ``links`` are the first of ``count``; ``more_href`` leads to all of them."""

    type: str
    title: str
    count: int
    links: Sequence[EntityLink]
    more_href: str | None


def relation_counts(entity: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """(type in lower case, type as written, target refs) of every relation type, in the order that pages show them."""
    groups: dict[str, tuple[str, list[str]]] = {}
    for relation in entity.get("relations") or ():
        name = str(relation.get("type", ""))
        groups.setdefault(name.lower(), (name, []))[1].append(str(relation.get("targetRef", "")).lower())
    rank = {name: n for n, name in enumerate(ORDER)}
    ordered = sorted(groups.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))
    return [(key, name, list(dict.fromkeys(refs))) for key, (name, refs) in ordered]


def relation_title(key: str, name: str, t: Translator) -> str:
    """The words for a relation; a type that nobody told us about is split at its capitals."""
    if t.has(f"catalog.relation.{key}"):
        return t(f"catalog.relation.{key}")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    return words[:1].upper() + words[1:]


def relation_groups(entity: Mapping[str, Any], known: Mapping[str, Any], t: Translator) -> list[RelationGroup]:
    """Groups for the overview, the first of each. What the header and the facts say already is not repeated."""
    ref = EntityRef.of(entity)
    groups = []
    for key, name, refs in relation_counts(entity):
        if key == "ownedby" or key in _TOLD.get(ref.kind.lower(), ()) or (key in _FACTS and len(refs) <= 3):
            continue
        # "all 9" would take the place of the ninth
        shown = len(refs) if len(refs) <= SHOWN + 1 else SHOWN
        more = None
        if len(refs) > shown:
            more = relations_href(entity, key)
        groups.append(RelationGroup(key, relation_title(key, name, t), len(refs), links_of(refs[:shown], known), more))
    return groups


def relations_href(entity: Mapping[str, Any], key: str, start: int = 0) -> str:
    query: dict[str, Any] = {"type": key, **({"start": start} if start else {})}
    return entity_href(EntityRef.of(entity), "relations") + "?" + urlencode(query)


def relations_page(entity: Mapping[str, Any], wanted: str | None, start: int) -> tuple[str, str, list[str], int] | None:
    """(key, type, the refs of this page, how many in all) of the relations asked for, or of the first there are."""
    groups = [g for g in relation_counts(entity) if g[0] != "ownedby"] or relation_counts(entity)
    for key, name, refs in groups:
        if wanted is None or key == wanted.lower():
            return key, name, refs[start : start + PAGE], len(refs)
    return None


def relation_choices(entity: Mapping[str, Any], current: str, t: Translator) -> list[Tab]:
    return [
        Tab(key, relation_title(key, name, t), relations_href(entity, key), key == current, len(refs))
        for key, name, refs in relation_counts(entity)
    ]


def relation_view(
    key: str, name: str, refs: Sequence[str], total: int, known: Mapping[str, Any], more: str | None, t: Translator
) -> RelationGroup:
    return RelationGroup(key, relation_title(key, name, t), total, [link_to(r, known.get(r)) for r in refs], more)
