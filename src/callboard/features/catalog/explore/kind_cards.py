"""Cards of resources, APIs and Locations: who relies on the thing, what it offers, where it is and when it is read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Sequence
from urllib.parse import quote

from markupsafe import Markup

from callboard.features.catalog.apis.model import Api
from callboard.features.catalog.apis.reading import format_of
from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.explore.consumers import LOOKED_AT, consumer_refs, consumers_of, mentioned
from callboard.features.catalog.explore.places import MAX_TARGETS, LocationFacts, addresses_of, targets_of
from callboard.features.catalog.interface import (
    REFRESH_ENTITY,
    CatalogCommands,
    CatalogQueries,
    EntityCard,
    LocationNotFound,
)
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.catalog.pages.entity import has_definition
from callboard.features.catalog.pages.links import bare_location, entity_href, links_of, spec_of, text
from callboard.features.catalog.pages.registering import location_href
from callboard.features.catalog.problems import ProblemReader
from callboard.features.catalog.service.commands import LOCATION_STORE
from callboard.features.catalog.service.configured import NAME as CONFIGURED
from callboard.features.catalog.views.reading import look_up, may
from callboard.kernel.clock import Clock, parse_time_if
from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import Jobs
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of
from callboard.ui.moments import moment

OPERATIONS: Final = 6
MAX_READ: Final = 200_000
"""Characters of a definition that the overview reads; of a longer one it says how long it is."""
SWEEP: Final = "catalog_sweep"


@dataclass(frozen=True, slots=True)
class Offer:
    """``explore_parts.offer``: what an API's definition says, in short. ``operations`` are (badge, name, summary, href)."""

    title: str
    version: str
    dialect: str
    operations: Sequence[tuple[str, str, str, str]]
    operation_count: int
    type_count: int
    definition_href: str
    kilobytes: int
    fault: str | None = None


class KindCards:
    """Cards by the hook that every plugin has."""

    def __init__(
        self, queries: CatalogQueries, definitions: ApiDefinitions, commands: CatalogCommands, sources: CatalogSources,
        problems: ProblemReader, *, db: Database, jobs: Jobs, clock: Clock, is_watched: bool,
    ) -> None:  # fmt: skip
        self._queries = queries
        self._definitions = definitions
        self._commands = commands
        self._sources = sources
        self._problems = problems
        self._db = db
        self._jobs = jobs
        self._clock = clock
        self._is_watched = is_watched

    def cards(self) -> Sequence[EntityCard]:
        def of(kind: str, id: str, render: Any, rank: int, column: Any = "main") -> EntityCard:
            return EntityCard(
                f"explore-{kind}-{id}", f"explore.card.{kind}_{id}", render, column, has_value("kind", [kind]), rank
            )

        return [
            of("api", "offer", self.offer, 10),
            of("api", "consumers", self.consumers, 20),
            of("resource", "consumers", self.consumers, 10),
            of("resource", "addresses", self.addresses, 20, "side"),
            of("location", "read", self.location, 10, "side"),
        ]

    def _render(self, request: Any, sort: str, page: Any) -> Markup:
        return Markup(bytes(request.render(f"catalog/card_{sort}.html", page).body).decode().strip())

    async def consumers(self, entity: Any, request: Any) -> Markup:
        actor = request.actor
        known = await look_up(self._queries, consumer_refs(entity)[:LOOKED_AT], actor=actor)
        known |= await look_up(self._queries, [r for r in mentioned(known) if r not in known], actor=actor)
        return self._render(request, "consumers", consumers_of(entity, known))

    async def addresses(self, entity: Any, request: Any) -> Markup:
        found = addresses_of(entity)
        return self._render(request, "addresses", found) if found else Markup()

    async def offer(self, entity: Any, request: Any) -> Markup:
        """Nothing for a definition in a format that is not read: the tab shows it as text."""
        definition, format = spec_of(entity).get("definition"), format_of(spec_of(entity).get("type"))
        href = entity_href(EntityRef.of(entity), "definition")
        if not isinstance(definition, str) or not has_definition(entity):
            return self._render(request, "offer", None)
        if format is None:
            return Markup()
        size = (len(definition) + 1023) // 1024
        if len(definition) > MAX_READ:
            return self._render(request, "offer", Offer("", "", "", (), 0, 0, href, size))
        api = await self._definitions.read(definition, format)
        if not isinstance(api, Api):
            place = f" ({api.line}:{api.column or 1})" if api.line else ""
            return self._render(request, "offer", Offer("", "", "", (), 0, 0, href, size, f"{api.message}{place}"))
        shown = [(e.badge, e.name, e.summary, f"{href}?item={quote(e.id)}") for e in api.operations[:OPERATIONS]]
        return self._render(
            request, "offer",
            Offer(api.title, api.version, api.dialect, shown, len(api.operations), len(api.types), href, size),
        )  # fmt: skip

    async def location(self, entity: Any, request: Any) -> Markup:
        ref, actor, now = EntityRef.of(entity), request.actor, self._clock.now()
        files, _ = await self._problems.list_files(ref, limit=500, actor=actor)
        read = max((file.read_at for file in files if file.read_at is not None), default=None)
        parents = next(
            (above for found, above in await self._queries.ancestry(ref, actor=actor) if EntityRef.of(found) == ref), []
        )
        async with self._db.read(snapshot=False) as tx:
            names = (await self._sources.list_givers(tx, [str(ref)])).get(str(ref), ())
        href = root_href = None
        try:
            root = await self._commands.get_location_by_entity(ref, actor=actor)
        except LocationNotFound:
            root = None
        if root is not None:
            is_root = root.entity_ref.lower() == str(ref)
            href, root_href = (location_href(root.id), None) if is_root else (None, location_href(root.id))
        known = await look_up(self._queries, parents, actor=actor)
        targets = targets_of(entity)
        is_file = any(file.location.startswith("file:") for file in files)
        return self._render(request, "location", LocationFacts(
            type=text(spec_of(entity).get("type")) or ("file" if is_file else "url"),
            targets=targets[:MAX_TARGETS],
            more_targets=max(0, len(targets) - MAX_TARGETS),
            parents=links_of(parents, known),
            givers=["settings" if name == CONFIGURED else name for name in names if "/" not in name and name != LOCATION_STORE],
            registered_href=href,
            root_href=root_href,
            root=bare_location(root.target) if root is not None else None,
            read=moment(read, now) if read else None,
            next_minutes=await self._next(now),
            is_watched=self._is_watched and is_file,
            refresh_href=entity_href(ref, "refresh") if may(request.portal.permissions, actor, REFRESH_ENTITY, terms_of(entity)) else None,
            remove_href=entity_href(ref, "delete") if request.portal.plugins.has("editing") else None,
        ))  # fmt: skip

    async def _next(self, now: Any) -> int | None:
        """Minutes until every location is looked at again, at least one; None where that is switched off."""
        for task in await self._jobs.list_tasks("catalog"):
            if task["taskId"] == SWEEP:
                at = parse_time_if((task["taskState"] or {}).get("startsAt"))
                return max(1, round((at - now) / timedelta(minutes=1))) if at is not None else 1
        return None
