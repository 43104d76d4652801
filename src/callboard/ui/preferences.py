"""What people switch on and off for themselves: yes-or-no choices, kept among their user settings.

A feature offers choices by the hook ``register_preferences``; ``/settings/preferences`` shows them all. A choice that was never
made is the default. Guests, whom nobody tells apart, have the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Mapping, Sequence

from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.plugins.hooks import hookspec
from callboard.kernel.user_settings import BUCKET, UserSettings, is_read_only

KEY = "preference."


@dataclass(frozen=True, slots=True)
class Preference:
    """A choice. ``title`` and ``help`` are message ids. ``await on_change(user, is_on)`` is called after it was made otherwise."""

    id: str
    title: str
    help: str
    default: bool = True
    on_change: Callable[[str, bool], Awaitable[None]] | None = None


class PreferenceHooks:
    """What features may let people choose."""

    @hookspec
    def register_preferences(self, portal: Any) -> Sequence[Preference]:
        """Choices on the page of preferences."""


SHORTCUT_KEYS = Preference("shortcuts", "preferences.shortcuts", "preferences.shortcuts_help")


class Preferences:
    """The choices of a portal, and what its users chose."""

    def __init__(
        self,
        db: Database,
        values: UserSettings,
        audit: Audit,
        keeps: Callable[[Actor], bool],
        offered: Callable[[], Sequence[Preference]],
    ) -> None:
        """``keeps``: whether an actor is somebody whose choices are kept. ``offered`` is asked when first needed."""
        self._db = db
        self._values = values
        self._audit = audit
        self._keeps = keeps
        self._offered = offered
        self._known: Mapping[str, Preference] | None = None

    @property
    def offered(self) -> Sequence[Preference]:
        return tuple(self._by_id().values())

    def _by_id(self) -> Mapping[str, Preference]:
        if self._known is None:
            self._known = {one.id: one for one in self._offered()}
        return self._known

    def is_kept_for(self, actor: Actor) -> bool:
        """Whether what ``actor`` chooses is remembered."""
        return self._keeps(actor)

    async def list(self, actor: Actor) -> dict[str, bool]:
        """Every choice by id, in one query."""
        stored = await self._values.list_bucket(actor.subject, BUCKET) if self._keeps(actor) else {}
        return {id: _told(stored.get(KEY + id), one.default) for id, one in self._by_id().items()}

    async def is_on(self, id: str, user: str) -> bool:
        """The choice of ``user`` (a ref)."""
        return _told(await self._values.find(user, BUCKET, KEY + id), self._by_id()[id].default)

    async def set(self, chosen: Mapping[str, bool], *, actor: Actor) -> None:
        """Make these choices; others stay as they are.

        Raises ``NotAllowedError`` for guests and for what is no person, ``InputError`` for a choice that is none.
        """
        if not self._keeps(actor) or is_read_only(actor):
            raise NotAllowedError("Guests, services and read-only tokens set no preferences. Sign in first.")
        if unknown := chosen.keys() - self._by_id().keys():
            raise InputError(f"There is no preference {min(unknown)!r}.", field=min(unknown))
        before = await self.list(actor)
        changed = {id: is_on for id, is_on in chosen.items() if before[id] != is_on}
        if not changed:
            return
        async with self._db.write() as tx:
            for id, is_on in changed.items():
                await self._values.put(tx, actor.subject, BUCKET, KEY + id, is_on)
            await self._audit.record(
                tx, "user-setting-write", actor=actor, severity="low", meta={"bucket": BUCKET, **changed}
            )
        for id, is_on in changed.items():
            notify = self._by_id()[id].on_change
            if notify is not None:
                await notify(actor.subject, is_on)


def _told(stored: Any, default: bool) -> bool:
    return stored if isinstance(stored, bool) else default
