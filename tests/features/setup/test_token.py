"""Who may set a portal up: whoever sits at the terminal, once, and nobody afterwards."""

from __future__ import annotations

import pytest

from callboard.kernel.auth.actor import SYSTEM
from tests.features.setup.conftest import PASSWORD

pytestmark = pytest.mark.anyio
STEPS = ("/setup", "/setup/software", "/setup/administrator")


async def test_a_token_is_exchanged_for_a_cookie_and_leaves_the_address(desk):
    """The page opens without the token in its address; nothing may be kept of it by caches or referrers."""
    async with desk() as d:
        token = await d.setup.make_token()
        answer = await d.get(f"/setup?token={token}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/setup")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert token not in answer.headers["set-cookie"]
        assert (await d.get("/setup")).status_code == 200


@pytest.mark.parametrize("path", STEPS)
async def test_without_the_token_a_page_says_how_to_get_it(desk, path):
    """A guest of this machine sees no form, and may send none."""
    async with desk() as d:
        await d.setup.make_token()
        answer = await d.get(path)
        assert answer.status_code == 403
        assert "terminal" in answer.text and "<form" not in answer.text
        assert (await d.client.post(path, data={"organization": "Mine"})).status_code == 403
        assert not d.file.exists()


async def test_what_is_stored_opens_nothing(desk):
    """The database has hashes only."""
    async with desk() as d:
        token = await d.setup.make_token()
        await d.get(f"/setup?token={token}")
        async with d.portal.db.read() as tx:
            row = await tx.fetch_one("SELECT token_hash, session_hash FROM setup_state")
        assert token not in row
        assert d.client.cookies["callboard_setup"] not in row
        assert (await d.get(f"/setup?token={row[0]}")).status_code == 403


async def test_a_token_lasts_for_a_day(desk):
    """Token and session end together."""
    async with desk() as d:
        token = await d.setup.make_token()
        await d.get(f"/setup?token={token}")
        await d.pass_time(hours=24)
        assert (await d.get("/setup")).status_code == 403
        assert (await d.get(f"/setup?token={token}")).status_code == 403


async def test_a_new_token_voids_the_old_one_and_keeps_the_draft(desk):
    """Starting the portal again prints another address; what was chosen is still there."""
    async with desk() as d:
        old = await d.setup.make_token()
        await d.get(f"/setup?token={old}")
        await d.choose("Harbour & Sons")
        new = await d.setup.make_token()
        assert (await d.get("/setup")).status_code == 403
        assert (await d.get(f"/setup?token={old}")).status_code == 403
        assert (await d.get(f"/setup?token={new}")).status_code == 303
        assert "Harbour &amp; Sons" in (await d.get("/setup")).text


async def test_wrong_tokens_are_slowed_down(desk):
    """After some of them even the right one has to wait."""
    async with desk() as d:
        token = await d.setup.make_token()
        answers = [(await d.get(f"/setup?token=guess-{n}")).status_code for n in range(5)]
        assert answers == [403] * 5
        assert (await d.get(f"/setup?token={token}")).status_code == 429
        await d.pass_time(hours=2)
        assert (await d.get(f"/setup?token={token}")).status_code == 303


async def test_a_token_is_in_no_log_and_no_audit_row(desk, capsys):
    """Neither a right nor a wrong one."""
    async with desk() as d:
        token = await d.setup.make_token()
        await d.get("/setup?token=a-wrong-one")
        await d.get(f"/setup?token={token}")
        events = (await d.portal.audit.list_events()).items
        assert [event.event for event in events] == ["set-up-begin", "set-up-token"]
        written = str(events) + "".join(capsys.readouterr())
        assert token not in written and "a-wrong-one" not in written


async def test_after_the_end_everything_is_closed(desk):
    """Token, cookie and forms are worth nothing, and no new token is made."""
    async with desk() as d:
        token = await d.setup.make_token()
        await d.get(f"/setup?token={token}")
        await d.choose()
        assert (await d.finish()).headers["location"] == "/setup/done"
        for path in (*STEPS, f"/setup?token={token}"):
            answer = await d.get(path)
            assert answer.status_code == 404 and "is set up" in answer.text
        assert await d.setup.make_token() is None


@pytest.mark.parametrize("how", ["settings", "demo", "user"])
async def test_a_portal_that_is_in_use_cannot_be_set_up(desk, how):
    """Settings, a demo or a user close the page."""
    options = {"settings": {}} if how == "settings" else {"demo": how == "demo"}
    async with desk(**options) as d:
        if how == "user":
            await d.portal.auth.users.create_user("kim", password=PASSWORD, actor=SYSTEM)
        assert await d.setup.make_token() is None
        assert (await d.get("/setup")).status_code == 404


async def test_forms_need_their_own_token(desk):
    """Another site cannot send them."""
    async with desk() as d:
        await d.enter()
        answer = await d.client.post("/setup", data={"organization": "Theirs"})
        assert answer.status_code == 403
        assert "Theirs" not in (await d.get("/setup")).text


async def test_the_page_is_an_offer(desk):
    """The empty portal still lets guests of this machine in, and its first page names the set-up."""
    async with desk() as d:
        answer = await d.get("/")
        assert answer.status_code == 200
        assert 'href="/setup"' in answer.text
