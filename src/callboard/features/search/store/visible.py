"""The condition that a document's resource is one of those that an actor may see, for SQL of the portal's database."""

from __future__ import annotations

import itertools
import weakref
from contextlib import contextmanager
from typing import Any, Iterator

from callboard.features.search.interface import VisibleSet
from callboard.features.search.store.records import RESOURCE_BITS
from callboard.kernel.db.interface import Transaction

_FUNCTION = "search_visible"


class VisibleCondition:
    """On SQLite a function that looks into the bitmap itself; on PostgreSQL the bitmap as a string of bits.

    One serves a portal: a connection knows one function of that name. Either is evaluated by the database for each row that the words match, so that limits and counts are of what is visible.
    """

    def __init__(self) -> None:
        self._asked: dict[int, VisibleSet] = {}
        self._number = itertools.count(1)
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()
        self._bits: tuple[bytes, bytes] = (b"", b"")

    @contextmanager
    def sql(self, tx: Transaction, visible: VisibleSet | None, parameter: int) -> Iterator[tuple[str, list[Any]]]:
        """A condition on ``{number}`` (to be formatted) with arguments from number ``parameter`` on."""
        if visible is None:
            yield f"{{number}} < {1 << RESOURCE_BITS}", []
            return
        if tx.dialect == "postgresql":
            resource = f"({{number}} >> {RESOURCE_BITS})"
            bits = self._as_bits(visible)
            yield (
                f"({resource} = 0 OR ({resource} < {len(bits) * 8} AND get_bit(${parameter}::bytea, {resource}) = 1))",
                [bits],
            )
            return
        self._register(tx)
        key = next(self._number)
        self._asked[key] = visible
        try:
            yield f"{_FUNCTION}({{number}}, ${parameter})", [key]
        finally:
            del self._asked[key]

    def _register(self, tx: Any) -> None:
        connection = tx.connection
        if connection in self._known:
            return
        asked = self._asked

        def look(number: int, key: int) -> bool:
            return number < 1 << RESOURCE_BITS or (number >> RESOURCE_BITS) in asked[key]

        connection.create_scalar_function(_FUNCTION, look, 2)
        self._known.add(connection)

    def _as_bits(self, visible: VisibleSet) -> bytes:
        key = visible.serialize()
        kept, bits = self._bits
        if kept != key:
            numbers = list(visible)
            made = bytearray(numbers[-1] // 8 + 1 if numbers else 1)
            for number in numbers:
                made[number >> 3] |= 1 << (number & 7)
            bits = bytes(made)
            self._bits = (key, bits)
        return bits
