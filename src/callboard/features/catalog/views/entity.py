"""The entity page, a tab at a time: each tab asks only for what it shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Awaitable, Callable, Mapping, Sequence

import orjson
from markupsafe import Markup, escape

from callboard.features.catalog.interface import CatalogQueries, EntityCard, EntityNotFound, EntityTab, Finding
from callboard.features.catalog.pages.entity import (
    RELATIONS_PAGE,
    EntityPage,
    RenderedCard,
    definition_of,
    entity_page,
    overview_fields,
    relation_choices,
    relation_page_link,
    relation_view,
    relations_page,
    shown_cards,
    shown_refs,
    yaml_of,
)
from callboard.features.catalog.pages.history import change_view
from callboard.features.catalog.pages.links import entity_href, related
from callboard.features.catalog.pages.problems import finding_view
from callboard.features.catalog.views.reading import look_up
from callboard.kernel.errors import NotFoundError
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of
from callboard.ui.messages import Translator

HISTORY_PAGE = 30


class EntityReader:
    """Puts an ``EntityPage`` together from the catalog and from what plugins add to it."""

    def __init__(self, queries: CatalogQueries, tabs: Sequence[EntityTab], cards: Sequence[EntityCard]) -> None:
        self._queries = queries
        self._tabs = tabs
        self._cards = cards

    async def read(self, ref: EntityRef, tab: str, request: Any, *, now: datetime, t: Translator) -> EntityPage:
        """Raises ``EntityNotFound``, and ``NotFoundError`` for a tab that this entity does not have."""
        actor = request.actor
        raw = await self._queries.find_raw(str(ref), actor=actor)
        if raw is None:
            raise EntityNotFound(ref)
        entity = orjson.loads(raw)
        findings = await self._queries.findings(ref, actor=actor)
        terms = terms_of(entity)
        known: dict[str, Any] = {}
        readers: Mapping[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "overview": self._overview,
            "definition": self._definition,
            "relations": self._relations,
            "history": self._history,
            "problems": self._problems,
            "yaml": self._yaml,
        }
        if tab in readers:
            fields = await readers[tab](entity, request, known, findings, now, t)
        else:
            fields = await self._plugin_tab(tab, entity, request)
        if tab != "overview":
            known |= await look_up(self._queries, related(entity, "ownedBy")[:3], actor=actor)
        return entity_page(
            entity,
            tab=tab,
            known=known,
            findings=findings,
            extra_tabs=self._tabs,
            terms=terms,
            actor=actor,
            refreshed="refreshed" in request.query_params,
            t=t,
            **fields,
        )

    async def _overview(
        self,
        entity: Any,
        request: Any,
        known: dict[str, Any],
        findings: Sequence[Finding],
        now: datetime,
        t: Translator,
    ) -> dict[str, Any]:
        known |= await look_up(self._queries, shown_refs(entity), actor=request.actor)
        fields = overview_fields(entity, known, t)
        for column in ("main", "side"):
            chosen = shown_cards(self._cards, column, terms_of(entity))
            fields[f"{column}_cards"] = [
                RenderedCard(c.id, c.title, _safe(await c.render(entity, request))) for c in chosen
            ]
        return fields

    async def _definition(self, entity: Any, *_: Any) -> dict[str, Any]:
        code = definition_of(entity)
        if code is None:
            raise NotFoundError("This entity has no definition.")
        return {"code": code}

    async def _relations(
        self,
        entity: Any,
        request: Any,
        known: dict[str, Any],
        findings: Sequence[Finding],
        now: datetime,
        t: Translator,
    ) -> dict[str, Any]:
        wanted = request.query_params.get("type")
        start = request.query_params.get("start", "")
        at = int(start) if start.isdecimal() and len(start) < 9 else 0
        found = relations_page(entity, wanted, at)
        if found is None:
            if wanted is not None:
                raise NotFoundError(f"This entity has no relations of type {wanted[:80]!r}.")
            return {"relation": None}
        key, name, refs, total = found
        known |= await look_up(self._queries, refs, actor=request.actor)
        more = relation_page_link(entity, key, at + RELATIONS_PAGE) if at + RELATIONS_PAGE < total else None
        return {
            "relation": relation_view(key, name, refs, total, known, more, t),
            "relation_range": (at + 1 if refs else 0, at + len(refs)),
            "relation_previous": relation_page_link(entity, key, max(0, at - RELATIONS_PAGE)) if at else None,
            "relation_choices": relation_choices(entity, key, t),
        }

    async def _history(
        self,
        entity: Any,
        request: Any,
        known: dict[str, Any],
        findings: Sequence[Finding],
        now: datetime,
        t: Translator,
    ) -> dict[str, Any]:
        ref = EntityRef.of(entity)
        before = request.query_params.get("before", "")
        entries = await self._queries.history(
            ref,
            actor=request.actor,
            limit=HISTORY_PAGE + 1,
            before=int(before) if before.isdecimal() and len(before) < 19 else None,
        )
        older = (
            entity_href(ref, "history") + f"?before={entries[HISTORY_PAGE - 1].id}"
            if len(entries) > HISTORY_PAGE
            else None
        )
        return {"changes": [change_view(e, now) for e in entries[:HISTORY_PAGE]], "older_href": older}

    async def _problems(
        self,
        entity: Any,
        request: Any,
        known: dict[str, Any],
        findings: Sequence[Finding],
        now: datetime,
        t: Translator,
    ) -> dict[str, Any]:
        return {"shown_findings": [finding_view(f, now) for f in findings]}

    async def _yaml(self, entity: Any, *_: Any) -> dict[str, Any]:
        ref = EntityRef.of(entity)
        raw = f"/api/catalog/entities/by-name/{ref.kind}/{ref.namespace}/{ref.name}".lower()
        return {"code": yaml_of(entity), "raw_href": raw}

    async def _plugin_tab(self, tab: str, entity: Any, request: Any) -> dict[str, Any]:
        from callboard.model.predicates import matches

        for candidate in self._tabs:
            if candidate.id == tab and (candidate.shown is None or matches(candidate.shown, terms_of(entity))):
                return {"plugin_html": _safe(await candidate.render(entity, request))}
        raise NotFoundError("This entity has no such tab.")


def _safe(html: Any) -> Markup:
    """``Markup`` as it is, any other text escaped."""
    return escape(html)
