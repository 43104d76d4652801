"""Sending, reading and marking, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callboard.features.notifications.interface import NotificationNotFound, TopicChoice
from callboard.kernel.errors import InputError
from callboard.testing import user
from tests.features.notifications.conftest import ADA, BOB, EVE

pytestmark = pytest.mark.anyio
CYD = user("cyd", "group:default/refunds", "group:default/payments")


async def test_groups_reach_their_members_and_components_their_owners(each_desk: Any):
    """Members of groups below count; nobody is told twice, and nobody else is told."""
    async with each_desk() as d:
        assert len(await d.send("To the group", "group:default/payments", "user:default/ada")) == 3
        await d.send("To the owner", "component:default/till")
        await d.send("Not to bob", "payments", exclude=["user:default/bob"])
        await d.send("To nobody", "group:default/ghosts", "not a ref :: at all")
        assert sorted(await d.titles(ADA)) == sorted(await d.titles(CYD))
        assert sorted(await d.titles(ADA)) == ["Not to bob", "To the group", "To the owner"]
        assert sorted(await d.titles(BOB)) == ["To the group", "To the owner"]
        assert await d.titles(EVE) == []


async def test_what_a_sender_adds_does_not_become_words(open_desk: Any):
    """Titles in many languages are the portal's own; what comes with a notification cannot bring others."""
    words = {"text": "Sign in again", "id": "shell.sign_in", "with": {}}
    async with open_desk() as d:
        await d.send("Plain", "user:default/ada", metadata={"callboard.dev/words": words, "kept": 1})
        (one,) = await d.read(ADA)
        assert (one.title, one.metadata) == ("Plain", {"kept": 1})


async def test_a_broadcast_is_read_by_each_for_themselves(each_desk: Any):
    """One row for everybody; marks are each reader's own, and excluded readers never see it."""
    async with each_desk() as d:
        [id] = await d.send("For all", everybody=True, exclude=["user:default/eve"])
        assert (await d.unread(ADA), await d.unread(BOB), await d.unread(EVE)) == (1, 1, 0)
        assert await d.notifications.mark([id], read=True, saved=True, actor=ADA) == 1
        assert await d.notifications.mark([id], read=True, actor=ADA) == 0
        assert (await d.unread(ADA), await d.unread(BOB)) == (0, 1)
        assert [one.saved is not None for one in await d.read(ADA)] == [True]
        assert [one.saved is not None for one in await d.read(BOB)] == [False]
        with pytest.raises(NotificationNotFound):
            await d.notifications.get_notification(id, actor=EVE)


async def test_the_same_scope_replaces_and_is_unread_again(each_desk: Any):
    """One record for one scope, origin and reader; another origin or scope is another record."""
    async with each_desk() as d:
        [first] = await d.send("Build 1", scope="build", origin="plugin:ci")
        [shared] = await d.send("Up", everybody=True, scope="state", origin="plugin:ci")
        await d.notifications.mark(None, read=True, saved=True, actor=ADA)
        d.clock.advance(60)
        assert await d.send("Build 2", scope="build", origin="plugin:ci") == [first]
        assert await d.send("Down", everybody=True, scope="state", origin="plugin:ci") == [shared]
        assert await d.send("Other", scope="build", origin="plugin:cd") != [first]
        assert sorted(await d.titles(ADA)) == ["Build 2", "Down", "Other"]
        one = await d.notifications.get_notification(first, actor=ADA)
        assert one.read is None and one.saved is not None and one.updated is not None
        assert await d.unread(ADA) == 3


async def test_lists_filter_sort_and_page(each_desk: Any):
    """Each condition alone, wildcards of LIKE taken as they are, and an order that is total."""
    async with each_desk() as d:
        for n, severity in enumerate(("low", "normal", "high", "critical")):
            await d.send(f"N{n} 100%", severity=severity, topic=f"t{n % 2}", description="about Tills")
            d.clock.advance(1)
        moment = d.clock.now() - timedelta(seconds=2.5)
        [second] = [one for one in await d.read() if one.title.startswith("N1")]
        await d.notifications.mark([second.id], read=True, actor=ADA)
        assert [t[:2] for t in await d.titles()] == ["N3", "N2", "N1", "N0"]
        assert [t[:2] for t in await d.titles(order="topic", descending=False)] == ["N2", "N0", "N3", "N1"]
        assert [t[:2] for t in await d.titles(read=True)] == ["N1"]
        assert len(await d.titles(read=False)) == 3
        assert await d.titles(saved=True) == []
        assert [t[:2] for t in await d.titles(min_severity="high")] == ["N3", "N2"]
        assert [t[:2] for t in await d.titles(topic="t1")] == ["N3", "N1"]
        assert [t[:2] for t in await d.titles(created_after=moment)] == ["N3", "N2"]
        assert len(await d.titles(search="TILLS")) == 4
        assert len(await d.titles(search="100%")) == 4
        assert await d.titles(search="1_0") == []
        assert [t[:2] for t in await d.titles(limit=1, offset=1)] == ["N2"]
        assert await d.notifications.list_topics(actor=ADA) == ["t0", "t1"]
        with pytest.raises(InputError):
            await d.titles(limit=0)


async def test_only_the_reader_marks_theirs(each_desk: Any):
    """Ids of somebody else are passed over, and nothing of theirs changes."""
    async with each_desk() as d:
        [id] = await d.send("Ada's")
        assert await d.notifications.mark([id], read=True, actor=BOB) == 0
        assert await d.notifications.mark(None, read=True, actor=BOB) == 0
        assert await d.unread(ADA) == 1
        assert await d.notifications.mark(None, read=True, actor=ADA) == 1
        assert await d.notifications.mark([id], read=False, actor=ADA) == 1
        assert await d.unread(ADA) == 1


async def test_what_a_reader_turned_off_is_not_shown(each_desk: Any):
    """What is said of a topic goes before what is said of the origin."""
    async with each_desk() as d:
        await d.notifications.choose(
            [TopicChoice("Web", "plugin:ci", "", False), TopicChoice("Web", "plugin:ci", "broken", True)], actor=ADA
        )
        for topic in ("", "green", "broken"):
            await d.send(f"is {topic}", "user:default/ada", "user:default/bob", origin="plugin:ci", topic=topic)
        assert await d.titles(ADA) == ["is broken"] and await d.unread(ADA) == 1
        assert len(await d.titles(BOB)) == 3
        choices = {
            (c.origin, c.topic): c.enabled for c in await d.notifications.list_choices(actor=ADA) if c.channel == "Web"
        }
        assert choices == {("plugin:ci", ""): False, ("plugin:ci", "broken"): True}


@pytest.mark.parametrize(
    "bad",
    [
        {"title": " "}, {"title": "x" * 501}, {"link": "javascript:alert(1)"}, {"link": "data:text/html,x"}, {"severity": "huge"},
        {"topic": "x" * 256}, {"link": "java\nscript:alert(1)"},
    ],
)  # fmt: skip
async def test_what_cannot_be_shown_is_refused(open_desk: Any, bad: dict[str, Any]):
    """A link that is code, a title that is none: refused, and nothing is stored."""
    async with open_desk() as d:
        with pytest.raises(InputError):
            await d.send(bad.pop("title", "Hello"), **bad)
        assert await d.titles() == []
