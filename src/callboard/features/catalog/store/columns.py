"""Columns of the index: one search key over all entities, sorted, by value, or as text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Any, Iterable, Sequence

from pyroaring import BitMap64

MANY_VALUES = 2_000
"""A facet with more distinct values is counted by walking entities, not by a bitmap each."""


class Ordering:
    """(value, id) of every entity that has the key, ascending. An entity with a list has a row for each item."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.rows: list[tuple[str, int]] = [(value, id) for value, id in rows]
        self.rows.sort()  # by code point, whatever the engine's collation
        self._values: dict[int, str | tuple[str, ...]] = {}
        for value, id in self.rows:
            known = self._values.get(id)
            if known is None:
                self._values[id] = value
            else:
                self._values[id] = (*((known,) if isinstance(known, str) else known), value)

    def values_of(self, id: int) -> Sequence[str]:
        known = self._values.get(id)
        if known is None:
            return ()
        return (known,) if isinstance(known, str) else known

    def replace(self, id: int, values: Sequence[str]) -> None:
        rows = self.rows
        old = self.values_of(id)
        if list(old) == list(values):
            return
        for value in old:
            at = bisect_left(rows, (value, id))
            if at < len(rows) and rows[at] == (value, id):
                del rows[at]
        for value in values:
            insort(rows, (value, id))
        if not values:
            self._values.pop(id, None)
        else:
            self._values[id] = values[0] if len(values) == 1 else tuple(values)

    def select(self, ids: BitMap64) -> list[tuple[str, int]]:
        """The rows whose id is in ``ids``, ascending. Walks the shorter of the two."""
        if len(ids) * 8 < len(self.rows):
            return sorted((value, id) for id in ids for value in self.values_of(id))
        wanted = set(ids)
        return [row for row in self.rows if row[1] in wanted]


class FacetColumn:
    """Which entities have each value, as written."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        by_value: dict[str, list[int]] = {}
        for value, id in rows:
            by_value.setdefault(value, []).append(id)
        self._by_value: dict[str, BitMap64] | None = None
        self._by_id: dict[int, tuple[str, ...]] = {}
        if len(by_value) <= MANY_VALUES:
            self._by_value = {value: BitMap64(ids) for value, ids in by_value.items()}
        else:
            for value, ids in by_value.items():
                for id in ids:
                    self._by_id[id] = (*self._by_id.get(id, ()), value)

    def replace(self, id: int, values: Sequence[str]) -> None:
        if self._by_value is None:
            if values:
                self._by_id[id] = tuple(values)
            else:
                self._by_id.pop(id, None)
            return
        for ids in self._by_value.values():
            ids.discard(id)
        for value in values:
            self._by_value.setdefault(value, BitMap64()).add(id)

    def counts(self, ids: BitMap64 | None) -> list[tuple[str, int]]:
        """(value, entities of ``ids`` that have it), by value; values that none has are left out. None: of all."""
        counted: dict[str, int] = {}
        if self._by_value is not None:
            for value, have in self._by_value.items():
                n = len(have) if ids is None else have.intersection_cardinality(ids)
                if n:
                    counted[value] = n
        elif ids is None or len(ids) > len(self._by_id):
            for id, values in self._by_id.items():
                if ids is None or id in ids:
                    for value in values:
                        counted[value] = counted.get(value, 0) + 1
        else:
            for id in ids:
                for value in self._by_id.get(id, ()):
                    counted[value] = counted.get(value, 0) + 1
        return sorted(counted.items())


class TextColumn:
    """All values of a key in one string, to look for a piece of text at the speed of memory.

    Changes lie in an overlay beside the string until there are enough of them to write it anew.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._build([(value, id) for value, id in rows])

    def _build(self, rows: list[tuple[str, int]]) -> None:
        self._rows = rows
        self._starts: list[int] = []
        self._overlay: dict[int, Sequence[str]] = {}
        at = 0
        for value, _ in rows:
            self._starts.append(at)
            at += len(value) + 1
        self._text = "\n".join(value.replace("\n", " ") for value, _ in rows)

    def replace(self, id: int, values: Sequence[str]) -> None:
        self._overlay[id] = values
        if len(self._overlay) > 500:
            overlay = self._overlay
            rows = [row for row in self._rows if row[1] not in overlay]
            rows.extend((value, id) for id, values in overlay.items() for value in values)
            self._build(rows)

    def find(self, term: str) -> BitMap64:
        """Ids of the entities with a value that contains ``term`` (lower-cased)."""
        found: list[int] = []
        if not term:
            found = [id for _, id in self._rows]
        elif "\n" in term:
            found = [id for value, id in self._rows if term in value]
        else:
            text, starts, rows = self._text, self._starts, self._rows
            last = len(starts) - 1
            at = text.find(term)
            while at != -1:
                index = bisect_right(starts, at) - 1
                found.append(rows[index][1])
                if index == last:
                    break
                at = text.find(term, starts[index + 1])
        result = BitMap64(found)
        for id, values in self._overlay.items():
            if any(term in value for value in values):
                result.add(id)
            else:
                result.discard(id)
        return result

    def __len__(self) -> int:
        return len(self._rows)


__all__ = ["FacetColumn", "Ordering", "TextColumn"]
