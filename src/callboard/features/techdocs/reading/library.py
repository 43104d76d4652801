"""All sites at a glance: what lists of them need of each, read in one go, so that a company's thousands cost a page little."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from callboard.features.techdocs.finding import Plans
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database

NEWEST_AT_ONCE = 100
_ROWS = (
    "SELECT s.ref, s.title, s.description, s.owner, s.failure, v.pages, v.changed_at FROM techdocs_site s"
    " LEFT JOIN techdocs_version v ON v.ref = s.ref AND v.name = ''"
)


class Shelf(NamedTuple):
    """A site. ``changed_at`` is text as stored, which sorts as the time does; None before the first reading."""

    ref: str
    title: str
    description: str
    owner: str | None
    failure: str | None
    pages: int | None
    changed_at: str | None

    def holds(self, words: Sequence[str]) -> bool:
        text = f"{self.title} {self.ref} {self.description}".lower()
        return all(word in text for word in words)


class Line(NamedTuple):
    """A site as far as lists need all of them: to count, to choose, to put in order. The rest is read for those that are shown."""

    ref: str
    title: str
    owner: str | None
    failed: int
    changed_at: str
    checked: int
    errors: int
    warnings: int

    @property
    def wants_care(self) -> bool:
        """Something is wrong with its contents, or nobody looked yet."""
        return bool(self.failed or self.errors or self.warnings or not self.checked)


_BY_CHANGE = " LEFT JOIN techdocs_version v ON v.ref = s.ref AND v.name = ''"
_BY_CHECK = " LEFT JOIN techdocs_check c ON c.ref = s.ref"
_PLAIN = "SELECT s.ref, s.title, s.owner, 0, '', 0, 0, 0 FROM techdocs_site s"
_CHANGED = f"SELECT s.ref, s.title, s.owner, 0, COALESCE(v.changed_at, ''), 0, 0, 0 FROM techdocs_site s{_BY_CHANGE}"
_CHECKED = (
    "SELECT s.ref, s.title, s.owner, CASE WHEN s.failure IS NULL THEN 0 ELSE 1 END, '', CASE WHEN c.ref IS NULL THEN 0 ELSE 1 END,"
    f" COALESCE(c.errors, 0), COALESCE(c.warnings, 0) FROM techdocs_site s{_BY_CHECK}"
)
_LINES = {"title": _PLAIN, "changed": _CHANGED, "problems": _CHECKED}


class Library:
    """Sites of visible entities; one that is gone from the catalog is gone here."""

    def __init__(self, db: Database, plans: Plans) -> None:
        self._db = db
        self._plans = plans

    async def list(self, refs: Sequence[str] | None = None, *, actor: Actor) -> Sequence[Shelf]:
        """All that the actor may see, or those of ``refs``. A query, and a look at each entity's place in the catalog."""
        async with self._db.read(snapshot=False) as tx:
            if refs is None:
                found = await tx.fetch_all(_ROWS)
            else:
                found = await tx.fetch_all(f"{_ROWS} WHERE {tx.any_of('s.ref', 1)}", tx.list_arg(refs))
        rows = [Shelf(*row) for row in found]
        hidden = await self._plans.hidden([row.ref for row in rows], actor=actor)
        return [row for row in rows if row.ref not in hidden] if hidden else rows

    async def lines(self, order: str, *, actor: Actor) -> Sequence[Line]:
        """All that the actor may see, in this order. Beside ref, title and owner only what the order goes by is filled in."""
        async with self._db.read(snapshot=False) as tx:
            found = await tx.fetch_all(_LINES[order])
        found.sort(key=lambda row: (row[1].lower(), row[0]))
        if order == "changed":
            found.sort(key=lambda row: row[4], reverse=True)
        elif order == "problems":
            found.sort(key=lambda row: (-row[3], -row[6]))
        hidden = await self._plans.hidden([row[0] for row in found], actor=actor)
        return [Line(*row) for row in found if row[0] not in hidden]

    async def newest(self, limit: int, *, actor: Actor) -> Sequence[Shelf]:
        """What changed last, as far as the sources tell and the actor may see it."""
        newest = f"{_ROWS} WHERE v.changed_at IS NOT NULL ORDER BY v.changed_at DESC, s.ref LIMIT $1 OFFSET $2"
        seen: list[Shelf] = []
        at = 0
        while len(seen) < limit:
            async with self._db.read(snapshot=False) as tx:
                rows = [Shelf(*row) for row in await tx.fetch_all(newest, NEWEST_AT_ONCE, at)]
            hidden = await self._plans.hidden([row.ref for row in rows], actor=actor)
            seen += [row for row in rows if row.ref not in hidden]
            at += NEWEST_AT_ONCE
            if len(rows) < NEWEST_AT_ONCE:
                break
        return seen[:limit]
