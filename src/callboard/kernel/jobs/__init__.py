"""Work that outlives a request: a lease table, retries with back-off, schedules that replicas share.

A *job* is one piece of work of a *kind*; whoever runs it holds a *lease* and renews it. A replica that dies stops
renewing, and another takes the job over. Done jobs are deleted; those that failed too often stay as *dead* ones.
Handlers may therefore run more than once, and are written so that this does no harm. Tables: ``kernel_job``,
``kernel_schedule``.
"""

from callboard.kernel.jobs.kinds import (
    JobContext,
    JobFailed,
    JobHandler,
    JobInfo,
    JobKind,
    LeaseLost,
    RetryLater,
    Schedule,
    late_handler,
)
from callboard.kernel.jobs.worker import Jobs

__all__ = [
    "JobContext",
    "JobFailed",
    "JobHandler",
    "JobInfo",
    "JobKind",
    "Jobs",
    "LeaseLost",
    "RetryLater",
    "Schedule",
    "late_handler",
]
