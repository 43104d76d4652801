"""A predicate as one SQL statement that gives the ids of the entities it holds for.

The statement is a set expression over ``catalog_term`` (UNION, INTERSECT, EXCEPT), so a permission's condition joins
the query of a list and never filters afterwards. ``model.predicates.matches`` is the same rule for one entity.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Iterator, Protocol

from callboard.kernel.db.interface import Transaction
from callboard.model.predicates import All, Any_, HasKey, HasPrefix, HasText, HasValue, Negation, Predicate
from callboard.model.terms import MAX_KEY_LENGTH

NULL_VALUE = "\x01"
"""Stands in ``catalog_term.value`` for null and for values too long to match."""

MAX_JOINED = 100
"""Sets joined at one level of a statement. SQLite takes 500, PostgreSQL as many as its stack."""

KeyIds = Callable[[str], Awaitable[int | None]]


class Ids(Protocol):
    """Numbers of entities that can be asked for one: a bitmap or a set."""

    def __contains__(self, id: int, /) -> bool: ...


_EMPTY = "SELECT id AS entity_id FROM catalog_entity WHERE 1 = 0"


class SetQuery:
    """Collects the arguments of one statement while it is put together."""

    def __init__(self, tx: Transaction, key_id: KeyIds) -> None:
        self._tx = tx
        self._key_id = key_id
        self.args: list[Any] = []

    def _arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    async def sql(self, predicate: Predicate) -> str:
        """SELECT statement with the one column ``entity_id``; rows may repeat."""
        match predicate:
            case HasValue(key, values):
                return await self._key_sets(key, lambda: self._value_in(values), "true" in values)
            case HasKey(key):
                return await self._key_sets(key, lambda: "1 = 1", True)
            case HasPrefix(key, prefix):
                return await self._key_sets(key, lambda: self._prefix(prefix), "true".startswith(prefix))
            case HasText(keys, term):
                sets = [await self._key_sets(k, lambda: self._contains(term), term in "true") for k in keys]
                return self._join(sets, "UNION") if sets else _EMPTY
            case All(()):
                return "SELECT id AS entity_id FROM catalog_entity"
            case All(parts):
                return self._join([await self.sql(p) for p in parts], "INTERSECT")
            case Any_(()):
                return _EMPTY
            case Any_(parts):
                return self._join([await self.sql(p) for p in parts], "UNION")
            case Negation(part):
                return self._join([await self.sql(All(())), await self.sql(part)], "EXCEPT")
        raise TypeError(predicate)

    @classmethod
    def _join(cls, sets: list[str], word: str) -> str:
        if len(sets) > MAX_JOINED and word != "EXCEPT":  # all in one would be too much for either engine
            sets = [cls._join(sets[at : at + MAX_JOINED], word) for at in range(0, len(sets), MAX_JOINED)]
        return f" {word} ".join(f"SELECT entity_id FROM ({s}) AS s" for s in sets)

    def _value_in(self, values: tuple[str, ...]) -> str:
        if len(values) == 1:
            return f"value = {self._arg(values[0])}"
        self.args.append(self._tx.list_arg(values))
        return self._tx.any_of("value", len(self.args))

    def _prefix(self, prefix: str) -> str:
        # A range, not LIKE: it runs along the clustered index, and no letter of it has a meaning of its own.
        low = self._arg(prefix)
        if not prefix:
            return f"value <> {self._arg(NULL_VALUE)} AND value >= {low}"
        return f"value >= {low} AND value < {self._arg(prefix + chr(0x10FFFF))} AND value <> {self._arg(NULL_VALUE)}"

    def _contains(self, term: str) -> str:
        function = "instr" if self._tx.dialect == "sqlite" else "strpos"
        return f"{function}(value, {self._arg(term)}) > 0 AND value <> {self._arg(NULL_VALUE)}"

    async def _key_sets(self, key: str, condition: Callable[[], str], derived: bool) -> str:
        """Rows of the key itself and, where ``derived``, of list items that make ``<list>.<item>`` a key with value true."""
        sets: list[str] = []
        if len(key) > MAX_KEY_LENGTH:  # no entity has it, and its splits could be many
            return _EMPTY
        key_id = await self._key_id(key)
        if key_id is not None:
            sets.append(f"SELECT entity_id FROM catalog_term WHERE key_id = {self._arg(key_id)} AND {condition()}")
        if derived:
            for parent, item in splits(key):
                parent_id = await self._key_id(parent)
                if parent_id is not None:
                    sets.append(
                        f"SELECT entity_id FROM catalog_term WHERE key_id = {self._arg(parent_id)}"
                        f" AND value = {self._arg(item)} AND item = 1"
                    )
        if not sets:
            return _EMPTY
        return sets[0] if len(sets) == 1 else self._join(sets, "UNION")


def splits(key: str) -> Iterator[tuple[str, str]]:
    """Every way to read ``key`` as a list's key and one of its items: ``a.b.c`` is (a, b.c) and (a.b, c)."""
    at = key.find(".")
    while at != -1:
        if 0 < at < len(key) - 1:
            yield key[:at], key[at + 1 :]
        at = key.find(".", at + 1)
