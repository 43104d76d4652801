"""Pages of documentation as people meet them: the reader, the library, problems, and what readers say."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.features.notifications.interface import NotificationQuery, Notifications
from callboard.features.techdocs.reading.feedback import FeedbackNotFound, FeedbackService
from callboard.features.techdocs.reading.wiring import Reading
from callboard.features.techdocs.rendering import ID_PREFIX
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing import admin, guest
from callboard.testing.actors import user
from callboard.ui.messages import Messages
from callboard.ui.wording import in_words
from tests.features.techdocs.conftest import (
    PAGES,
    REF,
    component,
    each_library,
    each_world,
    library,
    postgres_world,
    world,
    write_site,
)
from tests.features.techdocs.test_sources import Repository
from tests.integrations.serving import git_http_backend, serve

__all__ = ["each_library", "each_world", "library", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
CURRENT = ' aria-current="true"'
AT = "/docs/default/component/payments"
DOCS = component(techdocs_ref="dir:.")
TEAM = {
    "apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "team-a"}, "spec": {"type": "team", "children": []},
}  # fmt: skip
ADA = user("ada", "group:default/team-a")
BOB = user("bob")
HIDING = {"permission": {"policy": {"defaults": False, "roles": {}}}}
MORE = {
    "docs/index.md": "# Payments\n\nTakes money. [Set-up](guide/setup.md), [nothing](none.md).\n\n## Numbers\n\n| a | b |\n|--|--|\n| 1 | 2 |\n",
    "docs/plain.md": "Only text.\n\n```python\nprint(1)\n```\n",
}  # fmt: skip


def feedback_of(lib: Any) -> FeedbackService:
    service: FeedbackService = lib.portal.service(Reading).feedback
    return service


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


async def get(lib: Any, path: str, actor: Actor = ADA, status: int = 200) -> str:
    async with lib.portal.client(actor) as client:
        answer = await client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.headers.get("location"))
    return str(answer.text)


async def test_a_page_has_all_that_stands_around_it(world, library):
    """Navigation with the page marked, contents, neighbours, breadcrumbs, owner; wide tables scroll; what is missing is marked and told."""
    write_site(world)
    write_site(world, MORE)
    async with library(DOCS, TEAM) as lib:
        await lib.settle()
        page = await get(lib, AT)
        assert f'<a href="{AT}" aria-current="page">Home</a>' in page
        assert f'href="{AT}/guide/setup/"' in page
        assert 'class="docs-scroll" tabindex="0"' in page
        assert page.count("<table") == page.count("</table></div>") == 1
        assert "leads nowhere" in text_of(page)
        assert 'href="/catalog/default/group/team-a"' in page
        second = await get(lib, f"{AT}/guide/setup/")
        assert 'rel="prev"' in second
        assert f'href="#{ID_PREFIX}keys"' in second.split('class="docs-toc"')[1]
        assert "Guide" in text_of(second.split('class="crumbs"')[1].split("</ol>")[0])
        plain = await get(lib, f"{AT}/plain/")
        assert "<h1>" in plain.split("docs-article")[1]
        async with lib.portal.client(ADA) as client:
            for old in ("guide/setup", "guide/setup.html", "guide/setup/index.html"):
                moved = await client.get(f"{AT}/{old}")
                assert (moved.status_code, moved.headers["location"]) == (302, f"{AT}/guide/setup/")
            below = await client.get("/catalog/default/component/payments/docs/guide/setup/")
            assert below.headers["location"] == f"{AT}/guide/setup/"
            raw = await client.get(f"{AT}/guide/setup/?raw=1")
            assert raw.headers["content-type"] == "text/plain; charset=utf-8"
            assert raw.text.startswith("# Set-up\n")


async def test_the_tab_of_an_entity_is_the_same_page(world, library):
    """It stands where the entity says that it has documentation, and nowhere else; the overview has a card with its age and state."""
    write_site(world)
    async with library(DOCS, component("other"), TEAM) as lib:
        await lib.settle()
        tab = await get(lib, "/catalog/default/component/payments/docs")
        assert "Takes money" in tab
        assert tab.count('id="docs-nav"') == 1
        overview = await get(lib, "/catalog/default/component/payments")
        assert f'href="{AT}"' in overview
        assert "/catalog/default/component/other/docs" not in await get(lib, "/catalog/default/component/other")
        await get(lib, "/catalog/default/component/other/docs", status=404)


async def test_what_is_not_there_says_so_and_helps(world, library):
    """A missing page suggests others within the site; an unreadable site tells why; hidden and absent sites are the same."""
    write_site(world)
    broken = component("broken", techdocs_ref="dir:nowhere")
    async with library(DOCS, broken, TEAM, more=HIDING) as lib:
        missing = await get(lib, f"{AT}/guide/setpu/", admin(), 404)
        assert 'id="docs-nav"' in missing
        assert f'<a href="{AT}/guide/setup/">Set-up</a>' in missing
        unreadable = text_of(await get(lib, "/docs/default/component/broken", admin(), 404))
        assert "There is no folder" in unreadable
        assert "backstage.io/techdocs-ref: dir:nowhere" in unreadable
        eve = user("eve")
        hidden = text_of(await get(lib, AT, eve, 404)).replace("payments", "x")
        absent = text_of(await get(lib, "/docs/default/component/nosuch", eve, 404)).replace("nosuch", "x")
        assert re.sub(r"\b[0-9a-f]{12,}\b", "", hidden) == re.sub(r"\b[0-9a-f]{12,}\b", "", absent)
        assert AT not in await get(lib, "/docs", eve)
        assert "payments" not in await get(lib, "/docs/problems?who=all", eve)


async def test_another_version_says_that_it_is_another(world, library, tmp_path):
    """Branches are listed with the same page in each; a banner leads back; links and searches stay in the version; nobody is asked whether it helped."""
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES)
    repository.git("checkout", "--quiet", "-b", "next")
    repository.commit({"docs/index.md": "# The next one\n\n[Set-up](guide/setup.md)\n"})
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), TEAM, more=more) as lib:
            assert f"{AT}/guide/setup/?versions=1" in await get(lib, f"{AT}/guide/setup/")
            listed = await get(lib, f"{AT}/guide/setup/?versions=1")
            assert f'href="{AT}/guide/setup/?version=next"' in listed
            for at in (
                f"{AT}/guide/setup/",
                f"{AT}/guide/setup/?version=next",
            ):  # the menu knows by now what the repository said
                menu = (await get(lib, at)).partition('class="menu docs-version"')[2].partition("</details>")[0]
                assert re.findall('class="menu-item" href="([^"]+)"( aria-current="true")?', menu) == [
                    (f"{AT}/guide/setup/", "" if "version" in at else CURRENT), (f"{AT}/guide/setup/?version=main", ""),
                    (f"{AT}/guide/setup/?version=next", CURRENT if "version" in at else ""),
                    (f"{AT}/guide/setup/?{'version=next&amp;' if 'version' in at else ''}versions=1", ""),
                ]  # fmt: skip
            other = await get(lib, f"{AT}?version=next")
            assert "The next one" in other
            assert "You are reading the version next" in other
            assert other.count(f'href="{AT}/guide/setup/?version=next"') >= 3
            assert 'id="feedback"' not in other
            assert (await get(lib, f"{AT}?version=next&raw=1")).startswith("# The next one")
            assert "Recently read" in await get(lib, "/docs")
            found = await get(lib, f"{AT}?version=next&q=port+8080")  # an index knows the current version only
            assert re.search(f'href="{AT}/guide/setup/[?]version=next#[^"]*ports"', found)
            assert "<mark>8080</mark>" in found
            assert "Nothing in Payments matches" in text_of(await get(lib, f"{AT}?version=next&q=zebra"))
            unknown = text_of(await get(lib, f"{AT}?version=nowhere", status=404))
            assert "no branch or tag" in unknown
            assert "Look whether nowhere is the name" in unknown


async def test_the_library_lists_what_one_may_see_and_what_needs_care(world, library):
    """Ours, by owner and text; owners that are gone and broken links are told once the site was checked; recently read comes first."""
    write_site(world)
    write_site(world, MORE)
    write_site(world, {"docs/index.md": "# Lost\n"}, "lost/")
    lost = component("lost", techdocs_ref="dir:lost")
    lost["spec"]["owner"] = "nobody"
    async with library(DOCS, lost, TEAM) as lib:
        await lib.settle()
        everything = await get(lib, "/docs")
        assert "Payments" in everything
        assert "Owner is gone" in everything
        assert "One broken link" in everything
        ours = await get(lib, "/docs?show=mine")
        assert "/docs/default/component/lost" not in ours
        assert f'href="{AT}"' in ours
        assert "Nothing matches" in await get(lib, "/docs?q=zebra")
        assert "lost" not in (await get(lib, "/docs?owner=group:default/team-a")).split("<tbody")[1]
        await get(lib, f"{AT}/guide/setup/")
        again = await get(lib, "/docs")
        assert "Recently read" in again
        assert f'<a href="{AT}/guide/setup/">Set-up</a>' in again
        assert "Docs you read lately" in await get(lib, "/")
        assert "Set-up" not in await get(lib, "/docs", BOB)


async def test_an_empty_library_teaches(world, library):
    """Without documentation the page says how it comes in."""
    async with library(component("bare")) as lib:
        assert "backstage.io/techdocs-ref" in await get(lib, "/docs")


async def test_problems_are_listed_by_site_with_file_and_line(world, library):
    """Each owner sees theirs; the line leads to the host where one is known; a site is checked again when it changes."""
    write_site(world)
    write_site(world, MORE)
    row = {"entity": REF, "sourceUrl": "https://github.com/acme/payments/blob/main/{path}"}
    async with library(DOCS, TEAM, techdocs={"sites": [row]}) as lib:
        await lib.settle()
        page = await get(lib, "/docs/problems")
        assert "none.md leads to no page" in text_of(page)
        assert 'href="https://github.com/acme/payments/blob/main/docs/index.md?plain=1#L3"' in page
        assert "No problems" in await get(lib, "/docs/problems?owner=group:default/others")
        one = await get(lib, f"/docs/problems?site={REF}")
        assert "docs/plain.md" in one
        own = await get(lib, AT)
        assert "https://github.com/acme/payments/issues/new?title=" in own
        assert "none.md leads to no page" in text_of(own)
        assert "none.md leads to no page" not in text_of(await get(lib, AT, BOB))
        world.write("docs/index.md", "# Fine\n\n[plain](plain.md)\n")
        world.write("docs/guide/setup.md", "# Set-up\n")
        lib.later()
        await get(lib, AT)
        await lib.settle()
        assert "none.md" not in await get(lib, "/docs/problems")


async def test_a_reader_says_once_whether_a_page_helped(each_library, each_world):
    """Said anew it replaces what was said; the owner is told and sees it, others do not; it is audited and can be taken back."""
    write_site(each_world)
    async with each_library(DOCS, TEAM, component("eve")) as lib:
        service = feedback_of(lib)
        await service.give(REF, "", is_helpful=True, actor=BOB)
        await service.give(REF, "", is_helpful=False, reason="outdated", text=" Ports changed. ", actor=BOB)
        again = await service.give(REF, "", is_helpful=False, reason="outdated", text="Ports changed.", actor=BOB)
        found, total = await service.list(REF, actor=ADA)
        assert (total, found[0].id, found[0].text, found[0].reason) == (1, again.id, "Ports changed.", "outdated")
        assert await service.list(REF, actor=BOB) == ([], 0)
        assert await service.tally(REF, "", actor=BOB) is None
        for wrong in ({"reason": "nonsense"}, {"text": "x" * 2001}):
            with pytest.raises(InputError):
                await service.give(REF, "", is_helpful=False, actor=BOB, **wrong)
        with pytest.raises(NotAllowedError):
            await service.give(REF, "", is_helpful=True, actor=guest())
        with pytest.raises(FeedbackNotFound):
            await service.set_done(again.id, True, actor=BOB)
        await service.set_done(again.id, True, actor=ADA)
        await service.set_done(again.id, True, actor=ADA)
        assert await service.list(REF, actor=ADA) == ([], 0)
        assert (await service.list(REF, only_open=False, actor=ADA))[1] == 1
        await service.withdraw(REF, "", actor=BOB)
        assert (await service.list(REF, only_open=False, actor=ADA))[1] == 0
        told = [one.event for one in (await lib.portal.audit.list_events(limit=20)).items if one.plugin == "techdocs"]
        assert sorted(told) == [
            "techdocs-feedback", "techdocs-feedback", "techdocs-feedback-done", "techdocs-feedback-withdraw",
        ]  # fmt: skip


async def test_feedback_works_by_plain_forms_and_its_owner_is_told(world, library):
    """Yes or no first, why afterwards; a notification to the owner leads to the page where it is read and put aside."""
    write_site(world)
    person = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": {"name": "ada"}, "spec": {"memberOf": ["team-a"]},
    }  # fmt: skip
    async with library(DOCS, TEAM, person) as lib, lib.portal.client(BOB) as client:
        page = (await client.get(AT)).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        form = {"csrf_token": token[1], "helpful": "no"}
        said = await client.post(AT, data=form)
        assert (said.status_code, said.headers["location"]) == (303, f"{AT}#feedback")
        after = (await client.get(AT)).text
        assert "did not help" in text_of(after)
        assert 'name="reason" value="missing"' in after
        sent = await client.post(AT, data={**form, "reason": "missing", "text": "Say who pays."})
        assert sent.headers["location"] == AT
        told, _ = await lib.portal.service(Notifications).list_notifications(NotificationQuery(), actor=ADA)
        told = [one for one in told if one.topic == "docs-feedback"]
        assert [in_words(lib.portal.service(Messages).translator("de"), one.title) for one in told] == [
            "Payments: Jemandem hat diese Seite nicht geholfen (Etwas fehlt)"
        ]
        assert [one.link for one in told] == [f"/docs/feedback?site={REF}"]
        listed = text_of(await get(lib, told[0].link))
        assert "Say who pays." in listed
        assert "Something is missing" in listed
        assert "Say who pays." not in await get(lib, told[0].link, BOB)
        async with lib.portal.client(ADA) as owner:
            mine = (await owner.get("/docs/feedback")).text
            done = re.search(r'action="(/docs/feedback/[0-9a-f]+)"', mine)
            token = re.search(r'name="csrf_token" value="([^"]+)"', mine)
            assert done is not None
            assert token is not None
            answer = await owner.post(done[1], data={"csrf_token": token[1], "do": "done", "back": "/docs/feedback"})
            assert answer.status_code == 303
            assert "Say who pays." not in (await owner.get("/docs/feedback")).text


async def test_what_people_read_is_kept_short(each_library, each_world):
    """The newest pages of each person; a page that is read again stands first; hidden sites are left out."""
    from callboard.features.techdocs.reading.store import KEPT_VISITS

    write_site(each_world)
    async with each_library(DOCS) as lib:
        visits = lib.portal.service(Reading).visits
        for number in range(KEPT_VISITS + 5):
            visits.note("user:default/bob", REF, f"p{number}", f"Page {number}")
            lib.clock.advance(1)
        visits.note("user:default/bob", "component:default/gone", "", "Gone")
        visits.note("user:default/bob", REF, "p7", "Page seven")
        found = await visits.list(100, actor=BOB)
        assert found[0].title in ("Page seven", "Page 44")
        assert "Gone" not in {one.title for one in found}
        assert "Page seven" in {one.title for one in found}
        count = await lib.site_of_catalog.rows("SELECT count(*) FROM techdocs_visit")
        assert count[0][0] <= KEPT_VISITS + 1


def test_lines_and_issues_have_addresses_where_the_host_is_known():
    """Each host by its own rule; an unknown host has none."""
    from callboard.features.techdocs.pages.hosts import issue_url, line_url
    from callboard.model.urls import DEFAULT_HOSTS

    github, gitlab = "https://github.com/a/b/blob/main/x.md", "https://gitlab.com/g/s/r/-/blob/main/x.md"
    assert line_url(github, 3, DEFAULT_HOSTS) == "https://github.com/a/b/blob/main/x.md?plain=1#L3"
    assert line_url(gitlab, 3, DEFAULT_HOSTS) == f"{gitlab}#L3"
    assert line_url("https://wiki.example/x", 3, DEFAULT_HOSTS) == "https://wiki.example/x"
    assert line_url(None, 3, DEFAULT_HOSTS) is None
    assert str(issue_url(github, "Docs: X", "b&c", DEFAULT_HOSTS)).startswith(
        "https://github.com/a/b/issues/new?title=Docs%3A+X&body=b%26c"
    )
    assert str(issue_url(gitlab, "t", "b", DEFAULT_HOSTS)).startswith(
        "https://gitlab.com/g/s/r/-/issues/new?issue%5Btitle%5D=t"
    )
    assert issue_url("https://wiki.example/x", "t", "b", DEFAULT_HOSTS) is None


def test_a_large_navigation_shows_what_is_near():
    """Sections that the page is not in lead to their first page; the one that it is in is whole."""
    from callboard.features.techdocs.interface import NavItem
    from callboard.features.techdocs.pages.reading import nav_nodes

    nav = [NavItem(f"S{n}", children=[NavItem(f"P{n}.{m}", f"s{n}/p{m}/") for m in range(60)]) for n in range(10)]
    nodes = nav_nodes(nav, REF, "s3/p5/", None)
    assert [len(node.children) for node in nodes] == [0, 0, 0, 60, 0, 0, 0, 0, 0, 0]
    assert (nodes[0].href, nodes[3].is_open) == (f"{AT}/s0/p0/", True)
    assert [one.title for one in nodes[3].children if one.is_current] == ["P3.5"]


def test_tables_scroll_and_tables_of_code_do_not():
    """Only what may be wider than the page gets a box, and each box is closed."""
    from callboard.features.techdocs.pages.reading import readable_html

    given = '<table class="highlighttable"><tr><td><pre>1</pre></td></tr></table><table><tr><td><table><tr></tr></table></td></tr></table>'
    made = str(readable_html(given, "Table"))
    assert made.count('<div class="docs-scroll"') == made.count("</table></div>") == 2
    assert '<pre tabindex="0">' in made


async def test_a_page_that_went_elsewhere_is_told_and_not_followed(world, library):
    """Redirects within the site lead on; one to another host is a link on a page of ours."""
    write_site(world)
    plugins = "plugins:\n  - techdocs-core\n  - redirects:\n      redirect_maps:\n        old.md: guide/setup.md\n        gone.md: https://example.org/there\n"
    world.write("mkdocs.yml", f"site_name: Payments\n{plugins}")
    async with library(DOCS, TEAM) as lib, lib.portal.client(ADA) as client:
        within = await client.get(f"{AT}/old/")
        assert (within.status_code, within.headers["location"]) == (302, f"{AT}/guide/setup/")
        assert '<a href="https://example.org/there">' in await get(lib, f"{AT}/gone/", status=404)


def hits_of(page: str) -> int:
    return page.partition('class="docs-hits"')[2].partition("</ol>")[0].count("data-row")


async def test_results_in_a_site_are_paged_and_problems_begin_with_what_is_there(world, library):
    """Thirty pages at a time, as many as there are told at their end; beyond it is the first page. Who owns no docs sees all problems."""
    write_site(world, {"docs/index.md": "# Payments\n\n[x](gone.md)\n"})
    more = "".join(f"\n## More {n}\n\nTurbine again.\n" for n in range(5))
    write_site(world, {f"docs/p{n:02d}.md": f"# Part {n}\n\nA turbine.\n{more}" for n in range(40)})
    write_site(world, {"docs/p07.md": f"# Part 7\n\nA turbine and its rotorblade.\n{more}"})
    async with library(component(techdocs_ref="dir:.")) as lib:
        await lib.settle()
        await lib.page()
        await lib.settle()
        first = await get(lib, f"{AT}?q=turbine")
        assert hits_of(first) == 30
        assert "The first 30" in text_of(first)
        assert f'href="{AT}?q=turbine&amp;page=2"' in first
        second = await get(lib, f"{AT}?q=turbine&page=2")
        assert hits_of(second) == 10
        assert "31–40" in text_of(second)
        assert "page=3" not in second
        # A rare word beside one that very many passages have: search does not count those, and the page says so.
        rare = await get(lib, f"{AT}?q=turbine+rotorblade")
        assert hits_of(rare) >= 1 and "Part 7" in text_of(rare)
        async with lib.portal.client(admin()) as client:
            beyond = await client.get(f"{AT}?q=turbine&page=9")
            assert (beyond.status_code, beyond.headers["location"]) == (302, f"{AT}?q=turbine")
        assert "gone.md" in text_of(await get(lib, "/docs/problems"))
