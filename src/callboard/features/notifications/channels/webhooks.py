"""Webhooks: messages posted as JSON, signed as ``events.webhooks`` are, or as text for Slack and what understands the same."""

from __future__ import annotations

import secrets
import uuid
from typing import Any, Mapping, Sequence
from urllib.parse import urlsplit

import orjson

from callboard.features.notifications.channels import store
from callboard.features.notifications.channels.message import Message
from callboard.features.notifications.channels.outbox import WEBHOOK_JOB
from callboard.features.notifications.channels.store import OwnWebhook
from callboard.features.notifications.domain import normal_ref, parse_severity
from callboard.features.notifications.settings import FixedWebhook, NotificationSettings
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import (
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.events.webhooks import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from callboard.kernel.http_client import AllowedHosts, HttpClient
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, RetryLater
from callboard.kernel.user_settings import require_may_write
from callboard.ui.messages import Messages

MAX_ATTEMPTS = 8
BACKOFF_S = (5, 30, 120, 600, 3600, 6 * 3600, 12 * 3600)
MAX_WAIT_S = 3600.0
MAX_OWN = 20
_MAX_URL = 2000


class WebhookNotFound(NotFoundError):
    """The caller has no webhook with this id, and none of their groups has."""

    code = "notifications.webhook_not_found"


class WebhookChannel:
    """Posts what ``outbox`` stored for the channel Webhook, and keeps the addresses of users and groups."""

    def __init__(self, portal: Any, settings: NotificationSettings, texts: Messages) -> None:
        self._portal = portal
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._http: HttpClient = portal.http
        self._audit: Audit = portal.audit
        self._fixed: Mapping[str, FixedWebhook] = {webhook.id: webhook for webhook in settings.webhooks}
        self._inside = AllowedHosts.from_settings(portal.settings)
        self._hosts = None if settings.webhook_hosts is None else AllowedHosts(settings.webhook_hosts)
        self._texts = texts

    def job_kinds(self) -> Sequence[JobKind]:
        return [JobKind(WEBHOOK_JOB, self.deliver, max_attempts=MAX_ATTEMPTS, backoff_s=BACKOFF_S, concurrency=4)]

    # ---- delivering --------------------------------------------------------------------------------------------------

    async def deliver(self, context: JobContext) -> None:
        now = format_time(self._clock.now())
        async with self._db.write() as tx:
            found = await store.find_delivery(tx, context.payload["delivery"])
            if found is None or found.state in ("sent", "failed", "skipped"):
                return
            if found.state == "sending":
                await store.set_state(tx, [found.id], "failed", ended_at=now, error=store.CUT_OFF)
                return
            receiver = self._fixed.get(found.target) or await store.find_webhook(tx, found.target)
            if receiver is None:
                await store.set_state(tx, [found.id], "failed", ended_at=now, error="The webhook is gone.")
                return
            if found.user and await store.list_read(tx, found.user, [found.notification]):
                await store.set_state(tx, [found.id], "skipped", ended_at=now)
                return
            await store.set_state(tx, [found.id], "sending")
        await self._post(found.id, receiver, Message.from_json(found.payload), context.attempt)

    async def _post(self, id: str, receiver: FixedWebhook | OwnWebhook, message: Message, attempt: int) -> None:
        is_last = attempt >= MAX_ATTEMPTS
        body = self._body(receiver.format, message)
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {"Content-Type": "application/json", "X-Callboard-Delivery": id, TIMESTAMP_HEADER: timestamp}
        if receiver.secret and receiver.format == "json":
            headers[SIGNATURE_HEADER] = sign(receiver.secret, timestamp, body)
        host = _host(receiver.url)
        try:
            if isinstance(receiver, OwnWebhook):
                self._require_good_host(receiver.url)
            answer = await self._http.request(
                "POST", receiver.url, content=body, headers=headers, max_bytes=64 * 1024, follow_redirects=False
            )
        except (InputError, NotAllowedError) as error:
            await self._note(id, "failed", error.message)
            raise JobFailed(error.message) from error
        except (UnavailableError, LimitError) as error:
            await self._note(id, "failed" if is_last else "waiting", f"{host} did not answer as it should.")
            raise UnavailableError(f"{host} did not answer as it should.") from error
        if answer.is_success:
            await self._note(id, "sent", None)
            return
        problem = f"{host} answered {answer.status}"
        retry = answer.headers.get("retry-after", "")
        if answer.status in (429, 503) and retry.isascii() and retry.isdigit():
            await self._note(id, "waiting", problem)
            raise RetryLater(min(float(retry), MAX_WAIT_S), problem)
        if answer.status in (404, 410) or is_last:
            await self._note(id, "failed", problem)
            raise JobFailed(problem)
        await self._note(id, "waiting", problem)
        raise UnavailableError(problem)

    def _body(self, format: str, message: Message) -> bytes:
        base_url: str = self._portal.settings.get_str("app.baseUrl", self._portal.auth.settings.base_url)
        url = message.url(base_url)
        if format == "text":
            return orjson.dumps({"text": self._text(message, url)})
        said = {key: value for key, value in message.to_json().items() if key != "at"}
        return orjson.dumps({**said, "link": url, "createdAt": message.at})

    def _text(self, message: Message, url: str) -> str:
        """Slack's mrkdwn, with the three characters that mean something in it escaped."""
        t = self._texts.translator()
        title = _escaped(message.title)
        mark = f"[{_escaped(t('notifications.severity.' + message.severity))}] "
        lines = [f"{mark if message.severity in ('critical', 'high') else ''}*{title}*"]
        if message.description:
            lines.append(_escaped(message.description))
        lines.append(f"<{url.replace('|', '%7C').replace('>', '%3E')}|{_escaped(t('notifications.open'))}>")
        return "\n".join(lines)

    async def _note(self, id: str, state: str, error: str | None) -> None:
        ended_at = None if state == "waiting" else format_time(self._clock.now())
        async with self._db.write() as tx:
            await store.set_state(tx, [id], state, ended_at=ended_at, error=error)

    # ---- addresses of users and groups -------------------------------------------------------------------------------

    @property
    def are_own_allowed(self) -> bool:
        """Whether people may add webhooks at all."""
        return self._hosts is None or bool(self._portal.settings.get_list("notifications.webhookHosts"))

    def _require_good_host(self, url: str) -> None:
        """Raise ``InputError`` for an address that the settings do not let people post to.

        What the settings name as inside the network is named for reading; people may not post there unless that is said.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            host, port, parts = "", 0, urlsplit("")
        if parts.scheme not in ("https", "http") or not host or parts.username or len(url) > _MAX_URL:
            raise InputError(
                "Write the address of a webhook: https:// and what follows, without a user name.", field="url"
            )
        allowed = (host, port) not in self._inside if self._hosts is None else (host, port) in self._hosts
        if not allowed:
            raise InputError(f"Webhooks to {host} are not allowed here (notifications.webhookHosts).", field="url")

    async def list_own(self, *, actor: Actor) -> Sequence[OwnWebhook]:
        """The actor's, and those of their groups."""
        async with self._db.read() as tx:
            return await store.list_webhooks(tx, sorted(actor.ownership | {actor.subject}))

    async def list_latest(self, ids: Sequence[str]) -> Mapping[str, tuple[str, str, str | None]]:
        """By webhook: when the latest delivery was made, what came of it, and why it failed."""
        async with self._db.read() as tx:
            rows = await store.list_latest(tx, ids, 500)
        found: dict[str, tuple[str, str, str | None]] = {}
        for target, at, state, error in rows:
            found.setdefault(target, (at, state, error))
        return found

    async def add(
        self, *, title: str, url: str, owner: str = "", format: str = "json", min_severity: str = "low", actor: Actor
    ) -> OwnWebhook:
        """A webhook of the actor, or of a group that they are in. Its secret is made here.

        Raises ``InputError`` with the field, ``NotAllowedError`` for somebody else's group, ``ConflictError`` past the limit.
        """
        self._require_writer(actor)
        owner = normal_ref(owner) or "" if owner else actor.subject
        if owner not in actor.ownership | {actor.subject}:
            raise NotAllowedError("You can add webhooks for yourself and for groups that you are in.")
        title, url = title.strip(), url.strip()
        if not title or len(title) > 100:
            raise InputError("Name the webhook, in at most 100 characters.", field="title")
        if format not in ("json", "text"):
            raise InputError("format must be json or text.", field="format")
        self._require_good_host(url)
        webhook = OwnWebhook(
            uuid.uuid4().hex, owner, title, url, format, secrets.token_hex(32), parse_severity(min_severity, field="min_severity"),
            format_time(self._clock.now()), actor.subject,
        )  # fmt: skip
        async with self._db.write() as tx:
            if len(await store.list_webhooks(tx, [owner])) >= MAX_OWN:
                raise ConflictError(f"There are {MAX_OWN} webhooks already; remove one first.")
            await store.insert_webhook(tx, webhook)
            await self._record(tx, "webhook-create", webhook, actor)
        return webhook

    def _require_writer(self, actor: Actor) -> None:
        """Guests are nobody in particular: one of them would have the messages of all sent elsewhere."""
        if not actor.is_user or self._portal.auth.is_guest(actor):
            raise NotAllowedError("Guests share one account, so they have no webhooks of their own. Sign in first.")
        require_may_write(actor)

    async def remove(self, id: str, *, actor: Actor) -> None:
        self._require_writer(actor)
        async with self._db.write() as tx:
            webhook = await store.find_webhook(tx, id)
            if webhook is None or webhook.owner not in actor.ownership | {actor.subject}:
                raise WebhookNotFound("There is no such webhook of yours.")
            await store.delete_webhook(tx, id)
            await self._record(tx, "webhook-delete", webhook, actor)

    async def _record(self, tx: Transaction, event: str, webhook: OwnWebhook, actor: Actor) -> None:
        meta = {"owner": webhook.owner, "host": _host(webhook.url), "title": webhook.title}
        await self._audit.record(tx, event, actor=actor, severity="medium", meta=meta, plugin="notifications")


def _host(url: str) -> str:
    """For people and logs: the rest of the address may be a secret."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
