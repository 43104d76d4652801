"""Documentation that means harm to the portal around it: to its index, its time, its other sites."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Callable

import pytest

from callboard.features.techdocs.published.extracting import extract
from callboard.features.techdocs.rendering.ignoring import IgnorePatterns
from callboard.features.techdocs.sources.selecting import docs_dir_of, select
from callboard.features.techdocs.workers.pool import MAX_WAITING, TooSlow, Workers
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import format_time
from callboard.kernel.errors import LimitError, UnavailableError
from callboard.kernel.settings.errors import SettingsError
from callboard.testing import user
from tests.features.techdocs.conftest import (
    REF,
    Open,
    World,
    component,
    each_library,
    each_world,
    library,
    postgres_world,
    world,
    write_site,
)

__all__ = ["each_library", "each_world", "library", "postgres_world", "world"]
pytestmark = pytest.mark.anyio

UNSTORABLE = {
    "mkdocs.yml": 'site_name: "a\\ud800\\0b"\n"k\\ud800": 1\nnav: [{"t\\ud800\\0": index.md}, number.md, title.md, tags.md, nul.md, good.md]\n',
    "docs/index.md": "# First\n",
    "docs/number.md": "---\nx: 99999999999999999999999999\n---\n# Number\n",
    "docs/title.md": '---\ntitle: "a\\ud800\\0b"\n---\ntext\n',
    "docs/tags.md": '---\ntags: [1, {a: b}, "\\ud800\\0", null, 1e400, .nan]\nweight: .nan\n---\n# Tags\n',
    "docs/nul.md": '# a\0b\n\ntext\0more\n\n```py title="a\0"\nx\0\n```\n',
    "docs/good.md": "# Good\n\nFindable\n",
}


async def test_what_no_database_holds_stops_no_page_and_no_index(each_world: World, each_library: Open) -> None:
    """Half characters, NUL and numbers beyond 64 bits, by escapes of YAML: every page is shown, and all of the site is found."""
    write_site(each_world, UNSTORABLE)
    async with each_library(component(techdocs_ref="dir:."), techdocs={"sweepEvery": "10m"}) as lib:
        await lib.settle()
        async with lib.portal.client(user("ann")) as client:
            for path in ("", "number/", "title/", "tags/", "nul/", "good/"):
                assert (await client.get(f"/docs/default/component/payments/{path}")).status_code == 200, path
            for path in (
                "/docs",
                "/docs/problems?who=all",
                "/api/techdocs/metadata/techdocs/default/component/payments",
            ):
                assert (await client.get(path)).status_code == 200, path
            found = (await client.get("/api/search/v1/query?types[]=techdocs&facets[]=type")).json()
        assert found["totalItems"] == 6


STARS = "*a" * 12 + "*b"
SLOW: dict[str, Callable[[], object]] = {
    "docs_dir with spaces": lambda: docs_dir_of("docs_dir: a" + " " * 100_000 + "b\n"),
    "include with stars": lambda: select(
        {"mkdocs.yml", "a" * 200 + "/mkdocs.yml"}, lambda path: f"nav: ['*include {STARS}/mkdocs.yml']"
    ),
    "exclude with stars": lambda: IgnorePatterns(STARS).matches("a" * 200 + ".md"),
    "exclude with folders": lambda: IgnorePatterns("**/a/" * 20 + "b").matches("a/" * 200 + "c.md"),
}


@pytest.mark.parametrize("name", SLOW)
def test_patterns_of_a_site_cost_what_they_are_long(name: str) -> None:
    """They are looked at in the portal's own process, where a regular expression stops everybody."""
    started = time.process_time()
    SLOW[name]()
    assert time.process_time() - started < 0.5


def test_patterns_mean_what_they_meant() -> None:
    """As in .gitignore, with folders of any depth in the midst."""
    rules = IgnorePatterns("drafts/**/old/*.md\n/top.md\n*.tmp\na/**\n**/deep/x.md\nfolder/")
    taken = (
        "drafts/old/a.md",
        "drafts/b/c/old/a.md",
        "top.md",
        "x/y.tmp",
        "a/b/c",
        "deep/x.md",
        "q/deep/x.md",
        "q/folder/z.md",
    )
    left = ("drafts/old/b/a.md", "x/top.md", "y.tmpx", "b/a/c", "deep/y/x.md", "folder")
    assert [path for path in taken if not rules.matches(path)] == []
    assert [path for path in left if rules.matches(path)] == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("docs_dir: 'a b' # c", "a b"),
        ('docs_dir : "x"', "x"),
        ("docs_dir: y # z", "y"),
        ("docs_dir:", None),
        ("docs_dir: 'q", "'q"),
    ],
)
def test_docs_dir_is_read_as_it_is_written(text: str, wanted: str | None) -> None:
    """Quoted or not, with a comment behind it."""
    assert docs_dir_of(f"site_name: a\n{text}\nnav: []\n") == wanted


def published(body: str) -> str:
    return extract(f"<article>{body}</article>", "index.html", lambda to: f"/docs/{to}", lambda to: f"/files/{to}").html


def test_a_published_page_borrows_no_layer_of_the_portal_and_asks_for_nothing() -> None:
    """Classes and inputs are those of rendered pages: no dialog over the portal, no field for a password."""
    html = published(
        '<div class="docs-side facets toasts admonition note" id="x"><p class="skip">a</p></div><input type="password" name="pw">'
        '<input type="image" src="https://evil.example/x"><input><input type="checkbox" name="agree">'
        '<input type="radio" name="__tabbed_1" id="__tabbed_1_1" checked>'
    )
    assert 'class="admonition note"' in html
    assert not [
        word for word in ("docs-side", "facets", "toasts", "skip", "password", "image", "agree") if word in html
    ]
    assert html.count("<input") == 2 and 'disabled=""' in html


@pytest.mark.parametrize("piece", ["<!--", "<![CDATA[", "<?", "<a ", "<div>", "<b><p>", "</a "])
@pytest.mark.parametrize("end", ["", ">"])
def test_a_published_page_costs_what_it_is_long(piece: str, end: str) -> None:
    """What is never closed and what is nested without end: read in part or refused, at once."""
    started = time.process_time()
    with suppress(LimitError):
        published("before " + piece * 60_000 + end)
    assert time.process_time() - started < 0.5


def test_what_a_published_page_may_hold_it_keeps() -> None:
    """Many icons and cells, comments and a declaration are no harm."""
    page = (
        "<!-- a --><!x><![if x]><![CDATA[y]]>"
        + '<svg><path d="M0 0"/></svg>' * 2_000
        + "<ul>"
        + "<li>b" * 2_000
        + "</ul><p>the end"
    )
    assert "the end" in published(page)


async def test_slow_pages_of_one_site_delay_another_by_one() -> None:
    """Ten wait already; the page of another site is the next but one. A line has an end, and who leaves it keeps no worker."""
    workers, order = Workers(1), []

    async def work(turn: str) -> None:
        worker = await workers._take(turn)
        order.append(turn)
        await asyncio.sleep(0)
        workers._give_back(worker)

    held = await workers._take("slow")
    waiting = [asyncio.create_task(work("slow")) for _ in range(MAX_WAITING)]
    gone, other = asyncio.create_task(work("gone")), asyncio.create_task(work("other"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(UnavailableError, match="Too many"):
        await workers._take("slow")
    workers._give_back(held)
    await asyncio.gather(*waiting, other)
    assert order.index("other") == 1 and order.count("slow") == MAX_WAITING and "gone" not in order
    assert await workers._take("next") is held
    workers._give_back(held)
    try:
        assert await workers.run("sleep", 0.0, timeout_s=20.0) is None
        assert await workers.run_apart("sleep", 0.0, timeout_s=20.0) is None
    finally:
        await workers.close()


async def test_what_took_too_long_is_not_tried_at_once_again(
    world: World, library: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is shown as it was written meanwhile, and rendered once there is time."""
    write_site(world)
    async with library(component(techdocs_ref="dir:.")) as lib:
        tried, run = [], lib.parts.workers.run

        async def too_slow(function: str, *arguments: object, **options: float) -> object:
            if function != "page":
                return await run(function, *arguments, **options)
            tried.append(function)
            raise TooSlow("It took too long.")

        monkeypatch.setattr(lib.parts.workers, "run", too_slow)
        world.write("docs/guide/setup.md", "# Set-up\n\nSlowly\n")
        lib.later()
        for _ in range(3):
            assert "# Set-up" in (await lib.page("guide/setup/")).html
        assert tried == ["page"]
        monkeypatch.setattr(lib.parts.workers, "run", run)
        lib.later()
        assert "<h1" in (await lib.page("guide/setup/")).html


async def test_a_look_by_a_clock_that_ran_ahead_is_no_look(
    world: World, library: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source elsewhere that was looked at "tomorrow" is looked at now; one that was looked at a moment ahead is not."""
    write_site(world)
    async with library(component(techdocs_ref="dir:.")) as lib:
        plan = await lib.parts.plans.require(REF, actor=SYSTEM)
        row = await lib.parts.keeper.current(plan, None)
        monkeypatch.setattr(lib.parts.reader, "is_local", lambda plan: False)
        monkeypatch.setattr(lib.parts.keeper, "_looked", {})
        for ahead, is_due in ((timedelta(days=1), True), (timedelta(seconds=30), False)):
            checked_at = format_time(lib.clock.now() + ahead)
            assert lib.parts.keeper._is_due(plan, replace(row, checked_at=checked_at)) is is_due


async def test_an_address_with_a_password_is_refused_and_not_repeated(world: World, library: Open) -> None:
    """In an annotation and in the settings: with what to do instead."""
    write_site(world)
    named = component(techdocs_ref="url:https://me:s3cr3t@git.example/team/repo")
    async with library(named) as lib, lib.portal.client(user("ann")) as client:
        page = await client.get("/api/techdocs/v1/sites/default/component/payments")
        assert page.status_code == 400 and "integrations" in page.text and "s3cr3t" not in page.text
    sites = {"sites": [{"entity": REF, "source": "https://s3cr3t@git.example/team/repo"}]}
    with pytest.raises(SettingsError, match="integrations") as told:
        async with library(component(), techdocs=sites):
            pass
    assert "s3cr3t" not in str(told.value)


async def test_the_search_index_of_a_site_is_made_once(
    world: World, library: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page has a part in it, so that asking for it again and again would keep the portal busy."""
    write_site(world)
    async with library(component(techdocs_ref="dir:.")) as lib:
        made: list[str] = []
        pages = lib.parts.files.pages

        async def counted(ref: str, book: object) -> object:
            made.append(ref)
            return await pages(ref, book)

        monkeypatch.setattr(lib.parts.files, "pages", counted)
        for _ in range(3):
            asset = await lib.parts.files.file(REF, "search/search_index.json", actor=SYSTEM)
            assert b"Port 8080" in asset.content
        world.write("docs/guide/setup.md", "# Set-up\n\nPort 9090.\n")
        lib.later()
        assert b"Port 9090" in (await lib.parts.files.file(REF, "search/search_index.json", actor=SYSTEM)).content
        assert len(made) == 2
