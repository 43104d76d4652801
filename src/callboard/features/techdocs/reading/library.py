"""All sites at a glance: what lists of them need of each, read in one go, so that a company's thousands cost a page little."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.reading.store import Check
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database

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


def by_title(one: Shelf) -> Any:
    return one.title.lower(), one.ref


def ordered(rows: Sequence[Shelf], order: str, checks: Mapping[str, Check]) -> list[Shelf]:
    """By title; the last changed first; what cannot be read and what has most errors first."""
    found = sorted(rows, key=by_title)
    if order == "changed":
        found.sort(key=lambda one: one.changed_at or "", reverse=True)
    elif order == "problems":
        errors: Callable[[Shelf], int] = lambda one: checks[one.ref].errors if one.ref in checks else 0  # noqa: E731
        found.sort(key=lambda one: (one.failure is None, -errors(one)))
    return found
