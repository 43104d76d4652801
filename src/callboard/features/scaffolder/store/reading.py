"""Tasks and events as people ask for them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson

from callboard.features.scaffolder.interface import Task, TaskEvent, TaskQuery, TaskStep
from callboard.features.scaffolder.permissions import task_sql
from callboard.features.scaffolder.store.rows import (
    EVENT_COLUMNS,
    STEP_COLUMNS,
    TASK_COLUMNS,
    event_of,
    step_of,
    task_of,
)
from callboard.kernel.db.interface import Transaction

_ORDERS = {"created_at": "seq", "state": "state", "created_by": "created_by"}


async def find_task(tx: Transaction, id: str) -> Task | None:
    """With its steps."""
    row = await tx.fetch_one(f"SELECT {TASK_COLUMNS} FROM scaffolder_task WHERE id = $1", id)
    if row is None:
        return None
    steps = await list_steps(tx, id)
    return task_of(row, steps, is_waiting=any(step.state == "waiting" for step in steps))


async def list_steps(tx: Transaction, id: str) -> list[TaskStep]:
    rows = await tx.fetch_all(
        f"SELECT {STEP_COLUMNS} FROM scaffolder_task_step WHERE task_id = $1 ORDER BY position", id
    )
    return [step_of(row) for row in rows]


async def list_tasks(tx: Transaction, query: TaskQuery, condition: Any | None) -> tuple[list[Task], int]:
    """Those that fit the query and the compiled condition of a permission, without their steps; and how many there are."""
    args: list[Any] = []

    def among(column: str, values: Sequence[str]) -> str:
        args.append(tx.list_arg(values))
        return tx.any_of(column, len(args))

    tests = []
    for column, values in (
        ("created_by", query.created_by),
        ("state", query.states),
        ("template_ref", query.template_refs),
    ):
        if values:
            tests.append(among(column, [value.lower() for value in values]))
    if condition is not None:
        tests.append(task_sql(condition, lambda refs: among("created_by", list(refs))))
    where = f"WHERE {' AND '.join(tests)}" if tests else ""
    total = await tx.fetch_value(f"SELECT count(*) FROM scaffolder_task {where}", *args)
    order = [f"{_ORDERS[name]} {'ASC' if way == 'asc' else 'DESC'}" for name, way in query.order]
    if not any(name == "created_at" for name, _ in query.order):
        order.append("seq DESC")
    page = ""
    if query.limit is not None or query.offset:
        args += [query.limit if query.limit is not None else 2**31 - 1, query.offset]
        page = f"LIMIT ${len(args) - 1} OFFSET ${len(args)}"
    rows = await tx.fetch_all(
        f"SELECT {TASK_COLUMNS} FROM scaffolder_task {where} ORDER BY {', '.join(order)} {page}", *args
    )
    going = [row[0] for row in rows if row[2] == "processing"]
    waiting: set[str] = set()
    if going:
        found = await tx.fetch_all(
            f"SELECT task_id FROM scaffolder_task_step WHERE state = 'waiting' AND {tx.any_of('task_id', 1)}",
            tx.list_arg(going),
        )
        waiting = {row[0] for row in found}
    return [task_of(row, is_waiting=row[0] in waiting) for row in rows], int(total)


async def find_creator(tx: Transaction, id: str) -> tuple[str | None, Mapping[str, Any]] | None:
    """Who started the task, and its spec; None when there is no such task."""
    row = await tx.fetch_one("SELECT created_by, spec FROM scaffolder_task WHERE id = $1", id)
    return None if row is None else (row[0], orjson.loads(row[1]))


async def list_events(tx: Transaction, id: str, after: int | None, spec: Mapping[str, Any]) -> list[TaskEvent]:
    """In order; the completion is among them whatever ``after`` says."""
    rows = await tx.fetch_all(
        f"SELECT {EVENT_COLUMNS} FROM scaffolder_task_event e WHERE e.task_id = $1"
        " AND (e.id > $2 OR e.type = 'completion') ORDER BY e.id",
        id,
        -1 if after is None else after,
    )
    return [event_of(row, spec) for row in rows]
