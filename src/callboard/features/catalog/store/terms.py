"""Search terms as rows: what an entity adds to and takes from ``catalog_term``."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Iterable, Mapping

from callboard.features.catalog.store.sets import NULL_VALUE
from callboard.kernel.db.interface import Transaction
from callboard.model.terms import MAX_KEY_LENGTH, MAX_VALUE_LENGTH, SKIPPED, text_of_scalar

TermRow = tuple[str, int, str | None, int]
"""value (lower-cased), entity id, value as written or None where equal, 1 for a string in a list"""

_KEPT = frozenset(("name", "namespace", "uid"))
"""Of what is skipped, that which counts under its exact name below ``metadata``."""
_VALUE = itemgetter(0)
_VALUE_AND_ID = itemgetter(0, 1)

COLUMNS = ("key_id", "value", "entity_id", "original", "item")
MANY = 500
"""Rows of one key that are written by a statement of their own."""


class _Place:
    """A place in documents: its search key, the rows of that key (None: nothing here counts), and the places below it.

    Entities are alike, so the path to a place is put together once for all of them.
    """

    __slots__ = ("below", "key", "rows")

    def __init__(self, key: str, rows: list[TermRow] | None) -> None:
        self.key = key
        self.rows = rows
        self.below: dict[str, _Place] = {}


class TermRows:
    """The rows of many entities, by key. ``<list>.<item>`` keys are not rows: ``store.sets`` derives them."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[TermRow]] = {}
        self._mixed: set[str] = set()  # keys under which one entity may have put the same value twice
        self._root = _Place("", None)
        self._relations: dict[str, list[TermRow]] = {}

    def add(self, id: int, entity: Mapping[str, Any]) -> None:
        """All rows of a final entity, those of its relations among them."""
        self._walk_object(self._root, entity, id, False)
        self.add_relations(id, entity.get("relations") or ())

    def add_relations(self, id: int, relations: Iterable[Mapping[str, str]]) -> None:
        """Targets are lower-cased refs, so they are their own originals."""
        for relation in relations:
            target = relation["targetRef"]
            if len(target) <= MAX_VALUE_LENGTH:
                rows = self._relations.get(relation["type"])
                if rows is None:
                    rows = self._relations[relation["type"]] = self._open(f"relations.{relation['type']}".lower())
                rows.append((target, id, None, 0))

    def used_keys(self) -> list[str]:
        return [key for key, rows in self._by_key.items() if rows and len(key) <= MAX_KEY_LENGTH]

    def sorted_rows(self, key: str) -> list[TermRow]:
        """Rows of a key by value, in the order that their entities were added, none of them twice: of equal ones the first,
        in a list if one of them is.
        """
        rows = self._by_key.get(key) or []
        rows.sort(key=_VALUE)
        if key not in self._mixed or len(set(map(_VALUE_AND_ID, rows))) == len(rows):
            return rows
        kept: list[TermRow] = []
        for row in rows:
            if kept and kept[-1][:2] == row[:2]:
                kept[-1] = (*kept[-1][:3], kept[-1][3] | row[3])
            else:
                kept.append(row)
        self._by_key[key] = kept
        self._mixed.discard(key)
        return kept

    def without(self, other: TermRows) -> TermRows:
        """What is here and not there."""
        left = TermRows()
        for key in self._by_key:
            rows = set(self.sorted_rows(key)).difference(other.sorted_rows(key))
            if rows:
                left._by_key[key] = list(rows)
        return left

    def _open(self, key: str) -> list[TermRow]:
        rows = self._by_key.get(key)
        if rows is None:
            rows = self._by_key[key] = []
        else:
            self._mixed.add(key)  # another way to write the same key
        return rows

    def _find(self, above: _Place, name: str) -> _Place:
        key = (f"{above.key}.{name}" if above.key else name).lower()
        counts = key not in SKIPPED or (name in _KEPT and above is self._root.below.get("metadata"))
        place = above.below[name] = _Place(key, self._open(key) if counts else None)
        return place

    def _walk_object(self, at: _Place, value: Mapping[str, Any], id: int, is_repeated: bool) -> None:
        below = at.below
        for name, child in value.items():
            place = below.get(name) or self._find(at, name)
            rows = place.rows
            if rows is None:
                continue
            if type(child) is str:  # what ``_put`` does, written out: nine of ten values come this way
                if is_repeated:
                    self._mixed.add(place.key)
                low = child.lower()
                if len(child) > MAX_VALUE_LENGTH or "\0" in child or child == NULL_VALUE:
                    rows.append((NULL_VALUE, id, None, 0))
                elif low == child:
                    rows.append((child, id, None, 0))
                else:
                    rows.append((low, id, child, 0))
            else:
                self._walk(place, child, id, is_repeated)

    def _walk(self, place: _Place, value: Any, id: int, is_repeated: bool) -> None:
        if isinstance(value, dict):
            self._walk_object(place, value, id, is_repeated)
            return
        if isinstance(value, list):
            for child in value:
                if isinstance(child, str):
                    self._put(place, child, id, 1)
                else:
                    self._walk(place, child, id, True)
        else:
            self._put(place, NULL_VALUE if value is None else text_of_scalar(value), id, 0)
            if not is_repeated:
                return
        self._mixed.add(place.key)

    def _put(self, place: _Place, value: str, id: int, item: int) -> None:
        assert place.rows is not None
        if len(value) > MAX_VALUE_LENGTH or "\0" in value or value == NULL_VALUE:
            place.rows.append((NULL_VALUE, id, None, 0))
            return
        low = value.lower()
        place.rows.append((low, id, None if low == value else value, item))


class KeyIds:
    """Number of each search key. Keys are never removed, so what is known stays true."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    async def find(self, tx: Transaction, key: str) -> int | None:
        known = self._ids.get(key)
        if known is None:
            known = await tx.fetch_value("SELECT id FROM catalog_key WHERE key = $1", key)
            if known is not None and len(self._ids) < 100_000:
                self._ids[key] = known
        return known

    async def ensure(self, tx: Transaction, keys: Iterable[str]) -> dict[str, int]:
        """Ids of ``keys``, new ones inserted. What is new is remembered only after the transaction commits."""
        wanted = set(keys)
        found = {k: self._ids[k] for k in wanted if k in self._ids}
        missing = sorted(wanted - found.keys())
        if missing:
            await tx.execute_many(
                "INSERT INTO catalog_key (key) VALUES ($1) ON CONFLICT (key) DO NOTHING", [(k,) for k in missing]
            )
            rows = await tx.fetch_all(
                f"SELECT key, id FROM catalog_key WHERE {tx.any_of('key', 1)}", tx.list_arg(missing)
            )
            fresh = {r[0]: r[1] for r in rows}
            found.update(fresh)
            if len(self._ids) < 100_000:
                tx.after_commit(lambda: self._ids.update(fresh))
        return found


async def write_terms(tx: Transaction, keys: KeyIds, added: TermRows, removed: TermRows) -> None:
    """Take away, then add. In the order of the clustered table, so that it is written in long runs."""
    taken, given = removed.used_keys(), added.used_keys()
    ids = await keys.ensure(tx, {*taken, *given})
    taken.sort(key=ids.__getitem__)
    given.sort(key=ids.__getitem__)
    gone = [(ids[key], value, id) for key in taken for value, id, _, _ in removed.sorted_rows(key)]
    if gone:
        await tx.execute_many("DELETE FROM catalog_term WHERE key_id = $1 AND value = $2 AND entity_id = $3", gone)
    few: list[tuple[int, str, int, str | None, int]] = []
    for key in given:
        rows = added.sorted_rows(key)
        if len(rows) < MANY:
            few += [(ids[key], *row) for row in rows]
        else:
            await tx.insert_many("catalog_term", COLUMNS, rows, same=(ids[key],))
    if few:
        await tx.insert_many("catalog_term", COLUMNS, few)
