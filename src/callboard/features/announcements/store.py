"""All the SQL of announcements."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.announcements.interface import SEVERITIES, Announcement, Draft, When
from callboard.kernel.clock import format_time, parse_time, parse_time_if
from callboard.kernel.db.interface import Row, Transaction

_COLUMNS = (
    "a.id, a.title, a.body, a.severity, a.starts_at, a.ends_at, a.pinned, a.notify, a.notified_at, a.created_at, a.created_by,"
    " a.updated_at, a.updated_by, a.version"
)
_DISMISSED = "EXISTS (SELECT 1 FROM announcement_dismissal d WHERE d.announcement_id = a.id AND d.user_ref = $1)"
_WHEN: Mapping[When, str] = {
    "current": "a.starts_at <= $2 AND (a.ends_at = '' OR a.ends_at > $2)",
    "ended": "a.ends_at <> '' AND a.ends_at <= $2",
    "scheduled": "a.starts_at > $2",
    "all": "$2 <> ''",
}


def _for_reader(tx: Transaction, reader_groups: int) -> str:
    """Begun, and for everybody or a group that the reader counts as theirs."""
    return (
        " AND a.starts_at <= $2 AND (NOT EXISTS (SELECT 1 FROM announcement_audience g WHERE g.announcement_id = a.id)"
        " OR EXISTS (SELECT 1 FROM announcement_audience g WHERE g.announcement_id = a.id"
        f" AND {tx.any_of('g.group_ref', reader_groups)}))"
    )


async def list_page(
    tx: Transaction,
    user: str,
    now: str,
    when: When,
    *,
    groups: Sequence[str] | None,
    dismissed: bool,
    limit: int,
    offset: int,
) -> tuple[Sequence[Announcement], int]:
    """``groups`` None sees everything."""
    args: list[Any] = [user, now]
    tests = _WHEN[when]
    if groups is not None:
        args.append(tx.list_arg(groups))
        tests += _for_reader(tx, 3)
    if not dismissed:
        tests += f" AND NOT {_DISMISSED}"
    # The count has no use for the user, who stands in it all the same: both engines want every argument used.
    total = await tx.fetch_value(f"SELECT count(*) FROM announcement a WHERE $1 <> '' AND {tests}", *args)
    rows = await tx.fetch_all(
        f"SELECT {_COLUMNS}, {_DISMISSED} FROM announcement a WHERE {tests}"
        f" ORDER BY a.pinned DESC, a.starts_at DESC, a.id LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args, limit, offset,
    )  # fmt: skip
    audiences = await _audiences(tx, [row[0] for row in rows])
    return [_of(row, audiences.get(row[0], ()), is_dismissed=bool(row[14])) for row in rows], int(total)


async def find(tx: Transaction, id: str, user: str) -> Announcement | None:
    """Whoever it is for."""
    row = await tx.fetch_one(f"SELECT {_COLUMNS}, {_DISMISSED} FROM announcement a WHERE a.id = $2", user, id)
    if row is None:
        return None
    return _of(row, (await _audiences(tx, [id])).get(id, ()), is_dismissed=bool(row[14]))


async def lock(tx: Transaction, id: str) -> None:
    """Nobody else changes it until ``tx`` ends."""
    await tx.execute("UPDATE announcement SET version = version WHERE id = $1", id)


async def _audiences(tx: Transaction, ids: Sequence[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = await tx.fetch_all(
        f"SELECT announcement_id, group_ref FROM announcement_audience WHERE {tx.any_of('announcement_id', 1)}"
        " ORDER BY group_ref",
        tx.list_arg(ids),
    )
    for id, ref in rows:
        found.setdefault(id, []).append(ref)
    return found


async def put(tx: Transaction, id: str, draft: Draft, *, by: str, now: str) -> None:
    """Create it, or change it to a next version."""
    ends_at = "" if draft.ends_at is None else format_time(draft.ends_at)
    await tx.execute(
        "INSERT INTO announcement (id, title, body, severity, starts_at, ends_at, pinned, notify, created_at, created_by,"
        " updated_at, updated_by, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10, 1)"
        " ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body, severity = excluded.severity,"
        " starts_at = excluded.starts_at, ends_at = excluded.ends_at, pinned = excluded.pinned, notify = excluded.notify,"
        " updated_at = excluded.updated_at, updated_by = excluded.updated_by, version = announcement.version + 1",
        id, draft.title, draft.body, draft.severity, format_time(draft.starts_at), ends_at, int(draft.pinned), int(draft.notify),
        now, by,
    )  # fmt: skip
    await tx.execute("DELETE FROM announcement_audience WHERE announcement_id = $1", id)
    await tx.execute_many(
        "INSERT INTO announcement_audience (announcement_id, group_ref) VALUES ($1, $2)",
        [(id, ref) for ref in sorted(set(draft.audience))],
    )


async def note_notified(tx: Transaction, id: str, now: str) -> bool:
    """False when it was noted before."""
    sql = "UPDATE announcement SET notified_at = $2 WHERE id = $1 AND notified_at IS NULL"
    return bool(await tx.execute(sql, id, now))


async def delete(tx: Transaction, id: str) -> int:
    return await tx.execute("DELETE FROM announcement WHERE id = $1", id)


async def put_dismissal(tx: Transaction, id: str, user: str, now: str | None) -> None:
    """``now`` None takes it back."""
    if now is None:
        await tx.execute("DELETE FROM announcement_dismissal WHERE announcement_id = $1 AND user_ref = $2", id, user)
        return
    await tx.execute(
        "INSERT INTO announcement_dismissal (announcement_id, user_ref, at) VALUES ($1, $2, $3)"
        " ON CONFLICT (announcement_id, user_ref) DO NOTHING",
        id, user, now,
    )  # fmt: skip


def _of(row: Row, audience: Sequence[str], *, is_dismissed: bool) -> Announcement:
    return Announcement(
        id=row[0], title=row[1], body=row[2], severity=next(one for one in SEVERITIES if one == row[3]),
        starts_at=parse_time(row[4]), ends_at=parse_time_if(row[5] or None), audience=tuple(audience), pinned=bool(row[6]),
        notify=bool(row[7]), notified_at=parse_time_if(row[8]), created_at=parse_time(row[9]), created_by=row[10],
        updated_at=parse_time(row[11]), updated_by=row[12], version=row[13], is_dismissed=is_dismissed,
    )  # fmt: skip
