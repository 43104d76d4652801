"""The graph as a page: the address that is its state, what is drawn, the same as a list, and words for what is left out."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Callable, Final, Mapping, Sequence
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.datastructures import QueryParams

from callboard.features.catalog.graph.domain import (
    DIRECTIONS,
    MAX_DEPTH,
    MAX_VISITED,
    Direction,
    Edge,
    Question,
    RelationTypes,
)
from callboard.features.catalog.graph.drawing import NodeView, draw_page, legend_line, style_of
from callboard.features.catalog.graph.labels import clean
from callboard.features.catalog.graph.layout import lay_out
from callboard.features.catalog.graph.reader import ReadGraph
from callboard.features.catalog.pages.links import display_title, entity_href, link_to, short_ref, spec_of, text
from callboard.features.catalog.pages.relations import relation_title
from callboard.model.refs import MAX_REF_LENGTH, EntityRef, RefError
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, EntityLink, LinkItem, Pager

PAGE: Final = "/catalog-graph"
FILE: Final = "/catalog-graph.svg"
API: Final = "/api/catalog/v1/graph"
_PLAIN: Final = re.compile(r"[\w.:/-]*", re.ASCII).fullmatch
"""What stands in a query as it is but for the colon; most refs, and there are thousands."""
DEFAULT_DEPTH: Final = 2
ALL: Final = "all"
LISTED: Final = 100
"""Entities on one page of the list beside the drawing."""
SAID: Final = 6
"""Relations of an entity that its line in the list names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class GraphState:
    """The query string. ``relations`` are as written there; none is the default of the root. Nonsense is passed over."""

    root: str = ""
    depth: int = DEFAULT_DEPTH
    relations: tuple[str, ...] = ()
    direction: Direction = "both"
    by_system: bool = False
    to: str = ""

    @classmethod
    def parse(cls, params: QueryParams, root: str | None = None) -> GraphState:
        depth = params.get("depth", "")
        direction: Direction = next((d for d in DIRECTIONS if d == params.get("direction")), "both")
        return cls(
            root=(root if root is not None else params.get("root", "")).strip()[:MAX_REF_LENGTH],
            depth=min(max(int(depth), 1), MAX_DEPTH) if depth.isdecimal() and len(depth) < 5 else DEFAULT_DEPTH,
            relations=tuple(dict.fromkeys(name[:100] for name in params.getlist("relation")[:50] if name)),
            direction=direction,
            by_system=params.get("collapse") == "system",
            to=params.get("to", "").strip()[:MAX_REF_LENGTH],
        )

    def params(self, *, with_root: bool = True) -> list[tuple[str, str]]:
        """What stands in the address: only what differs from the default."""
        return [
            *([("root", self.root)] if with_root and self.root else []),
            *([("depth", str(self.depth))] if self.depth != DEFAULT_DEPTH else []),
            *(("relation", name) for name in self.relations),
            *([("direction", self.direction)] if self.direction != "both" else []),
            *([("collapse", "system")] if self.by_system else []),
            *([("to", self.to)] if self.to else []),
        ]

    def question(self, root: str, to: str | None, types: RelationTypes) -> Question:
        return Question(root, self.depth, self.walked(root, types), self.direction, self.by_system, to)

    def walked(self, root: str, types: RelationTypes) -> frozenset[str]:
        """Names of the edges to walk."""
        if not self.relations:
            return types.default_for(root)
        if ALL in self.relations:
            return frozenset(types.names())
        return frozenset(types.name_of(name) for name in self.relations)


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A type of relation that one may tick. ``count``: how many edges of it are drawn."""

    type: str
    title: str
    sample: Markup
    count: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class ListedNode:
    """An entity of the list: its link, how it hangs on those nearer to the root, in words, and where it is the centre."""

    link: EntityLink
    says: str
    graph_href: str
    centre_label: str
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a way, in words: from, what it says, to."""

    start: EntityLink
    says: str
    end: EntityLink


@dataclass(frozen=True, slots=True)
class GraphPage:
    """``catalog/graph.html`` and the tab. ``drawing`` is None where nothing was asked for yet.

    ``action``: where the form leads; ``has_root_field`` says whether it asks for the centre, too. ``listed`` are groups of one
    distance: the words that head them, how many there are, and those on this page of the list.
    """

    title: str
    crumbs: Sequence[Crumb]
    state: GraphState
    action: str
    has_root_field: bool
    depths: Sequence[int]
    directions: Sequence[tuple[str, str]]
    legend: Sequence[LegendItem] = ()
    banners: Sequence[Banner] = ()
    centre: EntityLink | None = None
    drawing: Markup | None = None
    count: int = 0
    edge_count: int = 0
    steps: Sequence[Step] = ()
    listed: Sequence[tuple[str, int, Sequence[ListedNode]]] = ()
    pager: Pager | None = None
    file_href: str = ""
    json_href: str = ""
    full_href: str = ""
    clear_href: str | None = None
    suggestions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is made from besides the graph. ``is_tab``: inside of the entity page of the root; ``leaf``: of the list, from 1."""

    state: GraphState
    types: RelationTypes
    t: Translator
    is_tab: bool = False
    leaf: int = 1

    def href(self, root: str | None = None, **changes: Any) -> str:
        """The address of the same view with another centre, or otherwise changed."""
        state = replace(self.state, root=root or self.state.root, **changes)
        base = entity_href(state.root, "graph") if self.is_tab else PAGE
        query = urlencode(state.params(with_root=not self.is_tab))
        return base + (f"?{query}" if query else "")

    def centres(self) -> Callable[[str], str]:
        """Addresses of the same view around others, without a way: quick, as there are many."""
        query = urlencode(replace(self.state, root="", to="").params())
        if self.is_tab:
            rest = f"?{query}" if query else ""
            return lambda ref: entity_href(ref, "graph") + rest
        rest = f"&{query}" if query else ""
        return lambda ref: f"{PAGE}?root={ref.replace(':', '%3A') if _PLAIN(ref) else quote(ref)}{rest}"

    def leaf_href(self, leaf: int) -> str:
        """The address of another page of the list."""
        base = self.href()
        return base + (f"{'&' if '?' in base else '?'}list={leaf}" if leaf > 1 else "") + "#graph-list"


def parse_ref(written: str) -> str | None:
    """A ref as somebody wrote it, lower-cased; None for what is none."""
    try:
        return str(EntityRef.parse(written))
    except RefError:
        return None


def edge_names(types: RelationTypes, edges: Sequence[Edge], t: Translator) -> dict[str, str]:
    """What each type of edge is called, seen from the end that the arrow leaves."""
    return {name: relation_title(name.lower(), name, t) for name in {*types.names(), *(edge.type for edge in edges)}}


def links_in(read: ReadGraph) -> dict[str, EntityLink]:
    """A link to every entity of a graph."""
    return {ref: link_to(ref, read.entities.get(ref), known=False) for ref in read.graph.places}


def node_views(read: ReadGraph, asked: Asked, links: Mapping[str, EntityLink] | None = None) -> list[NodeView]:
    """What is drawn of each entity."""
    t, centre = asked.t, asked.centres()
    links = links or links_in(read)
    views = []
    for ref, place in read.graph.places.items():
        entity, link = read.entities.get(ref), links[ref]
        title = clean(link.title) or link.short
        is_root = ref == read.question.root
        kind = str(entity["kind"]) if entity else link.kind
        sort = text(spec_of(entity).get("type")) if entity else None
        words = [kind, link.short if title.lower() != link.short.lower() else sort or ""]
        if place.folded:
            words = [kind, t("graph.folded", n=place.folded)]
        label = t("graph.node", title=title, ref=link.ref, n=place.distance)
        views.append(
            NodeView(
                ref=ref,
                href=link.href if is_root else centre(ref),
                title=title,
                subtitle=" · ".join(word for word in words if word),
                label=clean(label),
                icon=link.icon,
                hue=link.hue,
                distance=place.distance,
                is_root=is_root,
                is_end=is_root or ref == read.question.to,
                is_person=link.is_person,
            )
        )
    return views


def legend_of(
    asked: Asked, walked: frozenset[str], edges: Sequence[Edge], names: Mapping[str, str]
) -> list[LegendItem]:
    counts: dict[str, int] = {}
    for edge in edges:
        counts[edge.type] = counts.get(edge.type, 0) + 1
    shown = [*asked.types.names(), *sorted(counts.keys() - set(asked.types.names()))]
    return [LegendItem(n, names[n], legend_line(n), counts.get(n, 0), n in walked) for n in shown]


def listed_nodes(
    read: ReadGraph, asked: Asked, names: Mapping[str, str], links: Mapping[str, EntityLink]
) -> list[tuple[str, int, Sequence[ListedNode]]]:
    """A page of the graph as a list: every edge once, at the end that is farther from the root."""
    places, t, centre = read.graph.places, asked.t, asked.centres()
    words = {name: relation_title(back.lower(), back, t) for name in names if (back := asked.types.reverse_of(name))}
    start = (asked.leaf - 1) * LISTED
    says: dict[str, list[str]] = {ref: [] for ref in islice(places, start, start + LISTED)}
    for edge in read.graph.edges:
        is_inward = places[edge.source].distance < places[edge.target].distance
        far, near = (edge.target, edge.source) if is_inward else (edge.source, edge.target)
        if (told := says.get(far)) is not None:
            told.append(f"{(names if edge.source == far else words)[edge.type]} \u2068{clean(links[near].title)}\u2069")
    counts = Counter(place.distance for place in places.values())
    groups: dict[int, list[ListedNode]] = {}
    for ref, said in says.items():
        label = t("graph.centre_on", title=links[ref].title)
        node = ListedNode(links[ref], _joined(said), centre(ref), label, places[ref].folded)
        groups.setdefault(places[ref].distance, []).append(node)
    return [
        (t("graph.centre") if distance == 0 else t("graph.steps_away", n=distance), counts[distance], nodes)
        for distance, nodes in sorted(groups.items())
    ]


def pager_of(asked: Asked, count: int) -> Pager | None:
    """Between the pages of the list; None where there is one."""
    if count <= LISTED:
        return None
    last = min(asked.leaf * LISTED, count)
    previous = asked.leaf_href(asked.leaf - 1) if asked.leaf > 1 else None
    return Pager(
        (asked.leaf - 1) * LISTED + 1, last, count, previous, asked.leaf_href(asked.leaf + 1) if last < count else None
    )


def _joined(says: list[str]) -> str:
    """The first few, and how many more."""
    says.sort()
    return " · ".join(says if len(says) <= SAID + 1 else [*says[:SAID], f"+{len(says) - SAID}"])


def steps_of(read: ReadGraph, asked: Asked, names: Mapping[str, str], links: Mapping[str, EntityLink]) -> list[Step]:
    """The way in words, from the root on."""
    at, steps = read.question.root, []
    for edge in read.graph.way or ():
        other = edge.target if edge.source == at else edge.source
        back = asked.types.reverse_of(edge.type)
        says = names[edge.type] if edge.source == at else relation_title(back.lower(), back, asked.t)
        steps.append(Step(links[at], says, links[other]))
        at = other
    return steps


def notes_of(read: ReadGraph, asked: Asked) -> list[Banner]:
    """What one should know before believing the drawing."""
    graph, t = read.graph, asked.t
    if read.question.to is not None and graph.way is None:
        if not graph.is_exhausted:
            return [Banner("warn", t("graph.gave_up"), [t("graph.gave_up_means", n=MAX_VISITED)])]
        return [Banner("info", t("graph.no_way"), [t("graph.no_way_means")], _wider(asked))]
    if graph.omitted_edges and not graph.omitted:
        return [Banner("info", t("graph.omitted_edges", n=graph.omitted_edges), [t("graph.omitted_means")])]
    if graph.omitted:
        title = t("graph.omitted", shown=len(graph.places), n=graph.omitted)
        return [Banner("info", title, [t("graph.omitted_means")])]
    if len(graph.places) == 1:
        return [Banner("info", t("graph.alone"), [t("graph.alone_means")], _wider(asked))]
    return []


def _wider(asked: Asked) -> list[LinkItem]:
    if ALL in asked.state.relations and asked.state.direction == "both":
        return []
    return [LinkItem(asked.t("graph.wider"), asked.href(relations=(ALL,), direction="both"), "filter")]


def empty_page(asked: Asked, banners: Sequence[Banner] = ()) -> GraphPage:
    """The page before anybody said what to draw."""
    t = asked.t
    return GraphPage(
        title=t("graph.title"),
        crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(t("graph.title"))],
        state=asked.state,
        action=PAGE,
        has_root_field=True,
        depths=range(1, MAX_DEPTH + 1),
        directions=[(d, t(f"graph.direction.{d}")) for d in DIRECTIONS],
        banners=banners,
    )


def graph_page(read: ReadGraph, asked: Asked, banners: Sequence[Banner] = ()) -> GraphPage:
    """The page of a graph, or what the tab shows of it."""
    t, graph, root = asked.t, read.graph, read.question.root
    asked = replace(asked, leaf=min(asked.leaf, math.ceil(len(graph.places) / LISTED)))
    names, links = edge_names(asked.types, graph.edges, t), links_in(read)
    entity = read.entities.get(root)
    title = clean(display_title(entity)) if entity else short_ref(EntityRef.parse(root))
    heading = t("graph.of", title=title)
    query = urlencode(replace(asked.state, root=root).params())
    return replace(
        empty_page(asked),
        title=heading,
        crumbs=[Crumb(t("catalog.title"), "/catalog"), Crumb(title, entity_href(root)), Crumb(t("graph.title"))],
        action=entity_href(root, "graph") if asked.is_tab else PAGE,
        has_root_field=not asked.is_tab,
        legend=legend_of(asked, read.question.relations, graph.edges, names),
        banners=[*banners, *notes_of(read, asked)],
        centre=links[root],
        drawing=draw_page(lay_out(graph), node_views(read, asked, links), names, heading),
        count=len(graph.places),
        edge_count=len(graph.edges),
        steps=steps_of(read, asked, names, links),
        listed=listed_nodes(read, asked, names, links),
        pager=pager_of(asked, len(graph.places)),
        file_href=f"{FILE}?{query}",
        json_href=f"{API}?{query}",
        full_href=f"{PAGE}?{query}",
        clear_href=asked.href(to="") if asked.state.to else None,
    )


__all__ = [
    "Asked", "GraphPage", "GraphState", "LegendItem", "ListedNode", "Step", "edge_names", "empty_page", "graph_page", "node_views",
    "parse_ref", "style_of",
]  # fmt: skip
