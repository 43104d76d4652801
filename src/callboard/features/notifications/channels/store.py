"""All the SQL of preferences, people's webhooks and deliveries."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from callboard.features.notifications.interface import SEVERITIES, Severity
from callboard.kernel.db.interface import Transaction

CUT_OFF = "It was cut off while it was sent, and may have arrived; it is not sent again."

# ---- preferences --------------------------------------------------------------------------------------------------------


async def list_preferences(tx: Transaction, users: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """What each of ``users`` stored; users who stored nothing are left out."""
    rows = await tx.fetch_all(
        f"SELECT user_ref, preferences FROM notification_preference WHERE {tx.any_of('user_ref', 1)}",
        tx.list_arg(users),
    )
    return {row[0]: json.loads(row[1]) for row in rows}


async def put_preferences(tx: Transaction, user: str, preferences: Mapping[str, Any], now: str) -> None:
    await tx.execute(
        "INSERT INTO notification_preference (user_ref, preferences, updated_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (user_ref) DO UPDATE SET preferences = excluded.preferences, updated_at = excluded.updated_at",
        user, json.dumps(dict(preferences)), now,
    )  # fmt: skip


# ---- webhooks of people and groups --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnWebhook:
    """A receiver of a user or group (``owner``). ``format`` is json or text."""

    id: str
    owner: str
    title: str
    url: str = field(repr=False)
    format: str
    secret: str = field(repr=False)
    min_severity: Severity
    created_at: str
    created_by: str

    @property
    def host(self) -> str:
        """What of the address may be shown."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""


_WEBHOOK = "id, owner_ref, title, url, format, secret, min_severity, created_at, created_by"


def _webhook(row: Sequence[Any]) -> OwnWebhook:
    return OwnWebhook(row[0], row[1], row[2], row[3], row[4], row[5], SEVERITIES[row[6]], row[7], row[8])


async def insert_webhook(tx: Transaction, webhook: OwnWebhook) -> None:
    await tx.execute(
        f"INSERT INTO notification_webhook ({_WEBHOOK}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        webhook.id, webhook.owner, webhook.title, webhook.url, webhook.format, webhook.secret,
        SEVERITIES.index(webhook.min_severity), webhook.created_at, webhook.created_by,
    )  # fmt: skip


async def list_webhooks(tx: Transaction, owners: Sequence[str]) -> Sequence[OwnWebhook]:
    rows = await tx.fetch_all(
        f"SELECT {_WEBHOOK} FROM notification_webhook WHERE {tx.any_of('owner_ref', 1)} ORDER BY owner_ref, created_at, id",
        tx.list_arg(owners),
    )
    return [_webhook(row) for row in rows]


async def find_webhook(tx: Transaction, id: str) -> OwnWebhook | None:
    row = await tx.fetch_one(f"SELECT {_WEBHOOK} FROM notification_webhook WHERE id = $1", id)
    return None if row is None else _webhook(row)


async def delete_webhook(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM notification_webhook WHERE id = $1", id)


# ---- deliveries ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way. ``payload`` is what ``outbox`` wrote; ``due_at`` ISO text."""

    id: str
    notification: str
    channel: str
    target: str
    user: str
    payload: Mapping[str, Any]
    state: str
    due_at: str


_DELIVERY = "id, notification_id, channel, target, user_ref, payload, state, due_at"


async def add_deliveries(tx: Transaction, rows: Iterable[Delivery], *, revision: str, now: str) -> None:
    """One that is there already (same message, revision, channel and target) is left as it is."""
    await tx.execute_many(
        f"INSERT INTO notification_delivery ({_DELIVERY}, revision, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (notification_id, revision, channel, target) DO NOTHING",
        [
            (
                one.id, one.notification, one.channel, one.target, one.user, json.dumps(dict(one.payload), ensure_ascii=False),
                one.state, one.due_at, revision, now,
            )
            for one in rows
        ],
    )  # fmt: skip


async def find_delivery(tx: Transaction, id: str) -> Delivery | None:
    row = await tx.fetch_one(f"SELECT {_DELIVERY} FROM notification_delivery WHERE id = $1", id)
    return None if row is None else _delivery(row)


async def take_due(tx: Transaction, channel: str, target: str, now: str, limit: int) -> Sequence[Delivery]:
    """Mark those that are due as leaving, oldest first."""
    rows = await tx.fetch_all(
        f"SELECT {_DELIVERY} FROM notification_delivery WHERE channel = $1 AND target = $2 AND state = 'waiting'"
        " AND due_at <= $3 ORDER BY created_at, id LIMIT $4",
        channel, target, now, limit,
    )  # fmt: skip
    found = [_delivery(row) for row in rows]
    await set_state(tx, [one.id for one in found], "sending")
    return found


async def fail_cut_off(tx: Transaction, channel: str, target: str, now: str) -> int:
    """Give up what an earlier run left behind while it was leaving: whether it arrived cannot be known."""
    return await tx.execute(
        "UPDATE notification_delivery SET state = 'failed', ended_at = $3, error = $4"
        " WHERE channel = $1 AND target = $2 AND state = 'sending'",
        channel, target, now, CUT_OFF,
    )  # fmt: skip


async def set_state(
    tx: Transaction, ids: Sequence[str], state: str, *, ended_at: str | None = None, error: str | None = None
) -> None:
    if ids:
        await tx.execute(
            f"UPDATE notification_delivery SET state = $1, ended_at = $2, error = $3 WHERE {tx.any_of('id', 4)}",
            state, ended_at, error and error[:1000], tx.list_arg(ids),
        )  # fmt: skip


async def next_due(tx: Transaction, channel: str, target: str) -> str | None:
    due: str | None = await tx.fetch_value(
        "SELECT min(due_at) FROM notification_delivery WHERE channel = $1 AND target = $2 AND state = 'waiting'",
        channel, target,
    )  # fmt: skip
    return due


async def list_read(tx: Transaction, user: str, ids: Sequence[str]) -> set[str]:
    """Those of these notifications that ``user`` has read in the portal meanwhile."""
    rows = await tx.fetch_all(
        "SELECT n.id FROM notification n LEFT JOIN notification_state s ON s.notification_id = n.id AND s.user_ref = $1"
        f" WHERE {tx.any_of('n.id', 2)} AND COALESCE(s.read_at, n.read_at) IS NOT NULL",
        user, tx.list_arg(ids),
    )  # fmt: skip
    return {row[0] for row in rows}


async def list_latest(
    tx: Transaction, targets: Sequence[str], limit: int
) -> Sequence[tuple[str, str, str, str | None]]:
    """(target, created_at, state, error) of the latest deliveries to these targets, newest first."""
    rows = await tx.fetch_all(
        f"SELECT target, created_at, state, error FROM notification_delivery WHERE {tx.any_of('target', 1)}"
        " ORDER BY created_at DESC, id LIMIT $2",
        tx.list_arg(targets), limit,
    )  # fmt: skip
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def delete_before(tx: Transaction, moment: str) -> int:
    return await tx.execute("DELETE FROM notification_delivery WHERE created_at < $1 AND state <> 'waiting'", moment)


def _delivery(row: Sequence[Any]) -> Delivery:
    return Delivery(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6], row[7])


# ---- the key that links in mails are signed with ------------------------------------------------------------------------


async def find_key(tx: Transaction) -> str | None:
    key: str | None = await tx.fetch_value("SELECT key FROM notification_key WHERE id = 1")
    return key


async def put_key(tx: Transaction, key: str) -> None:
    """Unless there is one."""
    await tx.execute("INSERT INTO notification_key (id, key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING", key)
