"""Two portals on one PostgreSQL database are one portal: what happens in one is soon seen in the other, and done once."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Awaitable, Callable

import orjson
import pytest

from callboard.features.catalog.interface import DeferredEntity, FullMutation
from callboard.kernel.clock import SystemClock
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing import PortalForTest, admin, component, make_portal

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
PATIENCE_S = 15.0


class CountedProvider:
    """Gives one entity, and counts how often it was asked."""

    name = "counted"
    every_s = 3600.0

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, connection: Any) -> None:
        self.runs += 1
        entity = component("provided")
        entity["metadata"]["annotations"] = {
            "backstage.io/managed-by-location": "counted:a", "backstage.io/managed-by-origin-location": "counted:a",
        }  # fmt: skip
        await connection.apply(FullMutation([DeferredEntity(entity, "counted:a")]))


class Extension:
    def __init__(self, provider: CountedProvider) -> None:
        self._provider = provider

    @hookimpl
    def register_catalog_providers(self, portal: Any) -> list[Any]:
        return [self._provider]


async def until(ask: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until ``ask`` says yes."""
    started = time.monotonic()
    while not await ask():
        assert time.monotonic() - started < PATIENCE_S, "it never came"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "a.json").write_bytes(orjson.dumps(component("a", metadata={"description": "before"})))
    return {
        "backend": {"database": {"client": "pg", "connection": postgres_url}},
        "catalog": {
            "rules": [{"allow": ["Component", "Location"]}],
            "locations": [{"type": "file", "target": str(tmp_path / "a.json")}],
            "watchFiles": False,
        },
    }


async def description(portal: PortalForTest, name: str) -> str | None:
    async with portal.client(admin()) as client:
        answer = await client.get(f"/api/catalog/entities/by-name/component/default/{name}")
    return answer.json()["metadata"].get("description", "") if answer.status_code == 200 else None


async def test_replicas_start_together_and_share_work_and_news(settings: dict[str, Any], tmp_path: Path):
    """Tables once, provider once; a change by one is served by both, and the other's stream tells of it."""
    provider = CountedProvider()
    async with AsyncExitStack() as stack:
        portals = [
            stack.enter_async_context(
                make_portal(
                    settings,
                    plugins=[("extension", Extension(provider))],
                    data_dir=tmp_path / name,
                    clock=SystemClock(),
                    jobs=True,
                )
            )
            for name in ("one", "two")
        ]
        one, two = await asyncio.gather(*portals)

        async def both_know(name: str, text: str) -> bool:
            return [await description(portal, name) for portal in (one, two)] == [text, text]

        await until(lambda: both_know("a", "before"))
        await until(lambda: both_know("provided", ""))
        subscription = two.events.subscribe("catalog.entities.changed")

        (tmp_path / "a.json").write_bytes(orjson.dumps(component("a", metadata={"description": "after"})))
        async with one.client(admin()) as client:
            assert (
                await client.post("/api/catalog/refresh", json={"entityRef": "component:default/a"})
            ).status_code == 200
        assert await until(lambda: both_know("a", "after")) < 5
        event = await subscription.next(timeout_s=PATIENCE_S)
        assert event is not None
        assert event.payload["updated"] == ["component:default/a"]
        assert await subscription.next(timeout_s=0.3) is None  # told once, though two replicas heard it
        assert provider.runs <= 2  # each offers it at its start; jobs of one key are one while they wait


async def test_a_token_revoked_in_one_replica_ends_in_the_other(settings: dict[str, Any], tmp_path: Path):
    """Both remember tokens for speed; the database tells the other one to forget, long before it would by itself."""
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(
                make_portal(settings, data_dir=tmp_path / name, clock=SystemClock(), jobs=True)
            )
            for name in ("one", "two")
        ]
        made = await one.actions.invoke("auth:create-user", {"name": "ada"}, actor=admin())
        token = await one.actions.invoke("auth:create-token", {"name": "t", "user": made["ref"]}, actor=admin())

        async def is_known(portal: PortalForTest) -> bool:
            async with portal.client(token=token["token"]) as client:
                return (await client.get("/api/catalog/entities?limit=1")).status_code == 200

        assert await is_known(one)
        assert await is_known(two)
        await one.actions.invoke("auth:revoke-token", {"id": token["id"]}, actor=admin())
        assert not await is_known(one)

        async def is_gone() -> bool:
            return not await is_known(two)

        assert await until(is_gone) < 5


async def test_replicas_read_and_index_the_same_documentation_once(settings: dict[str, Any], tmp_path: Path):
    """Started together on many sites: each is read once and found in both; one that goes is soon gone from both."""
    names = [f"site-{number:02}" for number in range(8)]

    def write(names: list[str]) -> None:
        entities = [
            component(name, metadata={"annotations": {"backstage.io/techdocs-ref": f"dir:{name}"}}) for name in names
        ]
        (tmp_path / "sites.json").write_bytes(b"\n---\n".join(map(orjson.dumps, entities)))

    for name in names:
        (tmp_path / name / "docs").mkdir(parents=True)
        (tmp_path / name / "docs" / "index.md").write_text(f"# {name}\n\nThe quetzal nests in {name}.\n")
    write(names)
    settings["catalog"]["locations"] = [{"type": "file", "target": str(tmp_path / "sites.json")}]
    settings["techdocs"] = {"rendering": {"workers": 0}}
    async with AsyncExitStack() as stack:
        portals = [
            stack.enter_async_context(
                make_portal(settings, data_dir=tmp_path / f"data-{name}", clock=SystemClock(), jobs=True)
            )
            for name in ("one", "two")
        ]
        both = await asyncio.gather(*portals)

        async def found(portal: PortalForTest) -> set[str]:
            async with portal.client(admin()) as client:
                answer = await client.get("/api/search/query?term=quetzal&types[0]=techdocs&pageLimit=50")
            return {one["document"]["name"] for one in answer.json()["results"]}

        async def both_find(wanted: list[str]) -> bool:
            return all([await found(portal) == set(wanted) for portal in both])

        await until(lambda: both_find(names))
        async with both[0].db.read() as tx:
            told = await tx.fetch_all("SELECT payload FROM kernel_event WHERE topic = 'techdocs.site.changed'")
        assert sorted(orjson.loads(row[0])["ref"] for row in told) == [f"component:default/{name}" for name in names]

        write(names[1:])
        async with both[1].client(admin()) as client:
            answer = await client.post("/api/catalog/refresh", json={"entityRef": "component:default/site-01"})
            assert answer.status_code == 200
        assert await until(lambda: both_find(names[1:])) < 2
        for portal in both:
            async with portal.client(admin()) as client:
                assert (await client.get("/docs/default/component/site-00")).status_code == 404
            assert not await portal.jobs.list_jobs("dead")
