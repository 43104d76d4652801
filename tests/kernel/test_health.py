"""Probes, and the gate before the application."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from callboard.kernel.health import Health, StartGate

pytestmark = pytest.mark.anyio
READINESS = "/.backstage/health/v1/readiness"
LIVENESS = "/.backstage/health/v1/liveness"


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


def client(health: Health) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=StartGate(application, health)), base_url="http://localhost"
    )


async def test_before_the_start_a_portal_lives_and_is_not_ready() -> None:
    """Liveness says 200 at once, readiness 503 in Backstage's words."""
    async with client(Health()) as http:
        alive, ready = await http.get(LIVENESS), await http.get(READINESS)
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (503, {"message": "Backend has not started yet", "status": "error"})


async def test_requests_wait_for_the_start() -> None:
    """A request that comes early is served once the portal is ready."""
    health = Health()
    async with client(health) as http:
        early = asyncio.ensure_future(http.get("/x"))
        await asyncio.sleep(0.01)
        assert not early.done()
        health.mark_ready()
        assert (await early).text == "served"


async def test_requests_that_wait_too_long_are_refused() -> None:
    """503 with Backstage's error body, and when to come again."""
    async with client(Health(startup_wait_s=0.01)) as http:
        answer = await http.get("/x")
    assert answer.status_code == 503
    assert answer.json()["error"] == {"name": "ServiceUnavailableError", "message": "Service has not started up yet"}
    assert answer.headers["retry-after"] == "2"


async def test_a_portal_that_stops_takes_no_more_requests() -> None:
    """Load balancers see it at once; liveness stays, so that nobody kills it meanwhile."""
    health = Health()
    health.mark_ready()
    health.mark_stopping()
    async with client(health) as http:
        assert (await http.get(READINESS)).status_code == 503
        assert (await http.get(LIVENESS)).status_code == 200
        assert "shutting down" in (await http.get("/x")).text


async def test_other_paths_and_methods_are_not_the_probes() -> None:
    """The raw route leaves to the application what is not its own."""
    health = Health()
    health.mark_ready()

    async def nobody(message: Any) -> None:
        raise AssertionError("nothing must be sent")

    for path, method in (("/.backstage/health/v1/other", "GET"), (READINESS, "POST"), ("/x", "GET")):
        assert await health.handle({"path": path, "method": method}, None, nobody) is False  # type: ignore[arg-type]


async def test_the_answer_is_as_recorded_from_backstage() -> None:
    """Body, content type and ETag byte for byte; headers of the settings come on top."""
    health = Health({"X-Region": "eu"})
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    health.mark_ready()
    assert await health.handle({"path": READINESS, "method": "GET"}, None, send) == 200  # type: ignore[arg-type]
    headers = dict(sent[0]["headers"])
    assert sent[1]["body"] == b'{"status":"ok"}'
    assert headers[b"content-type"] == b"application/json; charset=utf-8"
    assert headers[b"etag"] == b'W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg"'
    assert headers[b"x-region"] == b"eu"
