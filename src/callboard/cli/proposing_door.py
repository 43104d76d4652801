"""Proposals near or far: the same calls on a local store's service or a server's REST API, in REST's shapes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Mapping, Protocol, Sequence
from urllib.parse import quote, urlencode

from callboard.cli.store import Server, Target, open_portal, open_server
from callboard.features.catalog.service.asking import STITCH_JOB
from callboard.features.proposals.codec import to_wire
from callboard.features.proposals.interface import ProposalQuery, ProposalService
from callboard.features.proposals.job_kinds import SCAN_JOB
from callboard.kernel.auth.actor import SYSTEM

if TYPE_CHECKING:
    from callboard.app import Portal

LOOK_EVERY_S = 0.2
PAGE = 200
PREFIX = "/api/proposals/v1"
Told = Callable[[int, int], None]
"""Hears how many repositories are done, of how many."""


class ProposalDoor(Protocol):
    """What the command needs."""

    async def scan(self, target: str, again: bool, told: Told) -> dict[str, Any]:
        """The scan, ended."""

    async def scan_files(
        self, name: str, files: Mapping[str, str], paths: Sequence[str], url: str
    ) -> dict[str, Any]: ...

    async def proposals(self, repository: str | None, scan: str | None, offset: int) -> dict[str, Any]:
        """At most ``PAGE`` of those that are not ignored; of a repository (its id), or new or changed with a scan."""

    async def accept(self, ids: Sequence[str]) -> list[dict[str, Any]]: ...

    async def descriptor(self, ids: Sequence[str]) -> str: ...


@asynccontextmanager
async def open_proposals(target: Target) -> AsyncIterator[ProposalDoor]:
    """The proposals of ``target``."""
    if target.url is not None:
        async with open_server(target) as server:
            yield RemoteProposals(server)
        return
    async with open_portal(target) as portal:
        yield LocalProposals(portal)


class LocalProposals:
    """Whoever may write the files of the store is trusted with all of it, and with the folders of the machine."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._proposals: ProposalService = portal.service(ProposalService)  # type: ignore[type-abstract]

    async def scan(self, target: str, again: bool, told: Told) -> dict[str, Any]:
        scan = await self._proposals.scan(target, again=again, any_folder=True, actor=SYSTEM)
        work = asyncio.ensure_future(self._portal.jobs.run_due((SCAN_JOB,)))
        while not work.done():
            await asyncio.wait([work], timeout=LOOK_EVERY_S)
            now = await self._proposals.get_scan(scan.id, actor=SYSTEM)
            told(now.done, now.total)
        await work
        return _wire(await self._proposals.get_scan(scan.id, actor=SYSTEM))

    async def scan_files(self, name: str, files: Mapping[str, str], paths: Sequence[str], url: str) -> dict[str, Any]:
        return _wire(await self._proposals.scan_files(name, files, paths=paths, url=url, actor=SYSTEM))

    async def proposals(self, repository: str | None, scan: str | None, offset: int) -> dict[str, Any]:
        query = ProposalQuery(state=None, repository=repository, scan=scan, limit=PAGE, offset=offset)
        page = await self._proposals.list_proposals(query, actor=SYSTEM)
        return {"items": to_wire(page.items), "totalItems": page.total}

    async def accept(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = to_wire(list(await self._proposals.accept(ids, actor=SYSTEM)))
        await self._portal.jobs.run_due((STITCH_JOB,))
        return told

    async def descriptor(self, ids: Sequence[str]) -> str:
        return await self._proposals.descriptor(ids, actor=SYSTEM)


class RemoteProposals:
    """Within what the token allows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def scan(self, target: str, again: bool, told: Told) -> dict[str, Any]:
        scan: dict[str, Any] = await self._server.post(f"{PREFIX}/scans", {"target": target, "again": again})
        while scan["stage"] in ("waiting", "running"):
            await asyncio.sleep(LOOK_EVERY_S)
            scan = await self._server.get(f"{PREFIX}/scans/{quote(scan['id'], safe='')}")
            told(scan["done"], scan["total"])
        return scan

    async def scan_files(self, name: str, files: Mapping[str, str], paths: Sequence[str], url: str) -> dict[str, Any]:
        body = {"name": name, "files": dict(files), "paths": list(paths), "url": url}
        scan: dict[str, Any] = await self._server.post(f"{PREFIX}/scans/files", body)
        return scan

    async def proposals(self, repository: str | None, scan: str | None, offset: int) -> dict[str, Any]:
        query = {"state": "any", "limit": str(PAGE), "offset": str(offset)}
        query |= {name: value for name, value in (("repository", repository), ("scan", scan)) if value is not None}
        page: dict[str, Any] = await self._server.get(f"{PREFIX}/proposals?{urlencode(query)}")
        return page

    async def accept(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        told: dict[str, Any] = await self._server.post(f"{PREFIX}/proposals/accept", {"ids": list(ids)})
        items: list[dict[str, Any]] = told["items"]
        return items

    async def descriptor(self, ids: Sequence[str]) -> str:
        return await self._server.get_text(f"{PREFIX}/descriptor?" + urlencode([("id", id) for id in ids]))


def _wire(value: Any) -> dict[str, Any]:
    shown: dict[str, Any] = to_wire(value)
    return shown


async def all_proposals(door: ProposalDoor, repository: str | None, scan: str | None) -> list[dict[str, Any]]:
    """Every one of them that is not ignored."""
    found: list[dict[str, Any]] = []
    seen = 0
    while True:
        page = await door.proposals(repository, scan, seen)
        seen += len(page["items"])
        found += [one for one in page["items"] if one["state"] != "ignored"]
        if not page["items"] or seen >= page["totalItems"]:
            return found
