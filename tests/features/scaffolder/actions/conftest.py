"""A workspace, a template on the disk beside it, and the actions of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Awaitable, Callable, Mapping

import pytest

from callboard.features.scaffolder.actions import local_actions
from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.sources import CatalogTemplateSource
from callboard.kernel.actions import ActionRegistry
from callboard.kernel.workspace import Workspace
from callboard.model.urls import DEFAULT_HOSTS
from callboard.testing import user


class NoReaders:
    """Readers of a portal that has none."""

    def handles(self, url: str) -> bool:
        return False

    async def read(self, url: str, *, etag: str | None = None) -> Any:
        raise AssertionError(f"{url} was asked for")

    search = read

    def resolve(self, target: str, base: str) -> str:
        raise AssertionError(target)


@dataclass
class Step:
    """A step of a template, and what it said."""

    base_url: str
    lines: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    task_id: str = "task"
    step_id: str = "step"
    title: str = "Step"

    @property
    def template(self) -> Mapping[str, Any]:
        return {"entityRef": "template:default/test", "baseUrl": self.base_url, "entity": {}}

    @property
    def user(self) -> Mapping[str, Any]:
        return {"ref": "user:default/ada"}

    def log(self, message: str) -> None:
        self.lines.append(message)

    async def checkpoint(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.kept:
            self.kept[key] = await work()
        return self.kept[key]


class Bench:
    """``template`` is the folder that the template lies in, ``root`` the workspace."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.template = folder / "template"
        self.root.mkdir()
        self.template.mkdir()
        self.workspace = Workspace(self.root)
        self.step = Step(f"file://{self.template}/template.yaml")
        self.source = CatalogTemplateSource(NoReaders())
        language = Extensions.of(DEFAULT_HOSTS).language
        self.registry = ActionRegistry(None, None)
        self.registry.register(local_actions(self.source, lambda: language))
        self.actor = user("ada")

    async def do(self, id: str, *, dry_run: bool = False, **input: Any) -> dict[str, Any]:
        return await self.registry.invoke(
            id, input, actor=self.actor, workspace=self.workspace, step=self.step, dry_run=dry_run
        )

    def put(self, path: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        """A file beside the template."""
        return self._write(self.template / path, content, mode)

    def have(self, path: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        """A file of the workspace."""
        return self._write(self.root / path, content, mode)

    def tree(self) -> dict[str, str]:
        """Texts of the workspace's files by path; links as ``-> target``."""
        found = {}
        for path in self.workspace.files():
            place = self.root / path
            found[path] = (
                f"-> {place.readlink()}" if place.is_symlink() else place.read_bytes().decode("utf-8", "replace")
            )
        return found

    def _write(self, place: Path, content: str | bytes, mode: int) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)
        return place


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
