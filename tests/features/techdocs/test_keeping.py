"""What is kept: contents shared by versions, a bound on rendered pages and versions, and nothing that nobody names."""

from __future__ import annotations

import pytest

from callboard.features.techdocs.store import files
from callboard.kernel.auth.actor import SYSTEM
from tests.features.techdocs.conftest import REF, component, each_library, each_world, postgres_world, world, write_site

__all__ = ["each_library", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio


async def test_what_nobody_names_goes(each_world, each_library):
    """Contents of files that changed, once they are an hour old; contents in use stay; pages beyond the bound go, oldest first."""
    write_site(each_world)
    write_site(each_world, folder="twin/")
    twin = component("twin", techdocs_ref="dir:twin")
    async with each_library(component(techdocs_ref="dir:."), twin, techdocs={"limits": {"cacheBytes": 1}}) as lib:
        await lib.page()
        await lib.page(ref="component:default/twin")
        await lib.parts.books.flush()
        async with lib.portal.db.read() as tx:
            before = await files.measure(tx)
        # those that were read, and what search has read already
        assert before["blobs"] == 4 and before["rendered"] >= 2
        each_world.write("docs/index.md", "# Other\n")
        lib.later(3700)
        await lib.page()
        each_world.write("twin/docs/index.md", "# Other\n")
        lib.later(3700)
        await lib.page(ref="component:default/twin")
        await lib.parts.books.trim()
        async with lib.portal.db.read() as tx:
            after = await files.measure(tx)
        assert (after["blobs"], after["rendered"]) == (4, 0)
        assert (await lib.docs.asset(REF, "img/flow.png", actor=SYSTEM)).content.startswith(b"\x89PNG")


async def test_two_replicas_read_one_site(each_world, each_library):
    """What one read, the other shows; what one reads again, the other learns at its next look; no event is told twice."""
    write_site(each_world)
    async with each_library(component(techdocs_ref="dir:.")) as one:
        await one.site()
        async with each_library() as other:
            assert (await other.site()).pages == 2
            each_world.write("docs/index.md", "# Newer\n")
            one.later(1)
            assert "Newer" in (await one.page()).html
            assert "Newer" in (await other.page()).html
            assert len(await one.events("techdocs.site.changed")) == 2


async def test_a_page_is_rendered_once(each_world, each_library):
    """Read again it comes from memory, after a restart from the database, and by both the same."""
    write_site(each_world)
    async with each_library(component(techdocs_ref="dir:.")) as lib:
        first = await lib.page("guide/setup/")
        await lib.parts.books.flush()
    async with each_library() as lib:
        lib.parts.workers.run = _refuse_pages(lib.parts.workers.run)
        assert await lib.page("guide/setup/") == first


def _refuse_pages(run):
    async def only_sites(function, *arguments, **options):
        assert function != "page", "a page was rendered again"
        return await run(function, *arguments, **options)

    return only_sites
