"""What the work of the scaffolder is called, when it is due and how it is tried. Handlers are loaded with the first run of theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Callable, Sequence

from callboard.kernel.jobs import JobKind, Schedule, late_handler

if TYPE_CHECKING:
    from callboard.features.scaffolder.approvals.service import Approvals
    from callboard.features.scaffolder.plugin import Scaffolder
    from callboard.features.scaffolder.settings import ScaffolderSettings

TASK_JOB = "scaffolder.task"
JANITOR_JOB = "scaffolder.janitor"
APPROVAL_JOB = "scaffolder.approval"
LOOK_JOB = "scaffolder.update_look"
ANNOTATE_JOB = "scaffolder.annotate_made"
LONGEST_S = timedelta(days=3650).total_seconds()
LOOK_EVERY = timedelta(hours=1)


def job_kinds(
    settings: ScaffolderSettings, find: Callable[[], Scaffolder], find_approvals: Callable[[], Approvals]
) -> Sequence[JobKind]:
    return (
        JobKind(
            TASK_JOB,
            late_handler(lambda: find().worker.run),
            max_attempts=1_000_000,  # how often is decided by the worker, which can tell the task why
            backoff_s=(1, 5, 30),
            lease_s=settings.stale_after.total_seconds(),
            concurrency=settings.concurrent_tasks,
            timeout_s=LONGEST_S,
        ),
        JobKind(JANITOR_JOB, late_handler(lambda: find().janitor.run), max_attempts=2),
        JobKind(APPROVAL_JOB, late_handler(lambda: find_approvals().look_after), max_attempts=20),
        JobKind(LOOK_JOB, late_handler(lambda: find().updates.look), max_attempts=2),
        JobKind(ANNOTATE_JOB, late_handler(lambda: find().updates.recorder.annotate), max_attempts=8),
    )


def schedules(settings: ScaffolderSettings) -> Sequence[Schedule]:
    """Which versions there are is looked at every hour: how far others are behind is counted in versions that were seen."""
    every = settings.janitor_every
    return (
        Schedule("scaffolder_task_janitor", every, JANITOR_JOB, initial_delay=every),
        Schedule("scaffolder_update_look", LOOK_EVERY, LOOK_JOB, initial_delay=LOOK_EVERY),
    )
