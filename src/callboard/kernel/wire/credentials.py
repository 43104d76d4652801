"""Which kinds of credentials an endpoint takes, refused in Backstage's words."""

from __future__ import annotations

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotAllowedError


def require_user(actor: Actor) -> None:
    """Raise ``NotAllowedError`` for services and plugins."""
    if actor.type != "user":
        raise NotAllowedError(f"This endpoint does not allow '{_kind(actor)}' credentials")


def require_service(actor: Actor) -> None:
    """Raise ``NotAllowedError`` for users."""
    if actor.type not in ("service", "plugin"):
        raise NotAllowedError(f"This endpoint does not allow '{_kind(actor)}' credentials")


def _kind(actor: Actor) -> str:
    return {"user": "user", "service": "service", "plugin": "service"}.get(actor.type, "none")
