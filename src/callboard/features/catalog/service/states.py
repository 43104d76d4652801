"""``SourceStates``: what is stored of each source, with the schedule that asks it."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence

from callboard.features.catalog.interface import READ_INGESTION
from callboard.features.catalog.interface.states import SourceState, Way
from callboard.features.catalog.service.asking import Asking, provider_schedule
from callboard.features.catalog.service.commands import LOCATION_STORE
from callboard.features.catalog.store import sources
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import NotFoundError
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService
from callboard.kernel.wire.plugin_endpoints import RUN_TASKS


class States:
    """Over the rows of sources and the schedules of their providers."""

    def __init__(
        self, *, db: Database, jobs: Jobs, permissions: PermissionService, audit: Audit, providers: Mapping[str, Any]
    ) -> None:
        """``providers`` by name; only who is asked on a schedule has ``every_s``."""
        self._db = db
        self._jobs = jobs
        self._permissions = permissions
        self._audit = audit
        self._providers = providers
        self._ask = Asking(jobs)

    async def list_states(self, *, actor: Actor) -> Sequence[SourceState]:
        self._permissions.require(actor, READ_INGESTION)
        async with self._db.read() as tx:
            rows = {row["name"]: row for row in await sources.list_sources(tx)}
            counts = await sources.count_given(tx)
        tasks = {task["taskId"]: task["taskState"] or {} for task in await self._jobs.list_tasks("catalog")}
        names: Collection[str] = rows.keys() | self._providers.keys()
        states = [self._state(name, rows.get(name), counts.get(name, 0), tasks) for name in names]
        return sorted(states, key=lambda state: (state.failed_since is None, state.name))

    def _state(self, name: str, row: Mapping[str, Any] | None, entities: int, tasks: Mapping[str, Any]) -> SourceState:
        provider = self._providers.get(name)
        task = tasks.get(provider_schedule(name), {})
        stored = row or {"held": False, "refreshed_at": None, "failed_since": None, "error": None}
        return SourceState(
            name,
            _way(name, stored["held"], provider),
            entities,
            parse_time_if(stored["refreshed_at"]),
            parse_time_if(stored["failed_since"]),
            stored["error"] if stored["failed_since"] else None,
            float(provider.every_s) if provider is not None else None,
            parse_time_if(task.get("startsAt")),
            task.get("status") == "running",
        )

    async def run_now(self, name: str, *, actor: Actor) -> None:
        self._permissions.require(actor, RUN_TASKS)
        if name not in self._providers:
            raise NotFoundError(f"No source {name} is asked on a schedule here.")
        async with self._db.write() as tx:
            await self._ask.run_provider(tx, name, priority=5)
            await self._audit.record(tx, "source-run", actor=actor, meta={"source": name}, plugin="catalog")
            tx.after_commit(self._jobs.wake)


def _way(name: str, is_held: bool, provider: Any) -> Way:
    if is_held:
        return "held"
    if provider is not None:
        return "provider"
    return "registered" if name == LOCATION_STORE else "gone"
