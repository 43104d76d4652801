"""Running the steps of one task: alike for stored tasks, dry runs and the command line."""

from callboard.features.scaffolder.running.redacting import Redactor
from callboard.features.scaffolder.running.runner import LogLine, RunRecord, RunResult, StepActions, TaskRunner

__all__ = ["LogLine", "Redactor", "RunRecord", "RunResult", "StepActions", "TaskRunner"]
