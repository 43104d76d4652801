"""What a reader chose for mail and webhooks: when, from which severity on, and that a link in a mail turned something off."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.notifications import store as messages
from callboard.features.notifications.channels import store
from callboard.features.notifications.domain import EMAIL
from callboard.features.notifications.interface import TopicChoice
from callboard.features.notifications.preferences import Preferences, parse_preferences, read_preferences
from callboard.features.notifications.unsubscribe import Unsubscription
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.user_settings import require_may_write


class Personal:
    """Preferences of readers; each has their own alone."""

    def __init__(self, portal: Any, defaults: Preferences) -> None:
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._audit: Audit = portal.audit
        self._defaults = defaults

    async def get_preferences(self, *, actor: Actor) -> Preferences:
        async with self._db.read() as tx:
            stored = await store.list_preferences(tx, [actor.subject])
        return read_preferences(stored.get(actor.subject, {}), self._defaults)

    async def change_preferences(self, given: Mapping[str, Any], *, actor: Actor) -> Preferences:
        """Change what is given. Raises ``InputError`` with the field, ``NotAllowedError`` for a token that may only read."""
        require_may_write(actor)
        changed = parse_preferences(given, await self.get_preferences(actor=actor))
        async with self._db.write() as tx:
            await self._put(tx, actor, changed)
        return changed

    async def unsubscribe(self, about: Unsubscription, *, everything: bool = False) -> None:
        """Turn off mails of the topic (of the origin, when it had none), or all; whoever has the link may."""
        actor = Actor(type="user", subject=about.user, via="none")
        if everything or not about.origin:
            await self.change_preferences({"email": "off"}, actor=actor)
            return
        choices: Sequence[TopicChoice] = [TopicChoice(EMAIL, about.origin, about.topic, enabled=False)]
        async with self._db.write() as tx:
            await messages.put_choices(tx, about.user, choices)
            meta = {"origin": about.origin, "topic": about.topic, "by": "link"}
            await self._audit.record(tx, "notification-settings", actor=actor, meta=meta, plugin="notifications")

    async def _put(self, tx: Any, actor: Actor, changed: Preferences) -> None:
        await store.put_preferences(tx, actor.subject, changed.to_json(), format_time(self._clock.now()))
        await self._audit.record(
            tx, "notification-settings", actor=actor, meta=changed.to_json(), plugin="notifications"
        )
