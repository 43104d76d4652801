"""``/create``: which template?"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson
from starlette.responses import Response

from callboard.features.catalog.interface import (
    BY_TITLE,
    CREATE_ENTITY,
    CREATE_LOCATION,
    EntityQuery,
    FacetValue,
    Order,
)
from callboard.features.catalog.interface.personal import Stars
from callboard.features.scaffolder.pages.common import at
from callboard.features.scaffolder.pages.gallery import (
    FACETS,
    SIZE,
    GalleryPage,
    GalleryState,
    card_of,
    chosen_of,
    facets_of,
    pager_of,
)
from callboard.features.scaffolder.permissions import CREATE_TASK
from callboard.features.scaffolder.views.base import PageParts
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import Negation, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator
from callboard.ui.parts import LinkItem


class GalleryViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, parts: PageParts, stars: Stars) -> None:
        self._parts = parts
        self._stars = stars

    def routes(self) -> list[Route]:
        return [Route("/create", self.show, auth="page", name="create")]

    async def show(self, request: Request) -> Response:
        parts, state, t = self._parts, GalleryState.parse(request.query_params), self._parts.t(request)
        parts.permissions.require(request.actor, CREATE_TASK)
        keeps = self._stars.is_kept_for(request.actor)
        starred = await self._starred(request, state) if keeps else []
        entities, total = await self._page(request, state, starred)
        refs = [str(EntityRef.of(entity)).lower() for entity in entities]
        uses = await parts.uses.count(refs, actor=request.actor)
        found = await self._facets(request, state)
        owners = await parts.look_up(self._owners(entities, found, state), request)
        marks = {str(EntityRef.of(entity)).lower() for entity in starred}
        now = parts.clock.now()
        cards = [
            card_of(
                entity, state=state, use=uses.get(ref), last_success=at(uses[ref].last_success_at, now),
                is_starred=ref in marks if keeps else None, owners=owners,
            )
            for ref, entity in zip(refs, entities, strict=True)
        ]  # fmt: skip
        is_new = not total and not state.is_filtered and not state.start
        page = GalleryPage(
            title=t("scaffolder.page.create.title"),
            crumbs=(),
            tabs=parts.tabs(request, "templates"),
            state=state,
            cards=cards,
            total=total,
            facets=facets_of(state, found, owners, t),
            chosen=chosen_of(state, owners),
            hidden=[*state.chosen, *([("starred", "1")] if state.is_starred else [])],
            clear_href=GalleryState().href(),
            starred_href=state.href(starred=not state.is_starred) if keeps and (marks or state.is_starred) else None,
            pager=pager_of(state.start, SIZE, total, lambda start: state.href(start=start)) if total > SIZE else None,
            ways=self._ways(request, t),
            is_new=is_new,
        )
        return request.render("scaffolder/create.html", page)

    async def _starred(self, request: Request, state: GalleryState) -> list[Mapping[str, Any]]:
        """Those that fit and are starred, the latest star first."""
        refs = [ref for ref in reversed(await self._stars.list(actor=request.actor)) if ref.startswith("template:")]
        raws = await self._parts.queries.get_many_raw(refs, predicate=state.predicate(), actor=request.actor)
        return [orjson.loads(raw) for raw in raws if raw is not None]

    async def _page(
        self, request: Request, state: GalleryState, starred: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Mapping[str, Any]], int]:
        """The starred ones come first, then all others by title; how many there are."""
        first = list(starred[state.start : state.start + SIZE])
        if state.is_starred:
            return first, len(starred)
        uids = [entity["metadata"]["uid"] for entity in starred]
        others: Predicate = state.predicate()
        if uids:
            others = conjoin(others, Negation(has_value("metadata.uid", uids)))
        query = EntityQuery(
            others, Order(BY_TITLE), by_ref=True, limit=SIZE - len(first), offset=max(state.start - len(starred), 0)
        )
        page = await self._parts.queries.list_raw(query, actor=request.actor)
        rest = [orjson.loads(raw) for raw in page.items] if len(first) < SIZE else []
        return [*first, *rest], len(starred) + (page.total or 0)

    async def _facets(self, request: Request, state: GalleryState) -> dict[str, Sequence[FacetValue]]:
        """Of each filter what the others leave; those that are off share one question."""
        on = {name for name, _ in state.chosen} - {"tag"}
        keys = [key for name, key in FACETS.items() if name not in on]
        queries = self._parts.queries
        found: dict[str, Sequence[FacetValue]] = {}
        found.update(await queries.facets(keys, state.predicate(), actor=request.actor))
        for name in on:
            found.update(await queries.facets([FACETS[name]], state.predicate(without=name), actor=request.actor))
        return found

    def _owners(
        self, entities: Sequence[Mapping[str, Any]], found: Mapping[str, Sequence[FacetValue]], state: GalleryState
    ) -> list[str]:
        refs = [
            one["targetRef"] for entity in entities for one in entity.get("relations", ()) if one["type"] == "ownedBy"
        ]
        refs += [value for name, value in state.chosen if name == "owner"]
        return refs + [one.value for one in found.get(FACETS["owner"], ())[:60]]

    def _ways(self, request: Request, t: Translator) -> list[LinkItem]:
        """Other ways to bring something into the catalog, as far as they are here and open to the reader."""
        portal = request.portal
        if portal.settings.get_bool("catalog.readonly", False):
            return []
        ways = []
        if portal.plugins.has("editing") and self._parts.may(request, CREATE_ENTITY):
            ways.append(LinkItem(t("scaffolder.page.create.by_form"), "/create-entity", "edit"))
        if self._parts.may(request, CREATE_LOCATION):
            ways.append(LinkItem(t("scaffolder.page.create.register"), "/catalog/locations/new", "location"))
        return ways
