"""Work of search that nobody waits for."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.search.indexing import BULK_JOB, INDEX_JOB, SWEEP_JOB, Indexer
from callboard.features.search.interface import Collator
from callboard.features.search.settings import SearchSettings
from callboard.kernel.events import Event, EventHandler
from callboard.kernel.jobs import JobKind, Schedule


class SearchJobs:
    """Job kinds, schedules and event handlers."""

    def __init__(self, indexer: Indexer, settings: SearchSettings) -> None:
        self._indexer = indexer
        self._settings = settings

    def kinds(self) -> Sequence[JobKind]:
        return (
            JobKind(INDEX_JOB, self._indexer.index_job, lease_s=120),
            JobKind(BULK_JOB, self._indexer.bulk_job, lease_s=60),
            JobKind(SWEEP_JOB, self._indexer.sweep_job, lease_s=60),
        )

    def schedules(self, collators: Mapping[str, Collator]) -> Sequence[Schedule]:
        """One for each type, by the names that Backstage's tasks have (``search_index_software_catalog``)."""
        every = self._settings.sweep_every
        return [
            Schedule(f"search_index_{type.replace('-', '_')}", every, SWEEP_JOB, {"type": type}, every, plugin="search")
            for type in collators
        ]

    def handlers(self, collators: Mapping[str, Collator]) -> Sequence[EventHandler]:
        """One for each pattern that a collator names."""
        by_topic: dict[str, list[str]] = {}
        for collator in collators.values():
            for topic in collator.topics:
                by_topic.setdefault(topic, []).append(collator.type)
        return [_handler(self._indexer, topic, types) for topic, types in by_topic.items()]


def _handler(indexer: Indexer, topic: str, types: Sequence[str]) -> Any:
    async def hear(event: Event) -> None:
        await indexer.on_event(event, types)

    return EventHandler(topic, hear, name=f"search.{topic}")
