"""The wiring of search."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from callboard.features.search.engines.base import Engine
from callboard.features.search.indexing import Indexer, go_on
from callboard.features.search.interface import (
    Collator,
    Indexing,
    Meaning,
    MeaningState,
    Search,
    SearchHooks,
    SynonymCount,
    Visibility,
)
from callboard.features.search.jobs import SearchJobs
from callboard.features.search.progress import IndexProgress
from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.ranking.own import PortalSynonyms, pairs_of
from callboard.features.search.ranking.question import QuestionReader
from callboard.features.search.semantic.settings import SEMANTIC_SETTINGS, SemanticSettings
from callboard.features.search.service import SearchService
from callboard.features.search.settings import SETTINGS, SearchSettings
from callboard.features.search.store.visible import VisibleCondition
from callboard.features.search.teaching import Teaching
from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import Synonyms, Vocabulary
from callboard.features.search.text.words import RELATED
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError, LimitError, UnavailableError
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

if TYPE_CHECKING:
    from callboard.features.search.curating import Curating
    from callboard.features.search.semantic.layer import SemanticLayer

KEEP_JOB = "search.keep"
"""Forgets old searches, and weighs what was opened."""


class SearchParts:
    """The parts of one portal's search, put together. ``portal.service(SearchParts)`` is for its own hooks."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.settings = SearchSettings.of(portal.settings)
        stemmer = Stemmer(self.settings.language)
        condition = self.condition = VisibleCondition()
        self.engine = engine_of(portal, self.settings, condition)
        self.layer = layer_of(portal, condition)
        if self.layer is not None:
            from callboard.features.search.semantic.engine import EngineWithVectors

            self.engine = EngineWithVectors(self.engine, self.layer)
        self.indexer = Indexer(
            portal.db, portal.jobs, portal.clock, self.engine, stemmer,
            collators=lambda: self.collators, visibility=lambda: self.visibility,
        )  # fmt: skip
        has_vocabulary = self.settings.has_builtin and self.settings.language == "english"
        vocabulary = Vocabulary(stemmer.term, self.settings.not_synonyms) if has_vocabulary else None
        given = Synonyms(self.settings.synonyms, related=RELATED if has_vocabulary else ())
        self.synonyms = PortalSynonyms(given, pairs_of(self.settings.not_synonyms))
        self.reader = QuestionReader(stemmer, self.synonyms, vocabulary)
        self.service = SearchService(
            portal.db, self.engine, self.indexer, self.reader, condition,
            collators=lambda: self.collators, visibility=lambda: self.visibility,
            learnt=Learnt(self.settings.learns, self.settings.not_synonyms, self.synonyms), neighbours=self.layer,
        )  # fmt: skip
        self.progress = IndexProgress(
            portal.db, portal.jobs, collators=lambda: self.collators, visibility=lambda: self.visibility
        )
        self.teaching = Teaching(portal.db, self.service.learnt, lambda: self.visibility)
        self.jobs = SearchJobs(self.indexer, self.settings)

    @cached_property
    def curating(self) -> Curating:
        """Put together when somebody looks at synonyms."""
        from callboard.features.search.curating import Curating

        portal = self._portal
        return Curating(
            portal.db, portal.clock, portal.audit, portal.permissions, self.teaching, self.synonyms, self.settings.synonyms
        )  # fmt: skip

    async def count_synonyms(self, *, actor: Actor) -> int | None:
        """Implements ``interface.SynonymCount``."""
        return await self.curating.count_synonyms(actor=actor)

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
        if self.layer is not None:
            await self.layer.start()

    async def catch_up(self, heartbeat: Callable[[], Awaitable[None]] = go_on) -> list[str]:
        """Read and index everything now, for commands that ask before a portal runs; a sentence for each source that cannot be read.

        Where the embedder does not answer, words do.
        """
        from callboard.features.search.catching_up import catch_up

        problems = await catch_up(self.indexer, self.collators.values(), heartbeat)
        if self.layer is not None:
            with contextlib.suppress(LimitError, UnavailableError):
                await self.layer.catch_up()
        return problems

    async def stop(self) -> None:
        await self.engine.close()


class NoMeaning:
    """Implements ``interface.Meaning`` where the extra is off."""

    async def state(self) -> MeaningState | None:
        return None


class SearchDoors:
    """Pages, the command palette's answers and what is kept of searches, over the parts."""

    def __init__(self, portal: Any, parts: SearchParts) -> None:
        from callboard.features.search.history.popular import Popular
        from callboard.features.search.history.service import SearchHistory
        from callboard.features.search.history.settings import HistorySettings
        from callboard.ui.preferences import Preferences

        self._portal = portal
        self._parts = parts
        self._settings = HistorySettings.of(portal.settings)
        self.history = SearchHistory(
            portal.db, portal.clock, portal.audit, portal.permissions, lambda: portal.service(Preferences), self._settings,
            lambda: parts.visibility,
        )  # fmt: skip
        self.popular = Popular(
            portal.db, portal.clock, parts.engine, parts.reader, parts.service.learnt, lambda: parts.visibility
        )

    def routes(self) -> Sequence[Any]:
        from callboard.features.search.views.asking import Asking
        from callboard.features.search.views.quick import QuickFinder
        from callboard.features.search.views.routes import page_routes
        from callboard.ui.messages import Messages

        parts, db = self._parts, self._portal.db
        asking = Asking(parts.service, self.history, self.popular, db, lambda: parts.visibility)
        quick = QuickFinder(parts.service, db, parts.condition, lambda: parts.visibility)
        from callboard.features.search.views.synonyms import SynonymViews

        words = SynonymViews(parts.curating, self._portal.service(Messages), self._portal.clock)
        return [
            *words.routes(),
            *page_routes(self._portal, asking, quick, self.history, self._settings, parts.progress),
        ]

    def job_kinds(self) -> Sequence[Any]:
        from callboard.kernel.jobs import JobContext, JobKind

        async def keep(context: JobContext) -> None:
            await self.history.sweep()

        return [JobKind(KEEP_JOB, keep)]

    def schedules(self) -> Sequence[Any]:
        from callboard.kernel.jobs import Schedule

        return [Schedule("search_keep", timedelta(hours=1), KEEP_JOB, initial_delay=timedelta(minutes=5))]


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


def layer_of(portal: Any, condition: VisibleCondition) -> SemanticLayer | None:
    """Finding by meaning, where the settings switch it on; nothing of it is imported elsewhere. Raises ``SettingsError``."""
    settings = SemanticSettings.of(portal.settings)
    if settings is None:
        return None
    from callboard.features.search.semantic.embedders import embedder_of
    from callboard.features.search.semantic.layer import SemanticLayer
    from callboard.features.search.semantic.vectors import Vectors

    http = portal.http
    if settings.endpoint is not None:
        http = http.allowing(urlsplit(settings.endpoint.base_url).netloc)
    vectors = Vectors(condition, portal.clock, settings.types)
    return SemanticLayer(portal.db, portal.jobs, portal.clock, embedder_of(settings, http), vectors, settings)


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [SearchHooks]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    from callboard.features.search.history.permissions import PERMISSIONS
    from callboard.features.search.permissions import REBUILD_INDEX

    return [*PERMISSIONS, REBUILD_INDEX]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.search"]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    from callboard.features.search.history.permissions import READ_SYNONYMS, READ_UNANSWERED

    unanswered = NavItem(
        "search-unanswered", "search.unanswered.title", "/search/unanswered", "search", 46, READ_UNANSWERED, in_rail=False
    )  # fmt: skip
    words = NavItem(
        "search-synonyms", "search.synonyms.title", "/search/synonyms", "search", 47, READ_SYNONYMS, in_rail=False
    )
    return [NavItem("search", "nav.search", "/search", "search", 45, key="s"), unanswered, words]


@hookimpl
def register_preferences(portal: Any) -> Sequence[Any]:
    return [portal.service(SearchDoors).history.preference()]


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.search.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    from callboard.features.search.history.settings import HISTORY_SETTINGS

    return [*SETTINGS, *HISTORY_SETTINGS, *SEMANTIC_SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    parts = SearchParts(portal)
    doors = SearchDoors(portal, parts)
    return {
        SearchParts: parts,
        Search: parts.service,
        Indexing: parts.progress,
        SynonymCount: parts,
        SearchDoors: doors,
        Meaning: parts.layer or NoMeaning(),
    }


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    parts = portal.service(SearchParts)
    own = [*parts.jobs.kinds(), *portal.service(SearchDoors).job_kinds()]
    return own if parts.layer is None else [*own, *parts.layer.job_kinds()]


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    parts = portal.service(SearchParts)
    own = [*parts.jobs.schedules(parts.collators), *portal.service(SearchDoors).schedules()]
    return own if parts.layer is None else [*own, *parts.layer.schedules(parts.settings.sweep_every)]


@hookimpl
def register_event_handlers(portal: Any) -> Sequence[Any]:
    parts = portal.service(SearchParts)
    return parts.jobs.handlers(parts.collators)


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    return [portal.service(SearchParts).start, portal.service(SearchDoors).history.start]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    return [portal.service(SearchDoors).history.stop, portal.service(SearchParts).stop]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    doors = portal.service(SearchDoors)
    return [
        LateRoutes(["/api/search"], lambda: _rest_routes(portal)),
        LateRoutes(["/search", "/api/search/v1"], lambda: doors.routes()),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.search.rest import search_routes

    parts = portal.service(SearchParts)
    note = portal.service(SearchDoors).history.note_answer
    return search_routes(parts.service, parts.settings, note, parts.progress)


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.search.actions import search_actions

    parts = portal.service(SearchParts)
    note = portal.service(SearchDoors).history.note_answer
    return search_actions(parts.service, parts.teaching, parts.indexer, note, parts.progress)


@hookimpl
def register_commands() -> Mapping[str, str]:
    return {"search": "callboard.cli.search:app"}
