"""``/api/signals``: who may listen, what they hear, and that a second replica hears it, too."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.testing import FakeClock, make_portal
from callboard.testing.sockets import Refused, open_socket
from tests.features.notifications.conftest import ADA, BOB

pytestmark = pytest.mark.anyio
SUBSCRIBE = {"action": "subscribe", "channel": "notifications"}
TOKENS = {
    "backend": {
        "auth": {"externalAccess": [{"type": "static", "options": {"token": "secret-token-1", "subject": "ci"}}]}
    }
}


async def token_of(portal: Any, name: str) -> str:
    return str((await portal.auth.tokens.issue_user_token(f"user:default/{name}")).token)


async def tell(portal: Any, *to: str, **more: Any) -> Any:
    async with portal.db.write() as tx:
        return await portal.service(Notifications).notify(tx, NewNotification("Hello", to or None, **more))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_client_with_a_token_hears_what_is_for_it():
    """As Backstage's client does it: the token as subprotocol, subscribe, and messages of that channel alone."""
    async with make_portal({}) as portal, AsyncExitStack() as stack:
        ada, bob = await token_of(portal, "ada"), await token_of(portal, "bob")
        mine = await stack.enter_async_context(open_socket(portal.asgi, "/api/signals", subprotocols=[ada]))
        other = await stack.enter_async_context(open_socket(portal.asgi, "/api/signals/", subprotocols=[bob]))
        assert mine.subprotocol == ada
        for socket in (mine, other):
            socket.send(SUBSCRIBE)
        other.send("no json at all")
        await settled()
        [id] = await tell(portal, "user:default/ada")
        assert await mine.receive() == {
            "channel": "notifications", "message": {"action": "new_notification", "notification_id": id},
        }  # fmt: skip
        [shared] = await tell(portal)
        for socket in (mine, other):
            assert (await socket.receive())["message"]["notification_id"] == shared
        await portal.service(Notifications).mark([id], read=True, actor=ADA)
        assert (await mine.receive())["message"] == {"action": "notification_read", "notification_ids": [id]}
        mine.send({**SUBSCRIBE, "action": "unsubscribe"})
        await settled()
        await tell(portal, "user:default/ada")
        for socket in (mine, other):
            with pytest.raises(TimeoutError):
                await socket.receive(0.05)


async def test_what_is_rolled_back_is_not_told():
    """A signal leaves with its transaction."""
    async with (
        make_portal({}) as portal,
        open_socket(portal.asgi, "/api/signals", subprotocols=[await token_of(portal, "ada")]) as socket,
    ):
        socket.send(SUBSCRIBE)
        await settled()
        with pytest.raises(ZeroDivisionError):
            async with portal.db.write() as tx:
                await portal.service(Notifications).notify(tx, NewNotification("Hello", ["user:default/ada"]))
                _ = 1 / 0
        with pytest.raises(TimeoutError):
            await socket.receive(0.05)


async def test_settings_of_a_user_are_told_to_their_other_pages():
    """Backstage's channel user-settings."""
    async with (
        make_portal({}) as portal,
        portal.client(ADA) as client,
        open_socket(portal.asgi, "/api/signals", subprotocols=[await token_of(portal, "ada")]) as socket,
    ):
        socket.send({"action": "subscribe", "channel": "user-settings"})
        await settled()
        await client.put("/api/user-settings/buckets/app/keys/theme", json={"value": "dark"})
        assert await socket.receive() == {
            "channel": "user-settings",
            "message": {"type": "key-changed", "key": "theme"},
        }
        await client.delete("/api/user-settings/buckets/app/keys/theme")
        assert (await socket.receive())["message"]["type"] == "key-deleted"


@pytest.mark.parametrize(
    ("subprotocols", "headers", "status"),
    [
        ((), {}, 401),
        (["not-a-token"], {}, 401),
        (["secret-token-1"], {}, 403),
        ((), {"origin": "https://evil.test"}, 403),
        ((), {"sec-fetch-site": "cross-site"}, 403),
    ],
)
async def test_strangers_and_other_sites_are_refused(subprotocols: Any, headers: dict[str, str], status: int):
    """No credentials, bad ones, a service's, and a page of another site that would come by the reader's cookie."""
    async with make_portal(TOKENS) as portal:
        with pytest.raises(Refused) as caught:
            async with open_socket(portal.asgi, "/api/signals", subprotocols=subprotocols, headers=headers):
                pass
        assert caught.value.status == status


async def test_a_socket_ends_with_its_session_and_with_the_portal(clock: FakeClock):
    """Within a minute of signing out; at once when the portal stops; and when it is sent too much."""
    async with make_portal({}, clock=clock) as portal:
        session = await portal.auth.sessions.create_session("user:default/ada", provider="local")
        cookie = {"cookie": f"{portal.auth.cookie_name}={session}", "origin": "http://localhost:7007"}
        async with open_socket(portal.asgi, "/api/signals", headers=cookie) as socket:
            await settled()
            clock.advance(60)
            with pytest.raises(TimeoutError):
                await socket.receive(0.05)
            await portal.auth.sign_out(session)
            clock.advance(60)
            assert await socket.receive() is None and socket.code == 1008
        token = await token_of(portal, "ada")
        async with open_socket(portal.asgi, "/api/signals", subprotocols=[token]) as socket:
            socket.send("x" * 5000)
            assert await socket.receive() is None and socket.code == 1009
        async with open_socket(portal.asgi, "/api/signals", subprotocols=[token]) as socket:
            await settled()
            portal.begin_stop()
            assert await socket.receive() is None and socket.code == 1001


async def test_server_sent_events_tell_the_same():
    """For whoever gets no socket through; a channel has to be named."""
    async with make_portal({}) as portal, portal.client(ADA) as client:
        assert (await client.get("/api/signals/v1/stream")).status_code == 400

        async def tell_soon() -> None:
            await asyncio.sleep(0.05)
            await tell(portal, "user:default/ada")
            portal.begin_stop()

        soon = asyncio.create_task(tell_soon())
        answer = await client.get("/api/signals/v1/stream?channel=notifications")
        await soon
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert '"action":"new_notification"' in answer.text


@pytest.mark.postgres
async def test_another_replica_tells_its_own_listeners(postgres_portal_url: str, tmp_path: Path):
    """What is sent by one replica is heard by a page that is connected to another."""
    settings = {"backend": {"database": {"client": "pg", "connection": postgres_portal_url}}}
    async with (
        make_portal(settings, data_dir=tmp_path / "a") as one,
        make_portal(settings, data_dir=tmp_path / "b") as two,
    ):
        token = await token_of(one, "bob")
        async with open_socket(two.asgi, "/api/signals", subprotocols=[token]) as socket:
            socket.send(SUBSCRIBE)
            await settled()
            assert await two.service(Notifications).count_unread(actor=BOB) == 0
            for _ in range(20):  # being heard begins a moment after the start
                await tell(one, "user:default/bob", scope="s")
                try:
                    heard = await socket.receive(0.25)
                    break
                except TimeoutError:
                    continue
            assert heard["message"]["action"] == "new_notification"
            assert await two.service(Notifications).count_unread(actor=BOB) == 1
