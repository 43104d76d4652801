"""Webhooks out: events posted to the addresses in ``events.webhooks``, signed, tried again until they arrive.

The body is ``{"id", "topic", "at", "payload"}``. ``X-Callboard-Timestamp`` is the time of sending in seconds since 1970,
and ``X-Callboard-Signature-256`` is ``sha256=`` and the hexadecimal HMAC-SHA256, with the secret as key, of the
timestamp, a dot and the body. A receiver refuses what is older than a few minutes, and drops an id that it has seen.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Sequence

import orjson

from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, UnavailableError
from callboard.kernel.events import store
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, Jobs, RetryLater

if TYPE_CHECKING:
    from callboard.kernel.events.bus import Event, Topics
    from callboard.kernel.http_client import HttpClient
    from callboard.kernel.settings import Settings

WEBHOOK_JOB = "events.webhook"
SIGNATURE_HEADER = "X-Callboard-Signature-256"
TIMESTAMP_HEADER = "X-Callboard-Timestamp"
MAX_WAIT_S = 3600.0


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the signature of a delivery."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver. Without ``secret`` nothing is signed."""

    url: str
    topics: Topics
    secret: str | None = field(repr=False, default=None)


class Webhooks:
    """The receivers that the settings name, and deliveries to them."""

    def __init__(self, webhooks: Sequence[Webhook], db: Database, http: HttpClient, clock: Clock) -> None:
        self._webhooks = tuple(webhooks)
        self._db = db
        self._http = http
        self._clock = clock

    @classmethod
    def from_settings(cls, settings: Settings, db: Database, http: HttpClient, clock: Clock) -> Webhooks:
        """``events.webhooks: [{url, topics, secret}]``; all topics if none are named. Raises ``SettingsError``."""
        from callboard.kernel.events.bus import Topics

        webhooks = []
        for entry in settings.sections("events.webhooks"):
            url = entry.get_str("url")
            if not url.startswith(("http://", "https://")):
                raise entry.error("url", "must start with https:// or http://")
            patterns = entry.get("topics", ["*"])
            if isinstance(patterns, str):
                patterns = [patterns]
            webhooks.append(Webhook(url, Topics(str(pattern) for pattern in patterns), entry.get_str("secret", None)))
        return cls(webhooks, db, http, clock)

    def job_kinds(self) -> Sequence[JobKind]:
        """The kind that delivers: eight tries within about a day."""
        backoff_s = (5, 30, 120, 600, 3600, 6 * 3600, 12 * 3600)
        return [JobKind(WEBHOOK_JOB, self._deliver, max_attempts=8, backoff_s=backoff_s, concurrency=4)]

    async def enqueue(self, tx: Transaction, jobs: Jobs, event: Event) -> None:
        """Have the event delivered to whoever wants its topic, once the transaction commits."""
        for webhook in self._webhooks:
            if webhook.topics.match(event.topic):
                id = uuid.uuid4().hex
                body = orjson.dumps(event.to_json()).decode()
                now = format_time(self._clock.now())
                await store.insert_delivery(tx, id, webhook.url, event.id, event.topic, body, now)
                await jobs.enqueue(tx, WEBHOOK_JOB, {"delivery": id})

    async def list_deliveries(self, limit: int = 100) -> list[dict[str, Any]]:
        """The latest deliveries, newest first, with what came of them."""
        async with self._db.read() as tx:
            return await store.list_deliveries(tx, limit)

    async def _deliver(self, context: JobContext) -> None:
        id = context.payload["delivery"]
        async with self._db.read() as tx:
            found = await store.find_delivery(tx, id)
        if found is None:
            return
        url, event_id, topic, body = found
        webhook = next((one for one in self._webhooks if one.url == url), None)
        if webhook is None:
            await self._note(id, "failed", None, "The settings do not name this address any more.")
            return
        is_last = context.attempt >= 8
        try:
            answer = await self._http.post(
                url, content=body.encode(), headers=self._headers(webhook, event_id, topic, body), max_bytes=64 * 1024
            )
        except (InputError, NotAllowedError) as error:
            await self._note(id, "failed", None, str(error))
            raise JobFailed(str(error)) from error
        except (UnavailableError, LimitError) as error:
            await self._note(id, "failed" if is_last else "pending", None, str(error))
            raise
        if answer.is_success:
            await self._note(id, "delivered", answer.status, None)
            return
        problem = f"{url} answered {answer.status}"
        if answer.status == 410:  # the receiver says that it is gone for good
            await self._note(id, "failed", answer.status, problem)
            raise JobFailed(problem)
        wait_s = _retry_after_s(answer.headers)
        if wait_s is not None and answer.status in (429, 503):
            await self._note(id, "pending", answer.status, problem)
            raise RetryLater(wait_s, problem)
        await self._note(id, "failed" if is_last else "pending", answer.status, problem)
        raise UnavailableError(problem)

    def _headers(self, webhook: Webhook, event_id: str, topic: str, body: str) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Callboard-Event": topic,
            "X-Callboard-Delivery": event_id,
            TIMESTAMP_HEADER: timestamp,
        }
        if webhook.secret is not None:
            headers[SIGNATURE_HEADER] = sign(webhook.secret, timestamp, body.encode())
        return headers

    async def _note(self, id: str, state: str, status: int | None, error: str | None) -> None:
        ended_at = None if state == "pending" else format_time(self._clock.now())
        async with self._db.write() as tx:
            await store.note_delivery(tx, id, state, status, error, ended_at)


def _retry_after_s(headers: Any) -> float | None:
    value = headers.get("retry-after", "")
    return min(float(value), MAX_WAIT_S) if value.isascii() and value.isdigit() else None
