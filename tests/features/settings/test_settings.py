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
        told = (await who.get("/settings/preferences")).text
        assert (
            "Preferences are for those who sign in" in told
            and 'name="theme"' not in told
            and 'class="tabs"' not in told
        )
        assert (await who.get("/settings/sessions", headers={"accept": "text/html"})).status_code == 403


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
    form = token((await client.get("/settings/preferences")).text)
    chosen = {"theme": "dark", "locale": "en", "start_page": "/catalog"}
    answer = await client.post("/settings/preferences", data=form | chosen)
    assert answer.status_code == 303
    page = (await client.get("/settings/preferences?saved=1")).text
    assert '<html lang="en" data-theme="dark">' in page and 'value="dark" id="theme-dark" checked' in page
    cookies = {cookie.partition("=")[0]: cookie for cookie in answer.headers.get_list("set-cookie")}
    assert "httponly" not in cookies["callboard_theme"].lower() and "callboard_locale=en" in cookies["callboard_locale"]
    other, answer = await sign_in(portal)
    assert answer.headers["location"] == "/catalog" and 'data-theme="dark"' in (await other.get("/settings")).text
    value = (await other.get("/api/user-settings/buckets/callboard/keys/theme")).json()["value"]
    assert value == "dark"
    await client.post("/settings/preferences", data=form | {"theme": "", "locale": "", "start_page": ""})
    assert "data-theme" not in (await client.get("/settings")).text
    for bad in ({"theme": "pink"}, {"locale": "xx"}, {"start_page": "https://evil.test/"}):
        answer = await client.post("/settings/preferences", data=form | bad)
        assert answer.status_code == 400, bad
        [field] = bad
        assert f'id="{field}-error"' in answer.text
    async with portal.db.read() as tx:
        events = await tx.fetch_all(
            "SELECT meta FROM kernel_audit_event WHERE event = 'user-setting-write' ORDER BY id"
        )
    assert sorted('"theme":"dark"' in meta.replace(" ", "") for (meta,) in events) == [False, True]


async def test_a_language_holds_from_the_next_page_on(portal: PortalForTest):
    """It is chosen in one place, which wins over what this browser had; the menu of the account has it no more."""
    client, _ = await sign_in(portal)
    client.cookies.set("callboard_locale", "en")
    page = (await client.get("/catalog")).text
    assert 'action="/locale"' not in page and 'href="/settings/preferences"' in page
    form = token((await client.get("/settings/preferences")).text)
    answer = await client.post("/settings/preferences", data=form | {"locale": "de"})
    said = (await client.get(answer.headers["location"])).text
    assert '<html lang="de"' in said and "Ihre Vorlieben sind gespeichert" in said
    assert '<option value="de" selected>Deutsch</option>' in said
    other, _ = await sign_in(portal)
    assert '<html lang="de"' in (await other.get("/catalog")).text


async def test_choices_by_rest_are_those_of_the_page(portal: PortalForTest):
    """As the button for light or dark keeps it; what is left out stays; what is no choice is told by its name."""
    client, _ = await sign_in(portal)
    form = token((await client.get("/settings/preferences")).text)
    headers = {"x-csrf-token": form["csrf_token"]}
    path = "/api/ui/v1/preferences"
    answer = await client.put(path, json={"theme": "dark", "shortcuts": False}, headers=headers)
    assert answer.status_code == 200
    assert answer.json() | {"theme": "dark", "shortcuts": False, "locale": "", "visits": True} == answer.json()
    assert 'id="theme-dark" checked' in (await client.get("/settings/preferences")).text
    for bad in ({"theme": True}, {"theme": "pink"}, {"shortcuts": "yes"}, {"nonesuch": True}):
        answer = await client.put(path, json=bad, headers=headers)
        assert answer.status_code == 400 and next(iter(bad)) in answer.text, bad
    assert (await client.get(path)).json()["theme"] == "dark"


async def test_every_page_of_settings_is_reached_from_each(portal: PortalForTest):
    """Tabs of all features, the kernel's tokens among them; a theme cookie that is none is passed over."""
    client, _ = await sign_in(portal)
    client.cookies.set("callboard_theme", "nosuchtheme")
    paths = ("/settings", "/settings/preferences", "/settings/notifications", "/settings/sessions", "/settings/tokens")
    for path in paths:
        page = (await client.get(path)).text
        assert all(f'href="{other}"' in page for other in paths) and "nosuchtheme" not in page, path
