"""Reads of the wire in the audit log, by Backstage's names: ``task`` with ``get``, ``list``, ``stream``, ``events``;
``template-parameter-schema``; ``action-fetch``.

Clients poll, so a read costs no write of its own: what was read is written once a second, and the same read by the same person again
only after a minute. What a killed process had not written yet is lost; changes are audited in the transaction that makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Mapping

import orjson

from callboard.features.scaffolder.tasks.auditing import audited_values
from callboard.kernel.audit import Audit
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger
from callboard.kernel.periodic import Together

if TYPE_CHECKING:
    from starlette.responses import Response

    from callboard.kernel.web.request import Request

AGAIN_AFTER_S = 60.0
FLUSH_S = 1.0
MAX_KNOWN = 10_000
MIN_CHARACTERS = 64
"""However short answers are cut: ids stay whole."""
MAX_WAITING = 5_000
Handler = Callable[["Request"], Awaitable["Response"]]

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    request: Request
    event: str
    meta: Mapping[str, Any]
    error: str | None


class ReadAudit:
    """What is read in one replica. ``is_on`` False: nothing of it is written."""

    def __init__(self, audit: Audit, db: Database, clock: Clock, *, is_on: bool, longest: int) -> None:
        self._audit = audit
        self._db = db
        self._clock = clock
        self._is_on = is_on
        self._longest = longest if longest < 0 else max(longest, MIN_CHARACTERS)
        self._known: dict[bytes, float] = {}
        self._waiting: list[_Read] = []
        self._writing = Together(self.flush, FLUSH_S, name="reads to audit")

    def of(self, handler: Handler, event: str, action: str = "") -> Handler:
        """``handler``, with each of its answers noted, and each of its refusals."""
        if not self._is_on:
            return handler

        async def noted(request: Request) -> Response:
            try:
                answer = await handler(request)
            except CallboardError as error:
                self.note(request, event, action, error.message)
                raise
            self.note(request, event, action, None)
            return answer

        return noted

    def note(self, request: Request, event: str, action: str, error: str | None) -> None:
        meta = self._meta(request, event, action)
        if self._is_known(orjson.dumps([request.actor.subject, event, meta, error is None])):
            return
        if len(self._waiting) >= MAX_WAITING:
            log.warning("reads are not audited: the database takes none", event_id=event)
            return
        self._waiting.append(_Read(request, event, meta, error))
        self._writing.ask()

    def _meta(self, request: Request, event: str, action: str) -> dict[str, Any]:
        path = request.path_params
        meta: dict[str, Any] = {"actionType": action} if action else {}
        if "taskId" in path:
            meta["taskId"] = path["taskId"]
        if event == "template-parameter-schema":
            meta["templateRef"] = f"{path['kind']}:{path['namespace']}/{path['name']}".lower()
        if action == "list":
            asked: dict[str, list[str]] = {}
            for name, value in request.query_params.multi_items():
                asked.setdefault(name, []).append(value)
            meta["query"] = asked
        found: dict[str, Any] = audited_values(meta, {}, self._longest)
        return found

    def _is_known(self, key: bytes) -> bool:
        now = self._clock.monotonic()
        seen = self._known.get(key)
        if seen is not None and now - seen < AGAIN_AFTER_S:
            return True
        if len(self._known) >= MAX_KNOWN:
            self._known = {one: at for one, at in self._known.items() if now - at < AGAIN_AFTER_S}
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
        self._known[key] = now
        return False

    async def flush(self) -> None:
        """Write what waits. A database that does not answer gets it the next time."""
        reads, self._waiting = self._waiting, []
        if not reads:
            return
        try:
            async with self._db.write() as tx:
                for read in reads:
                    await self._audit.record(
                        tx, read.event, actor=read.request.actor, severity="low", meta=read.meta, request=read.request,
                        status="succeeded" if read.error is None else "failed", plugin="scaffolder", error=read.error,
                    )  # fmt: skip
        except CallboardError as error:
            log.warning("reads not audited yet", problem=error.message)
            self._waiting = [*reads, *self._waiting][:MAX_WAITING]
            self._writing.ask()

    async def close(self) -> None:
        """Before the portal stops."""
        await self._writing.close()
