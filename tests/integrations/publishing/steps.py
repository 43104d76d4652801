"""Steps as a task runs them, without a task: checkpoints that are kept, lines of the log, a portal of two or three services."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Awaitable, Callable, Mapping, Sequence

from callboard.kernel.actions import Action, ActionContext, ActionRegistry
from callboard.kernel.settings import Settings
from callboard.kernel.workspace import Workspace
from callboard.testing.actors import user

FILES = {"catalog-info.yaml": "kind: Component\n", "src/run.sh": "#!/bin/sh\n"}


class Step:
    """A ``StepRun``: what is kept outlives one attempt, as with a real task."""

    def __init__(self) -> None:
        self.task_id, self.step_id, self.title = "task-1", "publish", "Publish"
        self.template: Mapping[str, Any] = {}
        self.user: Mapping[str, Any] = {"ref": "user:default/ada"}
        self.lines: list[str] = []
        self.kept: dict[str, Any] = {}

    def log(self, message: str) -> None:
        self.lines.append(message)

    async def checkpoint(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.kept:
            self.kept[key] = await work()
        return self.kept[key]


class Steps:
    """Runs actions in one workspace that holds ``FILES``."""

    def __init__(self, actions: Sequence[Action], folder: Path) -> None:
        self.actions = {action.id: action for action in actions}
        self.registry = ActionRegistry(None, None)
        self.registry.register(actions)
        folder.mkdir(parents=True, exist_ok=True)
        self.workspace = Workspace(folder)
        for path, content in FILES.items():
            self.workspace.write(path, content.encode(), mode=0o755 if path.endswith(".sh") else 0o644)
        self.step = Step()

    async def run(self, id: str, *, dry_run: bool = False, **input: Any) -> dict[str, Any]:
        self.registry.check_input(self.actions[id], input, {})
        context = ActionContext(input, user("ada"), dry_run, {}, self.workspace, self.step)
        output = dict(await self.actions[id].handler(context))
        self.registry._validate(self.actions[id], "output", self.actions[id].output_schema, output)
        return output


def portal_of(settings: Settings, http: Any, clock: Any, data_dir: Path) -> Any:
    """As much of a portal as integrations ask for; ``add`` brings the services of one."""
    services: dict[type, Any] = {}
    return SimpleNamespace(
        settings=settings,
        clock=clock,
        http=http,
        data_dir=data_dir,
        service=services.__getitem__,
        find_service=services.get,
        add=services.update,
    )
