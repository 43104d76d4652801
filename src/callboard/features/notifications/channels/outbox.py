"""From a message to deliveries: who gets it by which channel, and when."""

from __future__ import annotations

import uuid
from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityQuery
from callboard.features.notifications import store as messages
from callboard.features.notifications.channels import store
from callboard.features.notifications.channels.message import Message
from callboard.features.notifications.channels.store import Delivery
from callboard.features.notifications.domain import EMAIL, WEBHOOK, is_wanted, level_of
from callboard.features.notifications.interface import NewNotification
from callboard.features.notifications.preferences import Preferences, email_due, read_preferences, webhook_due
from callboard.features.notifications.settings import NotificationSettings
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.jobs import JobContext, JobKind, Jobs
from callboard.model.predicates import has_value

FAN_OUT_JOB = "notifications.fan_out"
EMAIL_JOB = "notifications.email"
WEBHOOK_JOB = "notifications.webhook"
CHUNK = 500


class ChannelOutbox:
    """Stores one job with the message; the job works out the rest."""

    def __init__(self, portal: Any, settings: NotificationSettings) -> None:
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._jobs: Jobs = portal.jobs
        self._settings = settings
        self._queries: CatalogQueries | None = portal.find_service(CatalogQueries)

    def job_kinds(self) -> Sequence[JobKind]:
        return [JobKind(FAN_OUT_JOB, self._fan_out, max_attempts=8)]

    async def enqueue(
        self,
        tx: Transaction,
        new: NewNotification,
        sent: Sequence[tuple[str, str]],
        groups: Sequence[str],
        revision: str,
    ) -> None:
        """In the transaction that sends: no message without its deliveries, and none of a message that is not sent."""
        message = Message.of(uuid.uuid4().hex, revision, new)
        payload = {"message": message.to_json(), "sent": sent, "groups": groups, "exclude": list(new.exclude)}
        await self._jobs.enqueue(tx, FAN_OUT_JOB, payload)

    async def _fan_out(self, context: JobContext) -> None:
        message = Message.from_json(context.payload["message"])
        sent: list[tuple[str, str]] = [(id, user) for id, user in context.payload["sent"]]
        broadcast = next((id for id, user in sent if user == messages.BROADCAST), None)
        groups = frozenset(context.payload["groups"])
        await self._to_receivers(message, groups, is_broadcast=broadcast is not None)
        if broadcast is None:
            for start in range(0, len(sent), CHUNK):
                await self._to_users(message, sent[start : start + CHUNK])
        elif self._settings.email is not None and self._settings.email.mails_broadcasts and self._queries is not None:
            excluded = set(context.payload["exclude"])
            query = EntityQuery(predicate=has_value("kind", ["user"]))
            async for chunk in self._queries.iter_raw(query, actor=SYSTEM):
                await context.heartbeat()
                users = [_ref_of(raw) for raw in chunk]
                await self._to_users(message, [(broadcast, user) for user in users if user not in excluded])

    async def _to_users(self, message: Message, sent: Sequence[tuple[str, str]]) -> None:
        """Mail, and the webhooks that users keep for themselves."""
        users = [user for _, user in sent]
        now = parse_time(message.at)
        async with self._db.write() as tx:
            stored = await store.list_preferences(tx, users)
            chosen = await messages.list_choices(tx, users)
            webhooks = _by_owner(await store.list_webhooks(tx, users))
            rows: list[Delivery] = []
            for id, user in sent:
                wanted = read_preferences(stored.get(user, {}), self._settings.defaults)
                said = chosen.get(user, {})
                due = email_due(now, message.severity, wanted)  # type: ignore[arg-type]
                if self._settings.email is not None and due is not None:
                    if is_wanted(said, EMAIL, message.origin, message.topic):
                        rows.append(self._row(message, id, EMAIL, user, user, due))
                if is_wanted(said, WEBHOOK, message.origin, message.topic):
                    rows += self._own_rows(message, id, user, webhooks.get(user, ()), wanted)
            await self._add(tx, rows, message)

    def _own_rows(
        self, message: Message, id: str, user: str, webhooks: Iterable[store.OwnWebhook], wanted: Preferences
    ) -> list[Delivery]:
        due = webhook_due(parse_time(message.at), message.severity, wanted)  # type: ignore[arg-type]
        return [
            self._row(message, id, WEBHOOK, webhook.id, user, due)
            for webhook in webhooks
            if level_of(message.severity) >= level_of(webhook.min_severity)
        ]

    async def _to_receivers(self, message: Message, groups: frozenset[str], *, is_broadcast: bool) -> None:
        """Webhooks of the settings and of the groups that were addressed: once for a message, whoever is in them."""
        at = parse_time(message.at)
        rows = [
            self._row(message, message.id, WEBHOOK, fixed.id, "", at)
            for fixed in self._settings.webhooks
            if fixed.takes(groups, is_broadcast=is_broadcast, topic=message.topic, severity=message.severity)
        ]
        async with self._db.write() as tx:
            rows += [
                self._row(message, message.id, WEBHOOK, webhook.id, "", at)
                for webhook in (await store.list_webhooks(tx, sorted(groups)) if groups else ())
                if level_of(message.severity) >= level_of(webhook.min_severity)
            ]
            await self._add(tx, rows, message)

    def _row(self, message: Message, id: str, channel: str, target: str, user: str, due: Any) -> Delivery:
        # The id follows from what is sent where, so that this job may run again.
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{id}\0{message.at}\0{channel}\0{target}")
        payload = message.to_json()
        return Delivery(name.hex, id, channel, target, user, payload, "waiting", format_time(due))

    async def _add(self, tx: Transaction, rows: Sequence[Delivery], message: Message) -> None:
        if not rows:
            return
        await store.add_deliveries(tx, rows, revision=message.at, now=format_time(self._clock.now()))
        for row in rows:
            due = parse_time(row.due_at)
            if row.channel == EMAIL:
                await self._jobs.enqueue(tx, EMAIL_JOB, {"user": row.target}, key=row.target, run_at=due)
            else:
                await self._jobs.enqueue(tx, WEBHOOK_JOB, {"delivery": row.id}, key=row.id, run_at=due)


def _by_owner(webhooks: Iterable[store.OwnWebhook]) -> Mapping[str, list[store.OwnWebhook]]:
    found: dict[str, list[store.OwnWebhook]] = {}
    for webhook in webhooks:
        found.setdefault(webhook.owner, []).append(webhook)
    return found


def _ref_of(raw: bytes) -> str:
    metadata = orjson.loads(raw)["metadata"]
    return f"user:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()
