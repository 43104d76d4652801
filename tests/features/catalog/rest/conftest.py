"""An in-process client that speaks ASGI to the routes of the catalog, by the fast way in or the ordinary one."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable, Mapping, Sequence, cast

import orjson
import pytest
from starlette.responses import Response

from callboard.features.catalog.rest.endpoints import catalog_endpoints
from callboard.features.catalog.rest.handlers import endpoint_routes
from callboard.features.catalog.rest.late import document_route, fast_route
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.errors import error_response
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import JsonBytes, is_fresh, weak_etag
from callboard.kernel.web.routing import Match, RawRoute, Router
from callboard.testing.catalog import FakeCatalog


@dataclass
class Reply:
    """What came back. ``pieces`` are the body messages that were not empty."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes]
    fast: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def message(self) -> str:
        """The message of Backstage's error body."""
        return str(self.json["error"]["message"])


class _Auth:
    """Everybody is ``actor``."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def find(self, scope: Any) -> Actor:
        return self.actor


@dataclass
class Wire:
    """``ways`` says which ways in are open; the fast one is tried first, as in the server."""

    catalog: FakeCatalog
    actor: Actor = SYSTEM
    ways: Sequence[str] = ("fast", "ordinary")
    fast: RawRoute = field(init=False)
    router: Router = field(init=False)

    def __post_init__(self) -> None:
        endpoints = catalog_endpoints(self.catalog, self.catalog)
        self.fast = fast_route(self.catalog)
        self.router = Router([document_route(lambda: endpoints), *endpoint_routes(endpoints)])

    async def _ordinary(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """What the web layer does with a request, cut down to routes, errors and ETags."""
        match = self.router.find(scope, scope["method"])
        assert isinstance(match, Match), f"no route for {scope['method']} {scope['path']}"
        request = Request(scope, receive, portal=scope["portal"], templates=cast(Any, None), id="1")
        request.actor = self.actor
        scope["path_params"] = match.params
        try:
            response = await match.route.handler(request)
        except CallboardError as error:
            response = error_response(error, request, match.route)
        if isinstance(response, JsonBytes) and response.wants_etag:
            tag = weak_etag(response.body)
            if is_fresh(request.headers.get("if-none-match", ""), tag):
                response = Response(status_code=304)
            response.headers["etag"] = tag
        await response(scope, receive, send)

    async def ask(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """``target`` is below ``/api/catalog`` and goes out as it is."""
        path, _, query = target.partition("?")
        body = orjson.dumps(json) if json is not None else raw
        sent = {"accept": "application/json", **(headers or {})}
        if body is not None:
            sent.setdefault("content-type", "application/json")
            sent.setdefault("content-length", str(len(body)))
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": f"/api/catalog{path}",
            "raw_path": f"/api/catalog{path}".encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "portal": SimpleNamespace(auth=_Auth(self.actor)),
        }
        messages: list[dict[str, Any]] = []
        unread = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return unread.pop(0) if unread else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(dict(message))

        fast = "fast" in self.ways and path.startswith("/ent") and bool(await self.fast.handler(scope, receive, send))
        if not fast:
            await self._ordinary(scope, receive, send)
        start = messages[0]
        return Reply(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            [m["body"] for m in messages[1:] if m.get("body")],
            fast,
        )

    async def get(self, target: str, **more: Any) -> Reply:
        return await self.ask("GET", target, **more)

    async def post(self, target: str, json: Any = None, **more: Any) -> Reply:
        return await self.ask("POST", target, json=json, **more)


@pytest.fixture(params=["fast", "ordinary"])
def ways(request: pytest.FixtureRequest) -> Sequence[str]:
    """Both ways in: with the fast one tried first, and without it."""
    return ("fast", "ordinary") if request.param == "fast" else ("ordinary",)


@pytest.fixture
def make_wire(ways: Sequence[str]) -> Callable[..., Wire]:
    """``make_wire(entities, visible=…, reader=…)``: a client over a catalog in memory."""

    def make(*args: Any, **options: Any) -> Wire:
        return Wire(FakeCatalog(*args, **options), ways=ways)

    return make


@pytest.fixture
def wire(make_wire: Callable[..., Wire]) -> Wire:
    """A client over seven components, a group and a user that owns nothing."""
    return make_wire(
        [
            {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "Group",
                "metadata": {"name": "payments"},
                "spec": {"type": "team", "children": []},
            },
            *(_component(number) for number in range(7)),
            {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "User",
                "metadata": {"name": "ada", "title": "Ada"},
                "spec": {"memberOf": []},
            },
        ]
    )


def _component(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": f"Service-{number}",
            "description": f"Number {number}",
            "tags": ["java", "tier-1"] if number % 2 else ["go"],
            "annotations": {"backstage.io/techdocs-ref": "dir:.", "example.com/slug": f"a/{number}"},
        },
        "spec": {"type": "service" if number < 4 else "library", "owner": "payments"},
        "relations": [{"type": "ownedBy", "targetRef": "group:default/payments"}],
    }
