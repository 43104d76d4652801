"""Who acts. Every service method that reads or writes for someone takes one as the keyword ``actor``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class AccessRestriction:
    """What an external access token is limited to. Source: Backstage ``backend.auth.externalAccess``.

    ``permissions`` and ``actions`` empty means no limit of that sort within ``plugin``.
    """

    plugin: str
    permissions: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, a service (external access token), a plugin, or nobody.

    ``subject`` is a user's entity ref (``user:default/ada``) or a service's subject (``external:measure``).
    ``ownership`` holds the refs that count as the user's own, lower-cased, the user's included.
    ``roles`` are the names of policy roles given directly (local users); groups give more through policy.
    ``scopes`` of a personal API token, None where nothing limits it.
    """

    type: Literal["user", "service", "plugin", "anonymous"]
    subject: str
    ownership: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    display_name: str | None = None
    restrictions: tuple[AccessRestriction, ...] = ()
    scopes: frozenset[str] | None = None
    via: Literal["session", "token", "jwt", "static", "internal", "none"] = "none"
    on_behalf_of: str | None = field(default=None, compare=False)

    @property
    def is_user(self) -> bool:
        return self.type == "user"


ANONYMOUS = Actor(type="anonymous", subject="anonymous")
SYSTEM = Actor(type="plugin", subject="plugin:callboard", via="internal")
"""The portal itself: start-up, jobs, the CLI on a local store. Everything is allowed."""
