"""The wiring of events: delivery jobs, the sweep of what is old, routes, settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Sequence

from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.events import store
from callboard.kernel.events.inbound import SENDERS, Inbound
from callboard.kernel.events.webhooks import Webhooks
from callboard.kernel.jobs import JobContext, JobKind, Schedule
from callboard.kernel.jobs.store import delete_dead
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting
from callboard.kernel.web.routing import LateRoutes

SWEEP_JOB = "events.sweep"
DEFAULT_RETENTION = "7d"
KEEP_FAILED = timedelta(days=30)
"""How long dead jobs and deliveries are kept for people to look at."""

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "events.retention", "duration", DEFAULT_RETENTION, None, "How long events are kept for readers that come back."
    ),
    Setting("events.webhooks", "list", (), None, "Where events are posted to: url, topics (patterns), secret."),
    Setting("events.webhooks[].url", "text", None, None, "Address that events are posted to."),
    Setting("events.webhooks[].topics", "list", ("*",), None, "Topics to post; * stands for any characters."),
    Setting("events.webhooks[].secret", "secret", None, None, "Key of X-Callboard-Signature-256."),
    *(
        Setting(
            f"events.modules.{sender}.webhookSecret", "secret", None, None, f"Shared secret of webhooks from {sender}."
        )
        for sender in SENDERS
    ),
)


class Sweep:
    """Forgets what is old: events, deliveries, dead jobs."""

    def __init__(self, db: Database, clock: Clock, keep_events: timedelta) -> None:
        self._db = db
        self._clock = clock
        self._keep_events = keep_events

    async def run(self, context: JobContext) -> None:
        now = self._clock.now()
        old = format_time(now - KEEP_FAILED)
        async with self._db.write() as tx:
            await store.delete_before(tx, format_time(now - self._keep_events))
            await store.delete_deliveries_before(tx, old)
            await delete_dead(tx, old)


@hookimpl
def register_settings() -> Sequence[Any]:
    return SETTINGS


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    from callboard.kernel.audit import PERMISSIONS as AUDIT
    from callboard.kernel.events.rest import PERMISSIONS

    return [*PERMISSIONS, *AUDIT]


@hookimpl
def register_jobs(portal: Any) -> Sequence[JobKind]:
    webhooks = Webhooks.from_settings(portal.settings, portal.db, portal.http, portal.clock)
    sweep = Sweep(portal.db, portal.clock, portal.settings.get_duration("events.retention", DEFAULT_RETENTION))
    return [*portal.events.attach(portal.jobs, webhooks), JobKind(SWEEP_JOB, sweep.run)]


@hookimpl
def register_schedules(portal: Any) -> Sequence[Schedule]:
    return [Schedule("events_sweep", timedelta(hours=1), SWEEP_JOB, initial_delay=timedelta(minutes=5))]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    inbound = Inbound.from_settings(portal.settings)
    webhooks = Webhooks.from_settings(portal.settings, portal.db, portal.http, portal.clock)

    def rest() -> Sequence[Any]:
        from callboard.kernel.audit_rest import audit_routes
        from callboard.kernel.events.rest import event_routes

        return [*event_routes(portal, inbound, webhooks), *audit_routes(portal)]

    return [LateRoutes(["/api/events", "/api/audit"], rest)]
