"""SQLite: one FTS5 table that keeps no text of its own, with a column for each field and one for what can be filtered by."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from callboard.features.search.engines.base import (
    FEW,
    MOST_ROWS,
    SOME,
    WEIGHTS,
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
from callboard.kernel.errors import ConflictError

_COLUMNS = ("title", "name", "heading", "keyword", "text", "mark")
_TABLE = (
    "CREATE VIRTUAL TABLE search_fts USING fts5(title, name, heading, keyword, text, mark, content='',"
    " contentless_delete=1, tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
)
_WEIGHTS = ", ".join(str(weight) for weight in (*WEIGHTS, 0.0))
_WORDS = "{title name heading keyword text} : "
_NAMES = "{title name} : "


class IndexDamaged(Exception):
    """The index's tables hold what they cannot hold, and SQLite itself did not say so."""


def is_damage(error: BaseException) -> bool:
    """Whether the error says that tables hold what they cannot hold: after a disk that failed, a copy of half a file."""
    import apsw

    return isinstance(error, (IndexDamaged, apsw.CorruptError))


class Fts5Engine:
    """Implements ``base.Engine`` on the portal's own SQLite file. A number's upper bits are its resource, so nothing is joined."""

    name = "fts5"

    def __init__(self, visible: VisibleCondition) -> None:
        self._visible = visible

    async def prepare(self, tx: Transaction) -> bool:
        stands = await tx.fetch_value("SELECT 1 FROM sqlite_master WHERE name = 'search_fts' AND sql = $1", _TABLE)
        if stands:
            return False
        await tx.execute("DROP TABLE IF EXISTS search_fts")
        await tx.execute(_TABLE)
        return True

    async def put(self, tx: Transaction, rows: Sequence[tuple[int, Record]], term_of: Callable[[str], str]) -> None:
        await self._write(
            tx,
            "INSERT INTO search_fts (rowid, title, name, heading, keyword, text, mark)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [(number, *terms_of(record, term_of), " ".join(record.marks)) for number, record in rows],
        )

    async def remove(self, tx: Transaction, numbers: Sequence[int]) -> None:
        await self._write(tx, "DELETE FROM search_fts WHERE rowid = $1", [(number,) for number in numbers])

    async def _write(self, tx: Transaction, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            await tx.execute_many(sql, rows)
            # What the commit would do else, where nobody could tell a damaged index from a clash in another table.
            await tx.execute("INSERT INTO search_fts (search_fts) VALUES ('flush')")
        except ConflictError as error:  # a segment is there that the structure record does not know
            raise IndexDamaged(f"corruption found writing search_fts: {error.message}") from error

    async def clear(self, tx: Transaction) -> None:
        await tx.execute("DROP TABLE IF EXISTS search_fts")
        await tx.execute(_TABLE)

    async def find(self, tx: Transaction, ask: Ask, visible: VisibleSet | None) -> Found:
        chosen = split(ask)
        marks = "".join(f" AND mark : ({_any(marks)})" for marks in ask.marks)
        found: dict[int, float] = {}
        if is_frequent(ask):
            first = await self._ranked(tx, f"({_telling(ask.groups)}){marks}", visible, ask.limit)
            if len(first) >= ask.enough:
                return Found([(number, -rank) for number, rank in first], False)
        if chosen.rare:
            words = " OR ".join(_expression(group) for group in chosen.rare)
            if ask.together:
                words += f" OR ({' AND '.join(map(_expression, ask.together))})"
            for number, rank in await self._ranked(tx, f"({_WORDS}({words})){marks}", visible, ask.limit):
                found[number] = -rank
        if not ask.groups and marks:
            numbers = await self._first(tx, marks.removeprefix(" AND "), visible, ask.limit)
            return Found([(number, 0.0) for number in numbers], len(numbers) < ask.limit)
        if chosen.common and len(found) < FEW:
            most = SOME if found else ask.limit
            # Words that are everywhere find by themselves only where they name something, or stand together.
            words = " AND ".join(_expression(group) for group in chosen.common)
            for columns in (_NAMES, _WORDS):
                for number in await self._first(tx, f"({columns}({words})){marks}", visible, most):
                    found.setdefault(number, 0.0)
                if len(found) >= min(SOME, most):
                    break
        best = sorted(found.items(), key=lambda one: -one[1])
        return Found(best[: ask.limit], not chosen.common and len(best) < ask.limit)

    async def _ranked(self, tx: Transaction, match: str, visible: VisibleSet | None, limit: int) -> list[Any]:
        with self._visible.sql(tx, visible, 3) as (condition, args):
            rows = await tx.fetch_all(
                f"SELECT rowid, bm25(search_fts, {_WEIGHTS}) AS score FROM search_fts WHERE search_fts MATCH $1"
                f" AND {condition.format(number='rowid')} ORDER BY score LIMIT $2",
                match,
                limit,
                *args,
            )
        if any(score is None for _, score in rows):  # lengths or counts that are no numbers
            raise IndexDamaged("corruption found reading search_fts: a match has no score")
        return rows

    async def _first(self, tx: Transaction, match: str, visible: VisibleSet | None, limit: int) -> list[int]:
        with self._visible.sql(tx, visible, 3) as (condition, args):
            rows = await tx.fetch_all(
                f"SELECT rowid FROM search_fts WHERE search_fts MATCH $1 AND {condition.format(number='rowid')} LIMIT $2",
                match,
                min(limit, MOST_ROWS),
                *args,
            )
        return [row[0] for row in rows]

    async def close(self) -> None:
        return None


def _telling(groups: Sequence[Group]) -> str:
    """Documents that have all of these words, and those that have one of them in a name."""
    every = " AND ".join(f"({_WORDS}{_expression(group)})" for group in groups)
    named = f"{_NAMES}({' OR '.join(map(_expression, naming(groups)))})"
    return f"({named}) AND {every}" if len(groups) == 1 else f"({every}) OR ({named})"


def _expression(group: Group) -> str:
    return f"({_any(group.terms)})"


def _any(terms: Sequence[str]) -> str:
    # terms are words of letters and digits; quotes are doubled all the same
    return " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
