"""A portal whose entities have documentation in folders, and a library over it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import pytest

from callboard.features.techdocs.interface import Page, Site, TechDocs
from callboard.features.techdocs.plugin import TechDocsParts
from callboard.kernel.auth.actor import SYSTEM, Actor
from tests.features.catalog.conftest import Open, World, each_world, postgres_world, world
from tests.features.catalog.conftest import Site as CatalogSite

__all__ = ["Library", "World", "component", "each_library", "each_world", "library", "postgres_world", "world"]

REF = "component:default/payments"
MKDOCS = "site_name: Payments\nnav:\n  - Home: index.md\n  - Guide:\n      - Set-up: guide/setup.md\nplugins:\n  - techdocs-core\n"
PAGES: Mapping[str, str | bytes] = {
    "mkdocs.yml": MKDOCS,
    "docs/index.md": "# Payments\n\nTakes money. See [set-up](guide/setup.md) and ![a picture](img/flow.png).\n",
    "docs/guide/setup.md": "# Set-up\n\n## Keys\n\nAsk the [team](../index.md).\n\n## Ports\n\nPort 8080.\n",
    "docs/img/flow.png": b"\x89PNG\r\n\x1a\n0",
}


def component(name: str = "payments", **annotations: str) -> dict[str, Any]:
    """A component; ``techdocs_ref="dir:."`` gives it an annotation of that name."""
    named = {
        key if "/" in key else f"backstage.io/{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "title": name.title(), "annotations": named},
        "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
    }


class Library:
    """Documentation with one line a step, read by the portal itself unless said otherwise."""

    def __init__(self, site: CatalogSite) -> None:
        self.site_of_catalog = site
        self.portal = site.portal
        self.clock = site.clock
        self.docs: TechDocs = site.portal.service(TechDocs)
        self.parts: TechDocsParts = site.portal.service(TechDocsParts)
        self.settle = site.settle

    async def site(self, ref: str = REF, *, actor: Actor = SYSTEM, **options: Any) -> Site:
        return await self.docs.site(ref, actor=actor, **options)

    async def page(self, path: str = "", ref: str = REF, *, actor: Actor = SYSTEM, **options: Any) -> Page:
        return await self.docs.page(ref, path, actor=actor, **options)

    def later(self, seconds: float = 61) -> None:
        """Let the time pass after which sources are asked again."""
        self.clock.advance(seconds)

    async def events(self, topic: str) -> list[Mapping[str, Any]]:
        import orjson

        rows = await self.site_of_catalog.rows("SELECT payload FROM kernel_event WHERE topic = $1 ORDER BY seq", topic)
        return [orjson.loads(row[0]) for row in rows]


def write_site(world: World, files: Mapping[str, str | bytes] = PAGES, folder: str = "") -> None:
    for path, content in files.items():
        world.write(f"{folder}{path}", content)


def _open(world: World) -> Open:
    world.has_followers = True
    opened = world.opener(Library)

    def over(
        *entities: Mapping[str, Any], techdocs: Mapping[str, Any] | None = None, more: Any = None, **options: Any
    ) -> Any:
        if entities:
            world.write("catalog-info.yaml", *entities)
        settings = {"techdocs": {"rendering": {"workers": 0}, "sweepEvery": False, **(techdocs or {})}, **(more or {})}
        return opened("catalog-info.yaml", more=settings, **options)

    return over


@pytest.fixture
def library(world: World) -> Open:
    """``async with library(component(…)) as lib``: on SQLite."""
    return _open(world)


@pytest.fixture
def each_library(each_world: World) -> Open:
    """The same on each engine."""
    return _open(each_world)


def names(items: Sequence[Any]) -> list[Any]:
    """A navigation as titles and paths."""
    return [(item.title, names(item.children)) if item.children else (item.title, item.path) for item in items]


__all__ += ["PAGES", "REF", "names", "write_site"]
