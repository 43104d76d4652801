"""What the work of proposals is called, and how it is tried. The handler is loaded with the first scan."""

from __future__ import annotations

from typing import Callable, Sequence

from callboard.kernel.jobs import JobHandler, JobKind, late_handler

SCAN_JOB = "proposals.scan"
ATTEMPTS = 3


def job_kinds(find_scan: Callable[[], JobHandler]) -> Sequence[JobKind]:
    return (JobKind(SCAN_JOB, late_handler(find_scan), lease_s=120, max_attempts=ATTEMPTS, timeout_s=6 * 3600),)
