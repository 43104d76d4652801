"""catalog:register, catalog:fetch and http:request in a portal: as whoever started the task, by the portal's rules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, AsyncIterator

import pytest

from callboard.features.scaffolder.actions import core_actions
from callboard.kernel.actions import ActionRegistry
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError, UnavailableError
from callboard.testing import FakeHttp, admin, make_portal, user
from tests.features.scaffolder.actions.conftest import Bench, Step

pytestmark = pytest.mark.anyio
RAW = "https://files.example.com/acme/orders/catalog-info.yaml"
ENTITIES = """\
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders-api}
spec: {type: openapi, lifecycle: x, owner: team, definition: "{}"}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: orders}
spec: {type: service, lifecycle: x, owner: team}
"""
SETTINGS: dict[str, Any] = {
    "backend": {"baseUrl": "https://portal.example.com", "reading": {"allow": [{"host": "files.example.com"}]}},
    "permission": {"enabled": False},
}


class Shop:
    def __init__(self, portal: Any, http: FakeHttp, bench: Bench) -> None:
        self.portal = portal
        self.http = http
        self.step: Step = bench.step
        self.registry = ActionRegistry(portal.permissions, None)
        self.registry.register(core_actions(portal))

    async def do(self, id: str, *, actor: Any = None, dry_run: bool = False, secrets: Any = None, **input: Any) -> Any:
        actor = actor or admin()
        return await self.registry.invoke(id, input, actor=actor, dry_run=dry_run, secrets=secrets, step=self.step)


@pytest.fixture
async def shop(bench: Bench) -> AsyncIterator[Shop]:
    http = FakeHttp()
    async with make_portal(SETTINGS, transport=http) as portal:
        yield Shop(portal, http, bench)


async def test_a_location_is_registered_and_its_component_named(shop: Shop):
    """Once: the second time is a conflict, but not for a step that is run again, nor where it is optional."""
    shop.http.add(RAW, ENTITIES)
    expected = {"catalogInfoUrl": RAW, "entityRef": "component:default/orders"}
    assert await shop.do("catalog:register", catalogInfoUrl=RAW) == expected
    assert await shop.do("catalog:register", catalogInfoUrl=RAW) == expected
    shop.step.kept.clear()
    with pytest.raises(ConflictError):
        await shop.do("catalog:register", catalogInfoUrl=RAW)
    assert await shop.do("catalog:register", catalogInfoUrl=RAW, optional=True) == expected


async def test_the_file_of_a_repository_is_resolved_by_its_host(shop: Shop):
    """As the published repository gives its contents' address."""
    shop.http.add(RAW, ENTITIES)
    made = await shop.do(
        "catalog:register",
        repoContentsUrl="https://files.example.com/acme/orders/",
        catalogInfoPath="catalog-info.yaml",
    )
    assert made["catalogInfoUrl"] == RAW
    with pytest.raises(InputError, match="No integration found"):
        await shop.do("catalog:register", repoContentsUrl="https://nowhere.example.org/x")
    with pytest.raises(InputError):
        await shop.do("catalog:register", optional=True)


async def test_entities_are_fetched_as_who_started_the_task(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """In the order asked for; missing or hidden is an error, or null where it is optional."""
    from callboard.features.scaffolder.actions.catalog import CatalogSteps, catalog_actions

    asked: list[Any] = []

    async def get_many_raw(refs: Any, *, predicate: Any = None, actor: Any) -> Any:
        asked.append(actor)
        known = {"component:default/a": b'{"kind":"Component"}'}
        return [known.get(ref) for ref in refs]

    queries: Any = SimpleNamespace(get_many_raw=get_many_raw)
    nothing: Any = None
    registry = ActionRegistry(None, None)
    registry.register(catalog_actions(CatalogSteps(queries, nothing, nothing)))

    async def fetch(**input: Any) -> Any:
        return await registry.invoke("catalog:fetch", input, actor=user("ada"))

    assert await fetch(entityRef="Component:A") == {"entity": {"kind": "Component"}}
    assert await fetch(entityRef="a", defaultKind="Component") == {"entity": {"kind": "Component"}}
    assert await fetch(entityRefs=["component:b", "component:a"], optional=True) == {
        "entities": [None, {"kind": "Component"}]
    }
    assert await fetch(optional=True) == {} and {actor.subject for actor in asked} == {"user:default/ada"}
    for wrong in ({"entityRef": "component:b"}, {"entityRefs": ["component:a", "component:b"]}):
        with pytest.raises(NotFoundError, match="component:b not found"):
            await fetch(**wrong)
    for unreadable in ({"entityRef": "a"}, {}):
        with pytest.raises(InputError):
            await fetch(**unreadable)


async def test_a_request_gives_code_headers_and_body(shop: Shop):
    """JSON goes and comes as values; text comes as a message; parameters become a query."""
    url = "https://api.example.com/things"
    shop.http.add(f"{url}?a=1&b=true", json={"id": 7}, headers={"x-made": "yes"}, status=201, method="POST")
    made = await shop.do("http:request", path=url, method="POST", params={"a": 1, "b": True}, body={"n": [1]})
    assert (made["code"], made["body"], made["headers"]["x-made"]) == (201, {"id": 7}, "yes")
    sent = shop.http.sent[-1]
    assert sent.json() == {"n": [1]} and sent.headers["content-type"] == "application/json"
    shop.http.add(url, "plain")
    assert (await shop.do("http:backstage:request", path=url, method="GET"))["body"] == {"message": "plain"}


async def test_a_bad_answer_fails_the_step_unless_it_is_to_go_on(shop: Shop):
    url = "https://api.example.com/x"
    shop.http.add(url, json={"why": "no"}, status=403, times=2)
    with pytest.raises(UnavailableError, match="403"):
        await shop.do("http:request", path=url, method="GET")
    made = await shop.do("http:request", path=url, method="GET", continueOnBadResponse=True)
    assert made == {"code": 403, "headers": {}, "body": {"why": "no"}}
    assert any('{"why":"no"}' in line for line in shop.step.lines)


async def test_a_dry_run_sends_only_what_reads(shop: Shop):
    url = "https://api.example.com/x"
    shop.http.add(url, json={})
    assert await shop.do("http:request", path=url, method="DELETE", dry_run=True) == {} and shop.http.sent == []
    assert (await shop.do("http:request", path=url, method="GET", dry_run=True))["code"] == 200


async def test_a_request_with_a_key_is_sent_once(shop: Shop):
    url = "https://api.example.com/x"
    shop.http.add(url, json={"id": 1}, method="POST")
    for _ in range(2):
        made = await shop.do("http:request", path=url, method="POST", idempotencyKey="make")
        assert made["body"] == {"id": 1}
    assert len(shop.http.sent) == 1


INSIDE = ("127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]", "2130706433", "db.internal")


async def test_no_request_goes_inside_the_network(shop: Shop):
    """Neither straight nor by a redirect."""
    for number, host in enumerate(INSIDE):
        with pytest.raises(NotAllowedError):
            await shop.do("http:request", path=f"http://{host}/", method="GET")
        door = f"https://api.example.com/{number}"
        shop.http.add(door, status=302, headers={"location": f"http://{host}/"})
        with pytest.raises(NotAllowedError):
            await shop.do("http:request", path=door, method="GET")


async def test_a_path_is_one_of_this_portal_and_only_it_gets_the_token(shop: Shop):
    own = "https://portal.example.com/api/catalog/entities"
    shop.http.add(own, json=[])
    shop.http.add("https://portal.example.com.evil.org/x", json=[])
    secrets = {"backstageToken": "tkn"}
    await shop.do("http:backstage:request", path="/api/catalog/entities", method="GET", secrets=secrets)
    assert (shop.http.sent[-1].url, shop.http.sent[-1].headers["authorization"]) == (own, "Bearer tkn")
    await shop.do("http:request", path="https://portal.example.com.evil.org/x", method="GET", secrets=secrets)
    assert "authorization" not in shop.http.sent[-1].headers
    with pytest.raises(InputError):
        await shop.do("http:request", path="catalog/../../x", method="GET")


async def test_settings_bound_hosts_and_methods(bench: Bench):
    allowed = {"http": {"allowedHosts": ["example.com"], "allowedMethods": ["GET"]}}
    http = FakeHttp()
    http.add("https://api.example.com/", json=1)
    async with make_portal({**SETTINGS, "scaffolder": allowed}, transport=http) as portal:
        shop = Shop(portal, http, bench)
        assert (await shop.do("http:request", path="https://api.example.com/", method="GET"))["body"] == 1
        for wrong in (
            {"path": "https://badexample.com/", "method": "GET"},
            {"path": "https://example.com/", "method": "PUT"},
        ):
            with pytest.raises(NotAllowedError, match="scaffolder.http"):
                await shop.do("http:request", **wrong)
