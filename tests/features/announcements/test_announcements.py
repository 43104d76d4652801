"""Announcements: who reads which, when, who writes them, and that people are told once."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from callboard.features.announcements.interface import (
    AnnouncementChanged,
    AnnouncementNotFound,
    Announcements,
    Draft,
)
from callboard.features.announcements.service import excerpt
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing import admin, guest, make_portal
from tests.features.notifications.conftest import ADA, BOB, EVE, each_desk, each_world, open_desk, postgres_world, world

__all__ = ["each_desk", "each_world", "open_desk", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
ROOT = admin()
REST = "/api/announcements/v1/announcements"


class Board:
    """Writes as an administrator unless told otherwise."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.service: Announcements = desk.portal.service(Announcements)

    def draft(self, title: str = "News", **more: Any) -> Draft:
        fields = {"body": "Some *text*.", "starts_at": self.desk.clock.now(), **more}
        return Draft(title, **fields)

    async def put(self, title: str = "News", **more: Any) -> Any:
        return await self.service.create_announcement(self.draft(title, **more), actor=ROOT)

    async def titles(self, actor: Any, when: Any = "current", **more: Any) -> list[str]:
        found, total = await self.service.list_announcements(when, actor=actor, **more)
        assert total >= len(found)
        return [one.title for one in found]


async def test_each_reads_what_is_for_them_while_it_holds(each_desk: Any):
    """Everybody's and their groups', pinned first; from its beginning until its end; editors see all of it."""
    async with each_desk() as d:
        b, now = Board(d), d.clock.now()
        await b.put("For all")
        await b.put("For payments", audience=["payments"], pinned=True)
        later = await b.put("Later", starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2))
        assert await b.titles(ADA) == ["For payments", "For all"]
        assert await b.titles(EVE) == ["For all"]
        assert await b.titles(ROOT) == ["For payments", "For all"]
        assert await b.titles(ROOT, "scheduled") == ["Later"] and await b.titles(ADA, "scheduled") == []
        with pytest.raises(AnnouncementNotFound):
            await b.service.get_announcement(later.id, actor=ADA)
        d.clock.advance(3600)
        assert await b.titles(EVE) == ["Later", "For all"]
        d.clock.advance(3600)
        assert await b.titles(EVE) == ["For all"] and await b.titles(EVE, "ended") == ["Later"]
        assert await b.titles(ADA, limit=1, offset=1) == ["For all"]


async def test_a_reader_dismisses_for_themselves(each_desk: Any):
    """Off their own home page, not off the list; taken back; nobody dismisses what is not for them."""
    async with each_desk() as d:
        b = Board(d)
        one = await b.put("One")
        hidden = await b.put("Hidden", audience=["group:default/refunds"])
        for _ in range(2):
            await b.service.dismiss(one.id, actor=ADA)
        assert await b.titles(ADA, dismissed=False) == [] and await b.titles(ADA) == ["One"]
        assert await b.titles(BOB, dismissed=False) == ["One"]
        await b.service.dismiss(one.id, dismissed=False, actor=ADA)
        assert await b.titles(ADA, dismissed=False) == ["One"]
        with pytest.raises(AnnouncementNotFound):
            await b.service.dismiss(hidden.id, actor=EVE)


async def test_only_who_may_writes_and_no_update_is_lost(each_desk: Any):
    """Administrators by default; the same again changes nothing; an older version is told of the newer one."""
    async with each_desk() as d:
        b = Board(d)
        for call in (
            lambda: b.service.create_announcement(b.draft(), actor=ADA),
            lambda: b.service.update_announcement("x", b.draft(), version=1, actor=ADA),
            lambda: b.service.delete_announcement("x", actor=ADA),
        ):
            with pytest.raises(NotAllowedError):
                await call()
        one = await b.put("One")
        same = await b.service.update_announcement(one.id, b.draft("One"), version=1, actor=ROOT)
        assert same.version == 1
        changed = await b.service.update_announcement(
            one.id, b.draft("Two", audience=["payments"]), version=1, actor=ROOT
        )
        assert (changed.version, changed.title, list(changed.audience)) == (2, "Two", ["group:default/payments"])
        with pytest.raises(AnnouncementChanged) as caught:
            await b.service.update_announcement(one.id, b.draft("Three"), version=1, actor=ROOT)
        assert caught.value.theirs.title == "Two"
        await b.service.delete_announcement(one.id, actor=ROOT)
        assert await b.titles(ROOT) == []
        async with d.portal.db.read() as tx:
            rows = await tx.fetch_all(
                "SELECT event FROM kernel_audit_event WHERE plugin = 'announcements' ORDER BY seq"
            )
        assert [row[0] for row in rows] == ["announcement-create", "announcement-update", "announcement-delete"]


async def test_people_are_told_once_when_it_begins(each_desk: Any):
    """By a job at its beginning, also when that is moved; those of the audience; never a second time."""
    async with each_desk() as d:
        b, now = Board(d), d.clock.now()
        one = await b.put(
            "Soon", audience=["refunds"], starts_at=now + timedelta(hours=1), notify=True, severity="critical"
        )
        put_off = b.draft(
            "Soon", audience=["refunds"], starts_at=now + timedelta(hours=2), notify=True, severity="critical"
        )
        await b.service.update_announcement(one.id, put_off, version=1, actor=ROOT)
        await d.site.settle()
        d.clock.advance(3600)
        await d.site.settle()
        cyd = type(ADA)(type="user", subject="user:default/cyd", ownership=frozenset({"user:default/cyd"}))
        assert await d.titles(cyd, topic="announcements") == []
        d.clock.advance(3600)
        await d.site.settle()
        [told] = await d.read(cyd, topic="announcements")
        assert (told.title, told.description, told.severity, told.link) == (
            "Soon",
            "Some text.",
            "critical",
            f"/announcements/{one.id}",
        )
        assert await d.titles(ADA, topic="announcements") == []
        stands = await b.service.get_announcement(one.id, actor=ROOT)
        assert stands.notified_at is not None
        again = b.draft("Soon, changed", notify=True)
        await b.service.update_announcement(one.id, again, version=stands.version, actor=ROOT)
        await d.site.settle()
        assert await d.titles(cyd, topic="announcements") == ["Soon"]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"title": " "}, "title"), ({"body": ""}, "body"), ({"severity": "huge"}, "severity"), ({"audience": ["user:default/ada"]}, "audience"),
        ({"audience": ["a b c"]}, "audience"), ({"ends": -1}, "ends_at"),
    ],
)  # fmt: skip
async def test_drafts_that_cannot_be_shown(open_desk: Any, bad: dict[str, Any], field: str):
    """Each names its field."""
    async with open_desk() as d:
        b = Board(d)
        if "ends" in bad:
            bad = {"ends_at": d.clock.now() - timedelta(hours=1)}
        with pytest.raises(InputError) as caught:
            await b.put(bad.pop("title", "News"), **bad)
        assert caught.value.field == field


def test_an_excerpt_is_plain_words():
    """For notifications, where no Markdown is drawn."""
    assert excerpt("# Big **news**\n\nMore") == "Big news"
    assert excerpt("- see [the plan](https://x.test), `now`") == "see the plan, now"
    assert len(excerpt("word " * 200)) <= 300 and excerpt("word " * 200).endswith("…")


async def test_rest_and_actions(open_desk: Any):
    """Written and read by programs; errors are problem+json; what is hidden is not there."""
    async with open_desk() as d, d.portal.client(ROOT) as root, d.portal.client(EVE) as eve:
        made = await root.post(
            REST, json={"title": "A", "body": "B", "audience": ["payments"], "endsAt": "2027-01-01T00:00:00+01:00"}
        )
        assert made.status_code == 201 and made.json()["endsAt"] == "2026-12-31T23:00:00.000Z"
        one = f"{REST}/{made.json()['id']}"
        assert (await eve.get(one)).status_code == 404 and (await eve.get(REST)).json() == {
            "items": [],
            "totalItems": 0,
        }
        assert (await eve.post(REST, json={"title": "A", "body": "B"})).status_code == 403
        changed = await root.put(one, json={**made.json(), "audience": [], "title": "A2"})
        assert (changed.status_code, changed.json()["version"]) == (200, 2)
        assert (await root.put(one, json={**made.json(), "title": "A3"})).json()["code"] == "announcements.changed"
        assert (await eve.put(f"{one}/dismissal")).status_code == 204
        assert (await eve.get(one)).json()["dismissed"] is True
        assert (await eve.delete(f"{one}/dismissal")).status_code == 204
        bad = await root.post(REST, json={"title": "A", "body": "B", "startsAt": "tomorrow"})
        assert (bad.status_code, bad.json()["code"]) == (400, "input")
        path = "/api/announcements/.backstage/actions/v1/actions/announcements:{}/invoke"
        listed = (await eve.post(path.format("list"), json={})).json()["output"]
        assert [item["title"] for item in listed["items"]] == ["A2"]
        await root.post(path.format("update"), json={"id": listed["items"][0]["id"], "pinned": True})
        assert (await root.get(one)).json()["pinned"] is True
        assert (await root.delete(one)).status_code == 204 and (await root.get(one)).status_code == 404


def fields(page: str) -> dict[str, str]:
    names = re.findall(r'<input type="hidden" name="(csrf_token|version)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in names}


async def test_the_pages_work_without_script(open_desk: Any):
    """Home, list, detail, preview, publish, change, dismiss, remove; hostile Markdown stays harmless; nothing typed is lost."""
    async with (
        open_desk() as d,
        d.portal.client(ROOT) as root,
        d.portal.client(ADA) as ada,
        d.portal.client(guest()) as who,
    ):
        assert (await ada.get("/announcements/new")).status_code == 403
        form = fields((await root.get("/announcements/new")).text)
        typed = form | {
            "title": "Move <b>", "body": "Hi **all** <script>alert(1)</script> [x](javascript:alert(1))", "severity": "warning",
            "time_zone": "Europe/Oslo", "starts_at": "2026-11-23T03:00", "audience": "payments\r\n", "pinned": "1",
        }  # fmt: skip
        preview = await root.post("/announcements/new", data=typed | {"do": "preview"})
        assert (
            preview.status_code == 200
            and "<strong>all</strong>" in preview.text
            and "<script>alert" not in preview.text
        )
        bad = await root.post("/announcements/new", data=typed | {"ends_at": "2020-01-01T00:00"})
        assert bad.status_code == 400 and "ends_at-error" in bad.text and "Move &lt;b&gt;" in bad.text
        made = await root.post("/announcements/new", data=typed)
        assert made.status_code == 303
        path = made.headers["location"]
        [stands] = (await root.get(REST)).json()["items"]
        assert stands["startsAt"] == "2026-11-23T02:00:00.000Z" and stands["audience"] == ["group:default/payments"]
        home = (await ada.get("/")).text
        assert "Move &lt;b&gt;" in home and "<strong>all</strong>" in home and "javascript:" not in home
        assert "Move" not in (await who.get("/")).text
        assert (await who.get(path, headers={"accept": "text/html"})).status_code == 404
        edit = (await root.get(f"{path}/edit")).text
        change = fields(edit) | {
            "title": "Moved",
            "body": "Done",
            "severity": "info",
            "time_zone": "UTC",
            "starts_at": "2026-11-23T02:00",
        }
        assert (await root.post(f"{path}/edit", data=change)).status_code == 303
        stale = await root.post(f"{path}/edit", data=change | {"title": "Mine"})
        assert stale.status_code == 409 and 'value="Mine"' in stale.text
        assert (
            await root.post(f"{path}/edit", data=fields(stale.text) | {**change, **fields(stale.text), "title": "Mine"})
        ).status_code == 303
        gone = await ada.post(f"{path}/dismiss", data=fields((await ada.get("/")).text) | {"back": "/"})
        assert gone.status_code == 303 and "Mine" not in (await ada.get("/")).text
        assert "Mine" in (await ada.get("/announcements")).text
        assert (await ada.post(f"{path}/delete", data=fields((await ada.get(path)).text))).status_code == 403
        assert (await root.post(f"{path}/delete", data=fields((await root.get(path)).text))).status_code == 303
        assert "Nothing is announced" in (await ada.get("/announcements")).text


async def test_it_stands_without_notifications():
    """Notifications switched off: announcements are read all the same, and nobody is offered to be told."""
    async with make_portal({"plugins": {"disabled": ["notifications"]}}) as portal, portal.client(ROOT) as root:
        page = (await root.get("/announcements/new")).text
        assert 'name="notify"' not in page and "data-bell" not in page
        made = await root.post(REST, json={"title": "A", "body": "B", "notify": True})
        assert made.status_code == 201
        await portal.jobs.run_due()
