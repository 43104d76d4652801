"""What runs by itself: asking owners, telling those above them, counting once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Sequence

from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.ownership.interface import Share
from callboard.features.ownership.parts import DAILY_JOB, SYNC_JOB, Parts
from callboard.features.ownership.service import add_up
from callboard.features.ownership.store import confirmations, entities
from callboard.features.ownership.store.entities import Scope
from callboard.features.ownership.tracking import Tracker
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.jobs import JobContext, JobKind, Schedule
from callboard.ui.messages import Messages

TREND_KEPT = timedelta(days=3 * 365)


class OwnershipJobs:
    """Handlers of the jobs of ownership. Each may run twice: nobody is asked twice for it."""

    def __init__(self, parts: Parts, tracker: Tracker) -> None:
        self._parts = parts
        self._tracker = tracker

    def kinds(self) -> Sequence[JobKind]:
        return (JobKind(SYNC_JOB, self._tracker.sync_job, lease_s=120), JobKind(DAILY_JOB, self.daily, lease_s=120))

    def schedules(self) -> Sequence[Schedule]:
        return (Schedule("ownership_daily", timedelta(days=1), DAILY_JOB, plugin="ownership"),)

    async def daily(self, job: JobContext) -> None:
        await self._tracker.sync_all(job)
        await self.count()
        await self.ask()

    async def count(self) -> None:
        """Note the shares of today, and forget what is of no use any more."""
        parts = self._parts
        now = parts.clock.now()
        async with parts.db.write() as tx:
            scope = Scope(now, parts.settings.confirm_every)
            everything, kinds, owners = add_up(await entities.count_by(tx, scope))
            shares: dict[str, Share] = {"": everything}
            shares |= {f"kind:{kind}": share for kind, share in kinds}
            shares |= {f"owner:{owner}": share for owner, share in owners}
            await confirmations.put_snapshot(tx, now.date().isoformat(), shares)
            await confirmations.forget_snapshots(tx, (now - TREND_KEPT).date().isoformat())
            await confirmations.forget_old(tx, format_time(now - 2 * parts.settings.confirm_every))

    async def ask(self) -> int:
        """Ask each owner who has something to confirm, and tell the group above of what is overdue; how many were told."""
        parts = self._parts
        notifications: Notifications | None = parts.service(Notifications)
        if notifications is None or parts.settings.ask_every is None:
            return 0
        now = parts.clock.now()
        before = format_time(now - parts.settings.ask_every)
        async with parts.db.read() as tx:
            _, _, owners = add_up(await entities.count_by(tx, Scope(now, parts.settings.confirm_every)))
            asked = await confirmations.list_asked(tx)
        told = 0
        for owner, share in owners:
            for what, n in (("due", share.due + share.overdue), ("overdue", share.overdue)):
                if n and asked.get((owner, what), "") <= before:
                    recipients = [owner] if what == "due" else await self._above(owner)
                    if recipients:
                        async with parts.db.write() as tx:
                            await self._tell(tx, notifications, owner, what, n, recipients)
                            await confirmations.note_asked(tx, owner, what, format_time(now))
                        told += 1
        return told

    async def _above(self, owner: str) -> list[str]:
        entity = (await self._parts.look_up([owner], actor=SYSTEM)).get(owner)
        relations = () if entity is None else entity.get("relations") or ()
        return [str(r["targetRef"]).lower() for r in relations if r["type"] == "childOf"]

    async def _tell(
        self, tx: Transaction, notifications: Notifications, owner: str, what: str, n: int, recipients: Sequence[str]
    ) -> None:
        t = self._parts.service(Messages).translator()
        name = owner.rpartition("/")[2]
        await notifications.notify(
            tx,
            NewNotification(
                t(f"ownership.tell.{what}", n=n, owner=name), recipients, t(f"ownership.tell.{what}_means", owner=name),
                f"/ownership?owner={owner}", severity="normal" if what == "due" else "high", topic="ownership",
                scope=f"ownership:{what}:{owner}",
            ),
        )  # fmt: skip
