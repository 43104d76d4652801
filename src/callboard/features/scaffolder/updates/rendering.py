"""A template rendered into a tree: the steps that work on files are done, all others give what they gave when it was run.

Nothing is published, registered or told. A step that the run did not know gives nothing, and is named in the result.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Protocol, Sequence

from callboard.features.scaffolder.language import Language
from callboard.features.scaffolder.running import LogLine, TaskRunner
from callboard.features.scaffolder.spec import TaskSpec, make_spec
from callboard.features.scaffolder.updates.trees import Tree, read_folder
from callboard.kernel.actions import Action, ActionContext, ActionRegistry, StepRun
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError
from callboard.kernel.workspace import Workspace, WorkspaceLimits

RENDERS = ("fetch:", "workspace:", "fs:", "regex:", "roadiehq:utils:", "catalog:write", "debug:log")
_NEVER = ("roadiehq:utils:sleep",)
_TOUCH_NO_FILES = (
    "publish:", "catalog:", "github:", "gitlab:", "gitea:", "bitbucket", "azure:", "notification:", "debug:", "http:", "callboard:",
)  # fmt: skip


class CannotRender(InputError):
    """The template does not get through with these answers."""

    code = "scaffolder.update_cannot_render"


@dataclass(frozen=True, slots=True)
class Rendering:
    """What to render. ``template`` is the entity, ``user`` and ``task_id`` those of the run, ``outputs`` what its steps gave, by step id."""

    template: Mapping[str, Any]
    ref: str
    base_url: str
    answers: Mapping[str, Any]
    user: Mapping[str, Any] = field(default_factory=dict)
    task_id: str = ""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedTree:
    """``unknown_steps`` are ids of steps that were skipped and of which no output is known."""

    tree: Tree
    unknown_steps: Sequence[str] = ()


class TreeRenderer(Protocol):
    """Makes the tree that a run of a template would make."""

    async def render(self, rendering: Rendering) -> RenderedTree:
        """Raises ``CannotRender``; whatever the source of templates raises is told by it."""


def renders(action: str) -> bool:
    """Whether steps of this action are done when a template is rendered."""
    return action.startswith(RENDERS) and action not in _NEVER


def makes_files_unseen(spec: Mapping[str, Any]) -> bool:
    """Whether a step might have written files that rendering will not make."""
    steps = spec.get("steps")
    names = (
        [str(step.get("action", "")) for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    )
    return any(not renders(name) and not name.startswith((*_TOUCH_NO_FILES, *_NEVER)) for name in names)


class RunnerRenderer:
    """``TreeRenderer`` over ``TaskRunner``.

    Args:
        actions: Actions that work on the workspace alone; only those that ``renders`` allows are used.
        language: What templates are rendered with, asked for each time.
        environment: ``{"parameters"}`` of the settings; secrets are never given.
        limits: What a tree may hold.
    """

    def __init__(
        self,
        actions: Sequence[Action],
        language: Callable[[], Language],
        *,
        environment: Mapping[str, Any] | None = None,
        limits: WorkspaceLimits | None = None,
    ) -> None:
        self._actions = {action.id: action for action in actions if renders(action.id)}
        self._language = language
        self._environment = dict(environment or {})
        self._limits = limits or WorkspaceLimits()

    async def render(self, rendering: Rendering) -> RenderedTree:
        spec = make_spec(
            rendering.template,
            rendering.answers,
            entity_ref=rendering.ref,
            base_url=rendering.base_url,
            user=rendering.user,
        )
        steps = _Steps(self._actions)
        with tempfile.TemporaryDirectory(prefix="callboard-render-", ignore_cleanup_errors=True) as folder:
            record = _Record(spec, rendering.outputs)
            result = await TaskRunner(
                spec,
                task_id=rendering.task_id,
                language=self._language(),
                actions=steps,
                record=record,
                workspace=Workspace(Path(folder), self._limits),
                environment={"parameters": self._environment},
            ).run()
            if result.error is not None:
                where = f"step {record.failed}: " if record.failed else ""
                raise CannotRender(f"The template cannot be rendered: {where}{result.error['message']}")
            tree = await asyncio.to_thread(read_folder, Path(folder))
        return RenderedTree(tree, tuple(steps.unknown))


class _Record:
    """``RunRecord`` in which all steps that are not rendered have ended with what the run says they gave."""

    def __init__(self, spec: TaskSpec, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        self._known = {
            step.id: outputs[step.id] for step in spec.steps if not renders(step.action) and step.id in outputs
        }
        self._checkpoints: dict[tuple[str, str], Any] = {}
        self.failed = ""

    async def finished(self) -> Mapping[str, Mapping[str, Any]]:
        return self._known

    async def finish_step(self, id: str, output: Mapping[str, Any], lines: Sequence[LogLine]) -> None:
        return None

    async def tell(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            if line.status == "failed" and not self.failed:
                self.failed = line.step_id or ""

    async def find_checkpoint(self, step_id: str, key: str) -> tuple[bool, Any]:
        return (step_id, key) in self._checkpoints, self._checkpoints.get((step_id, key))

    async def keep_checkpoint(self, step_id: str, key: str, value: Any) -> None:
        self._checkpoints[step_id, key] = value


class _Steps:
    """``StepActions``: the actions on files, and a stand-in that does nothing for every other."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions
        self._checks = ActionRegistry(None, None)
        self.unknown: list[str] = []

    def find(self, id: str) -> Action | None:
        found = self._actions.get(id)
        if found is None and renders(id):
            return None
        return found or Action(id, id, "Does nothing.", _nothing, input_schema={"type": "object"})

    async def authorize(self, action: Action, input: Mapping[str, Any]) -> None:
        return None

    def check_input(self, action: Action, input: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        if action.id in self._actions:
            self._checks.check_input(action, input, secrets)

    async def invoke(
        self,
        action: Action,
        input: Mapping[str, Any],
        *,
        secrets: Mapping[str, str],
        workspace: Workspace,
        step: StepRun,
        dry_run: bool,
    ) -> Mapping[str, Any]:
        if action.id not in self._actions and step.step_id not in self.unknown:
            self.unknown.append(step.step_id)
        return await action.handler(ActionContext(input, SYSTEM, dry_run, dict(secrets), workspace, step))


async def _nothing(context: ActionContext) -> Mapping[str, Any]:
    return {}
