"""What is counted of tasks, for ``/metrics``.

Templates are labels only where the settings say so: their names may be hidden from who reads figures, which everybody may.
"""

from __future__ import annotations

from callboard.kernel.metrics import Metrics

MAX_TEMPLATES = 200
"""Templates with a label of their own, the first that end a task; the others are counted together."""
OTHERS = "other"
_BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class TaskFigures:
    """``scaffolder_task_count``, ``…_duration_seconds``, ``scaffolder_step_count``, ``…_duration_seconds``."""

    def __init__(self, metrics: Metrics, *, by_template: bool = False) -> None:
        self._by_template = by_template
        self._templates: set[str] = set()
        labels = ("template", "result") if by_template else ("result",)
        self._tasks = metrics.counter("scaffolder_task_count", "Tasks that have ended.", labels)
        self._task_s = metrics.histogram(
            "scaffolder_task_duration_seconds", "From the first attempt of a task to its end.", labels, _BUCKETS_S
        )
        self._steps = metrics.counter("scaffolder_step_count", "Steps that have ended.", ("action", "result"))
        self._step_s = metrics.histogram(
            "scaffolder_step_duration_seconds", "How long steps took.", ("action", "result"), _BUCKETS_S
        )

    def task_ended(self, result: str, seconds: float, template: str | None) -> None:
        labels = (self._label(template), result) if self._by_template else (result,)
        self._tasks.inc(*labels)
        self._task_s.observe(seconds, *labels)

    def _label(self, template: str | None) -> str:
        name = (template or OTHERS).lower()
        if name not in self._templates:
            if len(self._templates) >= MAX_TEMPLATES:
                return OTHERS
            self._templates.add(name)
        return name

    def step_ended(self, action: str, result: str, seconds: float) -> None:
        self._steps.inc(action, result)
        self._step_s.observe(seconds, action, result)
