"""Many sites at once: read by few jobs, each by itself, and listed without touching what is not shown."""

from __future__ import annotations

import pytest

from callboard.features.techdocs.watching import SiteWatch
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.actors import admin
from tests.features.techdocs.conftest import component, each_library, each_world, postgres_world, world, write_site

__all__ = ["each_library", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio


async def test_many_sites_are_read_by_one_job_and_one_that_fails_keeps_no_other(each_world, each_library):
    """Each is readable afterwards; the one that cannot be read says why, in the library, too."""
    write_site(each_world)
    sites = [component(f"app-{i:02}", techdocs_ref="dir:.") for i in range(59)]
    async with each_library(*sites, component("astray", techdocs_ref="dir:../../elsewhere")) as lib:
        await lib.settle()
        rows = await lib.site_of_catalog.rows("SELECT ref, failure FROM techdocs_site ORDER BY ref")
        assert len(rows) == 60 and [row[0] for row in rows if row[1]] == ["component:default/astray"]
        read = await lib.site_of_catalog.rows("SELECT count(*) FROM techdocs_version WHERE pages = 2")
        assert read[0][0] == 59
        async with lib.portal.client(admin()) as client:
            first, last = (await client.get("/docs")).text, (await client.get("/docs?page=2")).text
            assert "App-00" in first and "App-58" not in first and "App-58" in last and "Astray" in last
            problems = (await client.get("/docs/problems?who=all")).text
            assert "elsewhere" in problems
            found = (await client.get("/docs?q=app-07&order=changed")).text
            assert "App-07" in found and "App-08" not in found


async def test_what_is_not_there_is_not_among_the_visible(each_world, each_library):
    """Lists ask the catalog for many refs at once, and touch no document for it."""
    write_site(each_world)
    async with each_library(component("one", techdocs_ref="dir:."), component("two", techdocs_ref="dir:.")) as lib:
        await lib.settle()
        queries = lib.parts.plans._queries
        known = ["component:default/one", "component:default/two", "component:default/none"]
        assert await queries.visible_among(known, actor=SYSTEM) == set(known[:2])
        assert await queries.visible_among([], actor=SYSTEM) == set()


async def test_folders_without_documentation_are_refused_together_until_they_have_some(each_world, each_library):
    """They have no version, nothing is told of them, and each says why; once there is a page, all of them show it."""
    sites = [component(f"app-{i:02}", techdocs_ref="dir:.") for i in range(12)]
    async with each_library(*sites) as lib:
        await lib.settle()
        rows = await lib.site_of_catalog.rows("SELECT DISTINCT failure FROM techdocs_site")
        assert len(rows) == 1 and "There is no documentation in" in rows[0][0]
        assert await lib.events("techdocs.site.changed") == []
        watch = SiteWatch(lib.portal.db, lib.parts.plans, lib.parts.reader, lib.parts.keeper)
        assert await watch.look() == 0
        write_site(each_world)
        assert await watch.look() == 12
        await lib.settle()
        assert await lib.site_of_catalog.rows("SELECT count(*) FROM techdocs_site WHERE failure IS NULL") == [(12,)]
        assert (await lib.page(ref="component:default/app-11")).title == "Payments"
        assert await watch.look() == 0


async def test_all_sites_that_changed_are_checked_by_one_job(each_world, each_library):
    """And after a change of one, that one alone."""
    write_site(each_world, folder="one/")
    write_site(each_world, folder="two/")
    sites = [component(name, techdocs_ref=f"dir:{name}") for name in ("one", "two")]
    async with each_library(*sites) as lib:
        await lib.settle()
        assert await lib.site_of_catalog.rows("SELECT count(*) FROM techdocs_check") == [(2,)]
        lib.later()
        each_world.write("two/docs/index.md", "# Two\n\n[nowhere](nowhere.md)\n")
        await lib.page(ref="component:default/two")
        await lib.settle()
        rows = await lib.site_of_catalog.rows("SELECT ref, errors + warnings > 0, at FROM techdocs_check ORDER BY ref")
        assert [bool(row[1]) for row in rows] == [False, True]
        assert rows[0][2] < rows[1][2]
