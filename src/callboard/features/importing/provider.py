"""``catalog.providers.spreadsheet``: a sheet at a path or URL that is read on a schedule, without anybody looking at the plan.

What cannot be taken is told as a problem of the source, so that no row is lost without a word.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import (
    CatalogQueries,
    DeferredEntity,
    FullMutation,
    ProviderConnection,
    UrlReader,
)
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.importing.codec import mapping_of
from callboard.features.importing.interface import Plan
from callboard.features.importing.mappings import override, require_usable
from callboard.features.importing.planner import LOCATION, Planned, Planner
from callboard.features.importing.sheets.limits import DEFAULT
from callboard.features.importing.workbooks import Workbooks, table_of
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.discovery import ProviderRow, deliver, dig, read_rows
from callboard.kernel.errors import InputError, NotFoundError, UnavailableError
from callboard.model.kinds import KindRegistry

MAX_FILE_BYTES = DEFAULT.file_bytes
MAX_TOLD = 10
"""Rows that the message names; of the others it gives the number."""
_MARKS = ("path", "url")


def providers_of(portal: Any) -> list[SpreadsheetProvider]:
    """One for each id below ``catalog.providers.spreadsheet``. Raises ``InputError`` with the key at fault."""
    return [SpreadsheetProvider(row, portal) for row in read_rows(portal.settings, "spreadsheet", _MARKS)]


class SpreadsheetProvider:
    """An ``EntityProvider``. Everything it names is planned as the portal itself plans an upload."""

    def __init__(self, row: ProviderRow, portal: Any) -> None:
        self.name = f"spreadsheet:{row.id}"
        self.every_s = row.every_s
        self._timeout_s = row.timeout_s
        self._portal = portal  # its services are asked when it runs: the catalog is being built now
        path, url = row.find_text("path"), row.find_text("url")
        if (path is None) == (url is None):
            raise row.error("path", "or url must say where the sheet is: one of the two.")
        self._path = None if path is None else os.path.abspath(path)
        self._url = url
        self._sheet = row.find_text("sheet")
        columns = dig(row.values, "mapping.columns") or {}
        if not isinstance(columns, Mapping):
            raise row.error("mapping.columns", "must be an object of columns with their roles.")
        self._columns = {str(column): str(role) for column, role in columns.items()}
        rest = {name: value for name, value in (dig(row.values, "mapping") or {}).items() if name != "columns"}
        try:
            self._defaults = mapping_of({"columns": [], **rest})
        except InputError as error:
            raise row.error("mapping", f"cannot be used: {error.message}") from error
        self._workbooks = Workbooks()

    @property
    def _where(self) -> str:
        return self._path or self._url or ""

    @property
    def location(self) -> str:
        """Where its entities say they come from."""
        return f"file:{self._path}" if self._path is not None else f"url:{self._url}"

    async def run(self, connection: ProviderConnection) -> None:
        left_out: list[str] = []

        async def read() -> FullMutation:
            planned = await self._plan()
            left_out.extend(_left_out(planned.plan))
            return FullMutation(self._entities(planned))

        await deliver(read, connection, timeout_s=self._timeout_s, name=self._where)
        if left_out:
            more = f" and {len(left_out) - MAX_TOLD} more" if len(left_out) > MAX_TOLD else ""
            await connection.fail(
                InputError(
                    f"{len(left_out)} of the rows of {self._where} were left out: {'; '.join(left_out[:MAX_TOLD])}{more}."
                )
            )

    async def _plan(self) -> Planned:
        from callboard.features.importing.domain.columns import guess_columns, mapping_from

        portal = self._portal
        planner = Planner(
            portal.db, portal.service(CatalogQueries), portal.service(CatalogSources), portal.service(CatalogAliases)
        )
        workbook = await self._workbooks.read(await self._read(), os.path.basename(self._where.partition("?")[0]))
        if self._sheet is not None:
            table = table_of(workbook, self._sheet)
        else:
            table = max(workbook.tables, key=lambda tab: len(tab.rows))
        if not table.rows:
            raise InputError(f"{self._where} has no rows. What it gave before stays.")
        guessed = mapping_from(await asyncio.to_thread(guess_columns, table, None))
        mapping = override(replace(self._defaults, columns=guessed.columns), table.columns, self._columns)
        require_usable(mapping, table.columns, portal.service(KindRegistry))
        return await planner.plan(table, mapping, self.name, actor=SYSTEM)

    async def _read(self) -> bytes:
        if self._path is not None:
            return await asyncio.to_thread(_read_file, self._path)
        assert self._url is not None
        reader: UrlReader = self._portal.service(UrlReader)
        return (await reader.read(self._url)).content

    def _entities(self, planned: Planned) -> Sequence[DeferredEntity]:
        found = []
        for one in planned.plan.entities:
            is_own = one.action in ("create", "change") or (one.action == "unchanged" and one.ref in planned.marks)
            if one.entity is None or not is_own:
                continue
            metadata = dict(one.entity["metadata"])
            metadata["annotations"] = {**(metadata.get("annotations") or {}), LOCATION: self.location}
            found.append(DeferredEntity({**one.entity, "metadata": metadata}, self.name))
        return found


def _left_out(plan: Plan) -> list[str]:
    told = []
    for planned in plan.entities:
        if planned.action in ("conflict", "rejected"):
            rows = ", ".join(str(row) for row in planned.rows)
            told.append(f"row {rows} ({planned.ref or 'no name'}): {planned.reason.rstrip('.')}")
    return told


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.", file=path) from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}.", file=path) from error
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MiB.", file=path)
    return content
