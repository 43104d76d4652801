"""The catalog's part in search: its documents, and which entities an actor may find."""

from __future__ import annotations

from typing import AsyncIterator, Mapping, Sequence

import orjson

from callboard.features.catalog.finding.documents import TYPE, document_of
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store.index import EntityIndex
from callboard.features.search.interface import Extent, SearchDocument, VisibleSet
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Database
from callboard.kernel.events import Event

_LISTS = ("created", "updated", "deleted")


class EntityCollator:
    """Each entity is a scope, by its ref; its revision is the catalog's that it was last changed at."""

    type = TYPE
    title = "catalog.search.entities"
    icon = "catalog"
    topics = ("catalog.entities.changed",)

    def __init__(self, db: Database) -> None:
        self._db = db

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        after = 0
        while True:
            async with self._db.read(snapshot=False) as tx:
                rows = await tx.fetch_all(
                    "SELECT e.id, r.ref, e.revision FROM catalog_entity e JOIN catalog_ref r ON r.id = e.id"
                    " WHERE e.id > $1 ORDER BY e.id LIMIT 5000",
                    after,
                )
            if not rows:
                return
            yield [(row[1], str(row[2])) for row in rows]
            after = rows[-1][0]

    async def extent(self) -> Extent:
        async with self._db.read(snapshot=False) as tx:
            return Extent(int(await tx.fetch_value("SELECT count(*) FROM catalog_entity")))

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        async with self._db.read(snapshot=False) as tx:
            rows = await tx.fetch_all(
                "SELECT r.ref, e.json, e.updated_at FROM catalog_entity e JOIN catalog_ref r ON r.id = e.id"
                f" WHERE {tx.any_of('r.ref', 1)}",
                tx.list_arg(scopes),
            )
        return {row[0]: [document_of(orjson.loads(row[1]), parse_time(row[2]))] for row in rows}

    def changed(self, event: Event) -> Sequence[str] | None:
        counts = event.payload["counts"]
        if any(counts[name] > len(event.payload[name]) for name in _LISTS):
            return None
        return [ref for name in _LISTS for ref in event.payload[name]]


class EntityVisibility:
    """Entities by their numbers, and those of an actor as the bitmap that every list of the catalog uses."""

    def __init__(self, db: Database, queries: Queries, index: EntityIndex) -> None:
        self._db = db
        self._queries = queries
        self._index = index

    async def numbers(self, refs: Sequence[str]) -> Mapping[str, int]:
        async with self._db.read(snapshot=False) as tx:
            rows = await tx.fetch_all(
                "SELECT r.ref, r.id FROM catalog_ref r JOIN catalog_entity e ON e.id = r.id"
                f" WHERE {tx.any_of('r.ref', 1)}",
                tx.list_arg(refs),
            )
        return {row[0]: row[1] for row in rows}

    async def visible(self, actor: Actor) -> VisibleSet:
        async with self._db.read() as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            seen: VisibleSet = await self._index.ids(tx, self._queries.scope(actor))
            return seen
