"""All the SQL of jobs and schedules. Times are text, as ``clock.format_time`` writes them.

Of the jobs of one kind and key at most one waits (a unique index) and at most one runs (``_CLAIM``).
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Sequence

import orjson

from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Dialect, Transaction
from callboard.kernel.errors import ConflictError
from callboard.kernel.jobs.kinds import JobInfo

CHANNEL = "callboard_jobs"


class Claimed(NamedTuple):
    """A job that was just leased."""

    id: int
    kind: str
    key: str | None
    payload: str
    attempt: int
    priority: int
    run_at: str


class Due(NamedTuple):
    """When the next job of a kind may start, and when the first lease of one ends; None if there is none."""

    kind: str
    run_at: str | None
    lease_until: str | None


_ENQUEUE = """
INSERT INTO kernel_job (kind, key, payload, priority, state, run_at, created_at)
VALUES ($1, $2, $3, $4, 'waiting', $5, $6)
ON CONFLICT (kind, key) WHERE state = 'waiting' AND key IS NOT NULL DO UPDATE SET
  payload = excluded.payload,
  priority = CASE WHEN excluded.priority > kernel_job.priority THEN excluded.priority ELSE kernel_job.priority END,
  run_at = CASE WHEN excluded.run_at < kernel_job.run_at THEN excluded.run_at ELSE kernel_job.run_at END
"""


async def enqueue(
    tx: Transaction, kind: str, key: str | None, payload: bytes, priority: int, run_at: str, now: str
) -> int:
    """Store a waiting job and tell the replicas. Onto one that waits with the same key: the newer payload, the earlier time."""
    if tx.dialect == "postgresql":  # told in the same trip
        sql = f"{_ENQUEUE} RETURNING id, pg_notify('{CHANNEL}', kind)"
    else:
        sql = f"{_ENQUEUE} RETURNING id"
        await tx.notify(CHANNEL, kind)
    id: int = await tx.fetch_value(sql, kind, key, payload.decode(), priority, run_at, now)
    return id


async def enqueue_many(tx: Transaction, kind: str, rows: Iterable[Sequence[Any]]) -> None:
    """``rows`` of (key, payload text, priority, run_at, now)."""
    await tx.execute_many(_ENQUEUE, [(kind, *row) for row in rows])
    await tx.notify(CHANNEL, kind)


_DUE = """
SELECT k.value,
  (SELECT min(run_at) FROM kernel_job WHERE kind = k.value AND state = 'waiting'),
  (SELECT min(lease_until) FROM kernel_job WHERE kind = k.value AND state = 'running')
FROM {kinds} AS k {alias}
"""
_DUE_BY_DIALECT: dict[Dialect, str] = {
    "sqlite": _DUE.format(kinds="json_each($1)", alias=""),
    "postgresql": _DUE.format(kinds="unnest($1::text[])", alias="(value)"),
}


async def list_due(tx: Transaction, kinds: Iterable[str]) -> list[Due]:
    """One row for each of ``kinds``."""
    rows = await tx.fetch_all(_DUE_BY_DIALECT[tx.dialect], tx.list_arg(kinds))
    return [Due(*row) for row in rows]


_CLAIM = """
UPDATE kernel_job SET state = 'running', attempt = attempt + 1, started_at = $2, lease_owner = $3, lease_until = $4
WHERE id {among}
RETURNING id, kind, key, payload, attempt, priority, run_at
"""
_WAITING = """
SELECT j.id FROM kernel_job j WHERE j.kind = $1 AND j.state = 'waiting' AND j.run_at <= $2
AND (j.key IS NULL OR NOT EXISTS (
  SELECT 1 FROM kernel_job r WHERE r.kind = j.kind AND r.key = j.key AND r.state = 'running'))
ORDER BY j.priority DESC, j.run_at, j.id LIMIT $5
"""
_EXPIRED = """
SELECT j.id FROM kernel_job j WHERE j.kind = $1 AND j.state = 'running' AND j.lease_until < $2
ORDER BY j.priority DESC, j.run_at, j.id LIMIT $5
"""


def _claim_sql(dialect: Dialect, choice: str) -> str:
    if dialect == "sqlite":
        return _CLAIM.format(among=f"IN ({choice})")
    # The array makes PostgreSQL choose once; as a plain subquery it may be run again for each row.
    return _CLAIM.format(among=f"= ANY(ARRAY({choice} FOR UPDATE OF j SKIP LOCKED))")


_CLAIM_WAITING: dict[Dialect, str] = {d: _claim_sql(d, _WAITING) for d in ("sqlite", "postgresql")}
_CLAIM_EXPIRED: dict[Dialect, str] = {d: _claim_sql(d, _EXPIRED) for d in ("sqlite", "postgresql")}


async def claim(
    tx: Transaction, kind: str, *, now: str, owner: str, until: str, limit: int, expired: bool
) -> list[Claimed]:
    """Lease up to ``limit`` jobs that are due, or whose lease has ended, most urgent first."""
    sql = (_CLAIM_EXPIRED if expired else _CLAIM_WAITING)[tx.dialect]
    claimed = [Claimed(*row) for row in await tx.fetch_all(sql, kind, now, owner, until, limit)]
    claimed.sort(key=lambda job: (-job.priority, job.run_at, job.id))
    return claimed


async def list_owners(tx: Transaction) -> list[str]:
    """Everybody who holds a lease, ended or not."""
    rows = await tx.fetch_all("SELECT DISTINCT lease_owner FROM kernel_job WHERE state = 'running'")
    return [row[0] for row in rows if row[0]]


async def end_leases(tx: Transaction, owners: Iterable[str]) -> None:
    """Have the leases of ``owners`` be over: their jobs may be taken at once."""
    await tx.execute(
        "UPDATE kernel_job SET lease_until = '1970-01-01T00:00:00.000Z' WHERE state = 'running'"
        f" AND {tx.any_of('lease_owner', 1)}",
        tx.list_arg(owners),
    )


async def renew(tx: Transaction, job: Claimed, owner: str, until: str) -> bool:
    """Whether the job was still ours; if so, its lease lasts until then."""
    return bool(
        await tx.execute(
            "UPDATE kernel_job SET lease_until = $4 WHERE id = $1 AND state = 'running' AND lease_owner = $2"
            " AND attempt = $3",
            job.id,
            owner,
            job.attempt,
            until,
        )
    )


async def finish(tx: Transaction, job: Claimed, owner: str) -> bool:
    """Whether the job was still ours; if so, it is gone."""
    return bool(
        await tx.execute(
            "DELETE FROM kernel_job WHERE id = $1 AND state = 'running' AND lease_owner = $2 AND attempt = $3",
            job.id,
            owner,
            job.attempt,
        )
    )


async def put_back(tx: Transaction, job: Claimed, owner: str, *, run_at: str, attempt: int, error: str | None) -> None:
    """Have it wait again, if it is still ours. Where one with its key waits already, that one is enough.

    Raises ``ConflictError`` when such a one arrives at this very moment; then call ``finish`` in a new transaction.
    """
    await tx.execute(
        "UPDATE kernel_job SET state = 'waiting', run_at = $4, attempt = $5, last_error = $6, lease_owner = NULL,"
        " lease_until = NULL WHERE id = $1 AND state = 'running' AND lease_owner = $2 AND attempt = $3"
        " AND NOT EXISTS (SELECT 1 FROM kernel_job w WHERE w.kind = kernel_job.kind AND w.key = kernel_job.key"
        " AND w.state = 'waiting')",
        job.id,
        owner,
        job.attempt,
        run_at,
        attempt,
        error,
    )
    await finish(tx, job, owner)
    await tx.notify(CHANNEL, job.kind)


async def bury(tx: Transaction, job: Claimed, owner: str, error: str) -> None:
    """Keep it as dead, if it is still ours."""
    await tx.execute(
        "UPDATE kernel_job SET state = 'dead', last_error = $4, lease_owner = NULL, lease_until = NULL"
        " WHERE id = $1 AND state = 'running' AND lease_owner = $2 AND attempt = $3",
        job.id,
        owner,
        job.attempt,
        error,
    )


async def count(tx: Transaction) -> dict[tuple[str, str], int]:
    """Number of jobs by (kind, state)."""
    rows = await tx.fetch_all("SELECT kind, state, count(*) FROM kernel_job GROUP BY kind, state")
    return {(row[0], row[1]): row[2] for row in rows}


async def list_jobs(tx: Transaction, state: str, before: int | None, limit: int) -> list[JobInfo]:
    """Newest first, older than job ``before`` if given."""
    rows = await tx.fetch_all(
        "SELECT id, kind, key, state, run_at, attempt, priority, payload, last_error FROM kernel_job"
        " WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        state,
        before if before is not None else 2**63 - 1,
        limit,
    )
    return [
        JobInfo(row[0], row[1], row[2], row[3], parse_time(row[4]), row[5], row[6], orjson.loads(row[7]), row[8])
        for row in rows
    ]


async def revive(tx: Transaction, id: int, now: str) -> str | None:
    """Have a dead job wait again, with all its attempts; its kind, None if no dead job has that id.

    Raises ``ConflictError`` when one with its key waits already.
    """
    try:
        kind: str | None = await tx.fetch_value(
            "UPDATE kernel_job SET state = 'waiting', run_at = $2, attempt = 0 WHERE id = $1 AND state = 'dead'"
            " RETURNING kind",
            id,
            now,
        )
    except ConflictError as error:
        raise ConflictError(f"Job {id} has a successor that waits already; there is no need to repeat it.") from error
    if kind is not None:
        await tx.notify(CHANNEL, kind)
    return kind


async def delete_dead(tx: Transaction, before: str) -> int:
    """Forget dead jobs that were last started before then; how many."""
    return await tx.execute("DELETE FROM kernel_job WHERE state = 'dead' AND started_at < $1", before)


# Schedules ------------------------------------------------------------------------------------------------------------


class StoredSchedule(NamedTuple):
    """A schedule's times. ``is_running``: one of its jobs is, in some replica."""

    name: str
    next_run_at: str
    last_started_at: str | None
    last_ended_at: str | None
    last_error: str | None
    is_running: bool


async def ensure_schedules(tx: Transaction, rows: Iterable[Sequence[Any]]) -> None:
    """``rows`` of (name, kind, every_ms, first run, latest next run). Known ones keep their next run, unless it is later."""
    await tx.execute_many(
        "INSERT INTO kernel_schedule (name, kind, every_ms, next_run_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, every_ms = excluded.every_ms, next_run_at ="
        " CASE WHEN kernel_schedule.next_run_at > $5 THEN $5 ELSE kernel_schedule.next_run_at END",
        rows,
    )


async def next_schedule(tx: Transaction, names: Iterable[str]) -> list[tuple[str, str]]:
    """(name, next run) of those of ``names`` that are stored, soonest first."""
    rows = await tx.fetch_all(
        f"SELECT name, next_run_at FROM kernel_schedule WHERE {tx.any_of('name', 1)} ORDER BY next_run_at",
        tx.list_arg(names),
    )
    return [(row[0], row[1]) for row in rows]


async def advance_schedule(tx: Transaction, name: str, now: str, following: str) -> bool:
    """Whether it was due and nobody else took this run; if so, the next one is at ``following``."""
    return bool(
        await tx.execute(
            "UPDATE kernel_schedule SET next_run_at = $3 WHERE name = $1 AND next_run_at <= $2", name, now, following
        )
    )


async def trigger_schedule(tx: Transaction, name: str, now: str) -> None:
    """Make it due now."""
    await tx.execute("UPDATE kernel_schedule SET next_run_at = $2 WHERE name = $1", name, now)
    await tx.notify(CHANNEL, "")


async def note_start(tx: Transaction, name: str, now: str) -> None:
    await tx.execute("UPDATE kernel_schedule SET last_started_at = $2 WHERE name = $1", name, now)


async def note_end(tx: Transaction, name: str, now: str, error: str | None) -> None:
    await tx.execute("UPDATE kernel_schedule SET last_ended_at = $2, last_error = $3 WHERE name = $1", name, now, error)


async def list_schedules(tx: Transaction) -> dict[str, StoredSchedule]:
    """All that are stored, by name."""
    rows = await tx.fetch_all(
        "SELECT s.name, s.next_run_at, s.last_started_at, s.last_ended_at, s.last_error,"
        " CASE WHEN EXISTS (SELECT 1 FROM kernel_job j WHERE j.kind = s.kind AND j.key = 'schedule:' || s.name"
        " AND j.state = 'running') THEN 1 ELSE 0 END FROM kernel_schedule s"
    )
    return {row[0]: StoredSchedule(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in rows}
