"""Imports of spreadsheets near or far: the same calls on a local store's service or a server's REST API, in REST's shapes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Protocol
from urllib.parse import quote, urlencode

from callboard.cli.store import Server, Target, open_portal, open_server
from callboard.features.catalog.service.asking import STITCH_JOB
from callboard.features.importing.codec import mapping_of, to_wire
from callboard.features.importing.interface import ImportService
from callboard.features.importing.job_kinds import APPLY_JOB, PLAN_JOB
from callboard.kernel.auth.actor import SYSTEM

if TYPE_CHECKING:
    from callboard.app import Portal

LOOK_EVERY_S = 0.2
PAGE = 500
Told = Callable[[int, int], None]
"""Hears how many rows are done, of how many."""


class ImportDoor(Protocol):
    """What the command needs."""

    async def upload(self, content: bytes, filename: str) -> dict[str, Any]: ...

    async def propose(self, id: str, sheet: str | None) -> dict[str, Any]: ...

    async def choose(self, id: str, sheet: str, mapping: dict[str, Any], source: str | None) -> dict[str, Any]: ...

    async def plan(self, id: str, told: Told) -> dict[str, Any]:
        """The import, planned or failed."""

    async def summary(self, id: str) -> dict[str, Any]: ...

    async def planned(self, id: str, action: str | None, offset: int) -> dict[str, Any]:
        """At most ``PAGE`` entities of the plan."""

    async def apply(self, id: str, digest: str, leaving: str) -> dict[str, Any]:
        """The import, applied or failed."""

    async def undo(self, id: str) -> dict[str, Any]: ...

    async def discard(self, id: str) -> None: ...


@asynccontextmanager
async def open_imports(target: Target) -> AsyncIterator[ImportDoor]:
    """The imports of ``target``."""
    if target.url is not None:
        async with open_server(target) as server:
            yield RemoteImports(server)
        return
    async with open_portal(target) as portal:
        yield LocalImports(portal)


class LocalImports:
    """Whoever may write the files of the store is trusted with all of it."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._imports: ImportService = portal.service(ImportService)  # type: ignore[type-abstract]

    async def upload(self, content: bytes, filename: str) -> dict[str, Any]:
        return _wire(await self._imports.upload(content, filename, actor=SYSTEM))

    async def propose(self, id: str, sheet: str | None) -> dict[str, Any]:
        return _wire(await self._imports.propose(id, sheet=sheet, actor=SYSTEM))

    async def choose(self, id: str, sheet: str, mapping: dict[str, Any], source: str | None) -> dict[str, Any]:
        return _wire(
            await self._imports.choose(id, sheet=sheet, mapping=mapping_of(mapping), source=source, actor=SYSTEM)
        )

    async def plan(self, id: str, told: Told) -> dict[str, Any]:
        await self._imports.plan(id, wait_s=0, actor=SYSTEM)
        work = asyncio.ensure_future(self._portal.jobs.run_due((PLAN_JOB,)))
        while not work.done():
            await asyncio.wait([work], timeout=LOOK_EVERY_S)
            record = await self._imports.get_import(id, actor=SYSTEM)
            if record.progress is not None:
                told(record.progress.done, record.progress.total)
        await work
        return _wire(await self._imports.get_import(id, actor=SYSTEM))

    async def summary(self, id: str) -> dict[str, Any]:
        return _wire(await self._imports.get_summary(id, actor=SYSTEM))

    async def planned(self, id: str, action: str | None, offset: int) -> dict[str, Any]:
        page = await self._imports.list_planned(id, action=action, limit=PAGE, offset=offset, actor=SYSTEM)  # type: ignore[arg-type]
        return {"items": to_wire(page.entities), "totalItems": page.total}

    async def apply(self, id: str, digest: str, leaving: str) -> dict[str, Any]:
        await self._imports.apply(id, digest=digest, leaving=leaving, wait_s=0, actor=SYSTEM)  # type: ignore[arg-type]
        await self._portal.jobs.run_due((APPLY_JOB, STITCH_JOB))
        return _wire(await self._imports.get_import(id, actor=SYSTEM))

    async def undo(self, id: str) -> dict[str, Any]:
        record = await self._imports.undo(id, actor=SYSTEM)
        await self._portal.jobs.run_due((STITCH_JOB,))
        return _wire(record)

    async def discard(self, id: str) -> None:
        await self._imports.discard(id, actor=SYSTEM)


class RemoteImports:
    """Within what the token allows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def upload(self, content: bytes, filename: str) -> dict[str, Any]:
        query = urlencode({"filename": filename})
        record: dict[str, Any] = await self._server.post_bytes(f"/api/importing/v1/imports?{query}", content)
        return record

    async def propose(self, id: str, sheet: str | None) -> dict[str, Any]:
        query = f"?{urlencode({'sheet': sheet})}" if sheet is not None else ""
        proposal: dict[str, Any] = await self._server.get(f"{_path(id)}/proposal{query}")
        return proposal

    async def choose(self, id: str, sheet: str, mapping: dict[str, Any], source: str | None) -> dict[str, Any]:
        record: dict[str, Any] = await self._server.put(
            f"{_path(id)}/mapping", {"sheet": sheet, "mapping": mapping, "source": source}
        )
        return record

    async def plan(self, id: str, told: Told) -> dict[str, Any]:
        record: dict[str, Any] = await self._server.post(f"{_path(id)}/plan", {"waitSeconds": 1})
        return await self._see_through(record, "planning", told)

    async def _see_through(self, record: dict[str, Any], stage: str, told: Told | None = None) -> dict[str, Any]:
        while record["stage"] == stage:
            await asyncio.sleep(LOOK_EVERY_S)
            record = await self._server.get(_path(record["id"]))
            progress = record.get("progress")
            if told is not None and progress:
                told(progress["done"], progress["total"])
        return record

    async def summary(self, id: str) -> dict[str, Any]:
        summary: dict[str, Any] = await self._server.get(f"{_path(id)}/summary")
        return summary

    async def planned(self, id: str, action: str | None, offset: int) -> dict[str, Any]:
        query = {"limit": str(PAGE), "offset": str(offset), **({"action": action} if action else {})}
        page: dict[str, Any] = await self._server.get(f"{_path(id)}/planned?{urlencode(query)}")
        return page

    async def apply(self, id: str, digest: str, leaving: str) -> dict[str, Any]:
        body = {"digest": digest, "leaving": leaving, "waitSeconds": 5}
        return await self._see_through(await self._server.post(f"{_path(id)}/apply", body), "applying")

    async def undo(self, id: str) -> dict[str, Any]:
        record: dict[str, Any] = await self._server.post(f"{_path(id)}/undo", {})
        return record

    async def discard(self, id: str) -> None:
        await self._server.delete(_path(id))


def _path(id: str) -> str:
    return f"/api/importing/v1/imports/{quote(id, safe='')}"


def _wire(value: Any) -> dict[str, Any]:
    shown: dict[str, Any] = to_wire(value)
    return shown


async def all_planned(door: ImportDoor, id: str, action: str | None = None) -> list[dict[str, Any]]:
    """Every entity of the plan, or those of one action."""
    found: list[dict[str, Any]] = []
    while True:
        page = await door.planned(id, action, len(found))
        found += page["items"]
        if not page["items"] or len(found) >= page["totalItems"]:
            return found
