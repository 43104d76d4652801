"""Schedules as Backstage's scheduler wire shows them (``GET /api/<plugin>/.backstage/scheduler/v1/tasks``).

Source: recorded answers of Backstage 1.55 for idle tasks; its ``TaskApiTasksResponse`` for the other states.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from callboard.kernel.jobs.kinds import JobKind, Schedule
from callboard.kernel.jobs.store import StoredSchedule
from callboard.kernel.settings.durations import format_duration


def task_of(schedule: Schedule, kind: JobKind, stored: StoredSchedule | None) -> dict[str, Any]:
    """One element of ``tasks``; keys that have no value are left out, as Backstage does."""
    settings = {"version": 2, "cadence": format_duration(schedule.every)}
    if schedule.initial_delay:
        settings["initialDelayDuration"] = format_duration(schedule.initial_delay)
    settings["timeoutAfterDuration"] = format_duration(timedelta(seconds=kind.timeout_s))
    state: dict[str, Any] | None = None
    worker = "initial-wait"
    if stored is not None:
        if stored.is_running:
            state = {"status": "running", "startedAt": _wire_time(stored.last_started_at)}
            worker = "running"
        else:
            state = {"status": "idle", "startsAt": _wire_time(stored.next_run_at)}
            worker = "idle" if stored.last_started_at else "initial-wait"
        if stored.last_error:
            state["lastRunError"] = stored.last_error
        if stored.last_ended_at:
            state["lastRunEndedAt"] = _wire_time(stored.last_ended_at)
    return {
        "taskId": schedule.name,
        "pluginId": schedule.plugin_id,
        "scope": "global",
        "settings": settings,
        "taskState": state,
        "workerState": {"status": worker},
    }


def _wire_time(time: str | None) -> str | None:
    return time and time.replace("Z", "+00:00")
