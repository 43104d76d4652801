"""Reads of problems: by file for those who mend them, and around one entity for those who look at it."""

from __future__ import annotations

from typing import Collection, Sequence

from callboard.features.catalog.problems import (
    Around,
    LocationFile,
    ProblemFile,
    ProblemFilter,
    ProblemList,
    count_by,
    fits,
    group_by_file,
)
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store import marks
from callboard.features.catalog.store.index import EntityIndex
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database, Transaction
from callboard.model.refs import EntityRef

MAX_BELOW = 50


class Problems:
    """``ProblemReader`` over the database."""

    def __init__(self, db: Database, queries: Queries, index: EntityIndex) -> None:
        self._db = db
        self._queries = queries
        self._index = index

    async def list_by_file(
        self,
        wanted: ProblemFilter,
        *,
        limit: int,
        offset: int = 0,
        shown: int = 20,
        own: Collection[str] = (),
        actor: Actor,
    ) -> ProblemList:
        async with self._db.read() as tx:
            visible = await self._queries.ids_seen_by(tx, actor)
            found, is_cut = await marks.list_marks(tx, wanted.text, visible)
            chosen = [mark for mark in found if fits(mark, wanted)]
            groups = group_by_file(chosen)
            page = groups[offset : offset + limit]
            ids = [mark.id for _, group in page for mark in group[:shown]]
            problems = await marks.list_problems(tx, ids, visible) if ids else {}
        files = [
            ProblemFile(
                file=file,
                owners=sorted({owner for mark in group for owner in mark.owners}),
                count=len(group),
                errors=sum(mark.severity == "error" for mark in group),
                problems=[problems[mark.id] for mark in group[:shown] if mark.id in problems],
            )
            for file, group in page
        ]
        return ProblemList(
            files=files,
            total=len(chosen),
            file_total=len(groups),
            severities=count_by(found, wanted, "severity", lambda mark: (mark.severity,)),
            stages=count_by(found, wanted, "stages", lambda mark: (mark.stage,)),
            owners=count_by(found, wanted, "owners", lambda mark: mark.owners),
            own_total=sum(not set(own).isdisjoint(m.owners) for m in found if fits(m, wanted, without="owners"))
            if own
            else 0,
            is_cut=is_cut,
        )

    async def around(self, ref: EntityRef, *, actor: Actor) -> Around:
        async with self._db.read() as tx:
            visible = await self._queries.ids_seen_by(tx, actor)
            id = await self._find(tx, ref)
            if id is None or not (visible is None or id in visible):
                return Around()
            own = await marks.list_own_problems(tx, id, visible)
            told = {(p.finding.stage, p.finding.message, p.finding.line) for p in own}
            found = await marks.list_file_problems(tx, id, visible)
            file = [p for p in found if (p.finding.stage, p.finding.message, p.finding.line) not in told]
            if ref.kind.lower() != "location":
                return Around(own, file)
            below, total = await marks.list_problems_below(tx, id, visible, MAX_BELOW)
            return Around(own, file, below, total)

    async def list_files(self, ref: EntityRef, *, limit: int = 200, actor: Actor) -> tuple[Sequence[LocationFile], int]:
        async with self._db.read() as tx:
            visible = await self._queries.ids_seen_by(tx, actor)
            id = await self._find(tx, ref)
            if id is None or not (visible is None or id in visible):
                return [], 0
            files = await marks.list_location_files(tx, id, visible)
            return files[:limit], len(files)

    async def _find(self, tx: Transaction, ref: EntityRef) -> int | None:
        return (await self._index.ids_of(tx, (str(ref),))).get(str(ref))
