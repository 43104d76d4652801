"""The face of notifications: send them, read them, and mark them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import NotFoundError
from callboard.kernel.permissions import Permission

Severity = Literal["critical", "high", "normal", "low"]
SEVERITIES: tuple[Severity, ...] = ("low", "normal", "high", "critical")
"""From the least to the most urgent."""

SEND_NOTIFICATION = Permission(
    "notification.message.create", "create", None, "Send notifications to people, groups or everybody."
)


class NotificationNotFound(NotFoundError):
    """The caller has no notification with this id."""

    code = "notifications.not_found"

    def __init__(self, id: str) -> None:
        super().__init__("Not found")
        self.id = id


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification to send.

    A ``title`` that is a ``Wording`` is read in the reader's language on pages; the wire and other channels have it in English.
    ``recipients`` are refs of users and groups (of anything else its owner is told), None for everybody. ``link`` is http(s)
    or a path of the portal. With a ``scope``, one of the same scope and origin that a recipient already has is replaced
    and unread again. ``exclude`` are users and groups that are not told, whatever ``recipients`` says.
    """

    title: str
    recipients: Sequence[str] | None
    description: str = ""
    link: str = ""
    severity: Severity = "normal"
    topic: str = ""
    scope: str = ""
    origin: str = "plugin:callboard"
    exclude: Sequence[str] = ()
    icon: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """One as its reader has it. ``user`` is None for a broadcast; ``read`` and ``saved`` are theirs all the same."""

    id: str
    user: str | None
    origin: str
    title: str
    description: str
    link: str
    severity: Severity
    topic: str
    scope: str
    icon: str
    metadata: Mapping[str, Any]
    created: datetime
    updated: datetime | None = None
    read: datetime | None = None
    saved: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotificationQuery:
    """Which notifications of the reader, and in what order. None and "" leave a condition out.

    ``search`` looks into title and description, without regard to case. ``ids`` limits to these.
    """

    read: bool | None = None
    saved: bool | None = None
    topic: str = ""
    search: str = ""
    min_severity: Severity = "low"
    created_after: datetime | None = None
    ids: Sequence[str] | None = None
    order: Literal["created", "topic", "origin"] = "created"
    descending: bool = True
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class NotificationStatus:
    """How many are unread and read."""

    unread: int
    read: int


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """Whether a reader wants what one origin sends (``topic`` "": all of it that no other choice is about)."""

    channel: str
    origin: str
    topic: str
    enabled: bool


class Notifications(Protocol):
    """Sending and reading. Readers see their own and broadcasts, and nothing else."""

    async def notify(self, tx: Transaction, new: NewNotification) -> Sequence[str]:
        """Send within ``tx``; the ids of what was made or replaced, none when nobody is left to tell.

        Raises ``InputError`` for a title that is empty or too long, a link of another scheme, an unknown severity.
        """

    async def list_notifications(self, query: NotificationQuery, *, actor: Actor) -> tuple[Sequence[Notification], int]:
        """A page, and how many there are in all. ``limit`` is 1 to 500."""

    async def get_notification(self, id: str, *, actor: Actor) -> Notification:
        """Raises ``NotificationNotFound``."""

    async def status(self, *, actor: Actor) -> NotificationStatus: ...

    async def list_topics(self, *, actor: Actor) -> Sequence[str]:
        """Topics of the reader's notifications, sorted."""

    async def mark(
        self, ids: Sequence[str] | None, *, read: bool | None = None, saved: bool | None = None, actor: Actor
    ) -> int:
        """Mark these (None: all) of the reader's; how many changed. Ids of others are passed over."""

    async def list_choices(self, *, actor: Actor) -> Sequence[TopicChoice]:
        """What the reader turned on or off, and for every channel each origin and topic that they have met."""

    async def choose(self, choices: Sequence[TopicChoice], *, actor: Actor) -> None: ...
