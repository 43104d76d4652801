"""The definition of an API for people: the tab's fields, one entry at a time, and the page that compares two definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from callboard.features.catalog.apis.model import Api
from callboard.features.catalog.apis.pages import ApiState, ApiView, ComparePage, api_view, detail_view, subjects_of
from callboard.features.catalog.apis.reading import format_of
from callboard.features.catalog.apis.service import ApiDefinitions, Version
from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.pages.links import display_title, entity_href, link_to, spec_of
from callboard.kernel.clock import Clock
from callboard.kernel.errors import CallboardError, InputError, NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Messages, Translator
from callboard.ui.moments import format_exact, moment
from callboard.ui.parts import Crumb, Tab

COMPARE_API = "/api/catalog/v1/definition-diff"


async def read_tab(
    definitions: ApiDefinitions, entity: Mapping[str, Any], request: Any, t: Translator
) -> ApiView | None:
    """What the tab shows of a definition that is of a known format; None for others, which are shown as text."""
    text, format = spec_of(entity).get("definition"), format_of(spec_of(entity).get("type"))
    if format is None or not isinstance(text, str):
        return None
    found = await definitions.read(text, format)
    return api_view(found, text, EntityRef.of(entity), ApiState.parse(request.query_params), t)


class ApiViews:
    """``/catalog/<ns>/<kind>/<name>/definition/part`` and ``…/definition/compare``."""

    def __init__(self, queries: CatalogQueries, definitions: ApiDefinitions, clock: Clock, messages: Messages) -> None:
        self._queries = queries
        self._definitions = definitions
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        base = "/catalog/{namespace}/{kind}/{name}/definition"
        return [
            Route(base + "/part", self.part, auth="page", name="catalog-definition-part"),
            Route(base + "/compare", self.compare, auth="page", name="catalog-definition-compare"),
        ]

    async def part(self, request: Request) -> Response:
        """The detail of one entry, to be put into the row that was opened."""
        ref = _ref(request)
        entity = await self._queries.get_entity(ref, actor=request.actor)
        text, format = spec_of(entity).get("definition"), format_of(spec_of(entity).get("type"))
        if isinstance(text, str) and format is not None:
            found = await self._definitions.read(text, format)
            if isinstance(found, Api) and (entry := found.find(request.query_params.get("item", ""))) is not None:
                return request.render("catalog/api_part.html", detail_view(entry, entity_href(ref, "definition")))
        raise NotFoundError("The definition has no such operation or type.")

    async def compare(self, request: Request) -> Response:
        """``with``: ``before:<change>`` of the entity's own history, or another entity's ref; ``at``: a version of this side."""
        ref, t, query = _ref(request), self._messages.translator(request.locale), request.query_params
        entity = await self._queries.get_entity(ref, actor=request.actor)
        if not isinstance(spec_of(entity).get("definition"), str):
            raise NotFoundError("This entity has no definition.")
        versions = await self._definitions.versions(ref, actor=request.actor)
        other = query.get("entity", "").strip()[:500]
        with_ = query.get("with", "")[:500]
        if ":" in with_ and not with_.startswith("before:"):
            other, with_ = with_, ""
        page = ComparePage(
            title=t("apis.compare_of", title=display_title(entity)),
            crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(display_title(entity), entity_href(ref)),
                    Crumb(t("catalog.tab.definition"), entity_href(ref, "definition")), Crumb(t("apis.compare"))],
            action=entity_href(ref, "definition/compare"),
            back_href=entity_href(ref, "definition"),
            versions=[(f"before:{v.id}", self._title(v, t)) for v in versions],
            with_=with_,
            other=other,
            at=query.get("at", "")[:60],
            is_swapped=query.get("swap") == "1",
            level=query.get("level", "") if query.get("level") in ("breaking", "risky", "safe") else "",
        )  # fmt: skip
        if not with_ and not other:
            return request.render("catalog/compare.html", page)
        try:
            page = await self._compared(page, ref, request, t)
        except (InputError, NotFoundError, RefError) as error:
            told = str(error)
            if isinstance(error, CallboardError) and getattr(error, "line", None):
                told = f"{told} {t('apis.place', line=str(error.line), column=str(error.column or 1))}"
            return request.render("catalog/compare.html", replace(page, error=told), status=400)
        return request.render("catalog/compare.html", page)

    def _title(self, version: Version, t: Translator) -> str:
        return t("apis.version_until", when=format_exact(moment(version.until, self._clock.now()).iso, t.locale))

    async def _compared(self, page: ComparePage, ref: EntityRef, request: Request, t: Translator) -> ComparePage:
        other = EntityRef.parse(page.other, default_kind="api", default_namespace=ref.namespace) if page.other else ref
        sides = [(other, _version(page.with_)), (ref, _version(page.at))]
        if page.is_swapped:
            sides.reverse()
        read = [await self._definitions.definition(r, v, actor=request.actor) for r, v in sides]
        if read[0][2] != read[1][2]:
            raise InputError(t("apis.other_format", one=read[0][2], other=read[1][2]))
        comparison = await self._definitions.compare(read[0][1], read[1][1], read[0][2])
        titles = dict(page.versions)
        counts = [(level, comparison.count(level)) for level in ("breaking", "risky", "safe")]
        own = {"with": page.with_, "entity": page.other, "at": page.at, "swap": "1" if page.is_swapped else ""}
        asked = {"from": str(sides[0][0]), "to": str(sides[1][0]), "fromVersion": sides[0][1], "toVersion": sides[1][1]}

        def href(level: str) -> str:
            return page.action + "?" + urlencode({k: v for k, v in {**own, "level": level}.items() if v})

        return replace(
            page,
            sides=[
                (
                    link_to(str(r), entity),
                    titles.get(f"before:{v}", t("apis.version_now")) if v is not None or r == ref else "",
                )
                for (r, v), (entity, _, _) in zip(sides, read, strict=True)
            ],
            comparison=comparison,
            counts=counts,
            subjects=subjects_of(comparison, page.level, t),
            json_href=COMPARE_API + "?" + urlencode({k: v for k, v in asked.items() if v is not None}),
            level_hrefs=[
                Tab("all", t("apis.level.all"), href(""), not page.level, len(comparison.changes)),
                *(
                    Tab(
                        level,
                        t(f"apis.level.{level}"),
                        href(level),
                        page.level == level,
                        n,
                        bad=level == "breaking" and n > 0,
                    )
                    for level, n in counts
                ),
            ],
        )


def _version(text: str) -> int | None:
    id = text.removeprefix("before:")
    return int(id) if id.isdecimal() and len(id) < 19 else None


def _ref(request: Request) -> EntityRef:
    params = request.path_params
    return EntityRef(params["kind"].lower(), params["namespace"].lower(), params["name"].lower())
