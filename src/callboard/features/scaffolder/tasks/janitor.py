"""Looking after tasks: those that nobody heard of for long, those that nobody began, those to forget, and what they left on disk."""

from __future__ import annotations

from datetime import timedelta
from typing import Sequence

from callboard.features.scaffolder.job_kinds import TASK_JOB
from callboard.features.scaffolder.store import running as store
from callboard.features.scaffolder.tasks.ending import write_end
from callboard.features.scaffolder.tasks.parts import TaskParts
from callboard.features.scaffolder.tasks.snapshots import EXPIRED
from callboard.kernel.clock import format_time
from callboard.kernel.jobs import JobContext
from callboard.kernel.logs import get_logger

BATCH = 200
FORGOTTEN_AFTER = timedelta(minutes=10)
"""A task that nobody began for so long gets a job again, should its own have been lost."""

log = get_logger(__name__)


class Janitor:
    """The schedule ``scaffolder_task_janitor`` of a portal; and what each replica clears away at its start."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts

    async def run(self, context: JobContext) -> None:
        """One round."""
        await self._end_unheard()
        await self._begin_again()
        await self._expire_snapshots()
        await self._forget()
        await self.clear_disk()

    async def clear_disk(self) -> None:
        """Remove workspaces that no attempt works in, and snapshots of tasks that need none."""
        parts = self._parts

        async def list_runs() -> set[str]:
            async with parts.db.read() as tx:
                return await store.list_runs(tx)

        removed = await parts.workspaces.sweep(list_runs)
        kept = list(await parts.snapshots.list_kept())
        if kept:
            async with parts.db.read() as tx:
                needed = await store.list_needing_snapshots(tx, kept)
            await self._drop([id for id in kept if id not in needed])
        if removed:
            log.info("workspaces of ended tasks removed", count=removed)

    async def _end_unheard(self) -> None:
        parts = self._parts
        before = format_time(parts.clock.now() - parts.settings.task_timeout)
        async with parts.db.read() as tx:
            ids = await store.list_unheard(tx, before)
        for id in ids:
            async with parts.db.write() as tx:
                held = await store.lock_task(tx, id)
                if held is None or held.state != "processing" or id not in await store.list_unheard(tx, before):
                    continue
                message = "The task was marked as stale as it exceeded its timeout: nobody heard of it for too long."
                await write_end(
                    parts, tx, held, "failed", error={"name": "TimeoutError", "message": message},
                    action_type="stale-cancel",
                )  # fmt: skip

    async def _begin_again(self) -> None:
        parts = self._parts
        before = format_time(parts.clock.now() - FORGOTTEN_AFTER)
        async with parts.db.write() as tx:
            for id in await store.list_open(tx, before):
                await parts.jobs.enqueue(tx, TASK_JOB, {"task": id}, key=id)

    async def _expire_snapshots(self) -> None:
        """Files of tasks that failed are kept for another try, but not for as long as the tasks."""
        parts = self._parts
        before = format_time(parts.clock.now() - parts.settings.keeps_failed)
        async with parts.db.write() as tx:
            ids = await store.expire_snapshots(tx, before, EXPIRED)
        await self._drop(ids)

    async def _forget(self) -> None:
        parts = self._parts
        if parts.settings.retention is None:
            return
        before = format_time(parts.clock.now() - parts.settings.retention)
        while True:
            async with parts.db.write() as tx:
                ids = await store.list_forgettable(tx, before, BATCH)
                if ids:
                    await store.delete_tasks(tx, ids)
            await self._drop(ids)
            if len(ids) < BATCH:
                return

    async def _drop(self, ids: Sequence[str]) -> None:
        for id in ids:
            await self._parts.snapshots.forget(id)
