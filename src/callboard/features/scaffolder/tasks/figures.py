"""What is counted of tasks, for ``/metrics``. Templates are no labels: their names may be hidden from who reads figures."""

from __future__ import annotations

from callboard.kernel.metrics import Metrics

_BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class TaskFigures:
    """``scaffolder_task_count``, ``…_duration_seconds``, ``scaffolder_step_count``, ``…_duration_seconds``."""

    def __init__(self, metrics: Metrics) -> None:
        self._tasks = metrics.counter("scaffolder_task_count", "Tasks that have ended.", ("result",))
        self._task_s = metrics.histogram(
            "scaffolder_task_duration_seconds", "From the first attempt of a task to its end.", ("result",), _BUCKETS_S
        )
        self._steps = metrics.counter("scaffolder_step_count", "Steps that have ended.", ("action", "result"))
        self._step_s = metrics.histogram(
            "scaffolder_step_duration_seconds", "How long steps took.", ("action", "result"), _BUCKETS_S
        )

    def task_ended(self, result: str, seconds: float) -> None:
        self._tasks.inc(result)
        self._task_s.observe(seconds, result)

    def step_ended(self, action: str, result: str, seconds: float) -> None:
        self._steps.inc(action, result)
        self._step_s.observe(seconds, action, result)
