"""What the work of importing is called, when it is due and how it is tried. Handlers are loaded with the first run of theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Callable, Sequence

from callboard.kernel.jobs import JobKind, Schedule, late_handler

if TYPE_CHECKING:
    from callboard.features.importing.drift import Drifts
    from callboard.features.importing.jobs import ImportJobs

PLAN_JOB = "importing.plan"
APPLY_JOB = "importing.apply"
DRIFT_JOB = "importing.drift"
SWEEP_JOB = "importing.sweep"
ATTEMPTS = 3
SWEEP_EVERY = timedelta(hours=1)

SCHEDULES = (Schedule("importing_sweep", SWEEP_EVERY, SWEEP_JOB, plugin="importing", initial_delay=SWEEP_EVERY),)
"""A portal that starts for the first time has no old uploads."""


def job_kinds(find_jobs: Callable[[], ImportJobs], find_drifts: Callable[[], Drifts]) -> Sequence[JobKind]:
    return (
        JobKind(PLAN_JOB, late_handler(lambda: find_jobs().plan), lease_s=60, max_attempts=ATTEMPTS),
        JobKind(APPLY_JOB, late_handler(lambda: find_jobs().apply), lease_s=120, max_attempts=ATTEMPTS),
        JobKind(SWEEP_JOB, late_handler(lambda: find_jobs().sweep), lease_s=60),
        JobKind(DRIFT_JOB, late_handler(lambda: find_drifts().compute), lease_s=60, max_attempts=ATTEMPTS),
    )
