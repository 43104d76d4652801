"""Seams of updates: what the engine hands over, and what source hosts open. For the engine, integrations and plugins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Protocol, Sequence

from callboard.kernel.read_file import TreeFile

RUN_ANNOTATION = "callboard.dev/template-run"
"""On the created entity: the id of the task that made it."""
TEMPLATE_ANNOTATION = "backstage.io/source-template"


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has completed: what the engine hands over before the workspace goes. ``spec`` is the wire's, ``outputs`` by step id."""

    task_id: str
    spec: Mapping[str, Any]
    folder: Path
    outputs: Mapping[str, Mapping[str, Any]]
    output: Mapping[str, Any] = field(default_factory=dict)
    created_by: str = ""


class RunRecorder(Protocol):
    """The seam to the engine: called once a task has completed, before its end is told and its workspace removed.

    It never raises: that nothing could be recorded must not fail what was done. Calling it again for the same task is harmless.
    """

    async def record_run(self, run: FinishedRun) -> None: ...


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Files to write and to delete in a repository, as one commit on a new branch.

    ``remote`` is where it is cloned from, ``contents`` the address of its files, which tells the host and the branch to start from.
    """

    remote: str
    contents: str
    branch: str
    title: str
    body: str
    files: Sequence[TreeFile]
    deleted: Sequence[str]


@dataclass(frozen=True, slots=True)
class OpenedChange:
    """``kind`` is ``pull_request`` or ``branch``. ``url`` is its page, empty where there is none."""

    kind: str
    branch: str
    commit: str
    url: str = ""


class ChangeOpener(Protocol):
    """Opens changes at repositories of some hosts. The first that ``handles`` one is asked: pull requests before plain branches."""

    def handles(self, change: ChangeSet) -> bool: ...

    async def open(self, change: ChangeSet) -> OpenedChange:
        """Raises what the host says: ``NotAllowedError``, ``NotFoundError``, ``ConflictError``, ``UnavailableError``."""
