"""The pages ``/groups``, ``/systems`` and ``/api-docs``."""

from __future__ import annotations

from typing import Any, Final, Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from callboard.features.catalog.apis.search import OperationSearch
from callboard.features.catalog.explore.pages import (
    ApiRow,
    ApisPage,
    Card,
    GroupsPage,
    OperationHit,
    SystemRow,
    SystemsPage,
    draw,
    group_link,
    legend_of,
    tree_rows,
)
from callboard.features.catalog.explore.reader import ExploreReader, Landscape
from callboard.features.catalog.explore.systems import around_domain
from callboard.features.catalog.graph.pages import edge_names
from callboard.features.catalog.interface import BY_TITLE, EntityQuery, Order
from callboard.features.catalog.pages.links import display_title, entity_href, link_to, links_of, related
from callboard.features.catalog.pages.list_state import TEXT_KEYS
from callboard.features.catalog.pages.listing import row_of
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.clock import Clock
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import HasText, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Crumb, Pager, Tab

SYSTEMS_PAGE: Final = 100
APIS_PAGE: Final = 50
HITS: Final = 40
NEEDS: Final = 4


class ExploreViews:
    """Pages over ``ExploreReader``; lists are in pages, the tree of groups is bounded."""

    def __init__(self, reader: ExploreReader, search: OperationSearch, clock: Clock, messages: Messages) -> None:
        self._reader = reader
        self._search = search
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        return [
            Route("/groups", self.groups, auth="page", name="explore-groups"),
            Route("/systems", self.systems, auth="page", name="explore-systems"),
            Route("/api-docs", self.apis, auth="page", name="explore-apis"),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def groups(self, request: Request) -> Response:
        """The whole tree, what is under one group, or what fits the words with the groups over it."""
        t, query = self._t(request), request.query_params
        words, under = query.get("q", "").strip()[:200], query.get("under", "").lower()[:500]
        organisation = await self._reader.organisation(actor=request.actor)
        roots, only, found = list(organisation.roots), None, set[str]()
        if under in organisation.groups:
            roots = [under]
        if words:
            found = organisation.find(words)
            only = found | set(organisation.above(*found))
        people = await self._reader.queries.count(has_value("kind", ["user"]), actor=request.actor)
        title = t("explore.groups")
        page = GroupsPage(
            title=title,
            crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(title)],
            count=len(organisation.groups),
            q=words,
            tree=tree_rows(organisation.tree(roots, only=only, matches=found)),
            matches=len(found) if words else None,
            people=people,
            under=group_link(organisation.groups[under]) if under in organisation.groups else None,
        )
        return request.render("catalog/explore_groups.html", page)

    async def systems(self, request: Request) -> Response:
        """Domains with their systems; with ``domain`` those of one, with words those that hold them."""
        t, query = self._t(request), request.query_params
        words, domain = query.get("q", "").strip()[:200], query.get("domain", "").lower()[:500]
        land = await self._reader.landscape(actor=request.actor)
        titles = {ref: display_title(entity) for ref, entity in (*land.domains.items(), *land.systems.items())}
        refs = [ref for ref in land.systems if not domain or land.homes.get(ref) == domain]
        wanted = words.lower().split()
        if wanted:
            told = {ref: f"{ref} {titles[ref]} {titles.get(land.homes.get(ref, ''), '')}".lower() for ref in refs}
            refs = [ref for ref in refs if all(word in told[ref] for word in wanted)]
        refs.sort(
            key=lambda ref: (
                ref not in land.homes,
                titles.get(land.homes.get(ref, ""), "").lower(),
                titles[ref].lower(),
                ref,
            )
        )
        params = {k: v for k, v in (("q", words), ("domain", domain)) if v}
        is_map = query.get("view") == "map"
        at = _start(query.get("start", ""))
        shown = [] if is_map else refs[at : at + SYSTEMS_PAGE]
        rows = await system_rows(self._reader, land, shown, request)
        groups: dict[str, list[SystemRow]] = {}
        for ref, row in zip(shown, rows, strict=True):
            groups.setdefault(land.homes.get(ref, ""), []).append(row)
        title = t("explore.systems")
        page = SystemsPage(
            title=title,
            crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(title)],
            count=len(land.systems),
            q=words,
            domains=[(link_to(home, land.domains[home]) if home else None, found) for home, found in groups.items()],
            pager=None if is_map else _pager("/systems", params, at, len(shown), len(refs), SYSTEMS_PAGE),
            views=[Tab("list", t("explore.systems.list"), _href("/systems", params), not is_map),
                   Tab("map", t("explore.systems.map"), _href("/systems", {**params, "view": "map"}), is_map)],
            map=await self._map(refs, land, request) if is_map and refs else None,
        )  # fmt: skip
        return request.render("catalog/explore_systems.html", page)

    async def _map(self, refs: Sequence[str], land: Landscape, request: Request) -> Card:
        """These systems and what they need of each other and of others; the most connected where there are many."""
        t = self._t(request)
        around = around_domain(refs, land.dependencies)
        known = {ref: land.systems.get(ref) for ref in around.graph.places}
        names = edge_names(self._reader.types, around.graph.edges, t)
        drawing = draw(around, known, names, t("explore.systems"), t, framed=False)
        return Card("diagram", drawing=drawing, legend=legend_of(around, names), omitted=around.omitted)

    async def apis(self, request: Request) -> Response:
        """All APIs by type and words, and the operations that hold the words."""
        t, query, actor = self._t(request), request.query_params, request.actor
        words, type = query.get("q", "").strip()[:200], query.get("type", "").strip()[:100]
        at = _start(query.get("start", ""))
        text = HasText(TEXT_KEYS, words.lower()) if words else None
        kind = has_value("kind", ["api"])
        found = await self._reader.queries.list_raw(
            EntityQuery(
                conjoin(kind, text, has_value("spec.type", [type]) if type else None),
                Order(BY_TITLE),
                limit=APIS_PAGE,
                offset=at,
            ),
            actor=actor,
        )
        documents = decode(found.items)
        types = (await self._reader.queries.facets(["spec.type"], conjoin(kind, text), actor=actor))["spec.type"]
        refs = [str(EntityRef.of(document)) for document in documents]
        users: dict[str, dict[str, set[str]]] = {ref: {} for ref in refs}
        for relation in await self._reader.queries.relations_of(refs, actor=actor):
            users[relation.source].setdefault(relation.type, set()).add(relation.target)
        hits, count, unread = await self._search.search(words, actor=actor, limit=HITS) if words else ([], 0, 0)
        owners = [owner for document in documents for owner in related(document, "ownedBy")[:1]]
        known = await look_up(self._reader.queries, [*owners, *(hit.ref for hit in hits)], actor=actor)
        params = {k: v for k, v in (("q", words), ("type", type)) if v}
        title = t("explore.apis")
        page = ApisPage(
            title=title,
            crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(title)],
            count=await self._reader.queries.count(kind, actor=actor),
            q=words,
            chosen_type=type,
            types=[
                Tab("all", t("explore.apis.all"), _href("/api-docs", {"q": words}), not type, sum(v.count for v in types)),
                *(Tab(v.value, v.value, _href("/api-docs", {"q": words, "type": v.value}), v.value.lower() == type.lower(), v.count)
                  for v in sorted(types, key=lambda v: (-v.count, v.value))[:12]),
            ],
            rows=[self._api_row(document, users[ref], known) for document, ref in zip(documents, refs, strict=True)],
            pager=_pager("/api-docs", params, at, len(documents), found.total or 0, APIS_PAGE),
            hits=[
                OperationHit(link_to(hit.ref, known.get(hit.ref), known=False), hit.badge, hit.name, hit.summary,
                             entity_href(hit.ref, "definition") + "?" + urlencode({"item": hit.id}))
                for hit in hits
            ],
            more_hits=count - len(hits),
            unread=unread,
            href=_href("/api-docs", params),
        )  # fmt: skip
        return request.render("catalog/explore_apis.html", page)

    def _api_row(self, document: Any, users: dict[str, set[str]], known: Any) -> ApiRow:
        row = row_of(document, known, None, self._clock.now())
        spec = document.get("spec")
        has_definition = isinstance(spec, dict) and isinstance(spec.get("definition"), str)
        return ApiRow(
            link=row.link,
            description=row.description,
            type=row.type,
            lifecycle=row.lifecycle,
            owners=row.owners,
            health=row.health,
            provided=len(users.get("apiProvidedBy", ())),
            consumed=len(users.get("apiConsumedBy", ())),
            definition_href=entity_href(row.link.ref, "definition") if has_definition else None,
        )


async def system_rows(reader: ExploreReader, land: Landscape, refs: Sequence[str], request: Any) -> list[SystemRow]:
    """Systems with counts and what they need; one call for all owners."""
    known = await look_up(
        reader.queries, [o for ref in refs for o in land.systems[ref]["owners"][:1]], actor=request.actor
    )
    rows = []
    for ref in refs:
        needs = land.needs.get(ref, ())
        parts = [
            (kind, *_mark(kind), land.parts.get(ref, {}).get(kind, 0)) for kind in ("component", "api", "resource")
        ]
        rows.append(
            SystemRow(
                link=link_to(ref, land.systems[ref]),
                owners=links_of(land.systems[ref]["owners"][:1], known),
                parts=[part for part in parts if part[3]],
                needs=[(link_to(other, land.systems.get(other), known=False), count) for other, count in needs[:NEEDS]],
                more_needs=max(0, len(needs) - NEEDS),
                needed_by=land.needed_by.get(ref, 0),
                graph_href=entity_href(ref, "graph"),
            )
        )
    return rows


def _mark(kind: str) -> tuple[str, int]:
    mark = kind_mark(kind)
    return mark.icon, mark.hue


def _start(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def _href(path: str, params: dict[str, Any]) -> str:
    found = urlencode({k: v for k, v in params.items() if v})
    return f"{path}?{found}" if found else path


def _pager(path: str, params: dict[str, str], at: int, shown: int, total: int, size: int) -> Pager | None:
    if total <= size and not at:
        return None
    return Pager(
        at + 1 if shown else 0, at + shown, total,
        _href(path, {**params, "start": max(0, at - size)}) if at else None,
        _href(path, {**params, "start": at + size}) if at + size < total else None,
    )  # fmt: skip
