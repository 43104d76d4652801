"""The list as a file: whoever may see the page may take its rows along, all of them and no others."""

from __future__ import annotations

from typing import Any, AsyncIterator, Mapping, Sequence

import orjson
from starlette.responses import Response, StreamingResponse

from callboard.features.catalog.export.documents import iter_zip
from callboard.features.catalog.export.tables import Table, stream
from callboard.features.catalog.interface import BY_FIRST, CatalogQueries, EntityQuery
from callboard.features.catalog.pages.list_state import ListState
from callboard.kernel.auth.actor import Actor
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import HasKey, Negation, conjoin
from callboard.model.refs import EntityRef
from callboard.model.urls import Hosts

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"


class ExportViews:
    """``/catalog/export.{csv,xlsx,zip}`` with the parameters of the list page; paging is passed over."""

    def __init__(self, queries: CatalogQueries, hosts: Hosts) -> None:
        self._queries = queries
        self._hosts = hosts

    def routes(self) -> list[Route]:
        return [
            Route("/catalog/export.csv", self.csv, auth="page", name="catalog-export-csv"),
            Route("/catalog.csv", self.csv, auth="page", name="catalog-csv"),  # where it was before there were others
            Route("/catalog/export.xlsx", self.xlsx, auth="page", name="catalog-export-xlsx"),
            Route("/catalog/export.zip", self.zip, auth="page", name="catalog-export-zip"),
        ]

    async def csv(self, request: Request) -> Response:
        """A list of entities as CSV, with the parameters of the list page. ``bom=1`` begins it with the mark by which Excel knows UTF-8."""
        table = await self._table(request)
        bom = request.query_params.get("bom") in ("1", "true")
        return _download(stream(table.iter_csv(bom=bom)), CSV, "csv")

    async def xlsx(self, request: Request) -> Response:
        """A list of entities as an Excel workbook, with the parameters of the list page.

        Raises ``LimitError`` when a sheet cannot hold the list.
        """
        table = await self._table(request)
        table.require_room()
        return _download(stream(table.iter_xlsx()), XLSX, "xlsx")

    async def zip(self, request: Request) -> Response:
        """A list of entities as a zip of catalog-info.yaml files, with the parameters of the list page."""
        state = ListState.parse(request.query_params)
        query = EntityQuery(predicate=state.predicate(), by_ref=True)
        return _download(iter_zip(self._queries.iter_raw(query, actor=request.actor), self._hosts), ZIP, "zip")

    async def _table(self, request: Request) -> Table:
        state = ListState.parse(request.query_params)
        return await Table.of(iter_listed(self._queries, state, actor=request.actor), self._hosts)


async def iter_listed(
    queries: CatalogQueries, state: ListState, *, actor: Actor
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Every entity that the filters of ``state`` let through, once, in its order; those without the field of the order last."""
    query = state.query()
    seen: set[str] = set()
    async for chunk in queries.iter_raw(EntityQuery(query.predicate, query.order), actor=actor):
        entities = [orjson.loads(item) for item in chunk]
        if state.leaves_out:  # one with two values stands twice in such an order
            entities = list({ref: e for e in entities if (ref := str(EntityRef.of(e))) not in seen}.values())
            seen |= {str(EntityRef.of(e)) for e in entities}
        yield entities
    if state.leaves_out and query.order is not None:
        rest = conjoin(query.predicate, Negation(HasKey(query.order.field.removeprefix(BY_FIRST).lower())))
        async for chunk in queries.iter_raw(EntityQuery(rest, by_ref=True), actor=actor):
            yield [e for item in chunk if str(EntityRef.of(e := orjson.loads(item))) not in seen]


def _download(body: AsyncIterator[bytes], media_type: str, ending: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="catalog.{ending}"', "cache-control": "private, no-store"}
    return StreamingResponse(body, media_type=media_type, headers=headers)
