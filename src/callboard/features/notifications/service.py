"""``Notifications``: sending, reading and marking. Whoever reads has their own and broadcasts, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, Protocol, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.notifications import store
from callboard.features.notifications.domain import CHANNELS, WEB, check_new, is_wanted, notification_id
from callboard.features.notifications.interface import (
    NewNotification,
    Notification,
    NotificationNotFound,
    NotificationQuery,
    NotificationStatus,
    TopicChoice,
)
from callboard.features.notifications.recipients import RecipientResolver, Recipients
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError
from callboard.kernel.signals import Signals
from callboard.kernel.user_settings import require_may_write

SIGNAL_CHANNEL = "notifications"
MAX_LIMIT = 500
MAX_IDS = 1000
MAX_CHOICES = 2000
REMEMBER_S = 10.0
REMEMBER_COUNT = 20_000


class Outbox(Protocol):
    """What carries messages further than the portal's own pages."""

    async def enqueue(
        self,
        tx: Transaction,
        new: NewNotification,
        sent: Sequence[tuple[str, str]],
        groups: Sequence[str],
        revision: str,
    ) -> None:
        """``sent`` are (id, user ref) of what ``new`` became; ``groups`` those that were addressed."""


class NotificationService:
    """``Notifications`` of one portal."""

    def __init__(self, portal: Any, signals: Signals, outbox: Outbox | None = None) -> None:
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._audit: Audit = portal.audit
        self._signals = signals
        self._outbox = outbox
        self.resolver = RecipientResolver(portal.find_service(CatalogQueries))
        self._unread: dict[str, tuple[float, int]] = {}
        signals.watch(self._forget)

    # ---- sending -----------------------------------------------------------------------------------------------------

    async def notify(self, tx: Transaction, new: NewNotification) -> Sequence[str]:
        recipients = None
        if new.recipients is not None:
            recipients = await self.resolver.resolve(new.recipients)
        return await self.send(tx, new, recipients, excluded=(await self.resolver.resolve(new.exclude)).users)

    async def send_as(self, new: NewNotification, *, actor: Actor, request: Any = None) -> Sequence[Notification]:
        """Send for somebody who may, in a transaction of its own. Groups have the members that the sender may see.

        The caller asks for the permission. What was made, as it was sent.
        """
        check_new(new)
        recipients = None
        if new.recipients is not None:
            recipients = await self.resolver.resolve(new.recipients, actor=actor)
        excluded = (await self.resolver.resolve(new.exclude, actor=actor)).users
        async with self._db.write() as tx:
            ids = await self.send(tx, new, recipients, excluded=excluded)
            meta = {"title": new.title[:200], "topic": new.topic, "severity": new.severity, "count": len(ids)}
            meta["recipients"] = "everybody" if new.recipients is None else [*new.recipients][:50]
            await self._audit.record(
                tx, "notification-send", actor=actor, meta=meta, plugin="notifications", request=request
            )
            return await store.find_many(tx, ids)

    async def send(
        self, tx: Transaction, new: NewNotification, recipients: Recipients | None, *, excluded: Sequence[str] = ()
    ) -> Sequence[str]:
        """Store, signal, and hand to the other channels. ``recipients`` None is everybody."""
        check_new(new)
        now = format_time(self._clock.now())
        if recipients is None:
            id = notification_id(new, store.BROADCAST)
            await store.put(tx, new, [(id, store.BROADCAST, True)], now)
            await store.hide_broadcast(tx, id, excluded)
            await self._signals.send(tx, SIGNAL_CHANNEL, _new(id))
            if self._outbox is not None:
                await self._outbox.enqueue(tx, replace(new, exclude=excluded), [(id, store.BROADCAST)], (), now)
            return [id]
        users = [user for user in recipients.users if user not in set(excluded)]
        if not users and not recipients.groups:
            return []
        chosen = await store.list_choices(tx, users)
        rows = [
            (notification_id(new, user), user, is_wanted(chosen.get(user, {}), WEB, new.origin, new.topic))
            for user in users
        ]
        await store.put(tx, new, rows, now)
        await self._signals.send_each(tx, SIGNAL_CHANNEL, {user: _new(id) for id, user, is_shown in rows if is_shown})
        if self._outbox is not None:
            await self._outbox.enqueue(tx, new, [(id, user) for id, user, _ in rows], recipients.groups, now)
        return [id for id, _, _ in rows]

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def list_notifications(self, query: NotificationQuery, *, actor: Actor) -> tuple[Sequence[Notification], int]:
        if not 1 <= query.limit <= MAX_LIMIT or query.offset < 0:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}, offset at least 0.", field="limit")
        if query.ids is not None and len(query.ids) > MAX_IDS:
            raise InputError(f"At most {MAX_IDS} ids at a time.", field="ids")
        async with self._db.read() as tx:
            return await store.list_page(tx, actor.subject, query)

    async def get_notification(self, id: str, *, actor: Actor) -> Notification:
        found, _ = await self.list_notifications(NotificationQuery(ids=[id], limit=1), actor=actor)
        if not found:
            raise NotificationNotFound(id)
        return found[0]

    async def status(self, *, actor: Actor) -> NotificationStatus:
        async with self._db.read() as tx:
            return NotificationStatus(*await store.count(tx, actor.subject))

    async def count_unread(self, *, actor: Actor) -> int:
        """As ``status`` says, but at most ``REMEMBER_S`` old where another process on the same file wrote: for every page."""
        known = self._unread.get(actor.subject)
        now = self._clock.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        if len(self._unread) >= REMEMBER_COUNT:
            self._unread.clear()
        async with self._db.read(snapshot=False) as tx:
            unread = await store.count_unread(tx, actor.subject)
        self._unread[actor.subject] = (now + REMEMBER_S, unread)
        return unread

    def _forget(self, channel: str, users: Iterable[str] | None) -> None:
        if channel not in (SIGNAL_CHANNEL, ""):
            return
        if users is None:
            self._unread.clear()
        else:
            for user in users:
                self._unread.pop(user, None)

    async def list_topics(self, *, actor: Actor) -> Sequence[str]:
        async with self._db.read() as tx:
            return sorted({topic for _, topic in await store.list_topics(tx, actor.subject) if topic})

    # ---- marking -----------------------------------------------------------------------------------------------------

    async def mark(
        self, ids: Sequence[str] | None, *, read: bool | None = None, saved: bool | None = None, actor: Actor
    ) -> int:
        require_may_write(actor)
        if ids is not None and len(ids) > MAX_IDS:
            raise InputError(f"At most {MAX_IDS} ids at a time.", field="ids")
        async with self._db.write() as tx:
            now = format_time(self._clock.now())
            changed = await store.mark(tx, actor.subject, ids, read=read, saved=saved, now=now)
            if changed and read is not None:
                # Backstage's words; more ids than fit one signal are told in several.
                action = "notification_read" if read else "notification_unread"
                for start in range(0, len(changed), 100):
                    message = {"action": action, "notification_ids": changed[start : start + 100]}
                    await self._signals.send(tx, SIGNAL_CHANNEL, message, users=[actor.subject])
            return len(changed)

    # ---- what readers want -------------------------------------------------------------------------------------------

    async def list_choices(self, *, actor: Actor) -> Sequence[TopicChoice]:
        async with self._db.read() as tx:
            met = await store.list_topics(tx, actor.subject)
            said = (await store.list_choices(tx, [actor.subject])).get(actor.subject, {})
        known = {(origin, topic) for _, origin, topic in said} | set(met)
        known |= {(origin, "") for origin, _ in known}
        return [
            TopicChoice(channel, origin, topic, is_wanted(said, channel, origin, topic))
            for channel in CHANNELS
            for origin, topic in sorted(known)
        ]

    async def choose(self, choices: Sequence[TopicChoice], *, actor: Actor) -> None:
        require_may_write(actor)
        for one in choices:
            if one.channel not in CHANNELS:
                raise InputError(f"There is no channel {one.channel!r}: use {', '.join(CHANNELS)}.", field="channels")
            if not one.origin or len(one.origin) > 255 or len(one.topic) > 255:
                raise InputError("An origin has 1 to 255 characters, a topic at most 255.", field="origins")
        if len(choices) > MAX_CHOICES:
            raise InputError(f"At most {MAX_CHOICES} choices at a time.", field="channels")
        async with self._db.write() as tx:
            await store.put_choices(tx, actor.subject, choices)
            meta = {"choices": len(choices)}
            await self._audit.record(tx, "notification-settings", actor=actor, meta=meta, plugin="notifications")


def _new(id: str) -> dict[str, str]:
    return {"action": "new_notification", "notification_id": id}
