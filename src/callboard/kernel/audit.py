"""The audit log: who did, or tried to do, what. Rows are only ever added.

Event names, severities and states are Backstage's (auditor service); the row lands in the transaction of the change
that it tells of, so neither is there without the other.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Mapping, Sequence

import orjson

from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError
from callboard.kernel.logs import get_logger
from callboard.kernel.permissions import Permission

Severity = Literal["low", "medium", "high", "critical"]
Status = Literal["initiated", "succeeded", "failed"]

READ_AUDIT = Permission("audit.event.read", "read", None, "See who did what.")
PERMISSIONS: tuple[Permission, ...] = (READ_AUDIT,)

MAX_LIMIT = 500
MAX_TEXT = 2000

log = get_logger("audit")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A row. ``actor`` is the subject; ``ip``, ``user_agent``, ``method`` and ``url`` are None for what no request did."""

    id: str
    at: datetime
    plugin: str
    event: str
    severity: Severity
    status: Status
    actor: str
    actor_type: str
    ip: str | None
    user_agent: str | None
    method: str | None
    url: str | None
    meta: dict[str, Any]
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """In Backstage's shape, with ``id`` and ``at``; keys without a value are left out."""
        request = {"method": self.method, "url": self.url} if self.url is not None else None
        actor = {"actorId": self.actor, "type": self.actor_type, "ip": self.ip, "userAgent": self.user_agent}
        row = {
            "id": self.id,
            "at": format_time(self.at),
            "plugin": self.plugin,
            "eventId": self.event,
            "severityLevel": self.severity,
            "status": self.status,
            "actor": {key: value for key, value in actor.items() if value is not None},
            "request": request,
            "meta": self.meta,
            "error": self.error,
        }
        return {key: value for key, value in row.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Newest first. ``next_cursor`` is None on the last page."""

    items: list[AuditEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row that is to be written: what ``Audit.prepare`` gives and ``Audit.add`` takes."""

    row: tuple[Any, ...]


_COLUMNS = "id, at, plugin, event, severity, status, actor, actor_type, ip, user_agent, method, url, meta, error"


class Audit:
    """Writes the log and reads it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def record(
        self,
        tx: Transaction | None,
        event: str,
        *,
        actor: Actor,
        severity: Severity = "low",
        meta: Mapping[str, Any] | None = None,
        status: Status = "succeeded",
        request: Any = None,
        plugin: str | None = None,
        error: str | None = None,
    ) -> None:
        """Add a row, in ``tx`` or, if None, in a transaction of its own. Arguments as ``prepare`` has them."""
        entry = self.prepare(
            event, actor=actor, severity=severity, meta=meta, status=status, request=request, plugin=plugin, error=error
        )
        await self.add(tx, [entry])

    def prepare(
        self,
        event: str,
        *,
        actor: Actor,
        severity: Severity = "low",
        meta: Mapping[str, Any] | None = None,
        status: Status = "succeeded",
        request: Any = None,
        plugin: str | None = None,
        error: str | None = None,
    ) -> AuditEntry:
        """A row of this moment, for whoever writes it together with something else (``add``).

        ``event`` as ``entity-mutate``; ``meta`` must be JSON and hold no secret; ``error`` may also stand in it.
        ``request`` (Starlette's) gives address, browser, method and URL, and the plugin if none is given.
        """
        details = dict(meta or {})
        found = _Request.of(request)
        plugin = plugin or found.plugin
        row = (
            uuid.uuid4().hex,
            format_time(self._clock.now()),
            plugin,
            event,
            severity,
            status,
            actor.subject,
            actor.type,
            found.ip,
            found.user_agent,
            found.method,
            found.url,
            orjson.dumps(details, default=str, option=orjson.OPT_NON_STR_KEYS).decode(),
            error if error is not None else _text(details.get("error")),
        )
        return AuditEntry(row)

    async def add(self, tx: Transaction | None, entries: Sequence[AuditEntry]) -> None:
        """Write rows, in ``tx`` or, if None, in a transaction of their own."""
        if tx is not None:
            await _insert(tx, entries)
        else:
            async with self._db.write() as own:
                await _insert(own, entries)
        for entry in entries:
            _, _, plugin, event, severity, status, actor, *_ = entry.row
            log.info("audit", event_id=event, plugin=plugin, actor=actor, severity=severity, status=status)

    async def list_events(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        severity: str | None = None,
        status: str | None = None,
        plugin: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AuditPage:
        """A page, newest first, of the rows that fit all that is given (``since`` included, ``until`` not).

        Raises ``InputError`` for a cursor that was not given out, or a limit outside 1 to ``MAX_LIMIT``.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}", field="limit")
        tests: list[str] = []
        args: list[Any] = []

        def add(test: str, value: Any) -> None:
            args.append(value)
            tests.append(test.format(f"${len(args)}"))

        if cursor is not None:
            if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
                raise InputError("The cursor was not given out by this list.", field="cursor")
            add("seq < {}", int(cursor))
        wanted = {"actor": actor, "event": event, "severity": severity, "status": status, "plugin": plugin}
        for column, value in wanted.items():
            if value is not None:
                add(f"{column} = {{}}", value)
        if since is not None:
            add("at >= {}", format_time(since))
        if until is not None:
            add("at < {}", format_time(until))
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        args.append(limit + 1)
        async with self._db.read(snapshot=False) as tx:
            rows = await tx.fetch_all(
                f"SELECT seq, {_COLUMNS} FROM kernel_audit_event {where} ORDER BY seq DESC LIMIT ${len(args)}", *args
            )
        more = len(rows) > limit
        items = [_event_of(row) for row in rows[:limit]]
        return AuditPage(items, str(rows[limit - 1][0]) if more else None)


async def _insert(tx: Transaction, entries: Sequence[AuditEntry]) -> None:
    for entry in entries:
        places = ", ".join(f"${number}" for number in range(1, len(entry.row) + 1))
        await tx.execute(f"INSERT INTO kernel_audit_event ({_COLUMNS}) VALUES ({places})", *entry.row)


def _event_of(row: Any) -> AuditEvent:
    values = list(row[1:])
    values[1], values[12] = parse_time(values[1]), orjson.loads(values[12])
    return AuditEvent(*values)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:MAX_TEXT]


@dataclass(frozen=True, slots=True)
class _Request:
    ip: str | None = None
    user_agent: str | None = None
    method: str | None = None
    url: str | None = None
    plugin: str = "callboard"

    @classmethod
    def of(cls, request: Any) -> _Request:
        if request is None:
            return cls()
        path = request.url.path
        parts = path.split("/")
        return cls(
            ip=request.client.host if request.client is not None else None,
            user_agent=_text(request.headers.get("user-agent")),
            method=request.method,
            # Without the query: it may carry a token.
            url=_text(path),
            plugin=parts[2] if len(parts) > 2 and parts[1] == "api" and parts[2] else "callboard",
        )
