"""An hour of a source that answers 429, 500 or not at all: what it gave before stays, and what it has afterwards comes in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Sequence

import httpx2
import orjson
import pytest

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import LimitError, UnavailableError
from callboard.kernel.plugins.hooks import hookimpl
from callboard.model.refs import LocationRef
from callboard.testing.clock import FakeClock
from callboard.testing.entities import component
from callboard.testing.http import FakeAnswer, FakeHttp, SentRequest
from callboard.testing.portal import PortalForTest, make_portal

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
STEP_S = 30
HOUR = 3600 // STEP_S
HOST = "https://files.example.com"
SIZES = [pytest.param(1_000, id="small"), pytest.param(10_000, marks=pytest.mark.soak, id="10,000")]


class Source:
    """Files at one host. ``version`` is in every entity; ``is_well`` says whether a file answers as it should."""

    def __init__(self, dice: random.Random, files: int, per_file: int) -> None:
        self._dice = dice
        self._per_file = per_file
        self.is_well = True
        self.version = 1
        self.served = 0
        self.refused: dict[str, int] = {}
        self.urls = [f"{HOST}/part-{n}.yaml" for n in range(files)]

    def documents(self, url: str) -> list[dict[str, Any]]:
        number = self.urls.index(url)
        return [component(f"c-{number}-{n}", metadata={"title": f"v{self.version}"}) for n in range(self._per_file)]

    def __call__(self, sent: SentRequest) -> FakeAnswer:
        if not self.is_well:
            how = self._dice.choice(
                ["429", "429 later", "500", "502", "503", "timeout", "refused", "cut", "page", "well"]
            )
            self.refused[how] = self.refused.get(how, 0) + 1
            match how:
                case "429":
                    return FakeAnswer(429, {"retry-after": "17"}, b"slow down")
                case "429 later":
                    return FakeAnswer(429, {"retry-after": "600"}, b"much slower")
                case "500" | "502" | "503":
                    return FakeAnswer(int(how), {}, b"<html>broken</html>")
                case "timeout":
                    return FakeAnswer(error=httpx2.ReadTimeout("no answer in time"))
                case "refused":
                    return FakeAnswer(error=httpx2.ConnectError("connection refused"))
                case "cut":
                    return FakeAnswer(
                        error=httpx2.RemoteProtocolError("peer closed connection without sending complete message body")
                    )
                case "page":  # 200, but a page that asks people to sign in
                    return FakeAnswer(
                        200, {"content-type": "text/html"}, b"<html>\n<body>Please: sign in</body>\n</html>\n"
                    )
        self.served += 1
        etag = f'"{self.version}"'
        if sent.headers.get("if-none-match") == etag:
            return FakeAnswer(304, {"etag": etag})
        return FakeAnswer(200, {"etag": etag}, b"\n---\n".join(orjson.dumps(d) for d in self.documents(sent.url)))


class Organisation:
    """A provider whose host fails as well."""

    name = "organisation"
    every_s = 60.0

    def __init__(self, dice: random.Random, count: int) -> None:
        self._dice = dice
        self._count = count
        self.is_well = True
        self.version = 1
        self.failures = 0

    async def run(self, connection: ProviderConnection) -> None:
        if not self.is_well:
            self.failures += 1
            limited = LimitError("rate limit reached")
            limited.retry_after_s = 45.0
            raise self._dice.choice([limited, UnavailableError("503 from the host"), TimeoutError("no answer")])
        entities = [component(f"given-{n}", metadata={"title": f"v{self.version}"}) for n in range(self._count)]
        await connection.apply(FullMutation([DeferredEntity(entity, "organisation") for entity in entities]))


class Plugin:
    def __init__(self, provider: Organisation) -> None:
        self._provider = provider

    @hookimpl
    def register_catalog_providers(self, portal: Any) -> Sequence[Any]:
        return [self._provider]


@pytest.mark.parametrize("size", SIZES)
async def test_an_hour_of_failures_loses_nothing(tmp_path: Path, size: int) -> None:
    """Every entity stays through the hour, none goes back to an older version, and the newest is there in the end."""
    dice = random.Random(size)
    files, given = 10, size // 10
    source, provider = Source(dice, files, (size - given) // files), Organisation(dice, given)
    net, clock = FakeHttp(), FakeClock()
    for url in source.urls:
        net.add_function(url, source)
    settings = {
        "backend": {"reading": {"allow": [{"host": "files.example.com"}]}},
        "catalog": {"processingInterval": "1m"},
    }
    async with make_portal(
        settings, data_dir=tmp_path, clock=clock, transport=net, plugins=[("organisation", Plugin(provider))]
    ) as portal:
        for url in source.urls:
            await portal.portal.service(Catalog).commands.create_location(
                LocationRef("url", url), on_conflict="reject", actor=SYSTEM
            )
        await portal.portal.jobs.run_due()
        before = await _titles(portal)
        assert len(before) == size
        assert set(before.values()) == {"v1"}
        source.is_well = provider.is_well = False
        for step in range(HOUR):
            clock.advance(STEP_S)
            if step == HOUR // 2:
                source.version = provider.version = 2
            await portal.portal.jobs.run_due()
            if step % 10 == 0:
                now = await _titles(portal)
                assert now.keys() == before.keys(), f"step {step}: {len(before.keys() - now.keys())} entities are gone"
                assert all(now[ref] >= before[ref] for ref in before), f"step {step}: an entity went back"
                before = now
        assert set(source.refused) >= {"429", "500", "timeout", "refused", "cut", "page"}
        assert provider.failures > 10
        await _expect_problems(portal)
        source.is_well = provider.is_well = True
        for _ in range(40):  # waits that hosts asked for, and back-off of jobs, are over by then
            clock.advance(STEP_S)
            await portal.portal.jobs.run_due()
        after = await _titles(portal)
        assert after.keys() == before.keys()
        assert set(after.values()) == {"v2"}
        async with portal.client(SYSTEM) as client:
            findings = (await client.get("/api/catalog/v1/findings")).json()
        assert findings["items"] == []
        async with portal.portal.db.read() as tx:
            assert await tx.fetch_value("SELECT count(*) FROM catalog_gone") == 0
            assert await tx.fetch_value("SELECT count(*) FROM kernel_job WHERE state = 'dead'") == 0


async def _titles(portal: PortalForTest) -> dict[str, str]:
    async with portal.client(SYSTEM) as client:
        answer = await client.get("/api/catalog/entities?filter=kind=component&fields=metadata.name,metadata.title")
    return {entity["metadata"]["name"]: entity["metadata"]["title"] for entity in answer.json()}


async def _expect_problems(portal: PortalForTest) -> None:
    """The owner can see that the source fails, since when, and that nothing is lost."""
    async with portal.client(SYSTEM) as client:
        findings = (await client.get("/api/catalog/v1/findings")).json()["items"]
    assert findings
    assert all(finding["since"] and finding["message"] for finding in findings)
