"""Who relies on a resource or an API, by owner: whom to ask before it changes, and whom to tell when it is down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Mapping, Sequence

from callboard.features.catalog.pages.entity import entity_links
from callboard.features.catalog.pages.links import (
    entity_href,
    kind_rank,
    link_to,
    links_of,
    related,
    safe_href,
    spec_of,
    text,
)
from callboard.model.refs import EntityRef
from callboard.ui.parts import EntityLink, LinkItem

LOOKED_AT: Final = 400
"""Consumers whose owners are told apart; there are seldom more, and all of them are on the tab of relations."""
OWNERS: Final = 12
OF_OWNER: Final = 8
RELIES: Final[Mapping[str, tuple[str, ...]]] = {
    "resource": ("dependencyOf",),
    "api": ("apiConsumedBy", "dependencyOf"),
}
"""Relations of a kind by which others rely on it."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Something that relies on the entity."""

    link: EntityLink
    type: str | None
    lifecycle: str | None
    system: EntityLink | None


@dataclass(frozen=True, slots=True)
class ConsumersOf:
    """What one owner has that relies on the entity: the first of ``count``. ``owner`` None: nobody's; ``reach`` how to tell them."""

    owner: EntityLink | None
    reach: LinkItem | None
    rows: Sequence[Consumer]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Consumers:
    """``explore_parts.consumers``. ``count`` is whole; owners and systems are those of the first ``LOOKED_AT``."""

    kind: str
    count: int
    owners: int = 0
    systems: int = 0
    groups: Sequence[ConsumersOf] = ()
    more_owners: int = 0
    all_href: str = ""
    graph_href: str = ""


def consumer_refs(entity: Mapping[str, Any]) -> list[str]:
    return related(entity, *RELIES.get(str(entity["kind"]).lower(), ()))


def mentioned(documents: Mapping[str, Any]) -> list[str]:
    """Refs of the owners and systems of these documents."""
    found: dict[str, None] = {}
    for document in documents.values():
        if document is not None:
            found |= dict.fromkeys([*related(document, "ownedBy")[:1], *_systems(document)[:1]])
    return list(found)


def consumers_of(entity: Mapping[str, Any], known: Mapping[str, Any]) -> Consumers:
    """``known``: documents of the consumers, and of the owners and systems that these name."""
    ref, refs = EntityRef.of(entity), consumer_refs(entity)
    by_owner: dict[str, list[str]] = {}
    systems = set()
    for consumer in refs[:LOOKED_AT]:
        document = known.get(consumer)
        owner = related(document, "ownedBy")[:1] if document is not None else []
        by_owner.setdefault(owner[0] if owner else "", []).append(consumer)
        systems.update(_systems(document)[:1] if document is not None else [])
    # owners that can be asked first, most affected ahead
    ranked = sorted(
        by_owner.items(), key=lambda item: (known.get(item[0]) is None, not item[0], -len(item[1]), item[0])
    )
    groups = []
    for owner_ref, theirs in ranked[:OWNERS]:
        # "1 more" would take the place of the one
        shown = theirs if len(theirs) <= OF_OWNER + 1 else sorted(theirs, key=lambda r: _order(r, known))[:OF_OWNER]
        rows = [_consumer(r, known) for r in sorted(shown, key=lambda r: _order(r, known))]
        owner_link = link_to(owner_ref, known.get(owner_ref), known=owner_ref in known) if owner_ref else None
        groups.append(ConsumersOf(owner_link, _reach(known.get(owner_ref)), rows, len(theirs)))
    key = RELIES[str(entity["kind"]).lower()][0].lower()
    return Consumers(
        kind=str(entity["kind"]).lower(),
        count=len(refs),
        owners=len([owner for owner in by_owner if owner]),
        systems=len(systems),
        groups=groups,
        more_owners=max(0, len(ranked) - OWNERS),
        all_href=entity_href(ref, "relations") + f"?type={key}",
        graph_href=entity_href(ref, "graph"),
    )


def _systems(document: Mapping[str, Any]) -> list[str]:
    return [ref for ref in related(document, "partOf") if ref.startswith("system:")]


def _order(ref: str, known: Mapping[str, Any]) -> tuple[int, str]:
    return kind_rank(ref.partition(":")[0]), link_to(ref, known.get(ref), known=False).title.lower()


def _consumer(ref: str, known: Mapping[str, Any]) -> Consumer:
    document = known.get(ref)
    link = link_to(ref, document, known=ref in known)
    if document is None:
        return Consumer(link, None, None, None)
    spec = spec_of(document)
    system = next(iter(links_of(_systems(document)[:1], known)), None)
    return Consumer(link, text(spec.get("type")), text(spec.get("lifecycle")), system)


def _reach(owner: Mapping[str, Any] | None) -> LinkItem | None:
    """How to tell them: a chat before mail, as most owners answer there first."""
    if owner is None:
        return None
    chat = next((link for link in entity_links(owner) if link.icon == "chat"), None)
    if chat is not None:
        return chat
    profile = spec_of(owner).get("profile")
    email = text(profile.get("email")) if isinstance(profile, dict) else None
    href = safe_href(f"mailto:{email}") if email else None
    return LinkItem(email, href, "email") if email and href else None
