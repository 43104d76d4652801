"""All the SQL of approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Iterable, Sequence

from callboard.features.scaffolder.approvals.domain import Approval, Decision
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Row, Transaction

_COLUMNS = (
    "a.id, a.task_id, a.step_id, a.title, a.message, a.template_ref, a.asked_by, a.minimum, a.allows_starter, a.state, a.created_at,"
    " a.due_at, a.reminder_s, a.remind_at, a.closed_at, a.was_told"
)
_LIVES = "EXISTS (SELECT 1 FROM scaffolder_task t WHERE t.id = a.task_id AND t.state IN ('open', 'processing'))"


async def insert(tx: Transaction, one: Approval) -> bool:
    """False when it is there already."""
    made = await tx.execute(
        "INSERT INTO scaffolder_approval (id, task_id, step_id, title, message, template_ref, asked_by, minimum, allows_starter, state,"
        " created_at, due_at, reminder_s, remind_at, was_told) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0)"
        " ON CONFLICT (id) DO NOTHING",
        one.id, one.task_id, one.step_id, one.title, one.message, one.template_ref, one.asked_by, one.minimum,
        int(one.allows_starter), one.state, format_time(one.created_at), format_time(one.due_at),
        None if one.reminder is None else int(one.reminder.total_seconds()),
        None if one.remind_at is None else format_time(one.remind_at),
    )  # fmt: skip
    if made:
        rows = [(one.id, ref) for ref in one.approvers]
        await tx.execute_many("INSERT INTO scaffolder_approval_approver (approval_id, ref) VALUES ($1, $2)", rows)
    return bool(made)


async def lock(tx: Transaction, id: str) -> Approval | None:
    """The approval, which nobody else writes until this transaction ends."""
    await tx.execute("UPDATE scaffolder_approval SET state = state WHERE id = $1", id)
    return await find(tx, id)


async def find(tx: Transaction, id: str) -> Approval | None:
    row = await tx.fetch_one(f"SELECT {_COLUMNS} FROM scaffolder_approval a WHERE a.id = $1", id)
    return None if row is None else (await _filled(tx, [row]))[0]


async def task_lives(tx: Transaction, id: str) -> bool:
    """Whether the task of the approval has not ended."""
    return await tx.fetch_value(f"SELECT 1 FROM scaffolder_approval a WHERE a.id = $1 AND {_LIVES}", id) is not None


async def put_decision(tx: Transaction, id: str, decision: Decision) -> None:
    await tx.execute(
        "INSERT INTO scaffolder_approval_decision (approval_id, decided_by, verdict, reason, decided_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (approval_id, decided_by) DO UPDATE SET"
        " verdict = excluded.verdict, reason = excluded.reason, decided_at = excluded.decided_at",
        id, decision.by, decision.verdict, decision.reason, format_time(decision.at),
    )  # fmt: skip


async def close(tx: Transaction, id: str, state: str, at: str) -> None:
    sql = "UPDATE scaffolder_approval SET state = $2, closed_at = $3, remind_at = NULL WHERE id = $1 AND state = 'open'"
    await tx.execute(sql, id, state, at)


async def put_reminder(tx: Transaction, id: str, at: str) -> None:
    await tx.execute("UPDATE scaffolder_approval SET remind_at = $2 WHERE id = $1", id, at)


async def note_told(tx: Transaction, id: str) -> None:
    await tx.execute("UPDATE scaffolder_approval SET was_told = 1 WHERE id = $1", id)


async def list_for(
    tx: Transaction, refs: Iterable[str], subject: str, *, is_open: bool, limit: int, offset: int
) -> tuple[list[Approval], int]:
    """What people of ``refs`` are asked, longest waiting first; else what ``subject`` decided, newest first."""
    if is_open:
        where = (
            f"a.state = 'open' AND {_LIVES} AND (a.allows_starter = 1 OR a.asked_by IS NULL OR a.asked_by <> $2)"
            " AND EXISTS (SELECT 1 FROM scaffolder_approval_approver p WHERE p.approval_id = a.id AND"
            f" {tx.any_of('p.ref', 1)})"
        )
        order, given = "a.created_at, a.id", [tx.list_arg(refs), subject]
    else:
        where = (
            "EXISTS (SELECT 1 FROM scaffolder_approval_decision d WHERE d.approval_id = a.id AND d.decided_by = $1)"
            " AND CAST($2 AS TEXT) IS NOT NULL"
        )
        order, given = "a.created_at DESC, a.id", [subject, subject]
    total: int = await tx.fetch_value(f"SELECT count(*) FROM scaffolder_approval a WHERE {where}", *given)
    sql = f"SELECT {_COLUMNS} FROM scaffolder_approval a WHERE {where} ORDER BY {order} LIMIT $3 OFFSET $4"
    return await _filled(tx, await tx.fetch_all(sql, *given, limit, offset)), total


async def list_of_task(tx: Transaction, task_id: str) -> list[Approval]:
    """In the order asked."""
    sql = f"SELECT {_COLUMNS} FROM scaffolder_approval a WHERE a.task_id = $1 ORDER BY a.created_at, a.id"
    return await _filled(tx, await tx.fetch_all(sql, task_id))


async def _filled(tx: Transaction, rows: Sequence[Row]) -> list[Approval]:
    """With approvers and decisions, in two statements for all."""
    found = [_approval(row) for row in rows]
    ids = tx.list_arg([one.id for one in found])
    approvers: dict[str, list[str]] = {one.id: [] for one in found}
    decisions: dict[str, list[Decision]] = {one.id: [] for one in found}
    sql = f"SELECT approval_id, ref FROM scaffolder_approval_approver WHERE {tx.any_of('approval_id', 1)} ORDER BY ref"
    for id, ref in await tx.fetch_all(sql, ids):
        approvers[id].append(ref)
    sql = (
        "SELECT approval_id, decided_by, verdict, reason, decided_at FROM scaffolder_approval_decision"
        f" WHERE {tx.any_of('approval_id', 1)} ORDER BY decided_at, decided_by"
    )
    for id, by, verdict, reason, at in await tx.fetch_all(sql, ids):
        decisions[id].append(Decision(by, verdict, reason, parse_time(at)))
    return [replace(one, approvers=approvers[one.id], decisions=decisions[one.id]) for one in found]


def _approval(row: Row) -> Approval:
    (id, task_id, step_id, title, message, template_ref, asked_by, minimum, allows_starter, state, created_at, due_at, reminder_s,
     remind_at, closed_at, was_told) = row  # fmt: skip
    return Approval(
        id=id, task_id=task_id, step_id=step_id, title=title, message=message, template_ref=template_ref, asked_by=asked_by,
        approvers=(), minimum=minimum, allows_starter=bool(allows_starter), state=state, created_at=parse_time(created_at),
        due_at=parse_time(due_at), reminder=None if reminder_s is None else timedelta(seconds=reminder_s),
        remind_at=_time(remind_at), closed_at=_time(closed_at), was_told=bool(was_told),
    )  # fmt: skip


def _time(text: Any) -> Any:
    return None if text is None else parse_time(text)
