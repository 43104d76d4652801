"""Pages of other origins may read answers where ``backend.cors`` names them, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.errors import InputError
from callboard.kernel.settings import Settings
from callboard.kernel.web.cors import Cors

pytestmark = pytest.mark.anyio
CORS = {
    "origin": ["http://localhost:3000", "https://*.acme.example"],
    "methods": ["GET", "POST"],
    "credentials": True,
    "maxAge": 600,
}


def _with(settings: dict[str, Any], cors: Any) -> dict[str, Any]:
    return {**settings, "backend": {**settings["backend"], "cors": cors}}


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://portal.acme.example", "https://PORTAL.acme.example"]
)
async def test_an_origin_that_is_named_may_read(make_small_portal: Any, guest_settings: Any, origin: str) -> None:
    """Its name comes back, with leave to send cookies; the answer says that it depends on who asks."""
    portal = make_small_portal(_with(guest_settings, CORS))
    async with portal.client(headers={"origin": origin}) as client:
        answer = await client.get("/api/auth/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://acme.example.evil.example", "https://a/b.acme.example", "null"]
)
async def test_any_other_origin_may_not(make_small_portal: Any, guest_settings: Any, origin: str) -> None:
    """The answer carries no leave, so the browser keeps it; asked beforehand, no method is offered."""
    portal = make_small_portal(_with(guest_settings, CORS))
    asked = {"origin": origin, "access-control-request-method": "GET"}
    async with portal.client() as client:
        answer = await client.get("/api/auth/.well-known/jwks.json", headers={"origin": origin})
        before = await client.options("/api/catalog/entities", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
    assert before.status_code == 204
    assert not [name for name in before.headers if name.startswith("access-control")]


async def test_a_browser_that_asks_beforehand_is_told(make_small_portal: Any, guest_settings: Any) -> None:
    """Methods, the headers it wants to send and for how long the answer holds; no credentials are needed to ask."""
    portal = make_small_portal(_with(guest_settings, CORS))
    asked = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with portal.client() as client:
        answer = await client.options("/api/catalog/entities/by-refs", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert answer.headers["access-control-max-age"] == "600"


async def test_without_the_setting_no_origin_may(make_small_portal: Any, guest_settings: Any) -> None:
    """As in Backstage."""
    async with make_small_portal(guest_settings).client(headers={"origin": "http://localhost:3000"}) as client:
        assert "access-control-allow-origin" not in (await client.get("/api/auth/.well-known/jwks.json")).headers


@pytest.mark.parametrize("given", [None, False, True, {}, {"origin": ""}, {"origin": []}, {"origin": 7}])
def test_settings_that_name_no_origin_leave_it_off(given: Any) -> None:
    """Nothing is opened by a value that says nothing."""
    assert Cors.from_settings(Settings.of({"backend": {"cors": given}})) is None


def test_a_pattern_that_costs_too_much_is_an_error_of_the_settings() -> None:
    """Told with its key when the portal starts."""
    many = "https://{" + ",".join("abcdefghij") + "}{" + ",".join("abcdefghij") + "}.example"
    with pytest.raises(InputError) as told:
        Cors.from_settings(Settings.of({"backend": {"cors": {"origin": [many]}}}))
    assert told.value.field == "backend.cors.origin"
