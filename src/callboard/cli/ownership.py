"""``callboard catalog ownership``: how much of the catalog is confirmed, and what its owners have to look at."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, AsyncIterator, Mapping, Optional, Protocol
from urllib.parse import urlencode

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, PROBLEMS, print_json, print_table
from callboard.cli.store import Server, Target, open_portal, open_server
from callboard.kernel.errors import InputError

SHOWS = ("open", "due", "overdue", "confirmed", "unowned", "offered", "disputed", "all")
_COLUMNS = ("ref", "state", "owner", "due since", "title")


class OwnershipDoor(Protocol):
    """What the command needs, in the shapes of the REST API."""

    async def summary(self) -> Mapping[str, Any]: ...

    async def items(self, show: str, owner: str | None, limit: int, offset: int) -> Mapping[str, Any]: ...


class _Local:
    """Whoever may read the files of the store is trusted with all of it. The store is looked through first."""

    def __init__(self, portal: Any) -> None:
        from callboard.features.ownership.interface import OwnershipService

        self._service: OwnershipService = portal.service(OwnershipService)

    async def summary(self) -> Mapping[str, Any]:
        from callboard.features.ownership.wire import summary_wire
        from callboard.kernel.auth.actor import SYSTEM

        return summary_wire(await self._service.summarize(actor=SYSTEM))

    async def items(self, show: str, owner: str | None, limit: int, offset: int) -> Mapping[str, Any]:
        from callboard.features.ownership.interface import ListQuery
        from callboard.features.ownership.wire import item_wire
        from callboard.kernel.auth.actor import SYSTEM
        from callboard.model.refs import EntityRef, RefError

        try:
            owners = [str(EntityRef.parse(owner, default_kind="group"))] if owner else None
        except RefError as error:
            raise InputError(str(error), field="--owner") from None
        query = ListQuery(owners, show, limit=limit, offset=offset)  # type: ignore[arg-type]
        page = await self._service.list_items(query, actor=SYSTEM)
        return {"items": [item_wire(item) for item in page.items], "totalItems": page.total}


class _Remote:
    """Within what the token allows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def summary(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._server.get("/api/ownership/v1/summary")
        return found

    async def items(self, show: str, owner: str | None, limit: int, offset: int) -> Mapping[str, Any]:
        asked = {"show": show, "limit": limit, "offset": offset, **({"owner": owner} if owner else {})}
        found: Mapping[str, Any] = await self._server.get(f"/api/ownership/v1/entities?{urlencode(asked)}")
        return found


@asynccontextmanager
async def open_ownership(target: Target) -> AsyncIterator[OwnershipDoor]:
    if target.url is not None:
        async with open_server(target) as server:
            yield _Remote(server)
        return
    from callboard.features.ownership.plugin import OwnershipParts

    async with open_portal(target) as portal:
        await portal.service(OwnershipParts).tracker.sync_all()
        yield _Local(portal)


def ownership(
    show: Annotated[str, typer.Option(help=f"Which to list: {', '.join(SHOWS)}.")] = "open",
    owner: Annotated[Optional[str], typer.Option(help="Only what this group or user owns (a ref).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many first.")] = 0,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """How much is confirmed, and what is to be confirmed. Exit status 1 when something is overdue or has no owner."""

    async def work() -> int:
        if show not in SHOWS:
            raise InputError(f"{show!r} is not one of {', '.join(SHOWS)}.", field="--show")
        async with open_ownership(Target.of(data, config, url, token)) as door:
            summary = await door.summary()
            page = await door.items(show, owner, limit, offset)
        everything = summary["all"]
        if json:
            print_json({"summary": summary, "items": page["items"], "totalItems": page["totalItems"], "offset": offset})
        else:
            _print(everything, page, offset)
        return PROBLEMS if everything["overdue"] or everything["unowned"] else OK

    run_async(work, as_json=json)


def _print(everything: Mapping[str, Any], page: Mapping[str, Any], offset: int) -> None:
    if not everything["total"]:
        print("Nothing in this catalog can have an owner yet.")
        return
    print(
        f"{everything['confirmedPercent']} % of {everything['total']} confirmed:"
        f" {everything['confirmed']} confirmed, {everything['due']} due, {everything['overdue']} overdue,"
        f" {everything['unowned']} without owner."
    )
    rows = [
        (i["entityRef"], i["state"], i["owner"] or "", i["dueAt"][:10] if i["state"] in ("due", "overdue") else "", i["title"])
        for i in page["items"]
    ]  # fmt: skip
    print_table(_COLUMNS, rows, empty="Nothing to list.")
    if page["items"] and offset + len(page["items"]) < page["totalItems"]:
        last = offset + len(page["items"])
        print(f"{offset + 1} to {last} of {page['totalItems']}; --offset {last} shows the next.")
