"""Which tables there are, what is in them, and a sum by which two of them can be compared."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Iterable, Mapping, Sequence

from callboard.kernel.db.interface import Dialect, Row, Transaction
from callboard.kernel.db.migrations import Migrations
from callboard.kernel.errors import ConflictError

Tell = Callable[[str, int, int], None]
"""(table, rows done of all tables, rows of all tables): called after each chunk."""

_CREATED = re.compile(r"^\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)\"?", re.IGNORECASE | re.MULTILINE)
_DROPPED = re.compile(r"^\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?\"?(\w+)\"?", re.IGNORECASE | re.MULTILINE)
_RENAMED = re.compile(r"^\s*ALTER\s+TABLE\s+\"?(\w+)\"?\s+RENAME\s+TO\s+\"?(\w+)\"?", re.IGNORECASE | re.MULTILINE)
_FILLED = re.compile(r"^\s*INSERT\s+INTO\s+\"?(\w+)\"?", re.IGNORECASE | re.MULTILINE)
_MASK = (1 << 128) - 1


class CannotTransfer(ConflictError):
    """Source and target do not go together, or the target is in use or not empty; the message says what to do."""

    code = "database.cannot_transfer"


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its columns in their order, those that hold bytes or text, and the one that numbers itself, if any."""

    name: str
    columns: tuple[str, ...]
    wide: tuple[str, ...] = ()
    counter: str | None = None


@dataclass(slots=True)
class Contents:
    """What a source holds. ``versions`` are those of its tables by the name of their migrations.

    ``rows`` counts by table; ``counters`` holds the highest number that a self-numbering table ever gave.
    """

    made_by: str
    versions: Mapping[str, str]
    shapes: Sequence[Shape]
    rows: Mapping[str, int]
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class TableCopied:
    """``checksum`` is the same for the same rows in any order, on any engine."""

    name: str
    rows: int
    checksum: str


def plain_row(row: Row) -> tuple[Any, ...]:
    """Flags as numbers, whatever the engine of a plugin's table calls them."""
    return tuple(int(value) if value is True or value is False else value for value in row)


class Checksum:
    """A sum over rows: equal for equal rows, whatever their order. Columns count in the order of their names."""

    def __init__(self, columns: Sequence[str]) -> None:
        import msgspec

        self._order = sorted(range(len(columns)), key=columns.__getitem__)
        self._encode = msgspec.msgpack.Encoder().encode
        self._sum = 0
        self.rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        order, encode, found, count = self._order, self._encode, 0, 0
        for row in rows:
            body = encode([row[place] for place in order])
            found += int.from_bytes(hashlib.blake2b(body, digest_size=16).digest(), "big")
            count += 1
        self._sum = (self._sum + found) & _MASK
        self.rows += count

    @property
    def text(self) -> str:
        return f"{self._sum:032x}"


def tables_of(migrations: Migrations, dialect: Dialect) -> tuple[list[str], set[str]]:
    """Tables that the migrations leave behind, in the order in which they were made; and those that they put rows into."""
    tables: list[str] = []
    filled: set[str] = set()
    for version in migrations.versions():
        text = re.sub(r"--[^\n]*", "", migrations.sql_of(version, dialect))
        steps = sorted(
            (match.start(), kind, match.groups())
            for kind, pattern in enumerate((_CREATED, _DROPPED, _RENAMED, _FILLED))
            for match in pattern.finditer(text)
        )
        for _, kind, names in steps:
            if kind == 0 and names[0] not in tables:
                tables.append(names[0])
            elif kind == 1 and names[0] in tables:
                tables.remove(names[0])
            elif kind == 2 and names[0] in tables:
                tables[tables.index(names[0])] = names[1]
            elif kind == 3:
                filled.add(names[0])
    return tables, filled


async def versions_in(tx: Transaction) -> dict[str, str]:
    """Versions of the tables that are there, by the name of their migrations."""
    if tx.dialect == "sqlite":
        listing = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'alembic_version_%'"
    else:
        listing = (
            "SELECT tablename::text FROM pg_catalog.pg_tables"
            " WHERE schemaname = current_schema() AND tablename LIKE 'alembic_version_%'"
        )
    found = {}
    for (table,) in await tx.fetch_all(listing):
        version = await tx.fetch_value(f"SELECT version_num FROM {table}")
        if version is not None:
            found[table.removeprefix("alembic_version_")] = str(version)
    return found


async def shape_of(tx: Transaction, table: str) -> Shape:
    if tx.dialect == "sqlite":
        return await _sqlite_shape(tx.fetch_all, tx.fetch_value, table)
    rows = await tx.fetch_all(
        "SELECT a.attname::text, format_type(a.atttypid, NULL)::text, a.attidentity::text <> ''"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = current_schema() AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        table,
    )
    return Shape(
        table,
        tuple(row[0] for row in rows),
        tuple(row[0] for row in rows if row[1] in ("text", "bytea", "character varying")),
        next((row[0] for row in rows if row[2]), None),
    )


async def _sqlite_shape(
    fetch_all: Callable[..., Awaitable[list[Row]]], fetch_value: Callable[..., Awaitable[Any]], table: str
) -> Shape:
    rows = await fetch_all("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", table)
    text = str(await fetch_value("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1", table))
    counts = "AUTOINCREMENT" in text.upper()
    return Shape(
        table,
        tuple(row[0] for row in rows),
        tuple(row[0] for row in rows if str(row[1]).upper() in ("TEXT", "BLOB")),
        next((row[0] for row in rows if row[2] and counts), None),
    )


async def counter_of(tx: Transaction, shape: Shape) -> int:
    """The highest number that the table ever gave by itself, 0 for none."""
    if shape.counter is None:
        return 0
    if tx.dialect == "sqlite":
        return int(await tx.fetch_value("SELECT seq FROM sqlite_sequence WHERE name = $1", shape.name) or 0)
    return int(
        await tx.fetch_value(
            "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass), 0)",
            shape.name,
            shape.counter,
        )
    )


async def set_counter(tx: Transaction, shape: Shape, least: int) -> None:
    """From now on the table numbers from above ``least``, and above all that is in it."""
    if shape.counter is None:
        return
    highest = int(await tx.fetch_value(f"SELECT COALESCE(max({shape.counter}), 0) FROM {shape.name}"))
    least = max(least, highest)
    if tx.dialect == "sqlite":
        await tx.execute("DELETE FROM sqlite_sequence WHERE name = $1", shape.name)
        if least:
            await tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", shape.name, least)
        return
    await tx.fetch_value(
        "SELECT setval(pg_get_serial_sequence($1, $2)::regclass, $3, $4)",
        shape.name,
        shape.counter,
        max(least, 1),
        least > 0,
    )


CHUNK_BYTES = 4 << 20
MAX_CHUNK = 1_000


async def chunk_of(tx: Transaction, shape: Shape) -> int:
    """How many rows to take at once, so that a chunk fits into memory whatever is in them."""
    if not shape.wide:
        return MAX_CHUNK
    size = "octet_length" if tx.dialect == "postgresql" else "length"
    widest = " + ".join(f"COALESCE({size}({column}), 0)" for column in shape.wide)
    largest = int(await tx.fetch_value(f"SELECT COALESCE(max({widest}), 0) FROM {shape.name}"))
    return max(1, min(MAX_CHUNK, CHUNK_BYTES // max(largest, 1)))
