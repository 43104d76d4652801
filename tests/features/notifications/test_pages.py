"""The pages as a browser without script meets them: the bell, the list, and what one wants by which channel."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.features.notifications.personal import Personal
from callboard.testing import guest
from tests.features.notifications.conftest import ADA, BOB, EVE

pytestmark = pytest.mark.anyio
HOSTILE = '"><script>alert(1)</script>'


def fields(page: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert found is not None
    return {"csrf_token": html.unescape(found[1])}


async def get(client: Any, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
    return str(answer.text)


def shown(page: str) -> list[str]:
    return re.findall(r'name="ids" value="([^"]*)"', page)


async def test_every_page_has_a_bell_that_counts(open_desk: Any):
    """Also one that is not there; nobody else's are counted, and reading takes the number away."""
    async with open_desk() as d, d.portal.client(ADA) as ada, d.portal.client(BOB) as bob:
        assert 'data-unread="0"' in await get(ada, "/catalog")
        await d.send("One")
        [id] = await d.send("Two")
        for path, status in (("/catalog", 200), ("/no-such-page", 404), ("/catalog/default/component/ghost", 404)):
            assert 'data-unread="2"' in await get(ada, path, status)
        assert 'data-unread="0"' in await get(bob, "/catalog")
        await d.notifications.mark([id], read=True, actor=ADA)
        assert 'data-unread="1"' in await get(ada, "/catalog")


async def test_the_list_filters_pages_and_teaches(open_desk: Any):
    """Views, conditions and pages are in the address; what is hostile is text; empty lists say what to do."""
    async with open_desk() as d, d.portal.client(ADA) as ada:
        assert "Nothing unread" in await get(ada, "/notifications")
        assert "Nothing saved" in await get(ada, "/notifications?view=saved")
        await d.send(HOSTILE, description=HOSTILE, topic=HOSTILE[:50], severity="critical", link="https://x.test/")
        for n in range(30):
            d.clock.advance(1)
            await d.send(f"Number {n}", topic="numbers", severity="low")
        page = await get(ada, "/notifications")
        assert len(shown(page)) == 25 and "1–25 of 31" in page and "<script>alert" not in page
        last = await get(ada, "/notifications?page=2")
        assert len(shown(last)) == 6 and "&lt;script&gt;" in last
        assert len(shown(await get(ada, "/notifications?topic=numbers&q=number+2"))) == 11
        assert len(shown(await get(ada, "/notifications?severity=critical"))) == 1
        assert "Nothing fits" in await get(ada, "/notifications?q=nowhere")
        answer = await ada.get("/notifications?page=77")
        assert answer.status_code == 303 and answer.headers["location"] == "/notifications?page=2"


async def test_forms_mark_one_many_and_all(open_desk: Any):
    """A row's own buttons, those ticked, everything; and back to where one was, on this site only."""
    async with open_desk() as d, d.portal.client(ADA) as ada:
        ids = [(await d.send(f"N{n}"))[0] for n in range(4)]
        form = fields(await get(ada, "/notifications"))

        async def post(**data: Any) -> str:
            answer = await ada.post("/notifications/mark", data=form | data)
            assert answer.status_code == 303, answer.text
            return str(answer.headers["location"])

        assert await post(read=ids[0], back="/notifications?view=all") == "/notifications?view=all"
        assert await post(save=ids[1], back="https://evil.test/") == "/notifications"
        assert shown(await get(ada, "/notifications?view=saved")) == [ids[1]]
        await post(do="read", ids=ids[1:3])
        assert shown(await get(ada, "/notifications")) == [ids[3]]
        await post(do="unread", ids=ids[:1])
        assert await d.unread(ADA) == 2
        await post(do="all")
        assert await d.unread(ADA) == 0
        assert (await ada.post("/notifications/mark", data=form | {"do": "burn"})).status_code == 400


async def test_following_one_marks_it_read(open_desk: Any):
    """The title leads where the sender said, by way of the portal; somebody else's is not there."""
    async with open_desk() as d, d.portal.client(ADA) as ada, d.portal.client(BOB) as bob:
        [id] = await d.send("Go", link="https://x.test/y")
        [inside] = await d.send("In", link="//evil.test/z")
        assert (await bob.get(f"/notifications/{id}")).status_code == 404
        answer = await ada.get(f"/notifications/{id}")
        assert (answer.status_code, answer.headers["location"]) == (303, "https://x.test/y")
        assert (await ada.get(f"/notifications/{inside}")).headers["location"] == "/evil.test/z"
        assert await d.unread(ADA) == 0


async def test_what_one_wants_is_chosen_by_form(open_desk: Any):
    """Quiet hours with their errors, topics by channel, a webhook whose address is never shown; guests have none of it."""
    path = "/settings/notifications"
    async with (
        open_desk() as d,
        d.portal.client(ADA) as ada,
        d.portal.client(EVE) as eve,
        d.portal.client(guest()) as who,
    ):
        await d.send("One", origin="plugin:ci", topic="green")
        page = await get(ada, path)
        assert "sends no mail" in page and "payments" in page
        form = fields(page)
        bad = await ada.post(path, data=form | {"quiet_from": "22:00", "quiet_until": "", "time_zone": "UTC"})
        assert bad.status_code == 400 and 'value="22:00"' in bad.text and "quiet_until-error" in bad.text
        good = await ada.post(
            path, data=form | {"quiet_from": "22:00", "quiet_until": "07:00", "time_zone": "Europe/Oslo"}
        )
        assert good.status_code == 303
        assert (await d.portal.service(Personal).get_preferences(actor=ADA)).time_zone == "Europe/Oslo"
        rows = {
            html.unescape(k): html.unescape(v)
            for k, v in re.findall(r'name="((?:origin|topic):\d+)" value="([^"]*)"', page)
        }
        assert (await ada.post(f"{path}/topics", data=form | rows | {"on:1:Web": "1"})).status_code == 303
        await d.send("Two", origin="plugin:ci", topic="green")
        await d.send("Three", origin="plugin:ci")
        assert sorted(await d.titles(ADA)) == ["One", "Three"]
        hook = {
            "title": "Chat",
            "url": "https://chat.test/secret-part",
            "owner": "group:default/payments",
            "format": "json",
        }
        made = await ada.post(f"{path}/webhooks", data=form | hook)
        assert made.status_code == 200 and re.search(r"[0-9a-f]{64}", made.text)
        again = await get(ada, path)
        assert "chat.test" in again and "secret-part" not in again and not re.search(r"<code>[0-9a-f]{64}", again)
        assert "chat.test" not in await get(eve, path)
        remove = re.search(rf'action="({path}/webhooks/[0-9a-f]+/delete)"', again)[1]
        assert (await eve.post(remove, data=fields(await get(eve, path)))).status_code == 404
        assert (await ada.post(remove, data=form)).status_code == 303
        assert "chat.test" not in await get(ada, path)
        refused = await ada.post(f"{path}/webhooks", data=form | {"title": "x", "url": "ftp://x.test"})
        assert refused.status_code == 400 and "url-error" in refused.text
        assert (await who.get(path, headers={"accept": "text/html"})).status_code == 403
