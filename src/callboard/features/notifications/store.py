"""All the SQL of messages and of what readers did with them."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, Sequence

from callboard.features.notifications.domain import level_of
from callboard.features.notifications.interface import (
    SEVERITIES,
    NewNotification,
    Notification,
    NotificationQuery,
    TopicChoice,
)
from callboard.kernel.clock import format_time, parse_time, parse_time_if
from callboard.kernel.db.interface import Row, Transaction
from callboard.ui.wording import Wording, from_stored, to_stored

BROADCAST = ""
_COLUMNS = (
    "id, user_ref, origin, title, description, link, severity, topic, scope, icon, metadata, is_shown, created_at"
)
_READ, _SAVED = "COALESCE(s.read_at, n.read_at)", "COALESCE(s.saved_at, n.saved_at)"
_SELECT = (
    "n.id, n.user_ref, n.origin, n.title, n.description, n.link, n.severity, n.topic, n.scope, n.icon, n.metadata,"
    f" n.created_at, n.updated_at, {_READ}, {_SAVED}"
)
_OF_READER = (
    " FROM notification n LEFT JOIN notification_state s ON s.notification_id = n.id AND s.user_ref = $1"
    " WHERE n.user_ref IN ($1, '') AND n.is_shown = 1 AND COALESCE(s.is_hidden, 0) = 0"
)
_WORDS = "callboard.dev/words"
"""Beside what the sender gave: the title as a message, where it is one. It does not leave the store."""
_ORDER = {"created": "COALESCE(n.updated_at, n.created_at)", "topic": "n.topic", "origin": "n.origin"}


async def put(tx: Transaction, new: NewNotification, rows: Iterable[tuple[str, str, bool]], now: str) -> None:
    """Store ``new`` as (id, user ref, is shown) each. An id that is there is replaced, and unread again."""
    metadata = {key: value for key, value in new.metadata.items() if key != _WORDS}
    if isinstance(new.title, Wording):
        metadata[_WORDS] = to_stored(new.title)
    values = [
        (
            id, user_ref, new.origin, new.title.strip(), new.description, new.link.strip(), level_of(new.severity), new.topic,
            new.scope, new.icon, json.dumps(metadata, ensure_ascii=False), int(is_shown), now,
        )
        for id, user_ref, is_shown in sorted(rows)  # in one order, so that two senders do not wait for each other
    ]  # fmt: skip
    await tx.execute_many(
        f"INSERT INTO notification ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT (id) DO UPDATE SET title = excluded.title, description = excluded.description, link = excluded.link,"
        " severity = excluded.severity, topic = excluded.topic, icon = excluded.icon, metadata = excluded.metadata,"
        " is_shown = excluded.is_shown, updated_at = excluded.created_at, read_at = NULL",
        values,
    )
    if new.scope and any(row[1] == BROADCAST for row in values):
        ids = tx.list_arg([row[0] for row in values])
        await tx.execute(
            f"UPDATE notification_state SET read_at = NULL, is_hidden = 0 WHERE {tx.any_of('notification_id', 1)}", ids
        )


async def hide_broadcast(tx: Transaction, id: str, users: Iterable[str]) -> None:
    await tx.execute_many(
        "INSERT INTO notification_state (notification_id, user_ref, is_hidden) VALUES ($1, $2, 1)"
        " ON CONFLICT (notification_id, user_ref) DO UPDATE SET is_hidden = 1",
        [(id, user) for user in users],
    )


def _tests(tx: Transaction, query: NotificationQuery, args: list[Any]) -> str:
    """Conditions beyond those of the reader; their arguments are added to ``args``."""
    sql = ""

    def arg(value: Any) -> int:
        args.append(value)
        return len(args)

    for wanted, column in ((query.read, _READ), (query.saved, _SAVED)):
        if wanted is not None:
            sql += f" AND {column} IS {'NOT NULL' if wanted else 'NULL'}"
    if query.topic:
        sql += f" AND n.topic = ${arg(query.topic)}"
    if query.min_severity != SEVERITIES[0]:
        sql += f" AND n.severity >= ${arg(level_of(query.min_severity))}"
    if query.created_after is not None:
        sql += f" AND n.created_at > ${arg(format_time(query.created_after))}"
    if query.search:
        escaped = query.search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        place = arg(f"%{escaped}%")
        sql += f" AND (LOWER(n.title) LIKE ${place} ESCAPE '\\' OR LOWER(n.description) LIKE ${place} ESCAPE '\\')"
    if query.ids is not None:
        sql += f" AND {tx.any_of('n.id', arg(tx.list_arg(query.ids)))}"
    return sql


async def list_page(tx: Transaction, reader: str, query: NotificationQuery) -> tuple[Sequence[Notification], int]:
    args: list[Any] = [reader]
    tests = _tests(tx, query, args)
    total = await tx.fetch_value(f"SELECT count(*){_OF_READER}{tests}", *args)
    way = "DESC" if query.descending else "ASC"
    rows = await tx.fetch_all(
        f"SELECT {_SELECT}{_OF_READER}{tests} ORDER BY {_ORDER[query.order]} {way}, n.created_at DESC, n.id"
        f" LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args, query.limit, query.offset,
    )  # fmt: skip
    return [_of(row) for row in rows], int(total)


async def count(tx: Transaction, reader: str) -> tuple[int, int]:
    """(unread, read)."""
    unread = await count_unread(tx, reader)
    total = await tx.fetch_value(f"SELECT count(*){_OF_READER}", reader)
    return unread, int(total) - unread


async def count_unread(tx: Transaction, reader: str) -> int:
    # n.read_at by itself is implied; with it the index on unread rows is used.
    return int(await tx.fetch_value(f"SELECT count(*){_OF_READER} AND n.read_at IS NULL AND s.read_at IS NULL", reader))


async def list_topics(tx: Transaction, reader: str) -> Sequence[tuple[str, str]]:
    """(origin, topic) of the reader's notifications, sorted."""
    rows = await tx.fetch_all(f"SELECT DISTINCT n.origin, n.topic{_OF_READER} ORDER BY n.origin, n.topic", reader)
    return [(row[0], row[1]) for row in rows]


async def mark(
    tx: Transaction, reader: str, ids: Sequence[str] | None, *, read: bool | None, saved: bool | None, now: str
) -> Sequence[str]:
    """Ids of those that changed."""
    args: list[Any] = [reader]
    tests = _tests(tx, NotificationQuery(ids=ids), args)
    differs = [
        f"{column} IS {'NULL' if wanted else 'NOT NULL'}"
        for wanted, column in ((read, _READ), (saved, _SAVED))
        if wanted is not None
    ]
    if not differs:
        return []
    rows = await tx.fetch_all(f"SELECT n.id, n.user_ref{_OF_READER}{tests} AND ({' OR '.join(differs)})", *args)
    own = sorted(row[0] for row in rows if row[1])
    broadcasts = sorted(row[0] for row in rows if not row[1])
    for column, wanted in (("read_at", read), ("saved_at", saved)):
        if wanted is None:
            continue
        value = now if wanted else None
        keep = f"COALESCE({column}, $1)" if wanted else "$1"
        if own:
            sql = f"UPDATE notification SET {column} = {keep} WHERE {tx.any_of('id', 2)}"
            await tx.execute(sql, value, tx.list_arg(own))
        if broadcasts:
            await tx.execute_many(
                f"INSERT INTO notification_state (notification_id, user_ref, {column}) VALUES ($1, $2, $3)"
                f" ON CONFLICT (notification_id, user_ref) DO UPDATE SET {column} = "
                + (f"COALESCE(notification_state.{column}, excluded.{column})" if wanted else f"excluded.{column}"),
                [(id, reader, value) for id in broadcasts],
            )
    return sorted(own + broadcasts)


async def delete_before(tx: Transaction, moment: str) -> int:
    """Remove what was sent, and not replaced since, before ``moment``, unless somebody saved it."""
    return await tx.execute(
        "DELETE FROM notification WHERE created_at < $1 AND COALESCE(updated_at, created_at) < $1 AND saved_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM notification_state s WHERE s.notification_id = notification.id"
        " AND s.saved_at IS NOT NULL)",
        moment,
    )


def _of(row: Row) -> Notification:
    metadata = json.loads(row[10])
    words = metadata.pop(_WORDS, None)
    return Notification(
        id=row[0], user=row[1] or None, origin=row[2], title=row[3] if words is None else from_stored(words), description=row[4], link=row[5],
        severity=SEVERITIES[row[6]], topic=row[7], scope=row[8], icon=row[9], metadata=metadata,
        created=parse_time(row[11]), updated=parse_time_if(row[12]), read=parse_time_if(row[13]), saved=parse_time_if(row[14]),
    )  # fmt: skip


# ---- choices ------------------------------------------------------------------------------------------------------------


async def list_choices(tx: Transaction, users: Sequence[str]) -> Mapping[str, dict[tuple[str, str, str], bool]]:
    """What each of ``users`` said, by (channel, origin, topic). Users who said nothing are left out."""
    found: dict[str, dict[tuple[str, str, str], bool]] = {}
    rows = await tx.fetch_all(
        "SELECT user_ref, channel, origin, topic, enabled FROM notification_choice"
        f" WHERE {tx.any_of('user_ref', 1)} ORDER BY channel, origin, topic",
        tx.list_arg(users),
    )
    for user, channel, origin, topic, enabled in rows:
        found.setdefault(user, {})[channel, origin, topic] = bool(enabled)
    return found


async def put_choices(tx: Transaction, user: str, choices: Iterable[TopicChoice]) -> None:
    await tx.execute_many(
        "INSERT INTO notification_choice (user_ref, channel, origin, topic, enabled) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (user_ref, channel, origin, topic) DO UPDATE SET enabled = excluded.enabled",
        [(user, one.channel, one.origin, one.topic, int(one.enabled)) for one in choices],
    )


async def find_many(tx: Transaction, ids: Sequence[str]) -> Sequence[Notification]:
    """These notifications, whoever's they are and whether or not they are shown; of a broadcast nobody's state."""
    rows = await tx.fetch_all(
        f"SELECT {_SELECT} FROM notification n LEFT JOIN notification_state s ON s.notification_id = n.id AND s.user_ref = ''"
        f" WHERE {tx.any_of('n.id', 1)} ORDER BY n.id",
        tx.list_arg(ids),
    )
    return [_of(row) for row in rows]
