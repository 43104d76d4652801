"""Somebody to act as."""

from __future__ import annotations

from callboard.kernel.auth.actor import AccessRestriction, Actor


def user(name: str, *owns: str, roles: tuple[str, ...] = ()) -> Actor:
    """A signed-in user ``user:default/<name>`` who owns their own ref and ``owns`` (refs of groups)."""
    ref = name.lower() if ":" in name else f"user:default/{name.lower()}"
    return Actor(
        type="user",
        subject=ref,
        ownership=frozenset({ref, *(owned.lower() for owned in owns)}),
        roles=frozenset(roles),
        via="session",
    )


def admin(name: str = "root") -> Actor:
    """A user with the role ``admin``."""
    return user(name, roles=("admin",))


def guest() -> Actor:
    """The guest of the demo, as Backstage names them."""
    ref = "user:development/guest"
    return Actor(type="user", subject=ref, ownership=frozenset({ref}))


def service(subject: str = "external:test", *restrictions: AccessRestriction) -> Actor:
    """A holder of an external access token."""
    return Actor(type="service", subject=subject, restrictions=restrictions, via="static")
