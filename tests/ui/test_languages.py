"""Pages in the reader's language: whose choice counts, what is written in it, and how it is changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, AsyncIterator

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.web.cookies import LOCALE_COOKIE as COOKIE
from callboard.testing import make_portal
from callboard.ui.messages import format_number
from callboard.ui.moments import format_date, format_exact, moment

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
GERMAN = {"accept-language": "de-CH,de;q=0.9,en;q=0.5"}


@pytest.fixture
async def portal() -> AsyncIterator[Any]:
    """A portal with Ada in it, and a door for guests."""
    settings = {"auth": {"providers": {"local": {}, "guest": {"dangerouslyAllowOutsideDevelopment": True}}}}
    async with make_portal(settings) as made:
        await made.auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
        yield made


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def language_of(page: str) -> str:
    found = re.search(r'<html lang="([^"]+)"', page)
    assert found is not None
    return found[1]


async def sign_in(client: Any) -> None:
    page = (await client.get("/sign-in")).text
    form = {"user": "ada", "password": PASSWORD, "csrf_token": token_in(page)}
    assert (await client.post("/sign-in", data=form)).status_code == 303


async def test_a_stranger_reads_what_the_browser_asks_for(portal: Any):
    """Regions count for their language, weights decide, what nobody translated is English; caches are told."""
    async with portal.client() as client:
        for asked, language, word in (
            ("de-CH,de;q=0.9,en;q=0.5", "de", "Anmelden"), ("de;q=0.2, en;q=0.9", "en", "Sign in"),
            ("fr-FR, de;q=0.5", "de", "Anmelden"), ("fr", "en", "Sign in"), ("", "en", "Sign in"), ("de;q=0", "en", "Sign in"),
        ):  # fmt: skip
            page = await client.get("/sign-in", headers={"accept-language": asked})
            assert (language_of(page.text), word in page.text) == (language, True), asked
            assert "Accept-Language" in page.headers["vary"]
        missing = await client.get("/no-such-page", headers=GERMAN)
        assert (missing.status_code, "Nicht gefunden" in missing.text) == (404, True)


async def test_a_stranger_s_choice_is_kept_by_the_browser(portal: Any):
    """A form without script; it leads back, and wins over what the browser asks for until it is taken back."""
    async with portal.client() as client:
        page = (await client.get("/sign-in?next=/catalog")).text
        assert 'lang="de"' in page
        form = {"locale": "de", "next": "/sign-in?next=/catalog", "csrf_token": token_in(page)}
        answer = await client.post("/locale", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/catalog")
        assert COOKIE in answer.headers["set-cookie"]
        assert "httponly" in answer.headers["set-cookie"].lower()
        page = (await client.get("/sign-in", headers={"accept-language": "en"})).text
        assert language_of(page) == "de"
        await client.post("/locale", data={"locale": "", "csrf_token": token_in(page)})
        assert language_of((await client.get("/sign-in", headers={"accept-language": "en"})).text) == "en"


async def test_a_choice_that_cannot_be_is_refused(portal: Any):
    """A language without messages, another site's form, an address elsewhere."""
    async with portal.client() as client:
        token = token_in((await client.get("/sign-in")).text)
        assert (await client.post("/locale", data={"locale": "xx", "csrf_token": token})).status_code == 400
        assert (await client.post("/locale", data={"locale": "de"})).status_code == 403
        away = await client.post("/locale", data={"locale": "de", "next": "//evil.test", "csrf_token": token})
        assert away.headers["location"] == "/"
        client.cookies.clear()
        client.cookies.set(COOKIE, "../../etc")
        assert language_of((await client.get("/sign-in")).text) == "en"


async def test_a_user_s_choice_holds_in_every_browser(portal: Any):
    """Stored with the user, audited, readable as a user setting; it wins over cookie and header."""
    async with portal.client() as client:
        await sign_in(client)
        page = (await client.get("/settings/tokens")).text
        assert language_of(page) == "en"
        answer = await client.post(
            "/locale", data={"locale": "de", "next": "/settings/tokens", "csrf_token": token_in(page)}
        )
        assert "set-cookie" not in answer.headers
        page = (await client.get("/settings/tokens", headers={"accept-language": "en"})).text
        assert (language_of(page), "Zugriffstoken" in page) == ("de", True)
    async with portal.client() as other:
        await sign_in(other)
        other.cookies.set(COOKIE, "en")
        assert language_of((await other.get("/settings/tokens")).text) == "de"
        await other.post(
            "/locale", data={"locale": "", "csrf_token": token_in((await other.get("/settings/tokens")).text)}
        )
        assert language_of((await other.get("/settings/tokens")).text) == "en"
    async with portal.db.read() as tx:
        events = await tx.fetch_all("SELECT actor FROM kernel_audit_event WHERE event = 'user-setting-write'")
        assert [tuple(event) for event in events] == [("user:default/ada",)] * 2
        assert await tx.fetch_value("SELECT value FROM kernel_user_setting WHERE key = 'locale'") is None


async def test_guests_do_not_choose_for_each_other(portal: Any):
    """They share an account, so the choice is the browser's."""
    async with portal.client() as client:
        token = token_in((await client.get("/sign-in")).text)
        await client.post("/sign-in/guest", data={"csrf_token": token})
        await client.post("/locale", data={"locale": "de", "csrf_token": token_in((await client.get("/catalog")).text)})
        assert language_of((await client.get("/catalog")).text) == "de"
    async with portal.db.read() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM kernel_user_setting") == 0


async def test_every_page_can_be_drawn_in_german(portal: Any):
    """None of the words has an argument of its own."""
    async with portal.client(headers=GERMAN) as client:
        token = token_in((await client.get("/sign-in")).text)
        await client.post("/sign-in/guest", data={"csrf_token": token})
        for path in ("/", "/catalog", "/catalog/problems", "/catalog/why", "/catalog-graph", "/gallery"):
            answer = await client.get(path)
            assert (answer.status_code, language_of(answer.text)) == (200, "de"), path
        assert "vor 7 Min." in (await client.get("/gallery")).text
        assert "10.432" in (await client.get("/gallery")).text


def test_numbers_and_days_are_written_as_the_language_does():
    """Thousands, order of a date, names of months; the exact time in the title."""
    at = datetime(2026, 3, 3, 14, 5, 9, tzinfo=UTC)
    iso = moment(at, at).iso
    assert (format_number(1234567), format_number(1234567, "de")) == ("1,234,567", "1.234.567")
    assert (format_date(iso), format_date(iso, "de")) == ("3 Mar 2026", "3. März 2026")
    assert format_exact(iso, "de-AT") == "3. März 2026, 14:05:09 UTC"
    assert [format_date(f"2026-{n:02d}-01T00:00:00Z", "de") for n in (5, 12)] == ["1. Mai 2026", "1. Dez. 2026"]
