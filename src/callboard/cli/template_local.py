"""A template run on this machine, without a server: its files, its record, its actions, and stand-ins for those that reach out."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions import local_actions
from callboard.features.scaffolder.interface import TemplateSource
from callboard.features.scaffolder.language import Language
from callboard.features.scaffolder.running import LogLine
from callboard.features.scaffolder.sources import LocalFolder, is_local, resolve
from callboard.kernel.actions import Action, ActionContext, ActionRegistry, StepRun
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.read_file import TreeFile
from callboard.kernel.workspace import Workspace
from callboard.model import urls
from callboard.model.documents import parse_values
from callboard.model.problems import Problem
from callboard.model.refs import EntityRef

EXAMPLE_ENTITY = "component:default/example"
GUEST: Mapping[str, Any] = {
    "ref": "user:default/guest",
    "entity": {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": "guest", "namespace": "default"},
        "spec": {"profile": {"displayName": "Guest", "email": "guest@example.com"}, "memberOf": []},
    },
}
STUB_OUTPUTS = (
    "remoteUrl",
    "repoContentsUrl",
    "targetBranchName",
    "pullRequestNumber",
    "commitHash",
    "mergeRequestUrl",
)
_REAL = ("fetch:", "workspace:", "fs:", "debug:log", "catalog:write")
"""Actions that work on the workspace alone and that every portal has; with ``--stub-unknown`` only they are done."""


def read_template(path: Path) -> dict[str, Any]:
    """The first template of a YAML file. Raises ``InputError`` with the place of what is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. Name the YAML file of a template.") from None
    found = parse_values(content)
    if isinstance(found, Problem):
        raise InputError(found.message, file=str(path), line=found.line, column=found.column)
    for value in found:
        if isinstance(value, dict) and value.get("kind") == "Template" and isinstance(value.get("metadata"), dict):
            return value
    raise InputError(f"{path} holds no entity of kind Template.", file=str(path))


def template_ref(entity: Mapping[str, Any]) -> str:
    metadata = entity["metadata"]
    return str(
        EntityRef("template", str(metadata.get("namespace") or "default"), str(metadata.get("name") or "unnamed"))
    )


class FolderSource:
    """``TemplateSource`` that answers for one repository from a folder, and for a template on the disk from its own.

    Anything else ``otherwise`` reads; without it, it is not there: nothing reaches out.
    """

    def __init__(self, root: Path | None, base_url: str, otherwise: TemplateSource | None = None) -> None:
        """``root`` is the top of the repository that ``base_url`` lies in."""
        self._otherwise = otherwise
        self._root = LocalFolder(str(root), is_folder=True) if root is not None else None
        self._base_url = base_url

    async def read_tree(self, url: str, *, base_url: str, token: str | None = None) -> Sequence[TreeFile]:
        place = self._find(url, base_url)
        if place is not None:
            return await asyncio.to_thread(place[0].read_tree, place[1])
        return await self._elsewhere(url, base_url).read_tree(url, base_url=base_url, token=token)

    async def read_file(self, url: str, *, base_url: str, token: str | None = None) -> TreeFile:
        place = self._find(url, base_url)
        if place is not None:
            return await asyncio.to_thread(place[0].read_file, place[1])
        return await self._elsewhere(url, base_url).read_file(url, base_url=base_url, token=token)

    def _find(self, url: str, base_url: str) -> tuple[LocalFolder, str] | None:
        """The folder that answers, and the path in it."""
        if is_local(url, base_url):
            return LocalFolder(base_url), url
        address = resolve(url, base_url)
        known, asked = urls.find_repository(self._base_url), urls.find_repository(address)
        if self._root is None or known is None or asked is None or not urls.same_repository(address, self._base_url):
            return None
        return self._root, asked.filepath.rstrip("/") or "."

    def _elsewhere(self, url: str, base_url: str) -> TemplateSource:
        if self._otherwise is None:
            raise NotFoundError(
                f"{resolve(url, base_url)} is not read here. Give its repository's folder with --reads-root and --base-url, "
                "or leave --stub-unknown away to read it from its host."
            )
        return self._otherwise


class MemoryRecord:
    """``RunRecord`` of a run that is not kept. ``lines`` is the whole log; ``failed`` the step that failed first."""

    def __init__(self, tell: Any = None) -> None:
        self.lines: list[LogLine] = []
        self.failed: tuple[str, str] | None = None
        self._tell = tell
        self._checkpoints: dict[tuple[str, str], Any] = {}

    async def finished(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    async def finish_step(self, id: str, output: Mapping[str, Any], lines: Sequence[LogLine]) -> None:
        await self.tell(lines)

    async def tell(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            if line.status == "failed" and self.failed is None and line.step_id is not None:
                self.failed = (line.step_id, line.message)
            if self._tell is not None:
                self._tell(line)
        self.lines += lines

    async def find_checkpoint(self, step_id: str, key: str) -> tuple[bool, Any]:
        found = (step_id, key)
        return found in self._checkpoints, self._checkpoints.get(found)

    async def keep_checkpoint(self, step_id: str, key: str, value: Any) -> None:
        self._checkpoints[step_id, key] = value


class LocalActions:
    """``StepActions`` of the command line, which trusts whoever calls it with everything.

    Args:
        source: Where templates fetch from.
        language: What they are rendered with.
        more: A portal's registry, for actions that work on more than the workspace.
        stubs: Stand-ins instead of ``more``, and for all that is unknown or reaches out.
    """

    def __init__(
        self, source: TemplateSource, language: Language, *, more: ActionRegistry | None = None, stubs: bool = False
    ) -> None:
        self.source = source
        self._own = ActionRegistry(None, None)
        self._own.register(local_actions(source, lambda: language))
        self._known = {action.id: action for action in self._own.list(SYSTEM, with_workspace=True)}
        self._more = more
        self._stubs = stubs
        self._stubbed: dict[str, Action] = {}

    def is_real(self, id: str) -> bool:
        """Whether the action is done, rather than stood in for."""
        return id not in self._stubbed

    def find(self, id: str) -> Action | None:
        if id in self._known and (not self._stubs or id.startswith(_REAL)):
            return self._known[id]
        if self._stubs:
            if id not in self._stubbed:
                self._stubbed[id] = make_stub(id)
            return self._stubbed[id]
        if self._more is None:
            return None
        try:
            return self._more.get(id, actor=SYSTEM)
        except NotFoundError:
            return None

    async def authorize(self, action: Action, input: Mapping[str, Any]) -> None:
        return None

    def check_input(self, action: Action, input: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._own.check_input(action, input, secrets)

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
        if action.id in self._known or action.id in self._stubbed:
            context = ActionContext(input, SYSTEM, dry_run, dict(secrets), workspace, step)
            return await action.handler(context)
        assert self._more is not None
        return await self._more.invoke(
            action.id, input, actor=SYSTEM, dry_run=dry_run, secrets=secrets, workspace=workspace, step=step
        )


def make_stub(id: str) -> Action:
    """An action that changes nothing and gives addresses of nothing, so that later steps have something to go on with."""
    return Action(
        id,
        id,
        "Stands in for an action that is not here.",
        functools.partial(_stub, id),
        input_schema={"type": "object"},
        supports_dry_run=True,
    )


async def _stub(id: str, context: ActionContext) -> Mapping[str, Any]:
    context.log(f"{id} is only stood in for: nothing is done.")
    if id == "catalog:fetch":
        return _entities(context.input)
    address = f"https://example.com/{id.replace(':', '-')}"
    return {**{name: f"{address}/{name}" for name in STUB_OUTPUTS}, "entityRef": EXAMPLE_ENTITY}


def _entities(given: Mapping[str, Any]) -> dict[str, Any]:
    kind, namespace = given.get("defaultKind") or "component", given.get("defaultNamespace") or "default"
    made: dict[str, Any] = {}
    if given.get("entityRef"):
        made["entity"] = _entity(str(given["entityRef"]), kind, namespace)
    if given.get("entityRefs"):
        made["entities"] = [_entity(str(ref), kind, namespace) for ref in given["entityRefs"]]
    return made


def _entity(ref: str, kind: str, namespace: str) -> dict[str, Any]:
    parsed = EntityRef.parse(ref, default_kind=kind, default_namespace=namespace)
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": parsed.kind,
        "metadata": {"name": parsed.name, "namespace": parsed.namespace, "annotations": {}},
        "spec": {
            "type": "service",
            "owner": "group:default/guests",
            "lifecycle": "production",
            "system": "example-system",
        },
    }
