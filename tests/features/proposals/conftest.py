"""A portal with a catalog, folders that may be looked at, and somebody who decides."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping

import pytest

from callboard.features.proposals.interface import Decision, Proposal, ProposalQuery, ProposalService, Scan
from callboard.features.proposals.job_kinds import SCAN_JOB
from callboard.kernel.auth.actor import SYSTEM, Actor
from tests.features.catalog.conftest import Site, World, each_world, postgres_world, world
from tests.features.proposals.trees import LEDGER, SHOP

__all__ = ["Desk", "World", "each_desk", "each_world", "open_desk", "postgres_world", "world", "write_files"]


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


class Desk:
    """Proposals with one line a step. ``code`` is the folder that the settings open."""

    def __init__(self, site: Site, code: Path, actor: Actor = SYSTEM) -> None:
        self.site = site
        self.code = code
        self.actor = actor
        self.service: ProposalService = site.portal.service(ProposalService)

    def as_(self, actor: Actor) -> Desk:
        return Desk(self.site, self.code, actor)

    def write(self, files: Mapping[str, str], name: str = "shop") -> Path:
        return write_files(self.code / name, files)

    async def scan(self, target: Any = None, **options: Any) -> Scan:
        started = await self.service.scan(str(target or self.code / "shop"), actor=self.actor, **options)
        await self.site.portal.jobs.run_due((SCAN_JOB,))
        return await self.service.get_scan(started.id, actor=self.actor)

    async def found(self, **query: Any) -> dict[str, Proposal]:
        """By ref."""
        page = await self.service.list_proposals(
            ProposalQuery(**{"state": None, "limit": 200, **query}), actor=self.actor
        )
        return {proposal.ref: proposal for proposal in page.items}

    async def get(self, ref: str) -> Proposal:
        return await self.service.get_proposal((await self.found())[ref].id, actor=self.actor)

    async def accept(self, *refs: str) -> dict[str, Decision]:
        """By ref; all that wait where none is named. Owners are what CODEOWNERS says."""
        found = await self.found(state="open")
        ids = [found[ref].id for ref in refs or found]
        told = {one.ref: one for one in await self.service.accept(ids, actor=self.actor)}
        await self.site.settle()
        return told

    async def entity(self, ref: str) -> dict[str, Any]:
        return await self.site.get(ref)


Open = Callable[..., Any]


def _opener(world: World, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(
        *locations: Any, files: Mapping[str, str] = SHOP, more: Any = None, **options: Any
    ) -> AsyncIterator[Desk]:
        code = tmp_path / "code"
        write_files(code / "shop", files)
        write_files(code / "ledger", LEDGER)
        given = {"proposals": {"folders": [str(code)]}, **(more or {})}
        async with world.site(*locations, more=given, **options) as site:
            yield Desk(site, code)

    return opened


@pytest.fixture
def open_desk(world: World, tmp_path: Path) -> Open:
    """``async with open_desk(locations…) as d``: on SQLite, with the shop and the ledger as folders."""
    return _opener(world, tmp_path)


@pytest.fixture
def each_desk(each_world: World, tmp_path: Path) -> Open:
    """The same on each engine."""
    return _opener(each_world, tmp_path)
