"""A portal with templates, and somebody who runs them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import pytest

from callboard.features.scaffolder.interface import NewTask, Task, TaskEvent, Tasks, Templates
from callboard.features.scaffolder.job_kinds import TASK_JOB
from callboard.features.scaffolder.plugin import Scaffolder
from callboard.kernel.auth.actor import Actor
from callboard.testing import make_portal
from tests.features.catalog.conftest import World, each_world, postgres_world, world
from tests.features.scaffolder.acting import Acting

__all__ = ["Shop", "World", "each_shop", "each_world", "open_shop", "postgres_world", "template", "user", "world"]

ENDED = ("completed", "failed", "cancelled")


def user(name: str, *groups: str) -> Actor:
    ref = f"user:default/{name}"
    return Actor(type="user", subject=ref, ownership=frozenset((ref, *groups)))


ADA, BOB = user("ada"), user("bob")


def template(name: str, *steps: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    """A template; steps are ``{"action": …, "input": …}``, with or without the rest."""
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": name, "title": name.title()},
        "spec": {"type": "service", "steps": list(steps), **spec},
    }


def step(id: str, action: str, **rest: Any) -> dict[str, Any]:
    input = rest.pop("input", {})
    return {"id": id, "name": id.title(), "action": f"test:{action}", "input": input, **rest}


class Shop:
    """The scaffolder with one line a step. Everything is done by Ada unless said otherwise."""

    def __init__(self, portal: Any, acting: Acting, data_dir: Path) -> None:
        self.portal = portal
        self.acting = acting
        self.data_dir = data_dir
        self.tasks: Tasks = portal.service(Tasks)
        self.templates: Templates = portal.service(Templates)
        self.scaffolder: Scaffolder = portal.service(Scaffolder)

    async def create(
        self, name: str, values: Mapping[str, Any] | None = None, *, secrets: Any = None, actor: Actor = ADA
    ) -> str:
        return await self.tasks.create(NewTask(name, values or {}, secrets or {}), actor=actor)

    async def work(self) -> None:
        """Run every task that is due, and stay until they are done."""
        await self.portal.jobs.run_due(("scaffolder.task",))

    async def run(self, name: str, values: Mapping[str, Any] | None = None, **options: Any) -> Task:
        id = await self.create(name, values, **options)
        await self.work()
        return await self.get(id)

    async def get(self, id: str, actor: Actor = ADA) -> Task:
        return await self.tasks.get(id, actor=actor)

    async def ended(self, id: str, timeout_s: float = 20) -> Task:
        """Once it has ended, with jobs that run by themselves."""
        async with asyncio.timeout(timeout_s):
            while (task := await self.get(id)).state not in ENDED:
                await self.tasks.wait_events(id, after=10**12, timeout_s=0.2, actor=ADA)
        return task

    async def until(self, holds: Callable[[], bool], timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds():
                await asyncio.sleep(0.01)

    async def events(self, id: str) -> Sequence[TaskEvent]:
        return await self.tasks.events(id, actor=ADA)

    async def messages(self, id: str) -> list[str]:
        return [event.body["message"] for event in await self.events(id)]

    def states(self, task: Task) -> dict[str, str]:
        return {one.id: one.state for one in task.steps}

    def left_on_disk(self) -> list[str]:
        """What lies in the folders of workspaces and snapshots."""
        root = self.data_dir / "scaffolder"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def workspaces(self) -> list[str]:
        root = self.scaffolder.parts.workspaces.root
        return [path.name for path in root.iterdir()] if root.is_dir() else []

    async def rows(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        async with self.portal.db.read() as tx:
            return list(await tx.fetch_all(sql, *args))


def _opener(world: World, tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(
        *templates: Mapping[str, Any], more: Mapping[str, Any] | None = None, jobs: bool = False, clock: Any = None,
        **scaffolder: Any,
    ) -> AsyncIterator[Shop]:  # fmt: skip
        if templates:
            world.write("templates.yaml", *templates)
        settings = world.settings(["templates.yaml"], more={"scaffolder": scaffolder, **(more or {})})
        acting = Acting(tmp_path / "journal")
        async with make_portal(
            settings, plugins=[("acting", acting)], data_dir=world.data_dir, clock=clock or world.clock
        ) as portal:
            others = [kind for kind in portal.jobs._kinds if kind != TASK_JOB]
            await portal.jobs.run_due(others)
            if jobs:
                await portal.start()
            yield Shop(portal, acting, world.data_dir)

    return opened


@pytest.fixture
def open_shop(world: World, tmp_path: Path) -> Callable[..., Any]:
    """``async with open_shop(template(…)) as shop``: on SQLite."""
    return _opener(world, tmp_path)


@pytest.fixture
def each_shop(each_world: World, tmp_path: Path) -> Callable[..., Any]:
    """The same on each engine."""
    return _opener(each_world, tmp_path)
