"""Mail and webhooks: to whom, when, what they say, again when it fails, and never twice."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.features.notifications.channels.webhooks import WebhookChannel, WebhookNotFound
from callboard.features.notifications.interface import TopicChoice
from callboard.features.notifications.personal import Personal
from callboard.features.notifications.preferences import Preferences, email_due, parse_preferences, webhook_due
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing.http import FakeAnswer
from callboard.testing.smtp import FakeSmtp
from tests.features.notifications.conftest import ADA, BOB, EVE

pytestmark = pytest.mark.anyio
HOOK = "https://hooks.test/T000/secret-part"


def mail_settings(server: FakeSmtp, **more: Any) -> dict[str, Any]:
    email = {
        "transportConfig": {"transport": "smtp", "hostname": "127.0.0.1", "port": server.port},
        "sender": "Portal <portal@example.test>", "replyTo": "help@example.test", **more,
    }  # fmt: skip
    return {"notifications": {"email": email}, "app": {"title": "The Board", "baseUrl": "https://portal.test"}}


@pytest.fixture
async def server() -> Any:
    async with FakeSmtp() as running:
        yield running


def opened(each_desk: Any, server: FakeSmtp, **email: Any) -> Any:
    return each_desk(more=mail_settings(server, **email))


# ---- mail -----------------------------------------------------------------------------------------------------------------


async def test_a_mail_says_it_in_text_and_html_with_everything_escaped(each_desk: Any, server: FakeSmtp):
    """Who, what, where to; hostile words stay words, and no header can be smuggled in."""
    async with opened(each_desk, server) as d:
        await d.send(
            "Build <b>broke</b>", description='<img src=x onerror="x">', link="/catalog", severity="high", topic="ci"
        )
        await d.site.settle()
        [mail] = server.mails
        assert (mail.sender, mail.recipients) == ("portal@example.test", ("ada@example.test",))
        assert mail.message["Subject"] == "Build <b>broke</b>" and mail.message["Reply-To"] == "help@example.test"
        assert "https://portal.test/catalog" in mail.text() and "<img src=x" in mail.text()
        page = mail.text("html")
        assert "&lt;img src=x" in page and "<img" not in page and 'href="https://portal.test/catalog"' in page
        assert "unsubscribe?t=" in mail.message["List-Unsubscribe"]
        await d.send("One\r\nBcc: eve@example.test")
        await d.site.settle()
        assert (
            server.mails[1].message["Subject"] == "One Bcc: eve@example.test" and server.mails[1].message["Bcc"] is None
        )


async def test_a_mail_is_tried_again_and_sent_once(each_desk: Any, server: FakeSmtp):
    """A server that is busy is asked later; one that refuses for good is not; and nothing is sent twice."""
    server.refuse = {"DATA": ["451 busy", "451 busy"]}
    async with opened(each_desk, server) as d:
        await d.send("First")
        await d.site.settle()
        assert server.mails == []
        for _ in range(4):
            d.clock.advance(70)
            await d.site.settle()
        assert [m.message["Subject"] for m in server.mails] == ["First"]
        server.refuse = {"RCPT": ["550 nobody by that name"]}
        await d.send("Second")
        for _ in range(3):
            await d.site.settle()
            d.clock.advance(7200)
        assert len(server.mails) == 1
        async with d.portal.db.read() as tx:
            rows = await tx.fetch_all("SELECT state, error FROM notification_delivery ORDER BY created_at")
        assert [row[0] for row in rows] == ["sent", "failed"] and "nobody by that name" in rows[1][1]


async def test_what_was_cut_off_while_it_left_is_not_sent_again(each_desk: Any, server: FakeSmtp):
    """The mark is set before the mail leaves; a run that finds it gives the mail up and says so."""
    async with opened(each_desk, server) as d:
        await d.send("Half way")
        await d.portal.jobs.run_due(["notifications.fan_out"])
        async with d.portal.db.write() as tx:
            await tx.execute("UPDATE notification_delivery SET state = 'sending'")
        await d.site.settle()
        assert server.mails == []
        async with d.portal.db.read() as tx:
            assert "not sent again" in await tx.fetch_value("SELECT error FROM notification_delivery")


async def test_digests_gather_until_their_hour_and_leave_out_what_was_read(each_desk: Any, server: FakeSmtp):
    """One mail at eight in the reader's zone; what is critical does not wait; what was read in the portal is not mailed."""
    async with opened(each_desk, server) as d:  # 03:12 UTC
        await d.portal.service(Personal).change_preferences({"email": "daily", "time_zone": "Asia/Kolkata"}, actor=ADA)
        [read] = await d.send("Read by then")
        await d.send("A")
        await d.send("B", severity="high")
        await d.send("Low", severity="low")
        await d.send("Fire", severity="critical")
        await d.notifications.mark([read], read=True, actor=ADA)
        await d.site.settle()
        assert [m.message["Subject"] for m in server.mails] == ["Fire"]
        d.clock.advance(23 * 3600)  # 02:12 UTC; eight o'clock there is 02:30
        await d.site.settle()
        assert len(server.mails) == 1
        d.clock.advance(20 * 60)
        await d.site.settle()
        assert [m.message["Subject"] for m in server.mails[1:]] == ["2 notifications from The Board"]
        text = server.mails[1].text()
        assert "A" in text.split() and "B" in text.split()[:20] and "Read by then" not in text and "Low" not in text


async def test_mails_that_nobody_wants_are_not_sent(each_desk: Any, server: FakeSmtp):
    """Off by topic, off at all, no address: the portal's own list has it all the same."""
    async with opened(each_desk, server) as d:
        await d.notifications.choose([TopicChoice("Email", "plugin:ci", "green", False)], actor=ADA)
        await d.portal.service(Personal).change_preferences({"email": "off"}, actor=BOB)
        await d.send("Green", "payments", origin="plugin:ci", topic="green")
        await d.send("To a stranger", "user:default/nobody-here")
        await d.site.settle()
        assert [m.recipients for m in server.mails] == [("cyd@example.test",)]
        assert await d.titles(ADA) == await d.titles(BOB) == ["Green"]


async def test_broadcasts_are_mailed_where_the_settings_say_so(each_desk: Any, server: FakeSmtp):
    """Each user of the catalog once, but for those whom it is not meant for."""
    async with opened(each_desk, server, broadcastConfig={"receiver": "users"}) as d:
        await d.send("For all", everybody=True, exclude=["user:default/eve"])
        await d.site.settle()
        assert sorted(m.recipients[0].partition("@")[0] for m in server.mails) == ["ada", "bob", "cyd"]


async def test_the_link_in_a_mail_turns_off_what_it_is_about(open_desk: Any, server: FakeSmtp):
    """Without signing in; by the page, and by the mail program's own button; a changed link does nothing."""
    async with opened(open_desk, server) as d, d.portal.client() as nobody:
        await d.send("Red", origin="plugin:ci", topic="broken")
        await d.site.settle()
        url = re.search(r"<https://portal\.test(.*)>", server.mails[0].message["List-Unsubscribe"])[1]
        page = await nobody.get(url)
        assert page.status_code == 200 and "broken" in page.text and page.headers["cache-control"] == "no-store"
        assert (await nobody.get(url[:-3] + "AAA")).status_code == 400
        answer = await nobody.post(url, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        await d.send("Red again", origin="plugin:ci", topic="broken")
        await d.send("Other", origin="plugin:ci")
        await d.site.settle()
        assert [m.message["Subject"] for m in server.mails] == ["Red", "Other"]
        answer = await nobody.post(url, data={"all": "1"})
        await d.send("More", origin="plugin:cd")
        await d.site.settle()
        assert len(server.mails) == 2


# ---- when -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "severity", "now", "due"),
    [
        ({}, "normal", "2026-11-23 03:12", "2026-11-23 03:12"),
        ({}, "low", "2026-11-23 03:12", None),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "normal", "2026-11-23 03:12", "2026-11-23 07:00"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "normal", "2026-11-23 22:00", "2026-11-24 07:00"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "normal", "2026-11-23 07:00", "2026-11-23 07:00"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "critical", "2026-11-23 03:12", "2026-11-23 03:12"),
        ({"quiet_from": "09:00", "quiet_until": "17:00"}, "high", "2026-11-23 10:00", "2026-11-23 17:00"),
        ({"email": "daily"}, "normal", "2026-11-23 03:12", "2026-11-23 08:00"),
        ({"email": "daily"}, "normal", "2026-11-23 08:00", "2026-11-24 08:00"),
        ({"email": "weekly", "weekday": 4, "hour": 17}, "normal", "2026-11-23 03:12", "2026-11-27 17:00"),
        ({"email": "weekly", "weekday": 0}, "normal", "2026-11-23 09:00", "2026-11-30 08:00"),
        ({"email": "daily", "time_zone": "Europe/Berlin"}, "normal", "2026-10-24 12:00", "2026-10-25 07:00"),
        ({"email": "daily", "hour": 2, "time_zone": "Europe/Berlin"}, "normal", "2026-03-28 12:00", "2026-03-29 01:00"),
        ({"email": "off"}, "critical", "2026-11-23 03:12", None),
    ],
)  # fmt: skip
def test_when_a_mail_leaves(wanted: dict[str, Any], severity: Any, now: str, due: str | None):
    """At once, at the end of quiet hours over midnight, at the hour of the digest on both sides of a change of clocks."""
    preferences = parse_preferences(wanted, Preferences())
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = None if due is None else datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert email_due(moment, severity, preferences) == expected


def test_quiet_hours_hold_back_own_webhooks_but_digests_do_not():
    """A webhook is for machines and chats: it does not gather."""
    now = datetime(2026, 11, 23, 3, 12, tzinfo=UTC)
    assert webhook_due(now, "low", Preferences(email="weekly")) == now
    assert webhook_due(now, "low", Preferences(quiet_from="03:00", quiet_until="04:00")).hour == 4


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"email": "sometimes"}, "email"), ({"time_zone": "Mars/Olympus"}, "time_zone"), ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"hour": 24}, "hour"), ({"weekday": "x"}, "weekday"), ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "x", "quiet_until": "9"}, "quiet_from"), ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"min_severity": "huge"}, "min_severity"),
    ],
)  # fmt: skip
def test_preferences_that_mean_nothing_are_refused(bad: dict[str, Any], field: str):
    """Each names its field."""
    with pytest.raises(InputError) as caught:
        parse_preferences(bad, Preferences())
    assert caught.value.field == field


# ---- webhooks -------------------------------------------------------------------------------------------------------------


def hooked(each_desk: Any, *webhooks: dict[str, Any], **more: Any) -> Any:
    given = {"notifications": {"webhooks": list(webhooks), **more}, "app": {"baseUrl": "https://portal.test"}}
    return each_desk(more=given)


async def test_webhooks_of_the_settings_get_what_groups_and_everybody_are_told(each_desk: Any):
    """Once a message, not once a member; signed; nothing that was meant for one person."""
    hooks = (
        {"url": HOOK, "secret": "s3cret", "minSeverity": "normal"},
        {"url": "https://chat.test/x", "format": "text", "recipients": ["refunds"]},
    )
    async with hooked(each_desk, *hooks) as d:
        http = d.http
        http.add(HOOK, method="POST")
        http.add("https://chat.test/x", method="POST")
        await d.send("Private")
        await d.send("Quiet", "payments", severity="low")
        await d.send("Both", "payments", "refunds", description="a < b & c", link="/x", severity="high", topic="ops")
        await d.send("All", everybody=True)
        await d.site.settle()
        sent = http.requests_to(HOOK)
        assert sorted(one.json()["title"] for one in sent) == ["All", "Both"]
        [both] = [one for one in sent if one.json()["title"] == "Both"]
        stamp = both.headers["x-callboard-timestamp"]
        expected = hmac.new(b"s3cret", stamp.encode() + b"." + both.body, hashlib.sha256).hexdigest()
        assert both.headers["x-callboard-signature-256"] == f"sha256={expected}"
        assert both.json()["link"] == "https://portal.test/x" and both.json()["topic"] == "ops"
        [text] = http.requests_to("https://chat.test/x")
        assert text.json() == {"text": "[High] *Both*\na &lt; b &amp; c\n<https://portal.test/x|Open>"}


async def test_a_webhook_is_tried_again_and_posted_once(each_desk: Any):
    """503 with Retry-After, then an outage, then good; a receiver that is gone is not asked again."""
    async with hooked(each_desk, {"url": HOOK}) as d:
        http = d.http
        answers = [FakeAnswer(503, {"retry-after": "60"}), FakeAnswer(500), FakeAnswer(200), FakeAnswer(410)]
        http.add_function(HOOK, lambda sent: answers.pop(0), method="POST")
        await d.send("Hello", everybody=True)
        for _ in range(5):
            await d.site.settle()
            d.clock.advance(61)
        assert len(http.requests_to(HOOK)) == 3
        await d.send("Gone", everybody=True)
        for _ in range(3):
            await d.site.settle()
            d.clock.advance(3600)
        assert len(http.requests_to(HOOK)) == 4
        async with d.portal.db.read() as tx:
            rows = await tx.fetch_all("SELECT state, error FROM notification_delivery ORDER BY created_at")
        assert [row[0] for row in rows] == ["sent", "failed"] and "secret-part" not in rows[1][1]


async def test_people_and_groups_have_webhooks_of_their_own(each_desk: Any):
    """One's own, and those of groups one is in; nobody else sees them, adds to them or takes them away."""
    async with hooked(each_desk) as d:
        channel, http = d.portal.service(WebhookChannel), d.http
        for url in ("https://mine.test/a", "https://team.test/b"):
            http.add(url, method="POST")
        mine = await channel.add(title="Mine", url="https://mine.test/a", min_severity="high", actor=ADA)
        team = await channel.add(title="Team", url="https://team.test/b", owner="payments", format="text", actor=BOB)
        assert {one.id for one in await channel.list_own(actor=ADA)} == {mine.id, team.id}
        assert await channel.list_own(actor=EVE) == []
        with pytest.raises(NotAllowedError):
            await channel.add(title="Theirs", url="https://x.test", owner="group:default/payments", actor=EVE)
        with pytest.raises(WebhookNotFound):
            await channel.remove(team.id, actor=EVE)
        await d.send("Low", "payments", severity="low")
        await d.send("High", "payments", severity="high")
        await d.send("Only ada", severity="high")
        await d.site.settle()
        assert sorted(one.json()["title"] for one in http.requests_to("https://mine.test/a")) == ["High", "Only ada"]
        assert len(http.requests_to("https://team.test/b")) == 2
        await channel.remove(team.id, actor=ADA)
        await d.send("After", "payments", severity="high")
        await d.site.settle()
        assert len(http.requests_to("https://team.test/b")) == 2


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("file:///etc/passwd", {}), ("https://user:pw@x.test/", {}), ("https://files.test/hook", {}), ("nonsense", {}),
        ("https://other.test/", {"webhookHosts": ["*.slack.test"]}), ("https://x.test/", {"webhookHosts": []}),
    ],
)  # fmt: skip
async def test_webhooks_lead_only_where_the_settings_let_them(open_desk: Any, url: str, settings: dict[str, Any]):
    """Not to hosts that are named for reading only, nor past the hosts that are listed."""
    async with hooked(open_desk, **settings) as d:
        with pytest.raises(InputError):
            await d.portal.service(WebhookChannel).add(title="Bad", url=url, actor=ADA)
