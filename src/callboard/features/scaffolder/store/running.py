"""What the running of tasks writes. Whoever runs one holds its ``run``: a word that another attempt changes when it takes over.

Every write of events first writes the row of its task, so that the numbers of a task's events are in the order of their commits, and
those who follow them miss none.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

import orjson

from callboard.features.scaffolder.interface import TaskState
from callboard.features.scaffolder.spec import TaskSpec
from callboard.features.scaffolder.store.rows import dump
from callboard.kernel.db.interface import Transaction

ENDED: tuple[TaskState, ...] = ("completed", "failed", "cancelled")
CHANNEL = "callboard_scaffolder"
"""Notices: ``e <id>`` there are events, ``c <id>`` it is to be cancelled."""


class Held(NamedTuple):
    """What stands of a task. ``secrets`` are sealed. ``run`` is None while nobody works on it."""

    id: str
    state: TaskState
    spec: str
    actor: str
    created_by: str | None
    template_ref: str | None
    secrets: bytes | None
    is_sealed: bool
    run: str | None
    attempt: int
    takeovers: int
    started_at: str | None
    cancel_at: str | None
    snapshot: str | None


class HeldStep(NamedTuple):
    id: str
    state: str
    output: bytes | None


_HELD = (
    "id, state, spec, actor, created_by, template_ref, secrets, is_sealed, run, attempt, takeovers, started_at, cancel_at,"
    " snapshot"
)


async def insert_task(
    tx: Transaction,
    id: str,
    spec: TaskSpec,
    *,
    actor: str,
    created_by: str | None,
    template_ref: str | None,
    secrets: bytes | None,
    is_sealed: bool,
    now: str,
) -> None:
    await tx.execute(
        "INSERT INTO scaffolder_task (id, state, spec, actor, created_at, created_by, template_ref, secrets, is_sealed,"
        " attempt, takeovers) VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, 0, 0)",
        id,
        dump(spec.data),
        actor,
        now,
        created_by,
        template_ref,
        secrets,
        int(is_sealed),
    )
    rows = [(id, at, step.id, step.name, step.action, "open") for at, step in enumerate(spec.steps)]
    await tx.execute_many(
        "INSERT INTO scaffolder_task_step (task_id, position, id, name, action, state) VALUES ($1, $2, $3, $4, $5, $6)",
        rows,
    )


async def lock_task(tx: Transaction, id: str) -> Held | None:
    """The task, which nobody else writes until this transaction ends."""
    row = await tx.fetch_one(f"UPDATE scaffolder_task SET state = state WHERE id = $1 RETURNING {_HELD}", id)
    return None if row is None else _held(row)


async def find_held(tx: Transaction, id: str) -> Held | None:
    row = await tx.fetch_one(f"SELECT {_HELD} FROM scaffolder_task WHERE id = $1", id)
    return None if row is None else _held(row)


def _held(row: Sequence[Any]) -> Held:
    return Held(*row)._replace(is_sealed=bool(row[7]))


async def claim(tx: Transaction, id: str, run: str, now: str, *, is_takeover: bool) -> None:
    await tx.execute(
        "UPDATE scaffolder_task SET state = 'processing', run = $2, attempt = attempt + 1, takeovers = takeovers + $4,"
        " started_at = COALESCE(started_at, $3), heartbeat_at = $3 WHERE id = $1",
        id,
        run,
        now,
        int(is_takeover),
    )
    if is_takeover:
        await tx.execute(
            "UPDATE scaffolder_task_step SET state = 'open', started_at = NULL WHERE task_id = $1 AND state = 'processing'",
            id,
        )


async def list_held_steps(tx: Transaction, id: str) -> list[HeldStep]:
    rows = await tx.fetch_all(
        "SELECT id, state, output FROM scaffolder_task_step WHERE task_id = $1 ORDER BY position", id
    )
    return [HeldStep(*row) for row in rows]


async def beat(tx: Transaction, id: str, run: str, now: str) -> tuple[bool, bool]:
    """Whether the task is still ours, and whether it is to be cancelled."""
    row = await tx.fetch_one(
        "UPDATE scaffolder_task SET heartbeat_at = $3 WHERE id = $1 AND run = $2 RETURNING cancel_at", id, run, now
    )
    return (False, False) if row is None else (True, row[0] is not None)


async def keep_snapshot(tx: Transaction, id: str, snapshot: str | None) -> None:
    await tx.execute("UPDATE scaffolder_task SET snapshot = $2 WHERE id = $1", id, snapshot)


async def insert_events(tx: Transaction, id: str, now: str, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Events of (type, body), after the row of the task was written in this transaction; and tell who follows them."""
    rows = [(id, type, now, dump(body)) for type, body in events]
    await tx.execute_many(
        "INSERT INTO scaffolder_task_event (task_id, type, created_at, body) VALUES ($1, $2, $3, $4)", rows
    )
    await tx.notify(CHANNEL, f"e {id}")


async def change_step(tx: Transaction, id: str, step_id: str, state: str, now: str, error: str | None = None) -> None:
    """Steps that begin, fail, wait or are passed over."""
    args: list[Any] = [id, step_id, state, error]
    time = ""
    if state != "waiting":
        args.append(now)
        time = f", {'started_at' if state == 'processing' else 'ended_at'} = $5"
    await tx.execute(
        f"UPDATE scaffolder_task_step SET state = $3, error = $4{time} WHERE task_id = $1 AND id = $2", *args
    )


async def finish_step(tx: Transaction, id: str, step_id: str, output: bytes, now: str) -> None:
    await tx.execute(
        "UPDATE scaffolder_task_step SET state = 'completed', ended_at = $3, output = $4, error = NULL"
        " WHERE task_id = $1 AND id = $2",
        id,
        step_id,
        now,
        output,
    )


async def end_task(
    tx: Transaction, id: str, state: TaskState, now: str, *, output: Mapping[str, Any], error: Mapping[str, str] | None
) -> None:
    """Secrets go; what steps gave stays sealed for another try, unless all is done."""
    await tx.execute(
        "UPDATE scaffolder_task SET state = $2, ended_at = $3, heartbeat_at = $3, output = $4, error = $5, secrets = NULL,"
        " run = NULL, cancel_at = NULL WHERE id = $1",
        id,
        state,
        now,
        dump(output),
        None if error is None else dump(error),
    )
    ended = "cancelled" if state == "cancelled" else "failed"
    await tx.execute(
        "UPDATE scaffolder_task_step SET state = CASE WHEN state = 'open' THEN 'skipped' ELSE $2 END, ended_at = $3"
        " WHERE task_id = $1 AND state IN ('open', 'processing', 'waiting')",
        id,
        ended,
        now,
    )
    if state == "completed":
        await tx.execute("UPDATE scaffolder_task_step SET output = NULL WHERE task_id = $1", id)
        await tx.execute("DELETE FROM scaffolder_task_checkpoint WHERE task_id = $1", id)


async def let_go(tx: Transaction, id: str, run: str, *, waits: bool) -> None:
    """Nobody works on it any more: it waits for something outside, or for another replica."""
    state = "processing" if waits else "open"
    await tx.execute("UPDATE scaffolder_task SET run = NULL, state = $3 WHERE id = $1 AND run = $2", id, run, state)
    if not waits:
        await tx.execute(
            "UPDATE scaffolder_task_step SET state = 'open', started_at = NULL WHERE task_id = $1 AND state = 'processing'",
            id,
        )


async def ask_cancel(tx: Transaction, id: str, now: str) -> None:
    await tx.execute("UPDATE scaffolder_task SET cancel_at = $2 WHERE id = $1", id, now)
    await tx.notify(CHANNEL, f"c {id}")


async def reopen(tx: Transaction, id: str, secrets: bytes | None, *, is_sealed: bool) -> None:
    """Ready for another try of what has not ended."""
    await tx.execute(
        "UPDATE scaffolder_task SET state = 'open', run = NULL, takeovers = 0, ended_at = NULL, cancel_at = NULL,"
        " output = NULL, error = NULL, secrets = $2, is_sealed = $3 WHERE id = $1",
        id,
        secrets,
        int(is_sealed),
    )
    await tx.execute(
        "UPDATE scaffolder_task_step SET state = 'open', started_at = NULL, ended_at = NULL, error = NULL"
        " WHERE task_id = $1 AND state <> 'completed'",
        id,
    )
    await tx.execute("DELETE FROM scaffolder_task_event WHERE task_id = $1 AND type IN ('cancelled', 'completion')", id)


async def start_over(tx: Transaction, id: str, *, trims: bool) -> None:
    """Forget what steps did. ``trims``: what was told of them, too."""
    await tx.execute(
        "UPDATE scaffolder_task_step SET state = 'open', started_at = NULL, ended_at = NULL, error = NULL, output = NULL"
        " WHERE task_id = $1",
        id,
    )
    await tx.execute("DELETE FROM scaffolder_task_checkpoint WHERE task_id = $1", id)
    await tx.execute("UPDATE scaffolder_task SET snapshot = NULL WHERE id = $1", id)
    if trims:
        await tx.execute("DELETE FROM scaffolder_task_event WHERE task_id = $1", id)


# ---- checkpoints -------------------------------------------------------------------------------------------------------


async def list_checkpoints(tx: Transaction, id: str) -> dict[tuple[str, str], bytes]:
    rows = await tx.fetch_all("SELECT step_id, key, value FROM scaffolder_task_checkpoint WHERE task_id = $1", id)
    return {(row[0], row[1]): bytes(row[2]) for row in rows}


async def keep_checkpoint(tx: Transaction, id: str, step_id: str, key: str, value: bytes) -> None:
    await tx.execute(
        "INSERT INTO scaffolder_task_checkpoint (task_id, step_id, key, value) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (task_id, step_id, key) DO UPDATE SET value = excluded.value",
        id,
        step_id,
        key,
        value,
    )


# ---- looking after tasks -----------------------------------------------------------------------------------------------


async def list_unheard(tx: Transaction, before: str) -> list[str]:
    """Tasks that are worked on and gave no sign of life since then; not those that wait for something outside."""
    rows = await tx.fetch_all(
        "SELECT id FROM scaffolder_task WHERE state = 'processing' AND run IS NOT NULL AND heartbeat_at < $1", before
    )
    return [row[0] for row in rows]


async def list_open(tx: Transaction, before: str) -> list[str]:
    """Tasks that nobody has begun since then."""
    rows = await tx.fetch_all("SELECT id FROM scaffolder_task WHERE state = 'open' AND created_at < $1", before)
    return [row[0] for row in rows]


async def list_forgettable(tx: Transaction, before: str, limit: int) -> list[str]:
    rows = await tx.fetch_all(
        "SELECT id FROM scaffolder_task WHERE ended_at < $1 ORDER BY ended_at LIMIT $2", before, limit
    )
    return [row[0] for row in rows]


async def delete_tasks(tx: Transaction, ids: Sequence[str]) -> None:
    """With all that belongs to them."""
    given = tx.list_arg(ids)
    for table in (
        "scaffolder_task_step",
        "scaffolder_task_event",
        "scaffolder_task_checkpoint",
        "scaffolder_workspace",
    ):
        await tx.execute(f"DELETE FROM {table} WHERE {tx.any_of('task_id', 1)}", given)
    await tx.execute(f"DELETE FROM scaffolder_task WHERE {tx.any_of('id', 1)}", given)


async def list_runs(tx: Transaction) -> set[str]:
    """Of all tasks that somebody works on."""
    rows = await tx.fetch_all("SELECT run FROM scaffolder_task WHERE run IS NOT NULL")
    return {row[0] for row in rows}


async def list_needing_snapshots(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Those of these tasks that may still go on from a snapshot; one that works may be about to name its own."""
    rows = await tx.fetch_all(
        f"SELECT id FROM scaffolder_task WHERE {tx.any_of('id', 1)} AND state <> 'completed'"
        " AND (ended_at IS NULL OR snapshot IS NOT NULL)",
        tx.list_arg(ids),
    )
    return {row[0] for row in rows}


async def expire_snapshots(tx: Transaction, before: str, name: str) -> list[str]:
    """Tasks that ended before then and whose files are not to be kept any longer; their snapshot is called ``name`` now.

    What their steps gave goes with the files.
    """
    rows = await tx.fetch_all(
        "UPDATE scaffolder_task SET snapshot = $2 WHERE state IN ('failed', 'cancelled') AND ended_at < $1"
        " AND (snapshot IS NULL OR snapshot <> $2) RETURNING id",
        before,
        name,
    )
    ids = [row[0] for row in rows]
    if ids:
        given = tx.list_arg(ids)
        await tx.execute(f"UPDATE scaffolder_task_step SET output = NULL WHERE {tx.any_of('task_id', 1)}", given)
        await tx.execute(f"DELETE FROM scaffolder_task_checkpoint WHERE {tx.any_of('task_id', 1)}", given)
    return ids


async def read_key(tx: Transaction) -> bytes | None:
    found = await tx.fetch_value("SELECT body FROM scaffolder_key WHERE id = 1")
    return None if found is None else bytes(found)


async def ensure_key(tx: Transaction, body: bytes) -> bytes:
    """The key that is kept; ``body`` where there was none."""
    await tx.execute("INSERT INTO scaffolder_key (id, body) VALUES (1, $1) ON CONFLICT (id) DO NOTHING", body)
    kept = await read_key(tx)
    assert kept is not None
    return kept


def load_spec(held: Held) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(held.spec)
    return found
