"""The face of bulk changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.model.predicates import Predicate

FIELDS = ("owner", "lifecycle", "system", "type")
"""Fields of ``spec`` that a bulk change may set."""
Stage = Literal["planning", "planned", "applying", "applied", "undoing", "undone", "failed"]
Outcome = Literal["changed", "unchanged", "conflict", "refused", "missing"]


class BulkNotFound(NotFoundError):
    """No bulk change has this id, or it is somebody else's."""

    code = "editing.bulk_not_found"


class BulkNotReady(ConflictError):
    """The bulk change is at another stage: it is being worked on, or was applied or undone already."""

    code = "editing.bulk_not_ready"


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to set. ``values`` maps names of ``FIELDS`` to the new value, None takes the field away; what is not there stays.

    Tags are added and taken away by themselves; both lists lower-case.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.values or self.add_tags or self.remove_tags)


@dataclass(frozen=True, slots=True)
class BulkRecord:
    """A bulk change. ``counts`` are items by outcome: as planned, then as applied; ``undone`` the same of the undoing.

    ``done`` of ``total`` items were worked on at this stage. ``error`` says why it failed.
    """

    id: str
    stage: Stage
    by: str
    created_at: datetime
    applied_at: datetime | None
    undone_at: datetime | None
    change: BulkChange
    why: str
    total: int
    done: int
    counts: Mapping[str, int]
    undone: Mapping[str, int]
    error: str


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One entity of a bulk change. ``before`` and ``after`` are values by path. ``undo`` is the outcome of undoing, or None."""

    position: int
    ref: str
    outcome: Outcome
    way: Literal["text", "overlay"] | None
    message: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    undo: Outcome | None
    undo_message: str


class BulkChanges(Protocol):
    """Each entity is changed with the rights of who asks; a bulk change is its maker's alone, and administrators'."""

    async def plan(
        self,
        change: BulkChange,
        *,
        predicate: Predicate | None = None,
        refs: Sequence[str] | None = None,
        why: str = "",
        actor: Actor,
    ) -> BulkRecord:
        """Look at what the change would come to, for ``refs`` (lower-cased) or for all visible that ``predicate`` holds for.

        Writes nothing to the catalog. With many entities a job goes on with it. Raises ``InputError`` for a change of nothing or
        of too much, or for an owner or system that is not there.
        """

    async def get(self, id: str, *, actor: Actor) -> BulkRecord:
        """Raises ``BulkNotFound``."""

    async def list_records(self, *, limit: int, offset: int = 0, actor: Actor) -> tuple[Sequence[BulkRecord], int]:
        """Newest first: one's own, and everybody's for those who may read the audit log."""

    async def list_items(
        self, id: str, *, outcome: str | None = None, limit: int, offset: int = 0, actor: Actor
    ) -> tuple[Sequence[BulkItem], int]: ...

    async def apply(self, id: str, *, actor: Actor) -> BulkRecord:
        """Do what was planned; an entity that changed since is left alone. Raises ``BulkNotReady``."""

    async def undo(self, id: str, *, actor: Actor) -> BulkRecord:
        """Put back what stood before; an entity that changed since is left alone. Raises ``BulkNotReady``."""
