"""The look that somebody chooses during set-up: seen before it is written, written beside the settings, and in force after."""

from __future__ import annotations

import re

import pytest

from callboard.kernel.settings import Settings
from callboard.testing import make_portal

pytestmark = pytest.mark.anyio
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><script>alert(1)</script><rect width="8" height="8"/></svg>'


async def look(d, *, logo: bytes | None = None, **fields: str):
    """Post the first step as a browser does, with a file."""
    page = (await d.get("/setup")).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    files = {"logo": ("logo.svg", logo if logo is not None else b"", "image/svg+xml")} if logo is not None else None
    return await d.client.post(
        "/setup",
        data={"csrf_token": found[1] if found else "", "organization": "Lighthouse Inn", "title": "", **fields},
        files=files,
    )


async def test_colour_and_logo_are_shown_written_and_in_force(desk):
    """From the form through the preview and the files to the pages of the portal that starts with them."""
    async with desk() as d:
        await d.enter()
        shown = await look(d, accent="own", own_accent="#ff6600", logo=SVG.encode(), do="show")
        assert shown.status_code == 200
        assert 'href="/look/ff6600.css"' in shown.text and 'src="/setup/logo?v=' in shown.text
        logo = await d.get("/setup/logo")
        assert logo.headers["content-type"] == "image/svg+xml" and "script" not in logo.text
        answer = await look(d, accent="own", own_accent="#ff6600")
        assert answer.headers["location"] == "/setup/software"
        await d.post("/setup/software", source="nothing")
        assert (await d.finish()).status_code == 303
        assert (d.folder / "callboard-logo.svg").read_text() == logo.text
    settings = Settings.load([d.file], env={}, strict=True)
    async with make_portal(settings) as portal, portal.client() as client:
        page = (await client.get("/sign-in")).text
        assert 'href="/look/ff6600.css"' in page and 'class="brand-logo"' in page


async def test_the_portals_own_look_needs_no_settings(desk):
    """Who chooses nothing, or takes a logo back, has a file without a word about it, and no logo beside it."""
    async with desk() as d:
        await d.enter()
        await look(d, accent="#6d3fc0", logo=SVG.encode())
        await look(d, accent="", no_logo="1")
        await d.post("/setup/software", source="nothing")
        await d.finish()
        assert "branding" not in d.file.read_text()
        assert not (d.folder / "callboard-logo.svg").exists()


async def test_a_file_that_is_there_is_never_written_over(desk):
    """Another's logo under the name stays; ours takes the next."""
    async with desk() as d:
        (d.folder / "callboard-logo.svg").write_text("mine")
        await d.enter()
        await look(d, logo=SVG.encode())
        await d.post("/setup/software", source="nothing")
        await d.finish()
        assert (d.folder / "callboard-logo.svg").read_text() == "mine"
        assert "logo: callboard-logo-2.svg" in d.file.read_text()
        assert (d.folder / "callboard-logo-2.svg").exists()


async def test_a_set_up_that_fails_leaves_no_logo(desk):
    """As it leaves no administrator: settings that came in between are not written over, and nothing lies around."""
    async with desk() as d:
        await d.enter()
        await look(d, logo=SVG.encode())
        await d.post("/setup/software", source="nothing")
        d.file.write_text("app: {title: Theirs}\n")
        assert (await d.finish()).status_code == 409
        assert not (d.folder / "callboard-logo.svg").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"GIF89a", "is no picture"), (b"x" * 300_000, "larger than 200 KiB"), (b"<svg><g></svg>", "is damaged")],
)
async def test_a_file_that_is_no_logo_is_told_at_its_field(desk, content, words):
    """What is wrong and what would do; the rest of what was typed is kept."""
    async with desk() as d:
        await d.enter()
        answer = await look(d, logo=content, accent="#6d3fc0")
        assert answer.status_code == 400 and words in answer.text and 'id="logo-error"' in answer.text
        assert 'value="Lighthouse Inn"' in answer.text and 'value="#6d3fc0" id="accent-violet" checked' in answer.text


async def test_a_colour_that_is_none_is_told(desk):
    """A browser without a picker for colours lets people type."""
    async with desk() as d:
        await d.enter()
        answer = await look(d, accent="own", own_accent="red;}")
        assert answer.status_code == 400 and "Give a colour as #1d4f9e." in answer.text


async def test_the_logo_of_a_draft_is_for_whoever_sets_up(desk):
    """Without the session there is none, and after the end neither."""
    async with desk() as d:
        await d.enter()
        await look(d, logo=SVG.encode())
        async with d.portal.client() as other:
            assert (await other.get("/setup/logo")).status_code == 404
