"""The face of announcements: what pages, REST, actions and other features may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.permissions import Permission

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
When = Literal["current", "ended", "scheduled", "all"]

CREATE_ANNOUNCEMENT = Permission("announcement.create", "create", None, "Announce something to groups or everybody.")
UPDATE_ANNOUNCEMENT = Permission("announcement.update", "update", None, "Change announcements, and see scheduled ones.")
DELETE_ANNOUNCEMENT = Permission("announcement.delete", "delete", None, "Remove announcements.")
PERMISSIONS = (CREATE_ANNOUNCEMENT, UPDATE_ANNOUNCEMENT, DELETE_ANNOUNCEMENT)


class AnnouncementNotFound(NotFoundError):
    """There is none by that id, or it is not for the caller."""

    code = "announcements.not_found"

    def __init__(self, id: str) -> None:
        super().__init__("There is no such announcement, or it is not meant for you.")
        self.id = id


class AnnouncementChanged(ConflictError):
    """Somebody saved it after the version that the change was made from."""

    code = "announcements.changed"

    def __init__(self, theirs: Announcement) -> None:
        super().__init__(
            f"{theirs.updated_by} saved this announcement meanwhile. Nothing of yours was written yet: look at what stands."
        )
        self.theirs = theirs


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody writes. ``audience`` are refs of groups, none for everybody; ``ends_at`` None: until it is removed.

    ``notify`` also sends it as a notification when it begins.
    """

    title: str
    body: str
    starts_at: datetime
    ends_at: datetime | None = None
    audience: Sequence[str] = ()
    severity: Severity = "info"
    pinned: bool = False
    notify: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """One as it stands. ``version`` counts its changes from 1; ``is_dismissed`` is the reader's. Pinned ones come first."""

    id: str
    title: str
    body: str
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    audience: Sequence[str]
    pinned: bool
    notify: bool
    notified_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    version: int
    is_dismissed: bool = False


class Announcements(Protocol):
    """Readers see what has begun and is for everybody or a group of theirs; those who may update see all."""

    async def list_announcements(
        self, when: When = "current", *, dismissed: bool = True, limit: int = 20, offset: int = 0, actor: Actor
    ) -> tuple[Sequence[Announcement], int]:
        """Pinned first, then the latest; and how many in all. ``dismissed`` False leaves out what the reader dismissed."""

    async def get_announcement(self, id: str, *, actor: Actor) -> Announcement: ...

    async def create_announcement(self, draft: Draft, *, actor: Actor) -> Announcement: ...

    async def update_announcement(self, id: str, draft: Draft, *, version: int, actor: Actor) -> Announcement:
        """Raises ``AnnouncementChanged`` unless ``version`` is the one that stands. The same again changes nothing."""

    async def delete_announcement(self, id: str, *, actor: Actor) -> None: ...

    async def dismiss(self, id: str, *, dismissed: bool = True, actor: Actor) -> None:
        """Off (or back onto) the actor's own home page. May be repeated."""
