"""``RunRecord`` in the database: one transaction for each step that has ended, with all that is to be told of it.

Every transaction first asks whether the task is still this attempt's (``run``); an attempt that was taken over writes nothing more.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Mapping, Sequence

from callboard.features.scaffolder.running import LogLine
from callboard.features.scaffolder.store import running as store
from callboard.features.scaffolder.tasks.parts import TaskParts
from callboard.features.scaffolder.tasks.sealing import Sealer, dump_json
from callboard.features.scaffolder.tasks.snapshots import Kept, Subject, fingerprint
from callboard.kernel.audit import AuditEntry
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import UnavailableError
from callboard.kernel.workspace import Workspace

RETRY_PAUSES_S = (0.1, 0.5, 2.0, 5.0, 10.0)
"""How long to wait for a database that does not answer, before the attempt is given up."""

MAX_LINES = 20_000
MAX_CHARACTERS = 32_768
"""Of one attempt's log, and of one line in it: a step that never stops talking must not fill the database."""


class RunLost(BaseException):
    """The task is another attempt's now. No ``Exception``, so that no step fails by it."""


@dataclass(slots=True)
class Untold:
    """What happened and is not written yet."""

    lines: list[LogLine] = field(default_factory=list)
    audited: list[AuditEntry] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lines or self.audited)


class StoredRecord:
    """Of one attempt. ``sealer`` is given where what steps give is to be sealed. ``last_step`` needs no snapshot."""

    def __init__(
        self,
        parts: TaskParts,
        id: str,
        run: str,
        workspace: Workspace,
        *,
        sealer: Sealer | None,
        last_step: str | None,
        finished: Mapping[str, Mapping[str, Any]],
        checkpoints: Mapping[tuple[str, str], Any],
        snapshot: str | None,
    ) -> None:
        self._parts = parts
        self._id = id
        self._run = run
        self._workspace = workspace
        self._sealer = sealer
        self._last_step = last_step
        self._finished = finished
        self._checkpoints = dict(checkpoints)
        self.snapshot = snapshot
        self._fingerprint = "" if snapshot is None else fingerprint(workspace.root)
        self._untold = Untold()
        self._finishing: asyncio.Future[None] | None = None
        self._said = 0
        self._lock = asyncio.Lock()
        self._begun: dict[str, float] = {}
        self.actions: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        """Where the attempt works."""
        return self._workspace.root

    # ---- RunRecord -----------------------------------------------------------------------------------------------------

    async def finished(self) -> Mapping[str, Mapping[str, Any]]:
        return self._finished

    async def tell(self, lines: Sequence[LogLine]) -> None:
        """Kept for the next write: a moment later (``flush``), or together with the end of the step if that is sooner."""
        for line in lines:
            self._note(line)
            if line.status is None:
                self._said += 1
                if self._said > MAX_LINES:
                    continue
                if self._said == MAX_LINES:
                    line = replace(line, message=f"The log has {MAX_LINES} lines; what follows is not kept.")
            if len(line.message) > MAX_CHARACTERS:
                line = replace(line, message=f"{line.message[:MAX_CHARACTERS]}…")
            self._untold.lines.append(line)

    async def finish_step(self, id: str, output: Mapping[str, Any], lines: Sequence[LogLine]) -> None:
        await self.tell(lines)
        # Whoever cancels meanwhile waits for it (``rest``): the step has ended, and is to be told of as such.
        self._finishing = asyncio.ensure_future(self._finish_step(id, output))
        await asyncio.shield(self._finishing)

    async def find_checkpoint(self, step_id: str, key: str) -> tuple[bool, Any]:
        kept = (step_id, key)
        return kept in self._checkpoints, self._checkpoints.get(kept)

    async def keep_checkpoint(self, step_id: str, key: str, value: Any) -> None:
        body = self._dump(value, f"checkpoint/{self._id}/{step_id}/{key}")

        async def keep(tx: Transaction, now: str) -> None:
            await store.keep_checkpoint(tx, self._id, step_id, key, body)

        await asyncio.shield(self._write(keep))
        self._checkpoints[(step_id, key)] = value

    # ---- writing -------------------------------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Write what was told so far."""
        if self._untold:
            await asyncio.shield(self._write(None))

    async def beat(self) -> bool:
        """A sign of life; whether the task is to be cancelled. Raises ``RunLost``."""
        async with self._parts.db.write() as tx:
            is_ours, is_cancelled = await store.beat(tx, self._id, self._run, self._now())
        if not is_ours:
            raise RunLost
        return is_cancelled

    def keep_audit(self, entry: AuditEntry) -> None:
        """Audit it with the next write: that of the end of its step, as a rule."""
        self._untold.audited.append(entry)

    async def add_left_audit(self) -> None:
        """What the attempt did is audited also where it may write nothing more of the task."""
        entries, self._untold.audited = self._untold.audited, []
        if entries:
            await self._parts.audit.add(None, entries)

    @asynccontextmanager
    async def rest(self) -> AsyncIterator[Untold]:
        """What is not written yet, for whoever writes the end; once nothing is being written any more."""
        if self._finishing is not None and not self._finishing.done():
            await asyncio.wait([self._finishing])
        async with self._lock:
            untold = self._take_untold()
        try:
            yield untold
        except BaseException:
            self._put_back(untold)
            raise

    def _take_untold(self) -> Untold:
        untold, self._untold = self._untold, Untold()
        return untold

    def _put_back(self, untold: Untold) -> None:
        self._untold.lines[:0] = untold.lines
        self._untold.audited[:0] = untold.audited

    def current_step(self) -> str | None:
        """The step that has begun and not ended."""
        return next(reversed(self._begun), None)

    async def _finish_step(self, id: str, output: Mapping[str, Any]) -> None:
        body = self._dump(output, f"output/{self._id}/{id}")
        kept = await self._keep_workspace() if id != self._last_step else None

        async def finish(tx: Transaction, now: str) -> None:
            await store.finish_step(tx, self._id, id, body, now)
            if kept is not None:
                await store.keep_snapshot(tx, self._id, kept.name)
                await kept.commit(tx)

        await self._write(finish)
        if kept is not None:
            before, self.snapshot = self.snapshot, kept.name
            if before is not None:
                await self._parts.snapshots.forget(self._id, but=kept.name)

    async def _keep_workspace(self) -> Kept | None:
        """A snapshot, if anything changed since the last."""
        subject = Subject(self._id, self._run, self._workspace.root, self._fingerprint, self._sealer)
        kept = await self._parts.snapshots.keep(subject)
        if kept is not None:
            self._fingerprint = kept.fingerprint
        return kept

    async def _write(self, more: Callable[[Transaction, str], Awaitable[None]] | None) -> None:
        """What happened so far, and ``more``, in one transaction; again when the database does not answer. Raises ``RunLost``."""
        async with self._lock:
            untold = self._take_untold()
            if not untold and more is None:
                return
            for pause in (*RETRY_PAUSES_S, None):
                try:
                    await self._write_once(untold, more)
                    return
                except RunLost:
                    self._put_back(untold)
                    raise
                except UnavailableError:
                    if pause is None:
                        self._put_back(untold)
                        raise
                    await asyncio.sleep(pause)

    async def _write_once(self, untold: Untold, more: Callable[[Transaction, str], Awaitable[None]] | None) -> None:
        now = self._now()
        async with self._parts.db.write() as tx:
            is_ours, _ = await store.beat(tx, self._id, self._run, now)
            if not is_ours:
                raise RunLost
            await write_untold(self._parts, tx, self._id, untold, now)
            if more is not None:
                await more(tx, now)

    def _now(self) -> str:
        return format_time(self._parts.clock.now())

    def _dump(self, value: Any, context: str) -> bytes:
        return dump_json(value) if self._sealer is None else self._sealer.seal_json(value, context)

    def _note(self, line: LogLine) -> None:
        """Count the steps that end, and how long they took."""
        if line.step_id is None or line.status is None:
            return
        if line.status == "processing":
            self._begun[line.step_id] = self._parts.clock.monotonic()
            return
        begun = self._begun.pop(line.step_id, None)
        if line.status != "skipped":
            seconds = 0.0 if begun is None else self._parts.clock.monotonic() - begun
            self._parts.figures.step_ended(self.actions.get(line.step_id, ""), line.status, seconds)


async def write_untold(parts: TaskParts, tx: Transaction, id: str, untold: Untold, now: str) -> None:
    """Audit, log events, and the states of steps that they tell of; after the row of the task was written."""
    await parts.audit.add(tx, untold.audited)
    for line in untold.lines:
        if line.step_id is not None and line.status in ("processing", "failed", "skipped", "cancelled"):
            error = line.message if line.status == "failed" else None
            await store.change_step(tx, id, line.step_id, line.status, now, error)
    if untold.lines:
        await store.insert_events(tx, id, now, [("log", line.to_body()) for line in untold.lines])
