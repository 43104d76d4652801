"""What people choose for themselves about the pages: look, language, start page, and switches; kept among their user settings.

``CHOICES`` are the portal's own, each one of several; a feature offers switches, yes or no, by the hook ``register_preferences``.
``/settings/preferences`` shows them all. What was never chosen is the default. Guests, whom nobody tells apart, have the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Mapping, Sequence

from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.plugins.hooks import hookspec
from callboard.kernel.user_settings import BUCKET, LOCALE, START_PAGE, THEME, UserSettings, is_read_only

KEY = "preference."
"""What the keys of switches begin with; those of choices are ``CHOICES``."""
CHOICES = (THEME, LOCALE, START_PAGE)
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Preference:
    """A switch. ``title`` and ``help`` are message ids. ``await on_change(user, is_on)`` is called after it was made otherwise."""

    id: str
    title: str
    help: str
    default: bool = True
    on_change: Callable[[str, bool], Awaitable[None]] | None = None


class PreferenceHooks:
    """What features may let people switch on and off."""

    @hookspec
    def register_preferences(self, portal: Any) -> Sequence[Preference]:
        """Switches on the page of preferences."""


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
        values_for: Callable[[Actor], Mapping[str, Sequence[str]]],
    ) -> None:
        """``keeps``: whether an actor is somebody whose choices are kept. ``offered`` is asked when first needed.

        ``values_for``: what an actor may choose among, by each of ``CHOICES``.
        """
        self._db = db
        self._values = values
        self._audit = audit
        self._keeps = keeps
        self._offered = offered
        self._values_for = values_for
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

    def list_values(self, actor: Actor) -> Mapping[str, Sequence[str]]:
        """What ``actor`` may choose among, by each of ``CHOICES``; "" besides, for no choice."""
        return self._values_for(actor)

    async def list(self, actor: Actor) -> dict[str, bool | str]:
        """Every switch by id and every choice by key ("": none was made), in one query."""
        stored = await self._values.list_bucket(actor.subject, BUCKET) if self._keeps(actor) else {}
        switches = {id: _told(stored.get(KEY + id), one.default) for id, one in self._by_id().items()}
        return {**switches, **{key: _text(stored.get(key)) for key in CHOICES}}

    async def is_on(self, id: str, user: str) -> bool:
        """The choice of ``user`` (a ref)."""
        return _told(await self._values.find(user, BUCKET, KEY + id), self._by_id()[id].default)

    async def set(self, chosen: Mapping[str, bool | str], *, actor: Actor) -> None:
        """Make these choices, as ``list`` tells them; others stay as they are.

        Raises ``NotAllowedError`` for guests and for what is no person, ``InputError`` for a choice that is none.
        """
        if not self._keeps(actor) or is_read_only(actor):
            raise NotAllowedError("Guests, services and read-only tokens set no preferences. Sign in first.")
        self._check(chosen, actor)
        before = await self.list(actor)
        changed = {id: value for id, value in chosen.items() if before[id] != value}
        if not changed:
            return
        kept = {(id if id in CHOICES else KEY + id): (None if value == "" else value) for id, value in changed.items()}
        async with self._db.write() as tx:
            await self._values.put_all(tx, actor.subject, BUCKET, kept)
            await self._audit.record(
                tx, "user-setting-write", actor=actor, severity="low", meta={"bucket": BUCKET, **changed}
            )
        for id, value in changed.items():
            switch = self._by_id().get(id)
            if switch is not None and switch.on_change is not None:
                await switch.on_change(actor.subject, bool(value))

    def _check(self, chosen: Mapping[str, bool | str], actor: Actor) -> None:
        offered = self._values_for(actor)
        for id, value in chosen.items():
            if id in CHOICES:
                if not isinstance(value, str) or (value and value not in offered[id]):
                    raise InputError(f"{str(value)[:60]!r} is not among those to choose from.", field=id)
            elif id not in self._by_id():
                raise InputError(f"There is no preference {id[:60]!r}.", field=id)
            elif not isinstance(value, bool):
                raise InputError(f"{id} must be true or false.", field=id)


def _text(stored: Any) -> str:
    return stored if isinstance(stored, str) else ""


def _told(stored: Any, default: bool) -> bool:
    return stored if isinstance(stored, bool) else default
