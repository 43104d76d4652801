"""PostgreSQL: a table with one text search vector for each document and a GIN index over it.

Vectors are built of our own terms (the configuration ``simple``, which changes nothing), so a word means the same on each engine. Names and
titles have weight A, headings B, keywords C, text D; what can be filtered by stands among the words, since no text has such words.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from callboard.features.search.engines.base import (
    FEW,
    MOST_ROWS,
    SOME,
    Ask,
    Found,
    Group,
    is_frequent,
    naming,
    split,
    terms_of,
)
from callboard.features.search.interface import VisibleSet
from callboard.features.search.store.records import Record
from callboard.features.search.store.visible import VisibleCondition
from callboard.kernel.db.interface import Transaction

_LOCK = 7_403_118_025
_TABLE = "CREATE TABLE search_vector (number BIGINT PRIMARY KEY, words tsvector NOT NULL)"
_VECTOR = (
    "setweight(to_tsvector('simple', $2), 'A') || setweight(to_tsvector('simple', $3), 'B') ||"
    " setweight(to_tsvector('simple', $4), 'C') || to_tsvector('simple', $5)"
)
_IN_NAMES = 2.0
"""A word in a name counts this many times one in text, for choosing candidates."""


class PostgresEngine:
    """Implements ``base.Engine`` on the portal's own PostgreSQL. Candidates are those that have most of the question, by weight."""

    name = "postgresql"

    def __init__(self, visible: VisibleCondition) -> None:
        self._visible = visible

    async def prepare(self, tx: Transaction) -> bool:
        await tx.fetch_value("SELECT pg_advisory_xact_lock($1)", _LOCK)  # several replicas start at once
        if await tx.fetch_value("SELECT to_regclass('search_vector')::text"):
            return False
        await tx.execute(_TABLE)
        await tx.execute("CREATE INDEX search_vector_words ON search_vector USING gin (words)")
        return True

    async def put(self, tx: Transaction, rows: Sequence[tuple[int, Record]], term_of: Callable[[str], str]) -> None:
        made = []
        for number, record in rows:
            title, name, heading, keyword, text = terms_of(record, term_of)
            made.append((number, f"{title} {name}", heading, f"{keyword} {' '.join(record.marks)}", text))
        await tx.execute_many(f"INSERT INTO search_vector (number, words) VALUES ($1, {_VECTOR})", made)

    async def remove(self, tx: Transaction, numbers: Sequence[int]) -> None:
        await tx.execute(f"DELETE FROM search_vector WHERE {tx.any_of('number', 1, 'bigint')}", tx.list_arg(numbers))

    async def clear(self, tx: Transaction) -> None:
        await tx.execute("TRUNCATE search_vector")

    async def find(self, tx: Transaction, ask: Ask, visible: VisibleSet | None) -> Found:
        chosen = split(ask)
        marks = [_any(marks) for marks in ask.marks]
        found: dict[int, float] = {}
        if is_frequent(ask):
            first = await self._ranked(tx, _telling(ask.groups), ask.groups, marks, visible, ask.limit)
            if len(first) >= ask.enough:
                return Found(sorted(first.items(), key=lambda one: -one[1]), False)
        if chosen.rare:
            match = " | ".join(_any(group.terms) for group in chosen.rare)
            if ask.together:
                match += f" | ({' & '.join(_any(group.terms) for group in ask.together)})"
            found |= await self._ranked(tx, match, (*chosen.rare, *ask.together), marks, visible, ask.limit)
        if (chosen.common and len(found) < FEW) or not ask.groups:
            most = SOME if found else ask.limit
            for weight in ("A", ""):
                words = [_any(group.terms, weight) for group in chosen.common]
                if not words and not marks:
                    break
                for number in await self._first(tx, [*words, *marks], visible, most):
                    found.setdefault(number, 0.0)
                if len(found) >= min(SOME, most):
                    break
        best = sorted(found.items(), key=lambda one: -one[1])
        return Found(best[: ask.limit], not chosen.common and len(best) < ask.limit)

    async def _ranked(
        self, tx: Transaction, match: str, groups: Sequence[Group], marks: Sequence[str], visible: VisibleSet | None,
        limit: int,
    ) -> dict[int, float]:  # fmt: skip
        """Documents that ``match``, by how many of ``groups`` they have."""
        args: list[Any] = [" & ".join(f"({part})" for part in (match, *marks)), limit]
        parts = []
        for group in groups:
            args += [_any(group.terms), _any(group.terms, "A")]
            has, names = f"(words @@ ${len(args) - 1}::tsquery)::int", f"(words @@ ${len(args)}::tsquery)::int"
            parts.append(f"{group.weight:.6f} * ({has} + {_IN_NAMES - 1} * {names})")
        with self._visible.sql(tx, visible, len(args) + 1) as (condition, more):
            rows = await tx.fetch_all(
                f"SELECT number, {' + '.join(parts)} + ts_rank(words, $1::tsquery, 1) AS score FROM search_vector"
                f" WHERE words @@ $1::tsquery AND {condition.format(number='number')}"
                " ORDER BY score DESC, number LIMIT $2",
                *args,
                *more,
            )
        return {row[0]: float(row[1]) for row in rows}

    async def _first(self, tx: Transaction, parts: Sequence[str], visible: VisibleSet | None, limit: int) -> list[int]:
        with self._visible.sql(tx, visible, 3) as (condition, args):
            rows = await tx.fetch_all(
                "SELECT number FROM search_vector WHERE words @@ $1::tsquery"
                f" AND {condition.format(number='number')} ORDER BY number LIMIT $2",
                " & ".join(f"({part})" for part in parts),
                min(limit, MOST_ROWS),
                *args,
            )
        return [row[0] for row in rows]

    async def close(self) -> None:
        return None


def _telling(groups: Sequence[Group]) -> str:
    """Documents that have all of these words, and those that have one of them in a name."""
    named = " | ".join(_any(group.terms, "A") for group in naming(groups))
    return named if len(groups) == 1 else f"({' & '.join(_any(group.terms) for group in groups)}) | {named}"


def _any(terms: Sequence[str], weight: str = "") -> str:
    """A query of ``tsquery``'s language for any of the terms; words of a phrase follow one another."""
    mark = f":{weight}" if weight else ""
    found = []
    for term in terms:
        words = [f"'{word.replace(chr(39), chr(39) * 2)}'{mark}" for word in term.split()]
        found.append(f"({' <-> '.join(words)})" if len(words) > 1 else words[0])
    return f"({' | '.join(found)})"
