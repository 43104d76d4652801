"""Operations of all APIs by words. Definitions are read in the background, each text once; what waits is counted and told."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Sequence

import orjson

from callboard.features.catalog.apis.model import Api, Format
from callboard.features.catalog.apis.reading import format_of, read_api
from callboard.features.catalog.interface import EntityQuery
from callboard.features.catalog.service.queries import Queries
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef

MAX_APIS: Final = 5_000
MAX_OPERATIONS: Final = 200_000
"""Kept over all APIs; what was not asked for longest goes first."""
MAX_OF_ONE: Final = 2_000
PATIENCE_S: Final = 0.4
"""How long a search waits for definitions that are being read; small catalogs are read by then."""
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """An operation with the ref of the API that has it."""

    ref: str
    id: str
    badge: str
    name: str
    summary: str


_Operations = Sequence[tuple[str, str, str, str, str]]
"""(id, badge, name, summary, all of it in lower case)"""


class OperationSearch:
    """Searches what was read so far, and reads what was not."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._known: OrderedDict[bytes, _Operations] = OrderedDict()
        self._size = 0
        self._waiting: dict[bytes, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def search(self, words: str, *, actor: Actor, limit: int = 50) -> tuple[list[FoundOperation], int, int]:
        """(the first hits by API, how many there are, how many definitions were not read yet)."""
        apis: Sequence[tuple[str, bytes]] = await self._queries.kept(
            "definitions", lambda: self._apis(actor), actor=actor
        )
        self._read([(ref, key) for ref, key in apis if key not in self._known])
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE_S)
        wanted = words.lower().split()
        found: list[FoundOperation] = []
        count = unread = 0
        for ref, key in apis:
            operations = self._known.get(key)
            if operations is None:
                unread += 1
                continue
            for id, badge, name, summary, told in operations:
                if wanted and all(word in told for word in wanted):
                    count += 1
                    if len(found) < limit:
                        found.append(FoundOperation(ref, id, badge, name, summary))
        return found, count, unread

    async def settle(self) -> None:
        """Wait until all that was asked for is read."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """For the end of the portal."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _apis(self, actor: Actor) -> list[tuple[str, bytes]]:
        """(ref, key of its definition) of every API that can be read, by ref."""
        found: list[tuple[str, bytes]] = []
        query = EntityQuery(has_value("kind", ["api"]), by_ref=True)
        async for chunk in self._queries.iter_raw(query, actor=actor):
            for raw in chunk:
                entity = orjson.loads(raw)
                text, format = _definition(entity)
                if format is not None:
                    found.append((str(EntityRef.of(entity)), _key(text, format)))
            if len(found) >= MAX_APIS:
                break
            await asyncio.sleep(0)
        return found[:MAX_APIS]

    def _read(self, apis: Sequence[tuple[str, bytes]]) -> None:
        for ref, key in apis:
            self._waiting.setdefault(key, ref)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            key, ref = next(iter(self._waiting.items()))
            raw = await self._queries.find_raw(ref, actor=SYSTEM)
            text, format = _definition(orjson.loads(raw)) if raw is not None else ("", None)
            if format is not None and _key(text, format) == key:
                self._keep(key, await asyncio.to_thread(_operations_of, text, format))
            self._waiting.pop(key, None)  # of one that changed meanwhile, the next search asks for the new text

    def _keep(self, key: bytes, operations: _Operations) -> None:
        self._known[key] = operations
        self._size += len(operations) + 1
        while self._size > MAX_OPERATIONS and len(self._known) > 1:
            _, gone = self._known.popitem(last=False)
            self._size -= len(gone) + 1


def _definition(entity: Any) -> tuple[str, Format | None]:
    spec = entity.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    text = spec.get("definition")
    return (text, format_of(spec.get("type"))) if isinstance(text, str) else ("", None)


def _key(text: str, format: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=format.encode()).digest()


def _operations_of(text: str, format: Format) -> _Operations:
    found = read_api(text, format)
    if not isinstance(found, Api):
        return ()
    return [
        (e.id, e.badge, e.name, e.summary, f"{e.badge} {e.name} {e.summary} {e.group}".lower())
        for e in found.operations[:MAX_OF_ONE]
    ]
