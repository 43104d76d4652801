"""What people keep for themselves: saved views of lists, and stars. Import it from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.permissions import Permission

EVERYBODY = "everybody"
"""The audience of views that all see."""
ALL_KINDS = ""

SAVE_VIEW = Permission("catalog.view.create", "create", None, "Save views of lists, for oneself and one's groups.")
PUBLISH_VIEW = Permission(
    "portal.catalog-view.publish", "create", None, "Save views of lists for everybody, and change those of others."
)
VIEW_PERMISSIONS = (SAVE_VIEW, PUBLISH_VIEW)


class ViewNotFound(NotFoundError):
    """No saved view with this id is there for the caller."""

    code = "catalog.view_not_found"

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"No saved view {id[:64]!r} is there for you. It may have been removed, or is another team's.")


class ViewExists(ConflictError):
    """The same audience has a view of this name for this kind."""

    code = "catalog.view_exists"


@dataclass(frozen=True, slots=True)
class SavedView:
    """A list with a name.

    ``kind`` is lower-cased, ``ALL_KINDS`` for lists over all. ``query`` is the query string of the list page without paging.
    ``audience``: the ref of its only reader, of a group, or ``EVERYBODY``. ``default_for`` are the audiences among the reader's
    own whose lists of the kind open with it. ``may_change``: whether the reader may.
    """

    id: str
    name: str
    kind: str
    query: str
    audience: str
    owner: str
    updated_at: datetime
    updated_by: str
    default_for: frozenset[str] = frozenset()
    may_change: bool = False


@dataclass(frozen=True, slots=True)
class NewView:
    """A view to be: ``query`` may come with a leading ``?``; what a list does not understand of it is left out."""

    name: str
    query: str
    audience: str


class SavedViews(Protocol):
    """Views of lists. A view that is not for ``actor`` is as if it were not there."""

    async def list(self, *, actor: Actor, kind: str | None = None) -> Sequence[SavedView]:
        """Those for ``actor``, own ones first, then by name; of one kind, or (None) of all. At most 300."""

    async def get(self, id: str, *, actor: Actor) -> SavedView:
        """Raises ``ViewNotFound``."""

    async def find_default(self, kind: str, *, actor: Actor) -> SavedView | None:
        """What a list of the kind opens with: the person's own choice, else a group's, else everybody's."""

    async def create(self, new: NewView, *, actor: Actor) -> SavedView:
        """Raises ``InputError``, ``ViewExists``, ``NotAllowedError``, ``LimitError`` when the audience has 100."""

    async def update(
        self, id: str, *, name: str | None = None, query: str | None = None, audience: str | None = None, actor: Actor
    ) -> SavedView:
        """Change what is given. Raises as ``create``, and ``ViewNotFound``."""

    async def delete(self, id: str, *, actor: Actor) -> None:
        """Raises ``ViewNotFound``, ``NotAllowedError``."""

    async def set_default(self, id: str, audience: str, is_default: bool, *, actor: Actor) -> None:
        """Have lists of the view's kind open with it for ``audience``, or no longer. Raises ``ViewNotFound``, ``NotAllowedError``."""

    def audiences(self, actor: Actor) -> Sequence[str]:
        """Whom ``actor`` may save views for, themselves first."""


class Stars(Protocol):
    """Entities that somebody marked, in the order in which they did. Kept as Backstage's StarredEntities keeps them."""

    def is_kept_for(self, actor: Actor) -> bool:
        """Whether the stars of ``actor`` are kept: not those of guests and services."""

    async def list(self, *, actor: Actor) -> Sequence[str]:
        """Refs, lower-cased; some may be gone or hidden by now."""

    async def set(self, ref: str, is_starred: bool, *, actor: Actor) -> None:
        """May be repeated. Raises ``EntityNotFound``, ``NotAllowedError``, ``LimitError`` beyond 1,000."""
