"""The wiring of search."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Mapping, Sequence
from urllib.parse import urlsplit

from callboard.features.search.engines.base import Engine
from callboard.features.search.indexing import Indexer
from callboard.features.search.interface import Collator, Search, SearchHooks, Visibility
from callboard.features.search.jobs import SearchJobs
from callboard.features.search.ranking.question import QuestionReader
from callboard.features.search.service import SearchService
from callboard.features.search.settings import SETTINGS, SearchSettings
from callboard.features.search.store.visible import VisibleCondition
from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import Synonyms
from callboard.kernel.errors import InputError
from callboard.kernel.plugins.hooks import hookimpl


class SearchParts:
    """The parts of one portal's search, put together. ``portal.service(SearchParts)`` is for its own hooks."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.settings = SearchSettings.of(portal.settings)
        stemmer = Stemmer(self.settings.language)
        condition = VisibleCondition()
        self.engine = engine_of(portal, self.settings, condition)
        self.indexer = Indexer(
            portal.db, portal.jobs, self.engine, stemmer,
            collators=lambda: self.collators, visibility=lambda: self.visibility,
        )  # fmt: skip
        self.service = SearchService(
            portal.db, self.engine, self.indexer, QuestionReader(stemmer, Synonyms(self.settings.synonyms)), condition,
            collators=lambda: self.collators, visibility=lambda: self.visibility,
        )  # fmt: skip
        self.jobs = SearchJobs(self.indexer, self.settings)

    @cached_property
    def collators(self) -> Mapping[str, Collator]:
        """Asked for late: those who know documents stand above search."""
        found: dict[str, Collator] = {}
        for collator in self._portal.plugins.collect("register_search_collators", portal=self._portal):
            if collator.type in found:
                raise InputError(f"Two plugins collate documents of type {collator.type!r}; switch one of them off.")
            found[collator.type] = collator
        return found

    @cached_property
    def visibility(self) -> Visibility | None:
        given = [
            one.value
            for one in self._portal.plugins.contributions("register_search_visibility", portal=self._portal)
            if one.value is not None
        ]
        if len(given) > 1:
            raise InputError("Two plugins say who may find what; only one can.")
        return given[0] if given else None

    async def start(self) -> None:
        await self.indexer.prepare()
        await self.indexer.ask_for_sweep()

    async def stop(self) -> None:
        await self.engine.close()


def engine_of(portal: Any, settings: SearchSettings, condition: VisibleCondition) -> Engine:
    if settings.opensearch is not None:
        from callboard.features.search.engines.opensearch import OpenSearchEngine

        where = urlsplit(settings.opensearch.node)
        return OpenSearchEngine(portal.http.allowing(where.netloc.rpartition("@")[2]), settings.opensearch)
    if portal.db.dialect == "postgresql":
        from callboard.features.search.engines.postgres import PostgresEngine

        return PostgresEngine(condition)
    from callboard.features.search.engines.fts5 import Fts5Engine

    return Fts5Engine(condition)


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [SearchHooks]


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.search.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    parts = SearchParts(portal)
    return {SearchParts: parts, Search: parts.service}


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return portal.service(SearchParts).jobs.kinds()


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    parts = portal.service(SearchParts)
    return parts.jobs.schedules(parts.collators)


@hookimpl
def register_event_handlers(portal: Any) -> Sequence[Any]:
    parts = portal.service(SearchParts)
    return parts.jobs.handlers(parts.collators)


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    return [portal.service(SearchParts).start]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    return [portal.service(SearchParts).stop]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.search.rest import search_routes

    parts = portal.service(SearchParts)
    return search_routes(parts.service, parts.settings)


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.search.actions import search_actions

    return search_actions(portal.service(SearchParts).service)


@hookimpl
def register_commands() -> Mapping[str, str]:
    return {"search": "callboard.cli.search:app"}
