"""The SQL of events and webhook deliveries."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from callboard.kernel.db.interface import Transaction

CHANNEL = "callboard_events"
BATCH = 500


class EventRow(NamedTuple):
    """``seq`` grows with time, but a transaction that took longer shows its lower numbers late."""

    seq: int
    id: str
    topic: str
    payload: str
    at: str


async def insert(tx: Transaction, id: str, topic: str, payload: str, at: str) -> int:
    """Store an event and have the replicas told; its number."""
    sql = "INSERT INTO kernel_event (id, topic, payload, at) VALUES ($1, $2, $3, $4) RETURNING seq"
    if tx.dialect == "postgresql":  # told in the same trip
        sql += f", pg_notify('{CHANNEL}', '')"
    else:
        await tx.notify(CHANNEL)
    seq: int = await tx.fetch_value(sql, id, topic, payload, at)
    return seq


async def last_seq(tx: Transaction) -> int:
    """The highest number so far; 0 if there is none."""
    return await tx.fetch_value("SELECT max(seq) FROM kernel_event") or 0


async def list_after(tx: Transaction, seq: int, also: Iterable[int]) -> list[EventRow]:
    """At most ``BATCH`` events after ``seq``, and those of the numbers ``also`` that exist, in order."""
    missing = list(also)
    sql = "SELECT seq, id, topic, payload, at FROM kernel_event WHERE seq > $1"
    if missing:
        rows = await tx.fetch_all(
            f"{sql} OR {tx.any_of('seq', 2, 'bigint')} ORDER BY seq LIMIT {BATCH}", seq, tx.list_arg(missing)
        )
    else:
        rows = await tx.fetch_all(f"{sql} ORDER BY seq LIMIT {BATCH}", seq)
    return [EventRow(*row) for row in rows]


async def find_seq(tx: Transaction, id: str) -> int | None:
    """Number of the event with this id; None if it is unknown, or forgotten by now."""
    found: int | None = await tx.fetch_value("SELECT seq FROM kernel_event WHERE id = $1", id)
    return found


async def delete_before(tx: Transaction, at: str) -> int:
    return await tx.execute("DELETE FROM kernel_event WHERE at < $1", at)


# Webhook deliveries ---------------------------------------------------------------------------------------------------


async def insert_delivery(tx: Transaction, id: str, url: str, event_id: str, topic: str, body: str, now: str) -> None:
    await tx.execute(
        "INSERT INTO kernel_webhook_delivery (id, url, event_id, topic, body, state, created_at)"
        " VALUES ($1, $2, $3, $4, $5, 'pending', $6)",
        id, url, event_id, topic, body, now,
    )  # fmt: skip


async def find_delivery(tx: Transaction, id: str) -> tuple[str, str, str, str] | None:
    """(url, event id, topic, body) of a delivery that is still to be made."""
    row = await tx.fetch_one(
        "SELECT url, event_id, topic, body FROM kernel_webhook_delivery WHERE id = $1 AND state <> 'delivered'", id
    )
    return None if row is None else (row[0], row[1], row[2], row[3])


async def note_delivery(
    tx: Transaction, id: str, state: str, status: int | None, error: str | None, ended_at: str | None
) -> None:
    """What came of one attempt."""
    await tx.execute(
        "UPDATE kernel_webhook_delivery SET state = $2, attempts = attempts + 1, last_status = $3, last_error = $4,"
        " ended_at = $5 WHERE id = $1",
        id, state, status, error, ended_at,
    )  # fmt: skip


async def list_deliveries(tx: Transaction, limit: int) -> list[dict[str, Any]]:
    """The latest, newest first, without their bodies."""
    columns = (
        "id",
        "url",
        "event_id",
        "topic",
        "state",
        "attempts",
        "last_status",
        "last_error",
        "created_at",
        "ended_at",
    )
    rows = await tx.fetch_all(
        f"SELECT {', '.join(columns)} FROM kernel_webhook_delivery ORDER BY created_at DESC, id LIMIT $1", limit
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


async def delete_deliveries_before(tx: Transaction, at: str) -> int:
    return await tx.execute("DELETE FROM kernel_webhook_delivery WHERE created_at < $1", at)
