"""Asks the catalog for what explore pages and cards show. What the actor may not see counts nowhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Mapping, Sequence

from callboard.features.catalog.explore.organisation import Organisation
from callboard.features.catalog.explore.systems import (
    Surroundings,
    around_domain,
    around_system,
    edges_of,
    homes_of,
)
from callboard.features.catalog.graph.domain import RelationTypes
from callboard.features.catalog.interface import BY_TITLE, EntityQuery, Order
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import HasKey, Negation, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef

MAX_PARTS: Final = 400
"""Parts of a system, or parts' neighbours, that are looked at for a drawing."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """Every domain and system. ``parts`` maps a system to how many parts of each kind it has; ``homes`` to its domain."""

    domains: Mapping[str, Mapping[str, Any]]
    systems: Mapping[str, Mapping[str, Any]]
    homes: Mapping[str, str]
    parts: Mapping[str, Mapping[str, int]]
    dependencies: Mapping[tuple[str, str], int]
    needs: Mapping[str, Sequence[tuple[str, int]]]
    """What each system needs, with by how many relations, most first."""
    needed_by: Mapping[str, int]
    """How many systems need each."""


def _ranked(dependencies: Mapping[tuple[str, str], int]) -> dict[str, list[tuple[str, int]]]:
    needs: dict[str, list[tuple[str, int]]] = {}
    for (source, target), count in sorted(dependencies.items(), key=lambda item: (-item[1], item[0])):
        needs.setdefault(source, []).append((target, count))
    return needs


class ExploreReader:
    """Over the catalog's queries; what takes all of the catalog is kept until it changes."""

    def __init__(self, queries: Queries, types: RelationTypes) -> None:
        self.queries = queries
        self.types = types

    async def organisation(self, *, actor: Actor) -> Organisation:
        """All groups with their counts."""

        async def make() -> Organisation:
            documents = await self._all("group", actor)
            members = await self.counts("relations.memberof", has_value("kind", ["user"]), actor=actor)
            owned = await self.counts("relations.ownedby", None, actor=actor)
            return Organisation.of(documents, members, owned)

        found: Organisation = await self.queries.kept("organisation", make, actor=actor)
        return found

    async def landscape(self, *, actor: Actor) -> Landscape:
        """All domains and systems, and what is between them."""

        async def make() -> Landscape:
            domains = {str(EntityRef.of(d)): _short(d) for d in await self._all("domain", actor)}
            systems = {str(EntityRef.of(s)): _short(s) for s in await self._all("system", actor)}
            homes = {}
            for ref, system in systems.items():
                home = next((h for h in system["homes"] if h in domains), None)
                if home is not None:
                    homes[ref] = home
            parts: dict[str, dict[str, int]] = {}
            for kind in ("component", "api", "resource"):
                counts = await self.counts("relations.partof", has_value("kind", [kind]), actor=actor)
                for ref, count in counts.items():
                    parts.setdefault(ref, {})[kind] = count
            between = await self.queries.system_dependencies(actor=actor)
            return Landscape(
                domains, systems, homes, parts, between, _ranked(between), Counter(target for _, target in between)
            )

        found: Landscape = await self.queries.kept("landscape", make, actor=actor)
        return found

    async def counts(self, key: str, predicate: Predicate | None, *, actor: Actor) -> dict[str, int]:
        """How many matching entities have each value of a key, by the value in lower case."""
        found: dict[str, int] = {}
        for value in (await self.queries.facets([key], predicate, actor=actor))[key]:
            found[value.value.lower()] = found.get(value.value.lower(), 0) + value.count
        return found

    async def owned_by_kind(self, refs: Sequence[str], *, actor: Actor) -> dict[str, int]:
        """How many entities of each kind these own together, each once."""
        return await self.counts("kind", has_value("relations.ownedby", refs), actor=actor) if refs else {}

    async def members(
        self, refs: Sequence[str], *, actor: Actor, limit: int, offset: int = 0
    ) -> tuple[list[Mapping[str, Any]], int]:
        """A page of the people in any of these groups, by name, and how many there are."""
        if not refs:
            return [], 0
        wanted = conjoin(has_value("kind", ["user"]), has_value("relations.memberof", refs))
        query = EntityQuery(wanted, Order(BY_TITLE), limit=limit, offset=offset)
        page = await self.queries.list_raw(query, actor=actor)
        return decode(page.items), page.total or 0

    async def parts_of(self, ref: str, *, actor: Actor, limit: int) -> tuple[list[Mapping[str, Any]], int]:
        """The first parts of a system or domain by kind and name, and how many there are."""
        query = EntityQuery(
            has_value("relations.partof", [ref]), Order("kind"), limit=limit, then=(Order(BY_TITLE),), by_ref=True
        )
        page = await self.queries.list_raw(query, actor=actor)
        return decode(page.items), page.total or 0

    async def owned_by(self, refs: Sequence[str], *, actor: Actor, limit: int) -> tuple[list[Mapping[str, Any]], int]:
        """The first of what any of these own, by kind and name, and how much there is."""
        query = EntityQuery(
            has_value("relations.ownedby", refs), Order("kind"), limit=limit, then=(Order(BY_TITLE),), by_ref=True
        )
        page = await self.queries.list_raw(query, actor=actor)
        return decode(page.items), page.total or 0

    async def unowned_parts(self, owners: Sequence[str], *, actor: Actor) -> int:
        """How many parts of the systems that these own have no owner, or one that is not in the catalog."""
        mine = conjoin(has_value("kind", ["system"]), has_value("relations.ownedby", owners))
        page = await self.queries.list_raw(EntityQuery(mine, limit=MAX_PARTS, want_total=False), actor=actor)
        systems = [str(EntityRef.of(system)) for system in decode(page.items)]
        if not systems:
            return 0
        parts = has_value("relations.partof", systems)
        nobodys = await self.queries.count(conjoin(parts, Negation(HasKey("relations.ownedby"))), actor=actor)
        by_owner = await self.counts("relations.ownedby", parts, actor=actor)
        known = await look_up(self.queries, list(by_owner), actor=actor)
        hidden = await self.queries.list_hidden([ref for ref in known if known[ref] is None], actor=actor)
        return nobodys + sum(by_owner[ref] for ref in known if known[ref] is None and ref not in hidden)

    async def around_system(self, ref: str, *, actor: Actor) -> Surroundings:
        """A system with what is outside of it: three calls, whatever its size."""
        predicate = conjoin(has_value("relations.partof", [ref]), has_value("kind", ["component", "api", "resource"]))
        page = await self.queries.list_raw(EntityQuery(predicate, limit=MAX_PARTS, want_total=False), actor=actor)
        parts = [str(EntityRef.of(part)) for part in decode(page.items)]
        edges = edges_of(await self.queries.relations_of(parts, actor=actor), self.types)
        outside = sorted({end for edge in edges for end in (edge.source, edge.target)} - set(parts))[:MAX_PARTS]
        homes = homes_of(await self.queries.relations_of(outside, actor=actor)) if outside else {}
        return around_system(parts, edges, homes)

    async def around_domain(self, ref: str, *, actor: Actor) -> Surroundings:
        """The systems of a domain, with what they need of each other and of others."""
        land = await self.landscape(actor=actor)
        return around_domain([s for s, home in land.homes.items() if home == ref], land.dependencies)

    async def _all(self, kind: str, actor: Actor) -> list[Mapping[str, Any]]:
        page = await self.queries.list_raw(EntityQuery(has_value("kind", [kind]), want_total=False), actor=actor)
        return decode(page.items)


def _short(entity: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a domain or system: enough for a link, its owner and its home."""
    metadata = entity["metadata"]
    relations = entity.get("relations") or ()
    return {
        "kind": entity["kind"],
        "metadata": {key: metadata[key] for key in ("name", "namespace", "title", "description") if key in metadata},
        "spec": {},
        "owners": [str(r["targetRef"]).lower() for r in relations if r["type"] == "ownedBy"][:2],
        "homes": [str(r["targetRef"]).lower() for r in relations if r["type"] == "partOf" and str(r["targetRef"]).lower().startswith("domain:")],
    }  # fmt: skip
