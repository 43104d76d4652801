"""Backstage's wire of TechDocs, our own JSON, files, the action and what search is given."""

from __future__ import annotations

import orjson
import pytest

from callboard.features.search.interface import Collator
from callboard.features.techdocs.books import ASSETS
from callboard.features.techdocs.collating import MARK
from callboard.features.techdocs.interface import PAGES_CHANGED
from callboard.features.techdocs.plugin import register_search_collators
from callboard.kernel.auth.actor import Actor
from callboard.kernel.events import Event
from callboard.testing import admin
from tests.features.techdocs.conftest import REF, component, library, world, write_site

__all__ = ["library", "world"]
pytestmark = pytest.mark.anyio
DOCS = component(techdocs_ref="dir:.")
BASE = "/api/techdocs"
SITE = "default/component/payments"
HIDING = {"permission": {"policy": {"defaults": False, "roles": {}}}}
EVE = Actor(type="user", subject="user:default/eve", ownership=frozenset({"user:default/eve"}))


def events_of(text: str) -> list[tuple[str, object]]:
    """(type, data) of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((lines["event"], orjson.loads(lines["data"])))
    return found


async def test_sync_tells_what_it_does_and_whether_something_changed(world, library):
    """Events ``log`` and ``finish`` with ``updated``; without an event stream 201 or 304; an error is an event, too."""
    write_site(world)
    async with (
        library(DOCS, component("broken", techdocs_ref="dir:nowhere")) as lib,
        lib.portal.client(admin()) as client,
    ):
        stream = {"accept": "text/event-stream"}
        first = await client.get(f"{BASE}/sync/{SITE}", headers=stream)
        assert first.headers["content-type"].startswith("text/event-stream")
        assert events_of(first.text)[-1] == ("finish", {"updated": False})
        world.write("docs/index.md", "# New\n")
        assert events_of((await client.get(f"{BASE}/sync/{SITE}", headers=stream)).text)[-1] == (
            "finish",
            {"updated": True},
        )
        assert (await client.get(f"{BASE}/sync/{SITE}")).status_code == 304
        world.write("docs/index.md", "# Newer\n")
        assert (await client.get(f"{BASE}/sync/{SITE}")).status_code == 201
        told = events_of((await client.get(f"{BASE}/sync/default/component/broken", headers=stream)).text)[-1]
        assert told[0] == "error"
        assert "There is no folder" in str(told[1])
        assert (await client.get(f"{BASE}/sync/default/component/none", headers=stream)).status_code == 404


@pytest.mark.parametrize("path", [f"{BASE}/static/docs/{SITE}/img/flow.png", f"{ASSETS}/{SITE}/img/flow.png"])
async def test_a_part_of_a_file_is_answered_as_asked(world, library, path):
    """One range; the end of it; what is not there is 416; several, nonsense and a range of another version are the whole file."""
    write_site(world)
    async with library(DOCS) as lib, lib.portal.client(admin()) as client:
        whole = await client.get(path)
        content, size = whole.content, len(whole.content)
        assert whole.headers["accept-ranges"] == "bytes" and size > 8

        async def ask(wanted, **more):
            return await client.get(path, headers={"range": wanted, **more})

        for wanted, start, stop in (
            ("bytes=0-3", 0, 4),
            ("bytes=4-", 4, size),
            ("bytes=-5", size - 5, size),
            ("bytes=2-999999", 2, size),
        ):
            answer = await ask(wanted)
            assert (answer.status_code, answer.content) == (206, content[start:stop]), wanted
            assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
            assert answer.headers["content-length"] == str(stop - start)
            assert answer.headers["content-security-policy"] == whole.headers["content-security-policy"]
        for wanted in (f"bytes={size}-", "bytes=-0"):
            answer = await ask(wanted)
            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}"), wanted
        for wanted in ("bytes=0-1,3-4", "bytes=9-2", "bytes=-", "lines=0-3", "bytes=" + "9" * 5000 + "-"):
            assert (await ask(wanted)).content == content, wanted
        etag = whole.headers["etag"]
        assert (await ask("bytes=0-3", **{"if-range": '"old"'})).status_code == 200
        assert (await ask("bytes=0-3", **{"if-range": etag})).status_code == 206
        assert (await ask("bytes=0-3", **{"if-none-match": etag})).status_code == 304


async def test_a_live_site_has_the_files_of_a_built_one(world, library):
    """Metadata names files, and each of them is there: pages in mkdocs-material's shape, search index, pictures."""
    write_site(world)
    async with library(DOCS) as lib, lib.portal.client(admin()) as client:
        metadata = (await client.get(f"{BASE}/metadata/techdocs/{SITE}")).json()
        assert (metadata["site_name"], sorted(metadata)) == (
            "Payments", ["build_timestamp", "etag", "files", "site_description", "site_name"],
        )  # fmt: skip
        assert {"index.html", "guide/setup/index.html", "img/flow.png", "search/search_index.json"} <= set(
            metadata["files"]
        )
        for path in metadata["files"]:
            assert (await client.get(f"{BASE}/static/docs/{SITE}/{path}")).status_code == 200, path
        page = await client.get(f"{BASE}/static/docs/{SITE}/guide/setup/")
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        assert '<article class="md-content__inner md-typeset">' in page.text
        assert 'href="../../guide/setup/" class="md-nav__link md-nav__link--active"' in page.text
        index = (await client.get(f"{BASE}/static/docs/{SITE}/search/search_index.json")).json()
        assert {"guide/setup/", "guide/setup/#doc-ports"} <= {one["location"] for one in index["docs"]}
        picture = await client.get(f"{BASE}/static/docs/{SITE}/img/flow.png")
        assert picture.headers["content-type"] == "image/png"
        again = await client.get(
            f"{BASE}/static/docs/{SITE}/img/flow.png", headers={"if-none-match": picture.headers["etag"]}
        )
        assert again.status_code == 304


async def test_what_a_browser_may_run_is_text_and_mixed_case_moves(world, library):
    """Backstage's rule for HTML, SVG and XML; on our own path an SVG is one, shut in."""
    write_site(world)
    world.write("docs/evil.svg", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    async with library(DOCS) as lib, lib.portal.client(admin()) as client:
        svg = await client.get(f"{BASE}/static/docs/{SITE}/evil.svg")
        assert svg.headers["content-type"] == "text/plain; charset=utf-8"
        own = await client.get(f"/docs-assets/{SITE}/evil.svg")
        assert own.headers["content-type"] == "image/svg+xml"
        assert "sandbox" in own.headers["content-security-policy"]
        assert "default-src 'none'" in own.headers["content-security-policy"]
        moved = await client.get(
            f"{BASE}/static/docs/Default/Component/Payments/Img/Flow.png?x=1", follow_redirects=False
        )
        assert (moved.status_code, moved.headers["location"]) == (301, f"{BASE}/static/docs/{SITE}/Img/Flow.png?x=1")
        for path in ("../../../etc/passwd", "%2e%2e/%2e%2e/mkdocs.yml", "nowhere.png", "..%2fmkdocs.yml"):
            answer = await client.get(f"{BASE}/static/docs/{SITE}/{path}")
            assert answer.status_code == 404, path
        cookie = await client.get(f"{BASE}/.backstage/auth/v1/cookie")
        assert cookie.status_code in (200, 403)


async def test_the_entity_comes_with_the_place_of_its_docs(world, library):
    """``locationMetadata`` beside the entity; nothing where there is no documentation."""
    write_site(world)
    async with library(DOCS, component("plain")) as lib, lib.portal.client(admin()) as client:
        found = (await client.get(f"{BASE}/metadata/entity/{SITE}")).json()
        assert found["metadata"]["name"] == "payments"
        assert found["locationMetadata"] == {"type": "dir", "target": str(world.folder)}
        for path in ("metadata/entity", "metadata/techdocs"):
            missing = await client.get(f"{BASE}/{path}/default/component/plain")
            assert missing.status_code == 404
            assert missing.json()["error"]["message"] == "Unable to get metadata for 'component:default/plain'"


async def test_no_door_leads_to_hidden_documentation(world, library):
    """Every path answers as if there were none."""
    write_site(world)
    async with library(DOCS, more=HIDING) as lib, lib.portal.client(EVE) as client:
        await lib.site()
        for path in (
            f"{BASE}/metadata/techdocs/{SITE}", f"{BASE}/metadata/entity/{SITE}", f"{BASE}/sync/{SITE}", f"{BASE}/static/docs/{SITE}/index.html",
            f"{BASE}/v1/sites/{SITE}", f"{BASE}/v1/sites/{SITE}/page", f"{BASE}/v1/sites/{SITE}/check", f"/docs-assets/{SITE}/img/flow.png",
        ):  # fmt: skip
            assert (await client.get(path)).status_code == 404, path
        assert (await client.get(f"{BASE}/v1/sites")).json() == {"items": [], "totalItems": 0}


async def test_programs_read_pages_as_text_with_what_to_cite(world, library):
    """The same by REST and by the action ``techdocs:read``."""
    write_site(world)
    async with library(DOCS) as lib, lib.portal.client(admin()) as client:
        page = (await client.get(f"{BASE}/v1/sites/{SITE}/page", params={"path": "guide/setup/"})).json()
        ports = page["passages"][-1]
        assert (ports["headings"], ports["text"]) == (["Set-up", "Ports"], "Port 8080.")
        assert ports["citation"] == f"/docs/{SITE}/guide/setup/#doc-ports"
        answer = await client.post(
            f"{BASE}/.backstage/actions/v1/actions/techdocs%3Aread/invoke",
            json={"entityRef": REF, "path": "guide/setup"},
        )
        assert answer.json()["output"] == page
        problems = (await client.get(f"{BASE}/v1/sites/{SITE}/check")).json()["problems"]
        assert problems == []
        listed = (await client.get(f"{BASE}/v1/sites", params={"text": "pay"})).json()
        assert [(one["ref"], one["path"]) for one in listed["items"]] == [(REF, f"/docs/{SITE}")]


async def test_search_gets_passages_and_their_changes(world, library):
    """A scope a page whose revision differs with its text; a page that went away is in no answer."""
    write_site(world)
    async with library(DOCS) as lib:
        await lib.site()
        (collator,) = register_search_collators(lib.portal.portal)
        before = await _scopes(collator)
        scope = f"{REF}{MARK}guide/setup/"
        assert set(before) == {scope, f"{REF}{MARK}"}
        documents = (await collator.documents([scope]))[scope]
        assert [(one.title, one.text, one.anchor) for one in documents][-1] == ("Set-up", "Port 8080.", "doc-ports")
        last = documents[-1]
        assert (last.resource, last.location) == (REF, f"/docs/{SITE}/guide/setup/#doc-ports")
        assert set(last.wire) == {
            "path",
            "kind",
            "namespace",
            "name",
            "entityTitle",
            "componentType",
            "lifecycle",
            "owner",
        }
        assert last.wire["owner"] == "team-a"
        as_it_was = (world.folder / "docs/guide/setup.md").read_text()
        world.write("docs/guide/setup.md", "# Set-up\n\nNone needed.\n")
        lib.later(1)
        await lib.site()
        after = await _scopes(collator)
        assert {one for one in after if after[one] != before.get(one)} == {scope}
        told = (await lib.events(PAGES_CHANGED))[-1]
        assert collator.changed(Event(PAGES_CHANGED, dict(told), lib.clock.now(), "1")) == [scope]
        assert collator.changed(Event("techdocs.site.removed", {"ref": REF}, lib.clock.now(), "1")) is None
        world.write("docs/guide/setup.md", as_it_was)
        lib.later(1)
        await lib.site()
        assert await _scopes(collator) == before, "a page that is again as it was is told of, too"
        world.write("mkdocs.yml", "site_name: Payments\n")
        world.remove("docs/guide/setup.md")
        lib.later(1)
        await lib.site()
        assert set(await _scopes(collator)) == {f"{REF}{MARK}"}
        assert await collator.documents([scope]) == {}


async def _scopes(collator: Collator) -> dict[str, str]:
    return {scope: revision async for batch in collator.scopes() for scope, revision in batch}
