"""What the frame around every page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Mapping

from callboard.kernel.permissions import Permission

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PageContext = Callable[["Request"], Awaitable[Mapping[str, Any]]]
"""``await given(request)``: names that the layout may look at, where they are defined."""


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place in the rail. ``title`` is a message key, ``icon`` a name in the icon set; lower ``rank`` stands higher.

    With a ``permission`` it is shown only to those who may at least in part (not DENY). ``key`` is a letter: ``g`` and then it
    lead there; of two places with the same one the first has it. One that is not ``in_rail`` is found in the command palette alone, and
    so is one that is ``under`` another (its id) whose page leads here, wherever that one is shown: being here counts as being there.
    """

    id: str
    title: str
    path: str
    icon: str
    rank: int = 100
    permission: Permission | None = None
    key: str | None = None
    in_rail: bool = True
    under: str | None = None
