"""Why something is somebody's own: part of the catalog's face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Mapping, Protocol

Reach = Literal["own", "parents", "parents-and-children"]
"""Which groups count as somebody's own, by ``catalog.ownership.reach``."""


@dataclass(frozen=True, slots=True)
class OwnershipPath:
    """From a group that somebody is in, which is the first of ``groups``, to the one that counts as theirs, the last.

    ``how``: they are a member of it, it stands above their group, or below it. Refs are lower-cased.
    """

    how: Literal["member", "above", "below"]
    groups: tuple[str, ...]


class OwnershipReasons(Protocol):
    """What ``Actor.ownership`` consists of, and why. Whoever shows it looks up which of the groups the reader may see."""

    reach: Reach

    async def paths_of(self, user_ref: str) -> Mapping[str, OwnershipPath]:
        """By ref of the group; the user itself is left out. Kept for one revision of the catalog."""
