"""What recent reads asked for, kept as bitmaps and sorted lists and mended in place when entities change.

The database is the truth. The index holds, for one catalog revision, answers that were computed from term rows:
which entities a predicate holds for (a bitmap of ids), the order by a key, the sorted ids of a filtered list, the
values of a facet. When the revision moves on, the few entities that changed are evaluated again against everything
kept (``model.predicates.matches``) instead of throwing it away, so a catalog that changes every second stays quick.
After a bulk change everything is dropped and filled again on demand. Why: ``docs/decisions/0001-search-terms-and-bitmaps.md``.

Invariant: with ``revision`` r, every kept answer equals what its SQL would give at r.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Generic, Hashable, Iterable, Sequence, TypeVar

import orjson
from pyroaring import BitMap64

from callboard.features.catalog.interface import BY_CHANGE, BY_FIRST, BY_TITLE
from callboard.features.catalog.store.columns import FacetColumn, Ordering, TextColumn
from callboard.features.catalog.store.sets import NULL_VALUE, SetQuery, splits
from callboard.features.catalog.store.terms import KeyIds
from callboard.kernel.db.interface import Transaction
from callboard.model.predicates import EVERYTHING, All, HasText, Predicate, matches
from callboard.model.refs import EntityRef
from callboard.model.terms import MAX_KEY_LENGTH, Terms, terms_of

BULK = 1_000
"""More changes than this between two reads, and starting over is cheaper than mending."""

TITLE_KEYS = ("metadata.title", "spec.profile.displayname", "metadata.name")
"""The first of these that an entity has is what pages call it, and what ``BY_TITLE`` orders by."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """A dict of bounded weight; what was asked for longest ago goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._items.get(key)
        if found is None:
            return None
        self._items.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        self.pop(key)
        self._items[key] = (value, weight)
        self._weight += weight
        while self._weight > self._capacity and len(self._items) > 1:
            _, (_, gone) = self._items.popitem(last=False)
            self._weight -= gone

    def pop(self, key: K) -> None:
        found = self._items.pop(key, None)
        if found is not None:
            self._weight -= found[1]

    def clear(self) -> None:
        self._items.clear()
        self._weight = 0

    def items(self) -> Iterable[tuple[K, V]]:
        return [(k, v) for k, (v, _) in self._items.items()]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def weight(self) -> int:
        return self._weight


class Gates:
    """One at a time for each thing to be filled: sixteen requests that miss the same answer ask the database once."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(key) is lock:
                del self._locks[key]


class EntityIndex:
    """Kept answers of one portal process. Not thread-safe: it lives on the event loop.

    ``latest`` is the newest revision that this process has heard of; ``sync`` brings the index there.
    """

    def __init__(self, *, body_bytes: int = 40 * 2**20, sorted_rows: int = 2_000_000, sets: int = 1_000) -> None:
        self.keys = KeyIds()
        self.revision = 0
        self.latest = 1
        self._body_bytes = body_bytes
        self._sets: Lru[Predicate, BitMap64] = Lru(sets)
        self._orders: dict[str, Ordering] = {}
        self._lists: Lru[tuple[Predicate, str], list[tuple[str, int]]] = Lru(sorted_rows)
        self._facets: Lru[str, FacetColumn] = Lru(64)
        self._texts: Lru[str, TextColumn] = Lru(16)
        self._answers: Lru[Hashable, Any] = Lru(512)
        self._bodies: Lru[int, bytes] = Lru(body_bytes)
        self._ids: dict[str, int] = {}
        self._gates = Gates()

    # ---- keeping up -----------------------------------------------------------------------------------------------

    def heard(self, revision: int) -> None:
        """A commit here, or word from another process: entities changed up to ``revision``."""
        self.latest = max(self.latest, revision)

    @property
    def is_current(self) -> bool:
        return self.revision >= self.latest

    async def sync(self, tx: Transaction) -> None:
        """Bring every kept answer to the newest revision."""
        async with self._gates.hold("sync"):
            if self.revision < self.latest:
                await self._sync(tx)

    async def _sync(self, tx: Transaction) -> None:
        since = self.revision
        now = await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1")
        if self.revision != since:  # another reader came first while this one waited
            return
        if since == 0 or not self._has_anything():
            self._reset()
        else:
            changed = await tx.fetch_all(
                f"SELECT id, json, updated_at FROM catalog_entity WHERE revision > $1 LIMIT {BULK + 1}", since
            )
            gone = await tx.fetch_all(f"SELECT id FROM catalog_gone WHERE revision > $1 LIMIT {BULK + 1}", since)
            if self.revision != since:
                return
            if len(changed) + len(gone) > BULK:
                self._reset()
            else:
                present = {row[0] for row in changed}
                for row in gone:
                    if row[0] not in present:
                        self._mend(row[0], None)
                for row in changed:
                    self._mend(row[0], row[1], row[2])
        self._answers.clear()
        self.revision = now
        self.latest = max(self.latest, now)

    def _has_anything(self) -> bool:
        return bool(
            len(self._sets)
            or self._orders
            or len(self._facets)
            or len(self._texts)
            or len(self._bodies)
            or len(self._lists)
        )

    def _reset(self) -> None:
        for kept in (self._sets, self._lists, self._facets, self._texts, self._bodies, self._answers):
            kept.clear()
        self._orders.clear()

    def _mend(self, id: int, json: bytes | None, at: str = "") -> None:
        terms: Terms | None = None
        entity: dict[str, Any] | None = None
        if json is not None:
            entity = orjson.loads(json)
            terms = terms_of(entity)
            ref = str(EntityRef.of(entity))
        for predicate, ids in self._sets.items():
            if terms is not None and matches(predicate, terms):
                ids.add(id)
            else:
                ids.discard(id)
        for (predicate, name), rows in self._lists.items():
            old = self._orders[name].values_of(id) if name in self._orders else ()
            for value in old:
                place = bisect_left(rows, (value, id))
                if place < len(rows) and rows[place] == (value, id):
                    del rows[place]
            if terms is not None and matches(predicate, terms):
                for value in _order_values(name, terms, ref, at):
                    insort(rows, (value, id))
        for name, order in self._orders.items():
            order.replace(id, _order_values(name, terms, ref, at) if terms is not None else ())
        for key, column in self._facets.items():
            column.replace(id, _originals(key, terms) if terms is not None else ())
        for key, text in self._texts.items():
            text.replace(id, [v for v in terms.get(key, ()) if v is not None] if terms is not None else ())
        if json is None:
            self._bodies.pop(id)
        elif self._bodies.get(id) is not None:
            self._bodies.put(id, bytes(json), len(json))

    # ---- sets -----------------------------------------------------------------------------------------------------

    async def ids(self, tx: Transaction, predicate: Predicate) -> BitMap64:
        """Ids of the entities that ``predicate`` holds for. Shared: do not change it."""
        kept = self._sets.get(predicate)
        if kept is not None:
            return kept
        if isinstance(predicate, All) and predicate.parts:
            result: BitMap64 | None = None
            for part in predicate.parts:
                ids = await self.ids(tx, part)
                result = ids if result is None else result & ids
            assert result is not None
            return result
        async with self._gates.hold(predicate):
            kept = self._sets.get(predicate)
            return kept if kept is not None else await self._fill_set(tx, predicate)

    async def _fill_set(self, tx: Transaction, predicate: Predicate) -> BitMap64:
        before = self.revision
        if isinstance(predicate, HasText):
            result = BitMap64()
            for key in predicate.keys:
                result |= (await self._text(tx, key)).find(predicate.term)
        else:
            query = SetQuery(tx, lambda key: self.keys.find(tx, key))
            sql = await query.sql(predicate)
            result = BitMap64([row[0] for row in await tx.fetch_all(sql, *query.args)])
        if self.revision == before:  # else true for a moment that has passed: good for this answer, not for keeping
            self._sets.put(predicate, result)
        return result

    async def _text(self, tx: Transaction, key: str) -> TextColumn:
        async with self._gates.hold(("text", key)):
            kept = self._texts.get(key)
            if kept is None:
                before = self.revision
                kept = TextColumn(await self._rows(tx, key, "value"))
                if self.revision == before:
                    self._texts.put(key, kept)
            return kept

    async def _rows(self, tx: Transaction, key: str, column: str) -> list[Sequence[Any]]:
        """(value, id) of a key, nulls left out; for ``<list>.<item>`` the entities whose list has the item."""
        rows: list[Sequence[Any]] = []
        if len(key) > MAX_KEY_LENGTH:
            return rows
        key_id = await self.keys.find(tx, key)
        if key_id is not None:
            rows += await tx.fetch_all(
                f"SELECT {column}, entity_id FROM catalog_term WHERE key_id = $1 AND value <> $2", key_id, NULL_VALUE
            )
        for parent, item in splits(key):
            parent_id = await self.keys.find(tx, parent)
            if parent_id is not None:
                rows += await tx.fetch_all(
                    "SELECT 'true', entity_id FROM catalog_term WHERE key_id = $1 AND value = $2 AND item = 1",
                    parent_id,
                    item,
                )
        return rows

    # ---- orders ---------------------------------------------------------------------------------------------------

    async def order(self, tx: Transaction, name: str) -> Ordering:
        """All entities that have the key ``name`` as sorted (value, id); all there are for ``""`` (by ref), ``BY_TITLE``
        and ``BY_CHANGE``.
        """
        kept = self._orders.get(name)
        if kept is not None:
            return kept
        async with self._gates.hold(("order", name)):
            kept = self._orders.get(name)
            return kept if kept is not None else await self._fill_order(tx, name)

    async def _fill_order(self, tx: Transaction, name: str) -> Ordering:
        before = self.revision
        if name == "":
            rows = await tx.fetch_all("SELECT r.ref, e.id FROM catalog_entity e JOIN catalog_ref r ON r.id = e.id")
        elif name == BY_CHANGE:
            rows = await tx.fetch_all("SELECT updated_at, id FROM catalog_entity")
        elif name == BY_TITLE:
            titles: dict[int, str] = {}
            for key in reversed(TITLE_KEYS):
                titles.update((id, value) for value, id in await self._rows(tx, key, "value") if value.strip())
            rows = [(value, id) for id, value in titles.items()]
        elif name.startswith(BY_FIRST):
            firsts: dict[int, str] = {}
            for value, id in await self._rows(tx, name.removeprefix(BY_FIRST), "value"):
                if id not in firsts or value < firsts[id]:
                    firsts[id] = value
            rows = [(value, id) for id, value in firsts.items()]
        else:
            rows = await self._rows(tx, name, "value")
        kept = Ordering(rows)
        if self.revision == before:
            if len(self._orders) >= 24:
                dropped = next(iter(self._orders))
                del self._orders[dropped]
                # lists in this order could not be mended without it
                for of_it in [key for key, _ in self._lists.items() if key[1] == dropped]:
                    self._lists.pop(of_it)
            self._orders[name] = kept
        return kept

    async def sorted_rows(self, tx: Transaction, predicate: Predicate, name: str) -> Sequence[tuple[str, int]]:
        """(value, id) in ascending order of the entities for which ``predicate`` holds and which have ``name``."""
        if predicate == EVERYTHING:
            return (await self.order(tx, name)).rows
        kept = self._lists.get((predicate, name))
        if kept is not None:
            return kept
        async with self._gates.hold((predicate, name)):
            kept = self._lists.get((predicate, name))
            if kept is not None:
                return kept
            before = self.revision
            ids = await self.ids(tx, predicate)
            order = await self.order(tx, name)
            rows = order.select(ids)
            if self.revision == before and name in self._orders:
                self._lists.put((predicate, name), rows, len(rows) + 1)
            return rows

    # ---- facets ---------------------------------------------------------------------------------------------------

    async def facet(self, tx: Transaction, key: str) -> FacetColumn:
        kept = self._facets.get(key)
        if kept is not None:
            return kept
        async with self._gates.hold(("facet", key)):
            kept = self._facets.get(key)
            if kept is None:
                before = self.revision
                kept = FacetColumn(await self._rows(tx, key, "COALESCE(original, value)"))
                if self.revision == before:
                    self._facets.put(key, kept)
            return kept

    def find_answer(self, key: Hashable) -> Any:
        """A finished answer for exactly this revision, or None."""
        return self._answers.get(key)

    def keep_answer(self, key: Hashable, answer: Any, revision: int) -> None:
        if revision == self.revision:
            self._answers.put(key, answer)

    # ---- bodies ---------------------------------------------------------------------------------------------------

    async def ids_of(self, tx: Transaction, refs: Iterable[str]) -> dict[str, int]:
        """Numbers of the refs that are known, whether or not an entity stands behind them."""
        ids = self._ids
        found = {ref: ids[ref] for ref in refs if ref in ids}
        missing = [ref for ref in refs if ref not in found]
        if missing:
            if len(missing) == 1:
                rows = await tx.fetch_all("SELECT ref, id FROM catalog_ref WHERE ref = $1", missing[0])
            else:
                rows = await tx.fetch_all(
                    f"SELECT ref, id FROM catalog_ref WHERE {tx.any_of('ref', 1)}", tx.list_arg(missing)
                )
            if len(ids) > 200_000:
                ids.clear()
            for ref, id in rows:
                found[ref] = ids[ref] = id
        return found

    async def bodies(self, tx: Transaction, ids: Sequence[int]) -> dict[int, bytes]:
        """Stored bytes by id; ids without an entity are left out."""
        kept = self._bodies
        found: dict[int, bytes] = {}
        missing: list[int] = []
        for id in ids:
            body = kept.get(id)
            if body is None:
                missing.append(id)
            else:
                found[id] = body
        if missing:
            before = self.revision
            if len(missing) == 1:
                rows = await tx.fetch_all("SELECT id, json FROM catalog_entity WHERE id = $1", missing[0])
            else:
                rows = await tx.fetch_all(
                    f"SELECT id, json FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(missing)
                )
            keep = self.revision == before
            for id, json in rows:
                found[id] = json
                if keep and len(json) < 262_144:
                    kept.put(id, json, len(json))
        return found

    def sizes(self) -> dict[str, int]:
        """For metrics: how much of each sort is kept."""
        return {
            "sets": len(self._sets),
            "orders": len(self._orders),
            "lists": len(self._lists),
            "list_rows": self._lists.weight,
            "facets": len(self._facets),
            "texts": len(self._texts),
            "bodies": len(self._bodies),
            "body_bytes": self._bodies.weight,
            "refs": len(self._ids),
        }


def _order_values(name: str, terms: Terms, ref: str, at: str) -> Sequence[str]:
    if name == "":
        return (ref,)
    if name == BY_CHANGE:
        return (at,)
    if name == BY_TITLE:
        titles = (value for key in TITLE_KEYS for value in terms.get(key, ()) if value is not None and value.strip())
        return [value for value in (next(titles, None),) if value is not None]
    values = [v for v in terms.get(name.removeprefix(BY_FIRST), ()) if v is not None]
    return [min(values)] if values and name.startswith(BY_FIRST) else values


def _originals(key: str, terms: Terms) -> list[str]:
    return [original for value, original in terms.get(key, {}).items() if value is not None and original is not None]


def page(rows: Sequence[tuple[str, int]], descending: bool, start: int, stop: int) -> list[tuple[str, int]]:
    """Rows ``start`` to ``stop`` counted from the top of the list as it is shown."""
    if not descending:
        return list(rows[start:stop])
    size = len(rows)
    low, high = max(0, size - stop), max(0, size - start)
    return list(reversed(rows[low:high]))


def position(rows: Sequence[tuple[str, int]], descending: bool, at: tuple[str, int], *, after: bool) -> int:
    """How many rows stand before the place next to ``at``: behind it when ``after``, else in front of it."""
    if not descending:
        return bisect_right(rows, at) if after else bisect_left(rows, at)
    size = len(rows)
    return size - bisect_left(rows, at) if after else size - bisect_right(rows, at)
