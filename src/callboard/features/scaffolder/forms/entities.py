"""Entities that a picker offers: its filter as a predicate, a search over all of them, and what somebody typed as a ref."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.scaffolder.forms.model import Field
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import All, Any_, HasKey, HasPrefix, HasText, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef, RefError

NAMES = ("metadata.name", "metadata.title", "spec.profile.displayname")
FEW, OFFERED, MAX_WORDS = 30, 50, 200


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to choose: what the form sends, and how it reads."""

    value: str
    title: str
    note: str = ""


def default_kind(field: Field) -> str | None:
    """The kind of a name without one."""
    said = field.option("defaultKind")
    if isinstance(said, str) and said:
        return said
    if field.picker in ("OwnerPicker", "MyGroupsPicker"):
        return "Group"
    kinds = allowed_kinds(field)
    return kinds[0] if len(kinds) == 1 else None


def default_namespace(field: Field) -> str:
    said = field.option("defaultNamespace")
    return said if isinstance(said, str) and said else "default"


def allowed_kinds(field: Field) -> list[str]:
    said = field.option("allowedKinds")
    return [str(kind) for kind in said] if isinstance(said, list) else [said] if isinstance(said, str) else []


def allows_any(field: Field) -> bool:
    """Whether a ref of nothing that is in the catalog will do."""
    return field.option("allowArbitraryValues") is not False and field.picker != "MyGroupsPicker"


def predicate_of(field: Field, actor: Actor) -> Predicate | None:
    """What the picker may offer to ``actor``; None for everything."""
    said = filter_of(field.option("catalogFilter"))
    kinds = allowed_kinds(field)
    if said is None and kinds:
        said = has_value("kind", kinds)
    match field.picker:
        case "OwnerPicker" if said is None:
            return has_value("kind", ("group", "user"))
        case "OwnedEntityPicker":
            return conjoin(said, has_value("relations.ownedby", sorted(actor.ownership) or [actor.subject]))
        case "MyGroupsPicker":
            return conjoin(said, has_value("kind", ("group",)), has_value("relations.hasmember", (actor.subject,)))
    return said


def filter_of(said: Any) -> Predicate | None:
    """Backstage's entity filter: a mapping holds with all its keys, a list with any of its mappings. What is neither filters nothing."""
    if isinstance(said, list):
        parts = [one for one in map(filter_of, said) if one is not None]
        return Any_(tuple(parts)) if parts else None
    if not isinstance(said, Mapping) or not said:
        return None
    parts = []
    for key, value in said.items():
        name = str(key).lower()
        if isinstance(value, Mapping):
            if value.get("exists"):
                parts.append(HasKey(name))
        elif isinstance(value, list):
            parts.append(has_value(name, value))
        else:
            parts.append(has_value(name, (value,)))
    return conjoin(*parts) if parts else None


class Entities:
    """Reads of the catalog for pickers. Entities that the actor may not see are not there."""

    def __init__(self, queries: CatalogQueries) -> None:
        self._queries = queries

    async def offers(self, field: Field, words: str, *, actor: Actor, limit: int = OFFERED) -> list[Offer]:
        """Those whose name or title begins with ``words`` first, then those that hold it."""
        words = words.strip().lower()[:MAX_WORDS].rpartition("/")[2].rpartition(":")[2]
        within = predicate_of(field, actor)
        found: dict[str, Offer] = {}
        begins: Predicate | None = Any_(tuple(HasPrefix(key, words) for key in NAMES)) if words else None
        for match in (begins, HasText(NAMES, words)) if words else (None,):
            if len(found) < limit:
                query = EntityQuery(conjoin(within, match), Order(BY_TITLE), limit=limit, want_total=False)
                page = await self._queries.list_raw(query, actor=actor)
                for raw in page.items:
                    one = _offer(orjson.loads(raw))
                    found.setdefault(one.value, one)
        return list(found.values())[:limit]

    async def tags(self, field: Field, words: str, *, actor: Actor) -> list[Offer]:
        """Tags in use, with how many entities have each where ``showCounts`` asks for it."""
        kinds = field.option("kinds")
        within = has_value("kind", kinds) if isinstance(kinds, list) and kinds else None
        facets = await self._queries.facets(["metadata.tags"], within, actor=actor)
        values = [one for one in facets.get("metadata.tags", ()) if words.lower() in one.value.lower()]
        values.sort(key=lambda one: (-one.count, one.value))
        counted = field.option("showCounts") is True
        return [Offer(one.value, one.value, str(one.count) if counted else "") for one in values[:OFFERED]]

    async def settle(self, field: Field, text: str, *, actor: Actor) -> str:
        """What was typed as a full ref where it names an entity by ref, name or title; else with the defaults of the picker."""
        kind, namespace = default_kind(field), default_namespace(field)
        ref = _parse(text, kind, namespace)
        within = predicate_of(field, actor)
        if ref is not None and await self._is_there(ref, within, actor):
            return ref
        if ":" not in text and "/" not in text:
            wanted = text.strip().lower()
            named = Any_(tuple(has_value(key, (wanted,)) for key in NAMES))
            query = EntityQuery(conjoin(within, named), limit=2, want_total=False)
            page = await self._queries.list_raw(query, actor=actor)
            if len(page.items) == 1:
                return _offer(orjson.loads(page.items[0])).value
        if ref is not None and (field.option("defaultKind") or ":" in text or field.picker == "OwnerPicker"):
            return ref
        return text

    async def is_allowed(self, field: Field, ref: str, *, actor: Actor) -> bool:
        """Whether an entity that the picker offers has this ref."""
        parsed = _parse(ref, default_kind(field), default_namespace(field))
        return parsed is not None and await self._is_there(parsed, predicate_of(field, actor), actor)

    async def titles(self, refs: Sequence[str], *, actor: Actor) -> dict[str, str]:
        """Titles of those that are there."""
        found = await self._queries.get_many_raw([ref.lower() for ref in refs], actor=actor)
        return {ref: _offer(orjson.loads(raw)).title for ref, raw in zip(refs, found, strict=True) if raw is not None}

    async def _is_there(self, ref: str, within: Predicate | None, actor: Actor) -> bool:
        found = await self._queries.get_many_raw([ref], predicate=within or All(()), actor=actor)
        return found[0] is not None


def _parse(text: str, kind: str | None, namespace: str) -> str | None:
    try:
        return str(EntityRef.parse(text.strip(), default_kind=kind, default_namespace=namespace))
    except RefError:
        return None


def _offer(entity: Mapping[str, Any]) -> Offer:
    ref = EntityRef.of(entity)
    title = entity["metadata"].get("title") or ((entity.get("spec") or {}).get("profile") or {}).get("displayName")
    return Offer(str(ref), str(title or ref.name), ref.kind.lower())
