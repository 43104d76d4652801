"""Actions for templates of tests: what they did is told outside of the workspace, where nothing is taken back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.interface import StepWaits
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.plugins.hooks import hookimpl

_ANYTHING: Mapping[str, Any] = {"type": "object"}


class Acting:
    """A plugin. ``journal`` is a file that a line is added to whenever a step works: ``<task> <step> <word>``."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.gate = asyncio.Event()
        self.open_gates: set[str] = set()
        self.failing: set[str] = set()

    @hookimpl
    def register_actions(self, portal: Any) -> Sequence[Action]:
        def action(name: str, handler: Any, **more: Any) -> Action:
            return Action(f"test:{name}", name, "For tests.", handler, _ANYTHING, _ANYTHING, **more)

        return [
            action("say", self._say, supports_dry_run=True),
            action("note", self._note),
            action("write", self._write, needs_workspace=True, supports_dry_run=True),
            action("list", self._list, needs_workspace=True, supports_dry_run=True),
            action("fail", self._fail),
            action("wait", self._wait),
            action("process", self._process, needs_workspace=True),
            action("pause", self._pause),
            action("keep", self._keep),
            action("burst", self._burst),
            action("sleep", self._sleep),
        ]

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def _tell(self, context: ActionContext, word: str) -> None:
        assert context.step is not None
        with self.journal.open("a") as file:
            file.write(f"{context.step.task_id} {context.step.step_id} {word}\n")

    async def _say(self, context: ActionContext) -> Mapping[str, Any]:
        """Logs and gives what it is given."""
        context.log(str(context.input.get("message", "")))
        return dict(context.input)

    async def _note(self, context: ActionContext) -> Mapping[str, Any]:
        self._tell(context, str(context.input.get("word", "done")))
        return {"word": context.input.get("word")}

    async def _write(self, context: ActionContext) -> Mapping[str, Any]:
        for path, text in context.input["files"].items():
            context.folder.write(path, str(text).encode())
        self._tell(context, "written")
        return {}

    async def _list(self, context: ActionContext) -> Mapping[str, Any]:
        folder = context.folder
        return {"files": {path: (folder.root / path).read_text() for path in folder.files()}}

    async def _fail(self, context: ActionContext) -> Mapping[str, Any]:
        assert context.step is not None
        if context.step.step_id in self.failing:
            raise RuntimeError(f"it broke: {context.input.get('message', '')}")
        self._tell(context, "mended")
        return {}

    async def _wait(self, context: ActionContext) -> Mapping[str, Any]:
        """Until the gate opens; tells when it begins and when it is cut off."""
        self._tell(context, "begun")
        context.log("waiting at the gate")
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self._tell(context, "cut")
            raise
        return {}

    async def _process(self, context: ActionContext) -> Mapping[str, Any]:
        """A process that sleeps; its number is told, and it ends with the step."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(60)", stdout=subprocess.DEVNULL, cwd=context.folder.root
        )
        self._tell(context, str(process.pid))
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return {}

    async def _pause(self, context: ActionContext) -> Mapping[str, Any]:
        """Put aside until its gate is among the open ones."""
        gate = str(context.input["gate"])
        if gate not in self.open_gates:
            context.log("waiting for an approval")
            raise StepWaits
        self._tell(context, "approved")
        return {"by": "ada"}

    async def _keep(self, context: ActionContext) -> Mapping[str, Any]:
        """Does something once, in a checkpoint, and then breaks while it is told to."""
        assert context.step is not None

        async def work() -> Any:
            self._tell(context, "made")
            return {"number": 42, "secret": context.secrets.get("token")}

        kept = await context.step.checkpoint("made", work)
        if context.step.step_id in self.failing:
            raise RuntimeError("it broke after the checkpoint")
        return {"number": kept["number"]}

    async def _burst(self, context: ActionContext) -> Mapping[str, Any]:
        for number in range(int(context.input["lines"])):
            context.log(f"line {number}")
        return {}

    async def _sleep(self, context: ActionContext) -> Mapping[str, Any]:
        context.log("sleeping")
        await asyncio.sleep(float(context.input["seconds"]))
        self._tell(context, "slept")
        return {}
