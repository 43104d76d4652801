"""The entity page, a tab at a time: each tab asks only for what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from inspect import isawaitable
from typing import Any, Awaitable, Callable, Mapping, Sequence

import orjson
from markupsafe import Markup, escape

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.apis.views import read_tab
from callboard.features.catalog.interface import (
    REFRESH_ENTITY,
    CatalogQueries,
    EntityAction,
    EntityCard,
    EntityNotFound,
    EntityTab,
)
from callboard.features.catalog.interface.reasons import OwnershipReasons
from callboard.features.catalog.pages.entity import (
    LEADING,
    EntityPage,
    RenderedCard,
    definition_of,
    entity_page,
    has_definition,
    overview_fields,
    shown_cards,
    shown_refs,
    yaml_of,
)
from callboard.features.catalog.pages.findings import entity_of, finding_view
from callboard.features.catalog.pages.history import change_view
from callboard.features.catalog.pages.links import entity_href, related, spec_of
from callboard.features.catalog.pages.list_state import FILTERS, LOCATION_FILTER
from callboard.features.catalog.pages.location_files import file_views
from callboard.features.catalog.pages.mine import groups_in, mine_text
from callboard.features.catalog.pages.relations import (
    PAGE,
    relation_choices,
    relation_view,
    relations_href,
    relations_page,
)
from callboard.features.catalog.problems import Around, Problem, ProblemReader
from callboard.features.catalog.views.reading import look_up, may, own_paths
from callboard.kernel.errors import NotFoundError
from callboard.model.predicates import has_value, matches
from callboard.model.refs import EntityRef
from callboard.model.terms import Terms, terms_of
from callboard.ui.messages import Translator
from callboard.ui.parts import LinkItem

HISTORY_PAGE = 30
RECENT_CHANGES = 4
SHOWN_FILES = 30


@dataclass(slots=True)
class _Asked:
    """What a tab is made from."""

    entity: Any
    ref: EntityRef
    request: Any
    known: dict[str, Any]
    around: Around
    terms: Terms
    now: datetime
    t: Translator


class EntityReader:
    """Puts an ``EntityPage`` together from the catalog and from what plugins add to it."""

    def __init__(
        self,
        queries: CatalogQueries,
        problems: ProblemReader,
        tabs: Sequence[EntityTab],
        cards: Sequence[EntityCard],
        actions: Sequence[EntityAction] = (),
        definitions: ApiDefinitions | None = None,
        reasons: OwnershipReasons | None = None,
    ) -> None:
        self._definitions = definitions or ApiDefinitions(queries)
        self._queries = queries
        self._problems = problems
        self._tabs = tabs
        self._cards = cards
        self._actions = actions
        self._reasons = reasons

    async def read(self, ref: EntityRef, tab: str, request: Any, *, now: datetime, t: Translator) -> EntityPage:
        """Raises ``EntityNotFound``, and ``NotFoundError`` for a tab that this entity does not have."""
        actor = request.actor
        entity = await self.get(ref, request)
        around = await self._problems.around(ref, actor=actor)
        asked = _Asked(entity, ref, request, {}, around, terms_of(entity), now, t)
        readers: Mapping[str, Callable[[_Asked], Awaitable[dict[str, Any]]]] = {
            "overview": self._overview,
            "definition": self._definition,
            "relations": self._relations,
            "history": self._history,
            "problems": self._problems_tab,
            "yaml": self._yaml,
        }
        fields = await (readers[tab](asked) if tab in readers else self._plugin_tab(tab, asked))
        if tab != "overview":
            asked.known |= await look_up(self._queries, related(entity, "ownedBy")[:3], actor=actor)
        return entity_page(
            entity,
            tab=tab,
            known=asked.known,
            around=around,
            extra_tabs=self._tabs,
            terms=asked.terms,
            actor=actor,
            may_refresh=may(request.portal.permissions, actor, REFRESH_ENTITY, asked.terms),
            refreshed="refreshed" in request.query_params,
            actions=await self._offers(entity, request),
            t=t,
            mine=await self._why_mine(asked),
            **fields,
        )

    async def _offers(self, entity: Any, request: Any) -> list[LinkItem]:
        """The buttons that plugins offer for it, in their order."""
        found = []
        for action in self._actions:
            item = action.offer(entity, request)
            if isawaitable(item):
                item = await item
            if item is not None:
                found.append(item)
        return found

    async def _why_mine(self, asked: _Asked) -> str | None:
        paths = await own_paths(self._reasons, asked.request)
        if paths is None:
            return None
        owners = related(asked.entity, "ownedBy")
        missing = [group for group in groups_in(owners, paths) if group not in asked.known]
        asked.known |= await look_up(self._queries, missing, actor=asked.request.actor)
        return mine_text(owners, asked.request.actor.subject.lower(), paths, asked.known, asked.t)

    async def get(self, ref: EntityRef, request: Any) -> Any:
        """The entity's document. Raises ``EntityNotFound``."""
        raw = await self._queries.find_raw(str(ref), actor=request.actor)
        if raw is None:
            raise EntityNotFound(ref)
        return orjson.loads(raw)

    async def _overview(self, asked: _Asked) -> dict[str, Any]:
        entity, request, t = asked.entity, asked.request, asked.t
        asked.known |= await look_up(self._queries, shown_refs(entity), actor=request.actor)
        fields = overview_fields(entity, asked.known, t)
        recent = await self._queries.history(asked.ref, actor=request.actor, limit=RECENT_CHANGES)
        fields["recent"] = [change_view(entry, asked.now) for entry in recent]
        fields["history_href"] = entity_href(asked.ref, "history")
        if asked.ref.kind.lower() == "location":
            files, count = await self._problems.list_files(asked.ref, limit=SHOWN_FILES, actor=request.actor)
            brought = {file.location: await self._brought(file.location, request) for file in files if file.good}
            shown, unread = file_views(files, asked.around, asked.now, t, brought)
            fields["files"], fields["file_count"] = shown[:SHOWN_FILES], count + unread
            fields["names_no_file"] = not shown
        for column in ("main", "side", "wide"):
            chosen = shown_cards(self._cards, column, asked.terms)
            fields[f"{column}_cards"] = [
                RenderedCard(c.id, t.title(c.title), html, leads=c.rank < LEADING)
                for c in chosen
                if (html := _safe(await c.render(entity, request)))
            ]
        return fields

    async def _brought(self, location: str, request: Any) -> dict[str, int]:
        """How many entities of each kind stand in this file."""
        of_file = has_value(FILTERS[LOCATION_FILTER], [location])
        found = await self._queries.facets(["kind"], of_file, actor=request.actor)
        return {value.value.lower(): value.count for value in found.get("kind", ())}

    async def _definition(self, asked: _Asked) -> dict[str, Any]:
        if not has_definition(asked.entity):
            raise NotFoundError("This entity has no definition.")
        api = await read_tab(self._definitions, asked.entity, asked.request, asked.t)
        code = None
        if api is None or api.api is None or api.state.is_text:
            code = definition_of(asked.entity)
        language = spec_of(asked.entity).get("type")
        return {
            "api": api,
            "code": code,
            "raw_href": entity_href(asked.ref, "definition") + "/raw",
            "language": language if isinstance(language, str) else code.language if code else None,
        }

    async def _relations(self, asked: _Asked) -> dict[str, Any]:
        entity, query = asked.entity, asked.request.query_params
        wanted, start = query.get("type"), query.get("start", "")
        at = int(start) if start.isdecimal() and len(start) < 9 else 0
        found = relations_page(entity, wanted, at)
        if found is None:
            if wanted is not None:
                raise NotFoundError(f"This entity has no relations of type {wanted[:80]!r}.")
            return {"relation": None}
        key, name, refs, total = found
        asked.known |= await look_up(self._queries, refs, actor=asked.request.actor)
        more = relations_href(entity, key, at + PAGE) if at + PAGE < total else None
        return {
            "relation": relation_view(key, name, refs, total, asked.known, more, asked.t),
            "relation_range": (at + 1 if refs else 0, at + len(refs)),
            "relation_previous": relations_href(entity, key, max(0, at - PAGE)) if at else None,
            "relation_choices": relation_choices(entity, key, asked.t),
        }

    async def _history(self, asked: _Asked) -> dict[str, Any]:
        before = asked.request.query_params.get("before", "")
        entries = await self._queries.history(
            asked.ref,
            actor=asked.request.actor,
            limit=HISTORY_PAGE + 1,
            before=int(before) if before.isdecimal() and len(before) < 19 else None,
        )
        older = None
        if len(entries) > HISTORY_PAGE:
            older = entity_href(asked.ref, "history") + f"?before={entries[HISTORY_PAGE - 1].id}"
        changes = [change_view(e, asked.now) for e in entries[:HISTORY_PAGE]]
        return {"changes": changes, "older_href": older, "versions_href": entity_href(asked.ref, "versions")}

    async def _problems_tab(self, asked: _Asked) -> dict[str, Any]:
        around, t = asked.around, asked.t
        refs = [p.finding.entity_ref.lower() for p in [*around.file, *around.below] if p.finding.entity_ref]
        known = await look_up(self._queries, refs, actor=asked.request.actor)

        def views(problems: Sequence[Problem]) -> list[Any]:
            return [finding_view(p.finding, asked.now, t, entity_of(p.finding, known)) for p in problems]

        named = [
            (None, [finding_view(p.finding, asked.now, t) for p in around.own]),
            (t("catalog.problems.of_file"), views(around.file)),
            (t("catalog.problems.below"), views(around.below)),
        ]
        return {
            "shown_findings": [(title, found) for title, found in named if found],
            "unlisted_findings": around.below_total - len(around.below),
        }

    async def _yaml(self, asked: _Asked) -> dict[str, Any]:
        ref = asked.ref
        raw = f"/api/catalog/entities/by-name/{ref.kind}/{ref.namespace}/{ref.name}".lower()
        return {"code": yaml_of(asked.entity), "raw_href": raw}

    async def _plugin_tab(self, tab: str, asked: _Asked) -> dict[str, Any]:
        for candidate in self._tabs:
            if candidate.id == tab and (candidate.shown is None or matches(candidate.shown, asked.terms)):
                return {"plugin_html": _safe(await candidate.render(asked.entity, asked.request))}
        raise NotFoundError("This entity has no such tab.")


def _safe(html: Any) -> Markup:
    """``Markup`` as it is, any other text escaped."""
    return escape(html)
