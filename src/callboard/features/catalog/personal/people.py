"""Whose things are kept: people whom the portal can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.user_settings import require_may_write


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of guests nothing is kept, since they are nobody in particular; in a demo there is only one of them, on one machine."""

    portal: Any

    def is_kept_for(self, actor: Actor) -> bool:
        return actor.is_user and (self.portal.demo or not self.portal.auth.is_guest(actor))

    def require(self, actor: Actor) -> None:
        """Raise ``NotAllowedError`` for those who may keep nothing."""
        if not self.is_kept_for(actor):
            raise NotAllowedError("Guests and services keep nothing of their own. Sign in first.")
        require_may_write(actor)
