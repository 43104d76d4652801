"""Definitions of the catalog's APIs: what they say, what they said before, and what differs between two of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Callable, Final, Generic, Hashable, Sequence, TypeVar

from callboard.features.catalog.apis.changes import Comparison
from callboard.features.catalog.apis.model import Api, ApiFault, Format
from callboard.features.catalog.apis.reading import format_of, guess_format, read_api
from callboard.features.catalog.interface import CatalogQueries, EntityDocument
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError, NotFoundError
from callboard.model.refs import EntityRef

MAX_KEPT: Final = 6 * 1024 * 1024
"""Characters of definitions that are kept as read, the latest whatever its size; in memory they take up to thirty times that."""
SMALL: Final = 20_000
"""Characters up to which reading is quicker than handing it to a thread."""
MAX_VERSIONS: Final = 30
_ENTRIES: Final = 20
_MAX_ENTRIES: Final = 400
_DEFINITION: Final = "/spec/definition"
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, slots=True)
class Version:
    """A definition as it was until the change ``id`` of the history, made at ``until`` by ``actor``."""

    id: int
    until: datetime
    actor: str
    text: str


class _Keeper(Generic[_Kept]):
    """What was worked out, the latest used, up to a weight; whoever asks for what is being worked out waits for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._kept: OrderedDict[Hashable, tuple[_Kept, int]] = OrderedDict()
        self._gates: dict[Hashable, asyncio.Lock] = {}
        self._turn = asyncio.Semaphore(1)

    async def get(self, key: Hashable, weight: int, work: Callable[[], _Kept]) -> _Kept:
        if (found := self._find(key)) is not None:
            return found[0]
        gate = self._gates.setdefault(key, asyncio.Lock())
        try:
            async with gate:
                if (found := self._find(key)) is not None:
                    return found[0]
                if weight <= SMALL:
                    value = work()
                else:
                    async with self._turn:
                        value = await asyncio.to_thread(work)
                self._put(key, value, weight)
                return value
        finally:
            if not gate.locked():
                self._gates.pop(key, None)

    def _find(self, key: Hashable) -> tuple[_Kept, int] | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def _put(self, key: Hashable, value: _Kept, weight: int) -> None:
        self._kept[key] = value, weight
        self._weight += weight
        while self._weight > self._most and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._weight -= dropped


class ApiDefinitions:
    """Reads definitions and keeps what they say by the hash of their text: the text alone decides it."""

    def __init__(self, queries: CatalogQueries) -> None:
        self._queries = queries
        self._read: _Keeper[Api | ApiFault] = _Keeper(MAX_KEPT)
        self._compared: _Keeper[Comparison] = _Keeper(64 * (SMALL + 1))

    async def read(self, text: str, format: Format) -> Api | ApiFault:
        """What a definition says. A large one is read in a thread, one at a time."""
        return await self._read.get((format, _hash(text)), max(len(text), 1_000), lambda: read_api(text, format))

    async def compare(self, old: str, new: str, format: Format) -> Comparison:
        from callboard.features.catalog.apis.comparing import compare

        """What differs from ``old`` to ``new``. Raises ``InputError`` where one of them cannot be read."""
        apis = []
        for text in (old, new):
            found = await self.read(text, format)
            if isinstance(found, ApiFault):
                raise InputError(f"{found.message}.", line=found.line, column=found.column)
            apis.append(found)
        weight = SMALL + 1 if len(old) + len(new) > SMALL else 1
        return await self._compared.get((_hash(old), _hash(new), format), weight, lambda: compare(*apis))

    async def versions(self, ref: EntityRef, *, actor: Actor) -> Sequence[Version]:
        """Earlier definitions of an entity, newest first, as its history tells them; empty for the hidden."""
        found: list[Version] = []
        before: int | None = None
        for _ in range(_MAX_ENTRIES // _ENTRIES):
            entries = await self._queries.history(ref, actor=actor, limit=_ENTRIES, before=before)
            for entry in entries:
                if entry.change == "deleted":
                    return found  # what was here before was another entity
                for step in entry.diff:
                    text = _earlier(step)
                    if text is not None:
                        found.append(Version(entry.id, entry.at, entry.actor, text))
                    elif step.get("path") == "":
                        return found  # so much changed at once that it is not told what
            if len(entries) < _ENTRIES or len(found) >= MAX_VERSIONS:
                break
            before = entries[-1].id
        return found[:MAX_VERSIONS]

    async def definition(
        self, ref: EntityRef, version: int | None, *, actor: Actor
    ) -> tuple[EntityDocument, str, Format]:
        """(entity, text, format) of an entity's definition as it is, or as it was until the change ``version`` of its history.

        Raises:
            EntityNotFound: for the absent and the hidden.
            NotFoundError: it has no definition, or no such version.
            InputError: a definition of a kind that cannot be compared.
        """
        entity = await self._queries.get_entity(ref, actor=actor)
        spec = entity.get("spec")
        text = spec.get("definition") if isinstance(spec, dict) else None
        if not isinstance(text, str):
            raise NotFoundError(f"{ref} has no definition.")
        assert isinstance(spec, dict)
        if version is not None:
            known = {v.id: v.text for v in await self.versions(ref, actor=actor)}
            if version not in known:
                raise NotFoundError(f"The history of {ref} has no definition until the change {version}.")
            text = known[version]
        format = format_of(spec.get("type")) or guess_format(text)
        if format is None:
            raise InputError(
                f"{ref} is of type {spec.get('type')!r}: OpenAPI, AsyncAPI, GraphQL and proto can be compared."
            )
        return entity, text, format


def _earlier(step: Any) -> str | None:
    """The definition that a step of a diff replaced or removed."""
    path, was = step.get("path"), step.get("from")
    if path == "/spec" and isinstance(was, dict):
        was = was.get("definition")
    elif path != _DEFINITION:
        return None
    return was if isinstance(was, str) and was.strip() else None


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
