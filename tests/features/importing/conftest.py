"""A portal with a catalog, and somebody who imports sheets into it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any, Mapping, Sequence

import pytest

from callboard.features.importing.interface import (
    ColumnMapping,
    Drift,
    ImportRecord,
    ImportService,
    PlannedEntity,
    SheetMapping,
)
from callboard.features.importing.job_kinds import APPLY_JOB, DRIFT_JOB, PLAN_JOB
from callboard.kernel.auth.actor import SYSTEM, Actor
from tests.features.catalog.conftest import Open, Site, World, each_world, postgres_world, world

__all__ = ["Desk", "World", "desk", "each_desk", "each_world", "postgres_world", "sheet_of", "world"]

COLUMNS = {"name": "name", "owner": "owner", "description": "description", "type": "type"}
"""Headers of the sheets here, and what they mean."""


def sheet_of(*rows: Mapping[str, Any] | Sequence[Any], header: Sequence[str] = tuple(COLUMNS)) -> bytes:
    """A CSV file: rows in the order of ``header``, or by column."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow([row.get(column, "") for column in header] if isinstance(row, Mapping) else row)
    return out.getvalue().encode()


def mapping_of(columns: Mapping[str, str], **defaults: Any) -> SheetMapping:
    """``{column: role or role:key}``."""
    found = []
    for column, text in columns.items():
        role, _, key = text.partition(":")
        found.append(ColumnMapping(column, role, key))  # type: ignore[arg-type]
    return SheetMapping(tuple(found), **defaults)


class Desk:
    """Imports with one line a step. Jobs run when a step needs them."""

    def __init__(self, site: Site, actor: Actor = SYSTEM) -> None:
        self.site = site
        self.actor = actor
        self.imports: ImportService = site.portal.service(ImportService)

    def as_(self, actor: Actor) -> Desk:
        return Desk(self.site, actor)

    async def upload(self, content: bytes, filename: str = "services.csv") -> ImportRecord:
        return await self.imports.upload(content, filename, actor=self.actor)

    async def planned(
        self, content: bytes, filename: str = "services.csv", *, columns: Mapping[str, str] | None = COLUMNS,
        source: str | None = None, **defaults: Any,
    ) -> ImportRecord:  # fmt: skip
        """Upload, choose and plan. ``columns`` None takes the guess."""
        record = await self.upload(content, filename)
        if columns is not None:
            mapping = mapping_of(columns, **defaults)
            record = await self.imports.choose(
                record.id, sheet=record.sheet, mapping=mapping, source=source, actor=self.actor
            )
        elif defaults:
            mapping = replace(record.mapping, **defaults)
            record = await self.imports.choose(record.id, sheet=record.sheet, mapping=mapping, actor=self.actor)
        return await self.plan(record.id)

    async def plan(self, id: str) -> ImportRecord:
        await self.imports.plan(id, wait_s=0, actor=self.actor)
        await self.site.portal.jobs.run_due((PLAN_JOB,))
        return await self.imports.get_import(id, actor=self.actor)

    async def apply(self, id: str, **options: Any) -> ImportRecord:
        summary = await self.imports.get_summary(id, actor=self.actor)
        options = {"digest": summary.digest, "wait_s": 0, **options}
        await self.imports.apply(id, actor=self.actor, **options)
        await self.site.portal.jobs.run_due((APPLY_JOB,))
        await self.site.settle()
        return await self.imports.get_import(id, actor=self.actor)

    async def bring_in(self, content: bytes, filename: str = "services.csv", **options: Any) -> ImportRecord:
        """Upload, plan and apply; it must have been applied."""
        record = await self.apply((await self.planned(content, filename, **options)).id)
        assert record.stage == "applied", record.error
        return record

    async def undo(self, id: str) -> ImportRecord:
        record = await self.imports.undo(id, actor=self.actor)
        await self.site.settle()
        return record

    async def drift(self, id: str) -> Drift:
        """Have the sheet compared anew; it must have been."""
        await self.imports.compute_drift(id, wait_s=0, actor=self.actor)
        await self.site.portal.jobs.run_due((DRIFT_JOB,))
        state = await self.imports.get_drift(id, actor=self.actor)
        assert (state.state, state.error) == ("computed", "")
        assert state.drift is not None
        return state.drift

    async def entities(self, id: str, action: str | None = None) -> list[PlannedEntity]:
        page = await self.imports.list_planned(id, action=action, limit=1000, actor=self.actor)  # type: ignore[arg-type]
        assert page.total == len(page.entities)
        return list(page.entities)

    async def answers(self) -> dict[str, bytes]:
        """The bytes of REST answers over the whole catalog."""
        found = {}
        async with self.site.portal.client(SYSTEM) as client:
            for path in ANSWERS:
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
                found[path] = answer.content
        return found


ANSWERS = (
    "/api/catalog/entities", "/api/catalog/entities/by-query?limit=500", "/api/catalog/entities/by-query?orderField=metadata.name,asc",
    "/api/catalog/entities?order=asc:metadata.name", "/api/catalog/entities?filter=kind=component",
    "/api/catalog/entities/by-query?filter=kind=group&fields=metadata,relations",
    "/api/catalog/entity-facets?facet=kind&facet=spec.type&facet=spec.owner&facet=metadata.tags&facet=relations.ownedBy",
    "/api/catalog/v1/export?format=csv", "/api/catalog/v1/export?format=json", "/api/catalog/v1/findings", "/api/catalog/locations",
)  # fmt: skip


@pytest.fixture
def desk(world: World) -> Open:
    """``async with desk(locations…) as d``: on SQLite."""
    return world.opener(Desk)


@pytest.fixture
def each_desk(each_world: World) -> Open:
    """The same on each engine."""
    return each_world.opener(Desk)
