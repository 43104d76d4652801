"""What a webhook touched is read again: files, what placeholders read, new matches of patterns, providers of organisations.

Nothing is read here. The jobs that do it are the ordinary ones, so a push that is told twice costs a look-up, and what is
unchanged a conditional request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import AbstractSet, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import location_of
from callboard.features.catalog.ingest.documents import Documents
from callboard.features.catalog.interface import SOURCE_CHANGED, EntityProvider, SourceChange, SourceListener
from callboard.features.catalog.pushes import parse_refresh_keys, parse_webhook
from callboard.features.catalog.repositories import Place, Touch
from callboard.features.catalog.service.commands import Commands
from callboard.features.catalog.service.writing import Writer
from callboard.features.catalog.store import files, repositories
from callboard.features.catalog.store.files import FileRow
from callboard.features.catalog.store.repositories import NamedFile
from callboard.kernel import globs
from callboard.kernel.db.interface import Transaction
from callboard.kernel.events import Event
from callboard.kernel.logs import get_logger
from callboard.model.refs import LocationRef, RefError
from callboard.model.urls import Hosts

log = get_logger(__name__)

FILES_AT_ONCE = 50
"""More files of one Location than this, and the Location is read as a whole."""
REMOTE_PAUSE = timedelta(seconds=16)
"""``git+`` repositories are asked at most every 15 s: a job within that time could still be shown the old commit."""
PRIORITY = 5
MAX_TOLD = 500
"""More files than this are not named in the event."""


@dataclass(slots=True)
class _Due:
    """What has to be read: file rows, Location nodes; True where it lies in a ``git+`` repository."""

    files: dict[int, bool] = field(default_factory=dict)
    locations: dict[int, bool] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)

    def add_file(self, row: FileRow | NamedFile) -> None:
        self.files[row.id] = row.location.startswith("url:git+")
        self.parents[row.id] = row.parent_id

    def add_location(self, node: int, *, is_git: bool) -> None:
        self.locations[node] = is_git

    def settle(self) -> None:
        """Drop files whose Location is read anyway, or of which there are too many."""
        count: dict[int, int] = {}
        for file in self.files:
            count[self.parents[file]] = count.get(self.parents[file], 0) + 1
        for parent, number in count.items():
            if number > FILES_AT_ONCE and parent not in self.locations:
                self.locations[parent] = any(g for f, g in self.files.items() if self.parents[f] == parent)
        self.files = {f: g for f, g in self.files.items() if self.parents[f] not in self.locations}


class Pushes:
    """Handler of events of the inbound topics."""

    def __init__(
        self, *, writer: Writer, documents: Documents, commands: Commands, hosts: Hosts,
        providers: Mapping[str, EntityProvider],
    ) -> None:  # fmt: skip
        self._writer = writer
        self._documents = documents
        self._commands = commands
        self._hosts = hosts
        self._providers = providers

    async def handle(self, event: Event) -> None:
        """Safe to run twice."""
        actor = f"webhook:{event.topic}"
        keys = parse_refresh_keys(event.payload.get("body"))
        if keys:
            read = await self._commands.refresh_keys(keys, actor=actor)
            log.info("refresh asked for", topic=event.topic, keys=len(keys), read=read)
        for change in parse_webhook(event.payload):
            await self.take(change, actor=actor)

    async def take(self, change: SourceChange, *, actor: str) -> None:
        """Have read again what ``change`` may have altered."""
        touch = Touch(change, self._hosts)
        names = [
            name
            for name, provider in self._providers.items()
            if isinstance(provider, SourceListener) and provider.is_affected(change)
        ]
        due = _Due()
        if change.what != "people" and touch.prefixes:
            async with self._writer.db.read() as tx:
                await self._look_up(tx, touch, due)
        due.settle()
        async with self._writer.db.write() as tx:
            await self._enqueue(tx, due, names, actor)
            await self._writer.events.publish(tx, SOURCE_CHANGED, _told(change))
        log.info(
            "source changed", what=change.what, repositories=sorted(touch.repositories), files=len(due.files),
            locations=len(due.locations), providers=names,
        )  # fmt: skip

    async def _look_up(self, tx: Transaction, touch: Touch, due: _Due) -> None:
        rows = await repositories.list_files_below(tx, touch.prefixes)
        # a repository may have given a hundred thousand files: the loop goes on meanwhile
        touched = await asyncio.to_thread(_find_touched, touch, rows)
        for row, _ in touched:
            due.add_file(row)
        for file, url in await repositories.list_reads_below(tx, touch.prefixes):
            if touch.names(url) and file not in due.files:
                found = await files.find_file(tx, file)
                if found is not None:
                    due.add_file(found)
        nodes = {
            *await repositories.list_locations_below(tx, touch.prefixes),
            *await repositories.list_locations_in(tx, touch.prefixes),
        }
        known = {(row.parent_id, place) for row, place in touched}
        for node in sorted(nodes):
            for url in await self._targets(tx, node):
                if _brings_more(touch, url, node, known):
                    due.add_location(node, is_git=url.startswith("git+"))

    async def _targets(self, tx: Transaction, node: int) -> list[str]:
        row = await files.find_parent(tx, node)
        if row is None:
            return []
        entity = orjson.loads(row[0])
        if entity.get("kind") != "Location":
            return []
        try:
            location = LocationRef.parse(location_of(entity))
        except RefError:
            return []
        targets, _ = self._documents.targets(entity, location)
        return [target.ref.target for target in targets if target.ref.type == "url"]

    async def _enqueue(self, tx: Transaction, due: _Due, names: Sequence[str], actor: str) -> None:
        ask, later = self._writer.ask, self._writer.clock.now() + REMOTE_PAUSE
        for file, is_git in due.files.items():
            await ask.read_file(tx, file, actor=actor, priority=PRIORITY, run_at=later if is_git else None)
        for node, is_git in due.locations.items():
            await ask.read_location(tx, node, actor=actor, priority=PRIORITY, run_at=later if is_git else None)
        for name in names:
            await ask.run_provider(tx, name, priority=PRIORITY)


def _told(change: SourceChange) -> dict[str, Any]:
    paths = change.paths if change.paths is not None and len(change.paths) <= MAX_TOLD else None
    return {
        "what": change.what,
        "urls": list(change.urls),
        "branches": None if change.branches is None else sorted(change.branches),
        "paths": None if paths is None else sorted(paths),
    }


def _find_touched(touch: Touch, rows: Sequence[NamedFile]) -> list[tuple[NamedFile, Place]]:
    found = ((row, touch.find_touched(_target(row.location))) for row in rows)
    return [(row, place) for row, place in found if place is not None]


def _brings_more(touch: Touch, url: str, node: int, known: AbstractSet[tuple[int, Place]]) -> bool:
    """Whether the target ``url`` of a Location names something that changed and of which there is no file yet."""
    place = touch.find(url)
    if place is None:
        return False
    if not globs.has_magic(place.path):
        return touch.names(url) and (node, place) not in known
    paths = touch.matching(url)
    return paths is None or any((node, place._replace(path=path)) not in known for path in paths)


def _target(location: str) -> str:
    return location.partition(":")[2]
