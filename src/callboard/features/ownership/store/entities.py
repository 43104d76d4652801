"""Rows of ``ownership_entity`` and the lists made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Iterable, Sequence

from callboard.features.ownership.interface import ListQuery, Share
from callboard.features.ownership.store.handovers import COLUMNS as HANDOVER
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Row, Transaction

_COLUMNS = ("ref", "kind", "title", "owner", "trouble", "fields", "unconfirmed_since", "basis_at")


@dataclass(frozen=True, slots=True)
class EntityRow:
    """A row of the table, in the order of its columns. ``trouble`` is empty when there is none."""

    ref: str
    kind: str
    title: str
    owner: str
    trouble: str
    fields: str
    unconfirmed_since: str | None
    basis_at: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at, and from when. ``hidden`` are refs that the asker does not see."""

    now: datetime
    every: timedelta
    hidden: Sequence[str] = ()

    @property
    def due(self) -> str:
        """From then on back, a confirmation is too old."""
        return format_time(self.now - self.every)

    @property
    def overdue(self) -> str:
        return format_time(self.now - 2 * self.every)


@dataclass(slots=True)
class _Where:
    tx: Transaction
    tests: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    def arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def among(self, column: str, values: Iterable[str]) -> str:
        self.args.append(self.tx.list_arg(values))
        return self.tx.any_of(column, len(self.args))

    @property
    def sql(self) -> str:
        return f" WHERE {' AND '.join(self.tests)}" if self.tests else ""


async def find_many(tx: Transaction, refs: Sequence[str]) -> dict[str, EntityRow]:
    rows = await tx.fetch_all(
        f"SELECT {', '.join(_COLUMNS)} FROM ownership_entity WHERE {tx.any_of('ref', 1)}", tx.list_arg(refs)
    )
    return {row[0]: EntityRow(*row) for row in rows}


async def list_confirmed(tx: Transaction, refs: Sequence[str]) -> list[Row]:
    """(ref, trouble, basis_at, when and by whom its owner was last confirmed or None), one query for all."""
    return await tx.fetch_all(
        "SELECT e.ref, e.trouble, e.basis_at, c.confirmed_at, c.confirmed_by FROM ownership_entity e"
        " LEFT JOIN ownership_confirmation c ON c.ref = e.ref AND c.field = 'spec.owner'"
        f" WHERE {tx.any_of('e.ref', 1)}",
        tx.list_arg(refs),
    )


async def lock_many(tx: Transaction, refs: Sequence[str]) -> None:
    """Nobody else changes these rows, or what follows from their confirmations, until ``tx`` ends."""
    await tx.execute(f"UPDATE ownership_entity SET kind = kind WHERE {tx.any_of('ref', 1)}", tx.list_arg(sorted(refs)))


async def put_many(tx: Transaction, rows: Iterable[EntityRow]) -> None:
    changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
    await tx.execute_many(
        f"INSERT INTO ownership_entity ({', '.join(_COLUMNS)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        f" ON CONFLICT (ref) DO UPDATE SET {changes}",
        [(r.ref, r.kind, r.title, r.owner, r.trouble, r.fields, r.unconfirmed_since, r.basis_at) for r in rows],
    )


async def remove_many(tx: Transaction, refs: Sequence[str]) -> None:
    await tx.execute(f"DELETE FROM ownership_entity WHERE {tx.any_of('ref', 1)}", tx.list_arg(refs))


async def list_refs(tx: Transaction) -> list[str]:
    return [row[0] for row in await tx.fetch_all("SELECT ref FROM ownership_entity")]


async def list_refs_of(tx: Transaction, owner: str) -> list[str]:
    return [
        row[0] for row in await tx.fetch_all("SELECT ref FROM ownership_entity WHERE owner = $1 ORDER BY ref", owner)
    ]


async def list_owners(tx: Transaction) -> dict[str, str]:
    """Every owner that is named, with the trouble that its entities were last found in."""
    rows = await tx.fetch_all("SELECT owner, max(trouble) FROM ownership_entity GROUP BY owner")
    return {row[0]: row[1] for row in rows}


async def set_trouble(tx: Transaction, troubles: Iterable[tuple[str, str]]) -> None:
    """``troubles`` of (owner, trouble)."""
    await tx.execute_many("UPDATE ownership_entity SET trouble = $2 WHERE owner = $1 AND trouble <> $2", list(troubles))


async def list_rows(tx: Transaction, query: ListQuery, scope: Scope) -> tuple[list[Row], int]:
    """(the columns, those of the open hand-over or None) of a page, longest due first, and how many match."""
    where = _Where(tx)
    _select(where, query, scope)
    tables = "ownership_entity e LEFT JOIN ownership_handover h ON h.ref = e.ref AND h.state IN ('asked', 'declined')"
    total = await tx.fetch_value(f"SELECT count(*) FROM {tables}{where.sql}", *where.args)
    columns = ", ".join([*(f"e.{name}" for name in _COLUMNS), *(f"h.{name}" for name in HANDOVER)])
    limit, offset = where.arg(query.limit), where.arg(query.offset)
    rows = await tx.fetch_all(
        f"SELECT {columns} FROM {tables}{where.sql} ORDER BY e.basis_at, e.ref LIMIT {limit} OFFSET {offset}",
        *where.args,
    )
    return rows, total


def _select(where: _Where, query: ListQuery, scope: Scope) -> None:
    tests = where.tests
    if query.show == "open":
        tests.append(f"((e.trouble = '' AND e.basis_at <= {where.arg(scope.due)}) OR h.state = 'declined')")
    elif query.show == "due":
        tests.append(
            f"e.trouble = '' AND e.basis_at <= {where.arg(scope.due)} AND e.basis_at > {where.arg(scope.overdue)}"
        )
    elif query.show == "overdue":
        tests.append(f"e.trouble = '' AND e.basis_at <= {where.arg(scope.overdue)}")
    elif query.show == "confirmed":
        tests.append(f"e.trouble = '' AND e.basis_at > {where.arg(scope.due)}")
    elif query.show == "unowned":
        tests.append("e.trouble <> ''")
    elif query.show in ("offered", "disputed"):
        tests.append("h.state = 'asked'" if query.show == "offered" else "h.state = 'declined'")
    if query.owners is not None:
        owners = [owner.lower() for owner in query.owners]
        if query.show == "offered":
            tests.append(where.among("h.new_owner", owners))
        elif query.show == "disputed":
            tests.append(f"({where.among('e.owner', owners)} OR {where.among('h.new_owner', owners)})")
        else:
            tests.append(where.among("e.owner", owners))
    if query.trouble is not None:
        tests.append(f"e.trouble = {where.arg(query.trouble)}")
    if query.kind is not None:
        tests.append(f"e.kind = {where.arg(query.kind.lower())}")
    if query.refs is not None:
        tests.append(where.among("e.ref", [ref.lower() for ref in query.refs]))
    if query.text:
        pattern = "%" + query.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        place = where.arg(pattern)
        tests.append(
            "(" + " OR ".join(f"{c} LIKE {place} ESCAPE '\\'" for c in ("e.ref", "lower(e.title)", "e.owner")) + ")"
        )
    _leave_out(where, scope)


def _leave_out(where: _Where, scope: Scope) -> None:
    if scope.hidden:
        where.tests.append(f"NOT ({where.among('e.ref', scope.hidden)})")


async def count_by(tx: Transaction, scope: Scope, owners: Sequence[str] | None = None) -> list[tuple[str, str, Share]]:
    """(kind, owner, share) of everything, or of what these own."""
    where = _Where(tx)
    if owners is not None:
        where.tests.append(where.among("e.owner", owners))
    due, overdue = where.arg(scope.due), where.arg(scope.overdue)
    _leave_out(where, scope)
    rows = await tx.fetch_all(
        "SELECT e.kind, e.owner,"
        f" sum(CASE WHEN e.trouble = '' AND e.basis_at > {due} THEN 1 ELSE 0 END),"
        f" sum(CASE WHEN e.trouble = '' AND e.basis_at <= {due} AND e.basis_at > {overdue} THEN 1 ELSE 0 END),"
        f" sum(CASE WHEN e.trouble = '' AND e.basis_at <= {overdue} THEN 1 ELSE 0 END),"
        " sum(CASE WHEN e.trouble <> '' THEN 1 ELSE 0 END)"
        f" FROM ownership_entity e{where.sql} GROUP BY e.kind, e.owner",
        *where.args,
    )
    return [(row[0], row[1], Share(*(int(n) for n in row[2:]))) for row in rows]
