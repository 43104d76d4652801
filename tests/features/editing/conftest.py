"""A portal with a catalog, and somebody who edits entities of its own store."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.editing.interface import Editable, Editing, Saved
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.model.refs import EntityRef
from tests.features.catalog.conftest import Open, Site, World, each_world, postgres_world, world

__all__ = ["Desk", "World", "each_desk", "each_world", "open_desk", "postgres_world", "text_of", "world"]


def text_of(name: str = "till", *, kind: str = "Component", note: str = "", owner: str = "team", **spec: Any) -> str:
    """An entity as somebody types it, with a comment."""
    fields = {"type": "service", "lifecycle": "production", "owner": owner, **spec}
    lines = [f"  {key}: {value}" for key, value in fields.items()]
    described = f"\n  description: {note}" if note else ""
    return (
        f"# kept by hand\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}{described}\nspec:\n"
        + "\n".join(lines)
        + "\n"
    )


class Desk:
    """Editing with one line a step."""

    def __init__(self, site: Site, actor: Actor = SYSTEM) -> None:
        self.site = site
        self.actor = actor
        self.editing: Editing = site.portal.service(Editing)

    def as_(self, actor: Actor) -> Desk:
        return Desk(self.site, actor)

    async def create(self, text: str) -> Saved:
        saved = await self.editing.save(text, actor=self.actor)
        await self.site.settle()
        return saved

    async def change(self, ref: str, text: str, mark: str) -> Saved:
        saved = await self.editing.save(text, ref=EntityRef.parse(ref), base_mark=mark, actor=self.actor)
        await self.site.settle()
        return saved

    async def delete(self, ref: str, mark: str | None = None) -> None:
        await self.editing.delete(EntityRef.parse(ref), base_mark=mark, actor=self.actor)
        await self.site.settle()

    async def get(self, ref: str) -> Editable:
        found = await self.editing.find_editable(EntityRef.parse(ref), actor=self.actor)
        assert found is not None, ref
        return found

    async def find(self, ref: str) -> Editable | None:
        return await self.editing.find_editable(EntityRef.parse(ref), actor=self.actor)

    async def messages(self, text: str) -> list[str]:
        return [finding.message for finding in (await self.editing.judge(text, actor=self.actor)).findings]


@pytest.fixture
def open_desk(world: World) -> Open:
    """``async with open_desk(locations…) as d``: on SQLite."""
    return world.opener(Desk)


@pytest.fixture
def each_desk(each_world: World) -> Open:
    """The same on each engine."""
    return each_world.opener(Desk)
