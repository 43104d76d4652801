"""An empty portal in a folder of its own, and somebody in front of its set-up page."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, AsyncIterator, Mapping

import pytest

from callboard.features.setup.service import Setup
from callboard.testing import FakeClock, FakeHttp, make_portal

PASSWORD = "a sheet of paper and a pin"
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: booking
spec:
  type: service
  lifecycle: production
  owner: lighthouse
"""


class Desk:
    """A browser without script: it keeps cookies, and sends the token of the last page with each form."""

    def __init__(self, portal: Any, client: Any, folder: Path, clock: FakeClock, http: FakeHttp) -> None:
        self.portal = portal
        self.client = client
        self.folder = folder
        self.clock = clock
        self.http = http
        self.setup: Setup = portal.service(Setup)

    @property
    def file(self) -> Path:
        return self.folder / "app-config.yaml"

    async def get(self, path: str) -> Any:
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> Any:
        page = (await self.client.get(path)).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return await self.client.post(path, data={"csrf_token": found[1] if found else "", **fields})

    async def enter(self) -> None:
        token = await self.setup.make_token()
        answer = await self.get(f"/setup?token={token}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/setup")

    async def choose(self, organization: str = "Lighthouse Inn", title: str = "", **source: str) -> Any:
        """The first two steps; the answer to the second."""
        answer = await self.post("/setup", organization=organization, title=title)
        assert answer.headers.get("location") == "/setup/software", answer.text
        return await self.post("/setup/software", **{"source": "nothing", **source})

    async def finish(self, **fields: str) -> Any:
        given = {"user": "ada", "display_name": "Ada Okafor", "password": PASSWORD, "again": PASSWORD, **fields}
        return await self.post("/setup/administrator", **given)

    async def pass_time(self, **amount: float) -> None:
        self.clock.advance(timedelta(**amount).total_seconds())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``async with desk() as d``: a portal started in an empty folder; with settings, one that was given some."""
    monkeypatch.chdir(tmp_path)

    @asynccontextmanager
    async def open_desk(settings: Mapping[str, Any] | None = None, **options: Any) -> AsyncIterator[Desk]:
        clock, http = FakeClock(), FakeHttp()
        async with make_portal(settings, clock=clock, transport=http, **options) as portal, portal.client() as client:
            yield Desk(portal, client, tmp_path, clock, http)

    return open_desk
