"""Sign-in and token pages with the real templates, and the files that pages load."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.web.templates import PageTools
from callboard.ui.environment import template_globals
from callboard.ui.messages import Messages
from callboard.ui.moments import moment
from callboard.ui.plugin import STATIC

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def portal(make_small_portal: Any, guest_settings: Any, tmp_path: Any) -> Any:
    messages = Messages.load(["callboard.ui"])
    (tmp_path / "vendor").mkdir()
    for name in ("htmx.js", "icons.svg", "source-sans-3.woff2"):
        (tmp_path / "vendor" / name).write_text("/* stands in for what the asset build copies */" * 40)
    (tmp_path / "vendor" / "htmx.js.gz").write_bytes(gzip.compress(b"packed by the build"))
    tools = PageTools(
        translator=messages.translator, locales=messages.locales, roots=("callboard.ui",), static_folders=(tmp_path, STATIC),
        globals=template_globals(), moment=moment,
    )  # fmt: skip
    made = make_small_portal(guest_settings, services={PageTools: tools})
    await made.auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    return made


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_signing_in_making_and_revoking_a_token_without_scripts(portal: Any) -> None:
    """Forms and redirects alone: a wrong password shows the form again, a token's text is shown once."""
    async with portal.client() as client:
        page = await client.get("/sign-in?next=/settings/tokens")
        form = {"user": "ada", "password": "wrong", "next": "/settings/tokens", "csrf_token": token_in(page.text)}
        wrong = await client.post("/sign-in", data=form)
        assert (wrong.status_code, 'value="ada"' in wrong.text) == (401, True)
        begun = await client.post("/sign-in", data={**form, "password": PASSWORD})
        assert begun.headers["location"] == "/settings/tokens"
        csrf_token = token_in((await client.get("/settings/tokens")).text)
        made = await client.post(
            "/settings/tokens", data={"name": "ci", "expires_days": "30", "csrf_token": csrf_token}
        )
        text = re.search(r"cb_[a-z0-9]{12}_[a-z0-9]{40}", made.text)
        assert text is not None
        assert made.headers["cache-control"] == "no-store"
        listed = await client.get("/settings/tokens")
        assert text[0] not in listed.text
        bad = await client.post("/settings/tokens", data={"name": "", "expires_days": "9", "csrf_token": csrf_token})
        assert bad.status_code == 400
        action = re.search(r'action="(/settings/tokens/[a-z0-9]+/delete)"', listed.text)
        assert action is not None
        assert (await client.post(action[1], data={"csrf_token": csrf_token})).status_code == 303
        assert "/delete" not in (await client.get("/settings/tokens")).text


async def test_a_guest_may_enter_by_the_button_and_has_no_tokens(portal: Any) -> None:
    """A session as the guest; the token page says 403 and where to sign in."""
    async with portal.client() as client:
        page = await client.get("/sign-in")
        entered = await client.post("/sign-in/guest", data={"csrf_token": token_in(page.text)})
        refused = await client.get("/settings/tokens")
    assert (entered.status_code, refused.status_code) == (303, 403)
    assert "/sign-in?next=/settings/tokens" in refused.text


async def test_error_pages_are_drawn_by_the_design_system(portal: Any) -> None:
    """404 inside the shell, with the words of the catalogue."""
    async with portal.client() as client:
        answer = await client.get("/no-such-page")
    assert answer.status_code == 404
    assert "Not found" in answer.text
    assert 'class="shell"' in answer.text


async def test_static_files_are_kept_for_good_under_their_hash(portal: Any) -> None:
    """Immutable with the current hash; asked for again without it or with an old one; 304 where nothing changed."""
    url = portal.asgi.static.url("css/base.css")
    async with portal.client(headers={"accept-encoding": "identity"}) as client:
        hashed, plain, old = (
            await client.get(url),
            await client.get("/static/css/base.css"),
            await client.get(f"/static/{'0' * 12}/css/base.css"),
        )
        again = await client.get(url, headers={"if-none-match": hashed.headers["etag"]})
        packed = await client.get("/static/vendor/htmx.js", headers={"accept-encoding": "gzip"})
        outside = [
            await client.get(f"/static/{path}")
            for path in ("../plugin.py", "%2e%2e/plugin.py", "..%2fplugin.py", "none.css")
        ]
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == old.headers["cache-control"] == "public, no-cache"
    assert hashed.content == plain.content == old.content
    assert (again.status_code, again.content) == (304, b"")
    assert (packed.headers["content-encoding"], packed.text) == ("gzip", "packed by the build")
    assert [answer.status_code for answer in outside] == [404] * 4
