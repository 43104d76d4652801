"""A template tried without effect: alike for the editor, REST and the command line; nothing of it is stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Mapping

from callboard.features.scaffolder.interface import DryRun, DryRunResult, ValuesRefused
from callboard.features.scaffolder.permissions import CREATE_TASK, DRY_RUN
from callboard.features.scaffolder.running import TaskRunner
from callboard.features.scaffolder.spec import make_spec
from callboard.features.scaffolder.tasks.auditing import audited_values
from callboard.features.scaffolder.tasks.inline import InlineRecord
from callboard.features.scaffolder.tasks.parts import TaskParts
from callboard.features.scaffolder.tasks.step_actions import RegisteredActions
from callboard.features.scaffolder.tasks.workspaces import remove_tree
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError
from callboard.kernel.read_file import TreeFile
from callboard.kernel.workspace import Workspace
from callboard.model.refs import EntityRef

TASK_ID = "dry-run"
CONCURRENT = 4


class DryRuns:
    """Dry runs of one replica, a few at once."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts
        self._room = asyncio.Semaphore(CONCURRENT)

    async def run(self, dry: DryRun, *, actor: Actor) -> DryRunResult:
        parts = self._parts
        for permission in (CREATE_TASK, DRY_RUN):
            parts.permissions.require(actor, permission)
        template = _checked(dry.template)
        template = parts.templates.open_template(template, actor=actor)
        problems = parts.templates.find_secret_problems(template, dry.secrets)
        problems = problems or parts.templates.find_problems(template, dry.values)
        if problems:
            raise ValuesRefused(problems)
        async with self._room:
            folder = parts.workspaces.make_dry()
            try:
                async with asyncio.timeout(parts.settings.task_timeout.total_seconds()):
                    return await self._run(dry, template, folder, actor)
            finally:
                await asyncio.to_thread(remove_tree, folder)

    async def _run(self, dry: DryRun, template: Mapping[str, Any], folder: Path, actor: Actor) -> DryRunResult:
        parts = self._parts
        beside = Workspace(_made(folder / "template"), parts.settings.limits)
        await asyncio.to_thread(write_files, beside, dry.files)
        workspace = Workspace(_made(folder / "workspace"), parts.settings.limits)
        user: dict[str, Any] = {"ref": actor.subject} if actor.is_user else {}
        spec = make_spec(
            template,
            dry.values,
            entity_ref=str(EntityRef.of(template)),
            base_url=f"file://{beside.root}/template.yaml",
            user=user,
        )
        record = InlineRecord()
        actions = RegisteredActions(parts.actions, parts.permissions, actor)
        runner = TaskRunner(
            spec,
            task_id=TASK_ID,
            language=parts.extensions.language,
            actions=actions,
            record=record,
            workspace=workspace,
            secrets=dry.secrets,
            environment=parts.settings.environment,
            dry_run=True,
        )
        actions.redact = runner.redactor.text
        result = await runner.run()
        await parts.audit.record(
            None,
            "task",
            actor=actor,
            severity="low",
            meta={
                "actionType": "dry-run",
                "templateRef": str(EntityRef.of(template)),
                "taskParameters": audited_values(dry.values, dry.secrets, parts.settings.audited_characters),
            },
            status="succeeded" if result.error is None else "failed",
            plugin="scaffolder",
            error=None if result.error is None else result.error["message"],
        )
        return DryRunResult(
            log=[line.to_body() for line in record.lines],
            files=await asyncio.to_thread(read_files, workspace),
            output=result.output,
            steps=[{"id": step.id, "name": step.name, "action": step.action} for step in spec.steps],
            error=result.error,
        )


def _checked(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata")
    if str(template.get("kind", "")).lower() != "template":
        raise InputError("Input template is not a template", field="template.kind")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise InputError("The template needs a name.", field="template.metadata.name")
    return dict(template)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def write_files(workspace: Workspace, files: Any) -> None:
    """Put ``TreeFile`` values into a workspace. Raises ``OutsideWorkspace``, ``LimitError``."""
    for file in files:
        if file.link is not None:
            workspace.link(file.path, file.link)
        else:
            workspace.write(file.path, file.content, mode=file.mode)
    workspace.check()


def read_files(workspace: Workspace) -> list[TreeFile]:
    """All that lies in a workspace, in order of the paths."""
    found = []
    for path in workspace.files():
        place = workspace.root / path
        status = place.lstat()
        if place.is_symlink():
            found.append(TreeFile(path, b"", link=str(place.readlink())))
        else:
            found.append(TreeFile(path, place.read_bytes(), mode=status.st_mode & 0o777))
    return found
