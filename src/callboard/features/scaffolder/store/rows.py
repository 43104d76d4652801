"""Rows of tasks, steps and events to the values that others see."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, cast

import orjson

from callboard.features.scaffolder.interface import EventType, StepState, Task, TaskEvent, TaskState, TaskStep
from callboard.features.scaffolder.spec import recovery_of

TASK_COLUMNS = (
    "id, spec, state, created_at, created_by, template_ref, heartbeat_at, started_at, ended_at, output, error, attempt"
)
STEP_COLUMNS = "id, name, action, state, started_at, ended_at, error"
EVENT_COLUMNS = "e.id, e.task_id, e.type, e.created_at, e.body"


def task_of(row: Sequence[Any], steps: Sequence[TaskStep] = (), *, is_waiting: bool = False) -> Task:
    """From ``TASK_COLUMNS``."""
    id, spec, state, created_at, created_by, template_ref, heartbeat_at, started_at, ended_at, output, error, tries = (
        row
    )
    return Task(
        id=id,
        spec=orjson.loads(spec),
        state=cast(TaskState, state),
        created_at=created_at,
        created_by=created_by,
        template_ref=template_ref,
        last_heartbeat_at=heartbeat_at,
        started_at=started_at,
        ended_at=ended_at,
        output={} if output is None else orjson.loads(output),
        error=None if error is None else orjson.loads(error),
        steps=steps,
        attempt=tries,
        is_waiting=is_waiting,
    )


def step_of(row: Sequence[Any]) -> TaskStep:
    """From ``STEP_COLUMNS``."""
    return TaskStep(row[0], row[1], row[2], cast(StepState, row[3]), row[4], row[5], row[6])


def event_of(row: Sequence[Any], spec: Mapping[str, Any]) -> TaskEvent:
    """From ``EVENT_COLUMNS`` and the spec of its task."""
    recoverable = recovery_of(spec) == "startOver"
    return TaskEvent(row[0], row[1], cast(EventType, row[2]), row[3], orjson.loads(row[4]), recoverable)


def dump(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
