"""``search_recent``, ``search_asked``, ``search_opened`` and ``search_after``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Sequence

from callboard.features.search.history.sketch import NOBODY, merge
from callboard.kernel.db.interface import Transaction


class Recent(NamedTuple):
    """A search of somebody's own. ``at`` as stored."""

    key: str
    term: str
    at: str


@dataclass(slots=True)
class Counted:
    """What is added to a term's row of one week; also such a row as read."""

    key: str
    week: str
    term: str
    times: int = 0
    missed: int = 0
    people: bytes = NOBODY
    missed_by: bytes = NOBODY
    wanted_by: bytes = NOBODY
    missed_at: str | None = None
    found_at: str | None = None
    best: str | None = None
    doors: int = 0


@dataclass(slots=True)
class Missed:
    """A term without result: all its weeks together."""

    key: str
    term: str
    times: int
    missed_by: bytes
    wanted_by: bytes
    missed_at: str
    found_at: str | None
    doors: int = 0
    opened: list[tuple[str, str, int]] = field(default_factory=list)


_ROW = "key, week, term, times, missed, people, missed_by, wanted_by, missed_at, found_at, best, doors"


async def put_recent(tx: Transaction, user: str, rows: Sequence[Recent], most: int) -> None:
    """Add the searches of one person; of theirs the newest ``most`` stay."""
    await tx.execute_many(
        "INSERT INTO search_recent (user_ref, key, term, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (user_ref, key) DO UPDATE SET term = excluded.term, at = excluded.at",
        [(user, *row) for row in rows],
    )
    await tx.execute(
        "DELETE FROM search_recent WHERE user_ref = $1 AND key IN (SELECT key FROM search_recent WHERE user_ref = $1"
        " ORDER BY at DESC, key LIMIT 100000 OFFSET $2)",
        user,
        most,
    )


async def list_recent(tx: Transaction, user: str, limit: int) -> list[Recent]:
    rows = await tx.fetch_all(
        "SELECT key, term, at FROM search_recent WHERE user_ref = $1 ORDER BY at DESC, key LIMIT $2", user, limit
    )
    return [Recent(*row) for row in rows]


async def forget_recent(tx: Transaction, user: str, key: str | None) -> int:
    """One search of ``user``, or all; how many there were."""
    if key is None:
        return await tx.execute("DELETE FROM search_recent WHERE user_ref = $1", user)
    return await tx.execute("DELETE FROM search_recent WHERE user_ref = $1 AND key = $2", user, key)


async def count(tx: Transaction, more: Counted) -> None:
    """Add to a term's week. The row is locked from the first statement on, so that no sketch is lost."""
    await tx.execute(
        f"INSERT INTO search_asked ({_ROW}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (key, week) DO UPDATE SET times = search_asked.times + excluded.times,"
        " missed = search_asked.missed + excluded.missed, term = excluded.term,"
        " missed_at = COALESCE(excluded.missed_at, search_asked.missed_at),"
        " found_at = COALESCE(excluded.found_at, search_asked.found_at), best = COALESCE(excluded.best, search_asked.best),"
        " doors = search_asked.doors | excluded.doors",
        more.key, more.week, more.term, more.times, more.missed, more.people, more.missed_by, more.wanted_by,
        more.missed_at, more.found_at, more.best, more.doors,
    )  # fmt: skip
    row = await tx.fetch_one(
        "SELECT people, missed_by, wanted_by FROM search_asked WHERE key = $1 AND week = $2", more.key, more.week
    )
    if row is None:
        return
    made = [merge(bytes(was), now) for was, now in zip(row, (more.people, more.missed_by, more.wanted_by), strict=True)]
    await tx.execute(
        "UPDATE search_asked SET people = $1, missed_by = $2, wanted_by = $3 WHERE key = $4 AND week = $5",
        *made, more.key, more.week,
    )  # fmt: skip


async def list_asked(tx: Transaction, most: int) -> list[Counted]:
    """Rows of the terms that were asked most often, and found."""
    rows = await tx.fetch_all(
        f"SELECT {_ROW} FROM search_asked WHERE key IN (SELECT key FROM search_asked WHERE found_at IS NOT NULL"
        " GROUP BY key ORDER BY sum(times) DESC, key LIMIT $1)",
        most,
    )
    return [_counted(row) for row in rows]


async def count_missed(tx: Transaction) -> int:
    found: int = await tx.fetch_value("SELECT count(DISTINCT key) FROM search_asked WHERE missed > 0")
    return found


async def list_missed(tx: Transaction, by: str, limit: int, offset: int) -> list[Missed]:
    """Terms without result; ``by`` is ``times`` or ``last``."""
    order = "max(missed_at) DESC" if by == "last" else "sum(missed) DESC, max(missed_at) DESC"
    keys = [
        row[0]
        for row in await tx.fetch_all(
            f"SELECT key FROM search_asked WHERE missed > 0 GROUP BY key ORDER BY {order}, key LIMIT $1 OFFSET $2",
            limit,
            offset,
        )
    ]
    found = {key: Missed(key, "", 0, NOBODY, NOBODY, "", None) for key in keys}
    rows = await tx.fetch_all(
        f"SELECT {_ROW} FROM search_asked WHERE {tx.any_of('key', 1)} ORDER BY week", tx.list_arg(keys)
    )
    for one in map(_counted, rows):
        into = found[one.key]
        into.term = one.term
        into.times += one.missed
        into.doors |= one.doors
        into.missed_by = merge(into.missed_by, one.missed_by)
        into.wanted_by = merge(into.wanted_by, one.wanted_by)
        into.missed_at = max(into.missed_at, one.missed_at or "")
        into.found_at = max(into.found_at or "", one.found_at or "") or None
    opened = await tx.fetch_all(
        f"SELECT key, type, id, sum(times) FROM search_after WHERE {tx.any_of('key', 1)} GROUP BY key, type, id"
        " ORDER BY sum(times) DESC, type, id",
        tx.list_arg(keys),
    )
    for key, type, id, times in opened:
        found[key].opened.append((type, id, int(times)))
    return list(found.values())


async def is_missed(tx: Transaction, key: str) -> bool:
    return bool(await tx.fetch_value("SELECT 1 FROM search_asked WHERE key = $1 AND missed > 0 LIMIT 1", key))


async def missed_among(tx: Transaction, keys: Sequence[str]) -> set[str]:
    """Those of these terms that nothing was found for at some time."""
    rows = await tx.fetch_all(
        f"SELECT DISTINCT key FROM search_asked WHERE missed > 0 AND {tx.any_of('key', 1)}", tx.list_arg(keys)
    )
    return {row[0] for row in rows}


async def forget_asked(tx: Transaction, key: str) -> int:
    """A term and all that was counted about it; how many weeks it stood there."""
    await tx.execute("DELETE FROM search_after WHERE key = $1", key)
    return await tx.execute("DELETE FROM search_asked WHERE key = $1", key)


async def count_opened(tx: Transaction, type: str, id: str, week: str, people: bytes) -> None:
    await tx.execute(
        "INSERT INTO search_opened (type, id, week, people) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (type, id, week) DO UPDATE SET week = excluded.week",
        type, id, week, people,
    )  # fmt: skip
    was = await tx.fetch_value(
        "SELECT people FROM search_opened WHERE type = $1 AND id = $2 AND week = $3", type, id, week
    )
    await tx.execute(
        "UPDATE search_opened SET people = $1 WHERE type = $2 AND id = $3 AND week = $4",
        merge(bytes(was), people), type, id, week,
    )  # fmt: skip


async def count_after(tx: Transaction, key: str, type: str, id: str, week: str) -> None:
    await tx.execute(
        "INSERT INTO search_after (key, type, id, week, times) VALUES ($1, $2, $3, $4, 1)"
        " ON CONFLICT (key, type, id, week) DO UPDATE SET times = search_after.times + 1",
        key, type, id, week,
    )  # fmt: skip


async def list_opened(tx: Transaction) -> dict[tuple[str, str], bytes]:
    """Everybody who opened it, by (type, id) of the document."""
    found: dict[tuple[str, str], bytes] = {}
    for type, id, people in await tx.fetch_all("SELECT type, id, people FROM search_opened"):
        found[type, id] = merge(found.get((type, id), NOBODY), bytes(people))
    return found


async def sweep(tx: Transaction, week: str, at: str) -> None:
    """Forget weeks before ``week`` and people's searches before ``at``."""
    for table in ("search_asked", "search_opened", "search_after"):
        await tx.execute(f"DELETE FROM {table} WHERE week < $1", week)
    await tx.execute("DELETE FROM search_recent WHERE at < $1", at)


def _counted(row: Sequence[Any]) -> Counted:
    values = list(row)
    values[5:8] = [bytes(one) for one in values[5:8]]
    return Counted(*values)
