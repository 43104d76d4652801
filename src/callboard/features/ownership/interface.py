"""The face of ownership: what pages, REST, actions, the CLI and other features may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, NotFoundError

State = Literal["confirmed", "due", "overdue", "unowned"]
"""``due``: a field was never confirmed, changed since, or was confirmed too long ago; ``overdue``: due for as long again;
``unowned``: there is nobody to ask."""
STATES: tuple[State, ...] = ("confirmed", "due", "overdue", "unowned")

Trouble = Literal["none", "missing", "left", "empty"]
"""No owner is named; the owner is not in the catalog; it is a person or group that was and is no more; a group without members."""
TROUBLES: tuple[Trouble, ...] = ("none", "missing", "left", "empty")

HandoverState = Literal["asked", "accepted", "declined", "withdrawn"]


class HandoverNotFound(NotFoundError):
    """No hand-over with this id is visible to the caller."""

    code = "ownership.handover_not_found"


class NotAsSeen(ConflictError):
    """What was to be confirmed is not what stands; ``refs`` changed meanwhile."""

    code = "ownership.not_as_seen"

    def __init__(self, refs: Sequence[str]) -> None:
        named = ", ".join(refs[:5]) + (f" and {len(refs) - 5} more" if len(refs) > 5 else "")
        super().__init__(f"{named} changed meanwhile and is not confirmed. Look at it again.")
        self.refs = tuple(refs)


@dataclass(frozen=True, slots=True)
class FieldConfirmation:
    """A field as it stands. ``at`` and ``by`` are of its last confirmation, None without one; ``is_current`` is whether that was
    for the value that stands, ``earlier`` else the value that it was for.
    """

    field: str
    value: Any
    is_current: bool
    at: datetime | None = None
    by: str | None = None
    earlier: Any = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Somebody offers an entity to ``new_owner``. ``owner`` is who has it; declined, it is disputed until it is withdrawn or confirmed.

    ``way`` is set in the answer that takes it: the new owner is written in the entity's own text, or laid over what its source gives.
    """

    id: str
    ref: str
    owner: str
    new_owner: str
    state: HandoverState
    note: str
    asked_at: datetime
    asked_by: str
    answer: str = ""
    answered_at: datetime | None = None
    answered_by: str | None = None
    way: Literal["text", "overlay"] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """How well one entity is confirmed. ``mark`` names the values that stand: a confirmation has to name it.

    ``confirmed_at`` is the oldest of the fields', None while one is unconfirmed; ``due_at`` is when it became or becomes due.
    """

    ref: str
    state: State
    owner: str
    trouble: Trouble | None
    fields: Sequence[FieldConfirmation]
    mark: str
    confirmed_at: datetime | None
    due_at: datetime
    handover: Handover | None = None
    may_confirm: bool = False
    may_hand_over: bool = False
    may_answer: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An entity in a list. ``fields`` are the values to be confirmed, by path; ``mark`` names them."""

    ref: str
    kind: str
    title: str
    owner: str
    trouble: Trouble | None
    state: State
    fields: Mapping[str, Any]
    mark: str
    due_at: datetime
    handover: Handover | None = None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list. ``owners`` None is everybody's; ``show``: what needs somebody (due, overdue and disputed), a state, those
    offered to ``owners``, those with a declined hand-over, or everything. ``text`` is looked for in ref, title and owner; ``refs``
    are the only ones that are meant, if given.
    """

    owners: Sequence[str] | None = None
    show: Literal["open", "due", "overdue", "confirmed", "unowned", "offered", "disputed", "all"] = "open"
    trouble: Trouble | None = None
    kind: str | None = None
    text: str = ""
    limit: int = 50
    offset: int = 0
    refs: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ItemPage:
    items: Sequence[Item]
    total: int


@dataclass(frozen=True, slots=True)
class Share:
    """How many entities are in each state; they exclude one another."""

    confirmed: int = 0
    due: int = 0
    overdue: int = 0
    unowned: int = 0

    @property
    def total(self) -> int:
        return self.confirmed + self.due + self.overdue + self.unowned

    @property
    def percent(self) -> int | None:
        """Confirmed, of all, rounded down, so that 100 means every one; None of nothing."""
        return self.confirmed * 100 // self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Of what the asker may see. ``owners`` has those with something to do first; ``trend`` is (day, share) of everything, oldest
    first, empty for those who do not see everything.
    """

    all: Share
    kinds: Sequence[tuple[str, Share]]
    owners: Sequence[tuple[str, Share]]
    trend: Sequence[tuple[str, Share]] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How well an entity is confirmed, for lists; ``at`` and ``by`` are of its owner's last confirmation, None without one."""

    ref: str
    state: State
    at: datetime | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A possible owner. ``reason`` is a message id below ``ownership.reason`` with ``arguments``; ``confidence`` 0 to 1."""

    owner: str
    confidence: float
    reason: str
    arguments: Mapping[str, str]


class OwnershipService(Protocol):
    """What a caller may not see is as if it were not there."""

    async def find_standing(self, ref: str, *, actor: Actor) -> Standing | None:
        """None for the hidden, the absent, and what cannot have an owner."""

    async def list_items(self, query: ListQuery, *, actor: Actor) -> ItemPage:
        """Longest due first."""

    async def summarize(self, *, actor: Actor, trend_days: int = 90) -> Summary: ...

    async def list_confirmed(self, refs: Sequence[str], *, actor: Actor) -> Mapping[str, Confirmed]:
        """By ref, what there is of these; those that cannot have an owner are left out. One query, and one for what is hidden."""

    async def list_shares(self, owners: Sequence[str], *, actor: Actor) -> Mapping[str, Share]:
        """Of what each of these owns itself; those who own nothing are left out."""

    async def count_open(self, owners: Sequence[str], *, actor: Actor) -> int:
        """How many entities of these owners are due or overdue, and how many are offered to them."""

    async def confirm(self, seen: Mapping[str, str | None], *, actor: Actor) -> Sequence[str]:
        """Say that what stands is right. ``seen`` is ref to the mark of what the caller saw (None: whatever stands).

        The refs confirmed. Owners may, and those who may change the entity. A declined hand-over of it is at an end.
        Raises ``NotAsSeen`` (nothing is written), ``EntityNotFound``, ``NotAllowedError``.
        """

    async def hand_over(
        self, refs: Sequence[str], new_owner: str, *, note: str = "", actor: Actor
    ) -> Sequence[Handover]:
        """Offer entities to another owner, who is asked; until they accept nothing changes. An earlier offer is replaced.

        Raises ``InputError`` when the new owner is no group or user of the catalog or has it already, ``EntityNotFound``,
        ``NotAllowedError``.
        """

    async def answer(self, id: str, *, accept: bool, note: str = "", actor: Actor) -> Handover:
        """Take it, which changes the owner and confirms it, or not. Raises ``HandoverNotFound``, ``ConflictError``, ``NotAllowedError``."""

    async def withdraw(self, id: str, *, actor: Actor) -> Handover: ...
