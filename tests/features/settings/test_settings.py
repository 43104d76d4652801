"""What people set for themselves, as forms without script."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import group, guest, make_portal, user, user_entity
from callboard.testing.portal import PortalForTest
from tests.features.catalog.conftest import World, each_world, postgres_world, world

__all__ = ["World", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
PASSWORD = "a sheet of paper and a pin"
LOCAL = {"auth": {"providers": {"local": {}}}}


def token(page: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert found is not None
    return {"csrf_token": html.unescape(found[1])}


async def sign_in(portal: PortalForTest, password: str = PASSWORD, agent: str = "") -> Any:
    """A client with a session of ada, and where signing in led."""
    client = portal.client(headers={"user-agent": agent} if agent else None)
    form = token((await client.get("/sign-in")).text)
    answer = await client.post("/sign-in", data=form | {"user": "ada", "password": password})
    client.headers["x-led-to"] = answer.headers.get("location", "")
    return client, answer


@pytest.fixture
async def portal() -> Any:
    async with make_portal(LOCAL) as running:
        await running.auth.users.create_user(
            "ada", password=PASSWORD, email="ada@example.test", display_name="Ada", actor=SYSTEM
        )
        yield running


async def test_the_profile_says_who_one_is_and_why_one_owns(world: World):
    """Name, address, roles, groups one is in and those above them; hidden titles stay hidden."""
    documents = [
        group("payments", parent="money", metadata={"title": "Payments team"}), group("money"),
        user_entity("ada", member_of=("payments",), email="ada@example.test", display_name="Ada L."),
    ]  # fmt: skip
    world.write("org.yaml", *documents)
    ada = user("ada", "group:default/payments", "group:default/money", roles=("auditor",))
    async with world.site("org.yaml") as site, site.portal.client(ada) as client, site.portal.client(guest()) as who:
        page = (await client.get("/settings")).text
        for said in (
            "Ada L.",
            "ada@example.test",
            "auditor",
            "Payments team",
            "you are in it",
            "through a group below it",
        ):
            assert said in page, said
        assert page.index("Payments team") < page.index("through a group below it")
        assert 'href="/settings" aria-current="page"' in page
        told = (await who.get("/settings")).text
        assert "You are a guest" in told and 'class="rail-item" href="/settings' not in told
        assert (await who.get("/settings/look", headers={"accept": "text/html"})).status_code == 403


async def test_sessions_are_listed_and_ended(portal: PortalForTest):
    """Where one is signed in; one of them or all others end at once; nobody ends somebody else's."""
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
    await portal.auth.users.create_user("eve", password=PASSWORD, actor=SYSTEM)
    (one, _), (two, _), (three, _) = [await sign_in(portal, agent=agent) for agent in (firefox, "curl/8", "")]
    page = (await one.get("/settings/sessions")).text
    assert "Firefox on Linux" in page and page.count("This browser") == 1 and page.count('name="mark"') == 2
    form = token(page)
    strangers = await portal.auth.sessions.create_session("user:default/eve", provider="local")
    [row] = await portal.auth.sessions.list_sessions("user:default/eve")
    await one.post("/settings/sessions/end", data=form | {"mark": row.id_hash})
    assert await portal.auth.sessions.find_session(strangers) is not None
    mark = re.search(r'name="mark" value="([^"]*)"', page)[1]
    assert (await one.post("/settings/sessions/end", data=form | {"mark": mark})).status_code == 303
    alive = [(await client.get("/settings/sessions")).status_code for client in (one, two, three)]
    assert sorted(alive) == [200, 200, 303]
    await one.post("/settings/sessions/end", data=form | {"do": "others"})
    alive = [(await client.get("/settings/sessions")).status_code for client in (one, two, three)]
    assert alive == [200, 303, 303]


async def test_the_password_is_changed_by_who_knows_it(portal: PortalForTest):
    """Wrong, unlike, too weak: told by its field; then every session ends, and the new one holds."""
    client, _ = await sign_in(portal)
    form = token((await client.get("/settings/sessions")).text)
    new = "another sheet and another pin"
    for given, field in (
        ({"current": "x", "new": new, "again": new}, "current"),
        ({"current": PASSWORD, "new": new, "again": "y"}, "again"),
        ({"current": PASSWORD, "new": "a", "again": "a"}, "new"),
    ):
        answer = await client.post("/settings/password", data=form | given)
        assert answer.status_code == 400 and f'id="{field}-error"' in answer.text, given
    answer = await client.post("/settings/password", data=form | {"current": PASSWORD, "new": new, "again": new})
    assert answer.status_code == 303 and (await client.get("/settings")).status_code == 303
    assert (await sign_in(portal))[1].status_code == 401
    assert (await sign_in(portal, new))[1].status_code == 303


async def test_theme_language_and_start_page(portal: PortalForTest):
    """Kept with the user, told to the browser by cookies, so that no page paints the other theme first; back by one choice."""
    client, answer = await sign_in(portal)
    assert answer.headers["location"] == "/"
    form = token((await client.get("/settings/look")).text)
    chosen = {"theme": "dark", "locale": "en", "start_page": "/catalog"}
    answer = await client.post("/settings/look", data=form | chosen)
    assert answer.status_code == 303
    page = (await client.get("/settings/look?saved")).text
    assert '<html lang="en" data-theme="dark">' in page and 'value="dark" id="theme-dark" checked' in page
    cookies = {cookie.partition("=")[0]: cookie for cookie in answer.headers.get_list("set-cookie")}
    assert "httponly" not in cookies["callboard_theme"].lower() and "callboard_locale=en" in cookies["callboard_locale"]
    other, answer = await sign_in(portal)
    assert answer.headers["location"] == "/catalog" and 'data-theme="dark"' in (await other.get("/settings")).text
    value = (await other.get("/api/user-settings/buckets/callboard/keys/theme")).json()["value"]
    assert value == "dark"
    await client.post("/settings/look", data=form | {"theme": "", "locale": "", "start_page": ""})
    assert "data-theme" not in (await client.get("/settings")).text
    for bad in ({"theme": "pink"}, {"locale": "xx"}, {"start_page": "https://evil.test/"}):
        answer = await client.post("/settings/look", data=form | bad)
        assert answer.status_code == 400, bad


async def test_every_page_of_settings_is_reached_from_each(portal: PortalForTest):
    """Tabs of all features, the kernel's tokens among them; a theme cookie that is none is passed over."""
    client, _ = await sign_in(portal)
    client.cookies.set("callboard_theme", "nosuchtheme")
    paths = ("/settings", "/settings/look", "/settings/notifications", "/settings/sessions", "/settings/tokens")
    for path in paths:
        page = (await client.get(path)).text
        assert all(f'href="{other}"' in page for other in paths) and "nosuchtheme" not in page, path
