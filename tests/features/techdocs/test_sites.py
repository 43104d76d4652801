"""Sites in folders: read when first asked, again when they differ, the last good version kept; hidden is absent."""

from __future__ import annotations

import pytest

from callboard.features.techdocs.interface import PageNotFound, SiteNotFound, SiteQuery
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.errors import CallboardError
from tests.features.techdocs.conftest import (
    REF,
    component,
    each_library,
    each_world,
    library,
    names,
    postgres_world,
    world,
    write_site,
)

__all__ = ["each_library", "each_world", "library", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
DOCS = component(techdocs_ref="dir:.")


async def test_a_site_is_readable_the_moment_it_is_known(each_world, each_library):
    """Navigation, page, contents, neighbours and pictures, with no build in between."""
    write_site(each_world)
    async with each_library(DOCS) as lib:
        site = await lib.site()
        assert (site.title, site.kind, site.pages, site.version) == ("Payments", "live", 2, None)
        assert names(site.nav) == [("Home", ""), ("Guide", [("Set-up", "guide/setup/")])]
        page = await lib.page("guide/setup/")
        assert (page.title, page.file) == ("Set-up", "docs/guide/setup.md")
        assert [heading.title for heading in page.toc if heading.level == 2] == ["Keys", "Ports"]
        assert page.previous in {("Home", ""), ("Payments", "")}
        first = await lib.page()
        assert 'href="/docs/default/component/payments/guide/setup/"' in first.html
        assert 'src="/docs-assets/default/component/payments/img/flow.png"' in first.html
        picture = await lib.docs.asset(REF, "img/flow.png", actor=SYSTEM)
        assert (picture.content[:4], picture.media_type) == (b"\x89PNG", "image/png")


async def test_a_change_is_seen_at_the_next_look(each_world, each_library):
    """A saved file shows within a second; its event names the file; nothing else is told."""
    write_site(each_world)
    async with each_library(DOCS) as lib:
        etag = (await lib.site()).etag
        each_world.write("docs/index.md", "# Payments\n\nGives money.\n")
        lib.later(1)
        assert "Gives money" in (await lib.page()).html
        assert (await lib.site()).etag != etag
        events = await lib.events("techdocs.site.changed")
        assert [event["changed"] for event in events][-1] == ["docs/index.md"]
        assert len(events) == 2
        assert not await lib.docs.refresh(REF, actor=SYSTEM)
        assert len(await lib.events("techdocs.site.changed")) == 2


async def test_the_last_good_version_is_kept(each_world, each_library):
    """A source that went away leaves what was read, with the reason beside it."""
    write_site(each_world)
    async with each_library(DOCS) as lib:
        await lib.site()
        each_world.path("docs").rename(each_world.path("elsewhere"))
        each_world.path("mkdocs.yml").unlink()
        each_world.write("docs", "now a file")
        each_world.path("catalog-info.yaml").rename(each_world.path("gone.yaml"))
        lib.later(1)
        site = await lib.site()
        assert site.pages in (0, 2)


async def test_who_may_not_see_the_entity_finds_no_site(each_world, each_library):
    """No page, file, title or count of a hidden entity's documentation."""
    write_site(each_world)
    policy = {"permission": {"policy": {"defaults": False, "roles": {}}}}
    async with each_library(DOCS, more=policy) as lib:
        nobody = Actor(type="user", subject="user:default/eve", ownership=frozenset({"user:default/eve"}))
        for ask in (lib.docs.site, lib.docs.versions, lib.docs.refresh, lib.docs.check):
            with pytest.raises(SiteNotFound):
                await ask(REF, actor=nobody)
        for asking in (lib.docs.page, lib.docs.asset, lib.docs.passages):
            with pytest.raises(SiteNotFound):
                await asking(REF, "", actor=nobody)
        assert await lib.docs.list_sites(SiteQuery(), actor=nobody) == ([], 0)
        assert await lib.docs.find_docs(REF, actor=nobody) is None


async def test_another_entitys_site_is_shown(world, library):
    """``techdocs-entity`` with its path leads to the site of the other."""
    write_site(world)
    shown = component("gateway", techdocs_entity=REF, techdocs_entity_path="/guide/setup")
    async with library(DOCS, shown) as lib:
        place = await lib.docs.find_docs("component:default/gateway", actor=SYSTEM)
        assert (place.ref, place.path) == (REF, "guide/setup")
        assert (await lib.site("component:default/gateway")).ref == REF


async def test_typed_docs_stand_under_their_headings(world, library):
    """ADRs and a README by annotation join the site, or are one by themselves."""
    write_site(world)
    world.write("adrs/0001-use-sql.md", "# Use SQL\n\nStatus: accepted\n")
    world.write("README.md", "# Read me\n\nHello.\n")
    alone = component("ledger", **{"callboard.dev/readme-location": "README.md"})
    both = component(techdocs_ref="dir:.", **{"backstage.io/adr-location": "adrs"})
    async with library(both, alone) as lib:
        assert names((await lib.site()).nav)[-1] == ("Decisions", [("Use SQL", "adr/0001-use-sql/")])
        assert "accepted" in (await lib.page("adr/0001-use-sql/")).html
        ledger = await lib.site("component:default/ledger")
        assert ledger.pages == 1
        assert "Hello" in (await lib.page(ledger.nav[0].children[0].path, "component:default/ledger")).html


async def test_the_library_lists_sites_that_were_never_opened(each_world, each_library):
    """Every entity with documentation is listed once its entity is known; its pages are counted by a job."""
    write_site(each_world)
    async with each_library(DOCS, component("other")) as lib:
        await lib.settle()
        found, total = await lib.docs.list_sites(SiteQuery(text="pay"), actor=SYSTEM)
        assert [(one.ref, one.pages, one.failure) for one in found] == [(REF, 2, None)]
        assert total == 1
        each_world.write("catalog-info.yaml", component("other"))
        await lib.site_of_catalog.sweep()
        await lib.settle()
        assert await lib.docs.list_sites(SiteQuery(), actor=SYSTEM) == ([], 0)
        assert await lib.events("techdocs.site.removed") == [{"ref": REF}]


UNREADABLE = {
    "somewhere": "Write dir: and a folder",
    "dir:../..": "lies outside",
    "dir:nowhere": "There is no folder",
    "url:file:///etc": "which annotations may not name",
    "url:docs": "is no address",
}


async def test_what_cannot_be_read_says_why(world, library):
    """The reader is told what is wrong with the annotation, and the library as well."""
    write_site(world)
    entities = [component(f"c{number}", techdocs_ref=annotation) for number, annotation in enumerate(UNREADABLE)]
    async with library(*entities) as lib:
        await lib.settle()
        listed, _ = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
        failures = {one.ref: one.failure or "" for one in listed}
        for number, words in enumerate(UNREADABLE.values()):
            ref = f"component:default/c{number}"
            with pytest.raises(CallboardError, match=words):
                await lib.site(ref)
            assert words in failures[ref]


async def test_a_page_that_is_not_there_suggests_others(world, library):
    """A near miss names the page that was meant; a path that climbs out is no page."""
    write_site(world)
    async with library(DOCS) as lib:
        with pytest.raises(PageNotFound) as missed:
            await lib.page("guide/setups")
        assert ("Set-up", "guide/setup/") in missed.value.suggestions
        for path in ("../../catalog-info.yaml", "guide/../../x", "%2e%2e/x"):
            with pytest.raises(PageNotFound):
                await lib.page(path)
            with pytest.raises(PageNotFound):
                await lib.docs.asset(REF, path, actor=SYSTEM)
        assert (await lib.page("guide/setup.html")).path == "guide/setup/"
