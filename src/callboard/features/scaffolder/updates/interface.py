"""What pages, other features and plugins use of updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Protocol, Sequence

from callboard.features.scaffolder.interface.updates import OpenedChange
from callboard.features.scaffolder.updates.updating import Update
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotFoundError


class NotMade(NotFoundError):
    """No run of a template is recorded for the entity, or the caller may not see it."""

    code = "scaffolder.update_not_made"


@dataclass(frozen=True, slots=True)
class Opened:
    """An update that was opened. ``url`` is empty where the host has no page for it."""

    version: str
    branch: str
    url: str
    at: str
    by: str


@dataclass(frozen=True, slots=True)
class Made:
    """An entity that a template made. ``behind`` counts the versions since, None where either is not known."""

    id: str
    template_ref: str
    entity_ref: str
    version: str
    behind: int | None
    made_at: str
    made_by: str
    has_tree: bool
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Entities of one template that the actor may see; ``total`` and ``behind`` count all of them, ``items`` are a page."""

    template_ref: str
    newest: str
    seen_at: str
    items: Sequence[Made]
    total: int
    behind: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an update would do. ``mark`` names exactly this one: version and result."""

    made: Made
    update: Update
    mark: str


class TemplateUpdates(Protocol):
    """Who is behind, and updates. What the actor may not see is as if it were not there."""

    async def find_made(self, entity_ref: str, *, actor: Actor) -> Made | None: ...

    async def list_fleet(
        self, template_ref: str, *, only_behind: bool = False, limit: int = 50, offset: int = 0, actor: Actor
    ) -> Fleet:
        """Those that are the furthest behind first."""

    async def look(self, template_ref: str, *, actor: Actor) -> str:
        """Read the version that the template has now. Raises ``TemplateNotFound``, and what reading raises."""

    async def preview(self, entity_ref: str, *, answers: Mapping[str, Any] | None = None, actor: Actor) -> Preview:
        """Raises ``NotMade``; ``PlaceUnknown``; ``AnswersMissing``, ``MarkersLeft``, ``CannotRender``; what reading template and repository raises."""

    async def name_place(self, entity_ref: str, contents: str, *, actor: Actor) -> None:
        """Say where the files of an entity lie whose run recorded no address: the address of their folder, for good.

        Raises ``NotMade``, ``NotAllowedError``, ``ConflictError`` where there is an address; ``InputError`` where it cannot be read.
        """

    async def open(
        self,
        entity_ref: str,
        *,
        branch: str = "",
        answers: Mapping[str, Any] | None = None,
        mark: str = "",
        actor: Actor,
    ) -> OpenedChange:
        """As a branch or pull request. With ``mark``, only what was seen is opened. Raises also ``ConflictError``, ``NotAllowedError``."""
