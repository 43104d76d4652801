"""The page of results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.search.interface import Hit, SearchResults
from callboard.features.search.pages import marks
from callboard.features.search.pages.state import FACETS, SIZE, SearchState
from callboard.features.search.store.titles import shown_title
from callboard.features.search.text.tokens import fold
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import EntityLink, Facet, FacetOption, LinkItem, Pager, Tab

_PIECES = re.compile(r"(\w+)")
SHOWN, FOLDED = 6, 24
"""Values of a facet that are seen at once, and that are sent besides."""
MAX_PAGE_START = 980


@dataclass(frozen=True, slots=True)
class ResultRow:
    """``title`` and ``text`` are pieces of (text, is it a match). ``place``: where it is, from the outside in."""

    type: str
    id: str
    href: str
    title: Sequence[tuple[str, bool]]
    text: Sequence[tuple[str, bool]]
    icon: str
    hue: int | None
    is_person: bool
    place: Sequence[str]
    lifecycle: str
    owner: EntityLink | None
    changed: Moment | None
    why: Sequence[str]


@dataclass(frozen=True, slots=True)
class Nothing:
    """What was tried without result, and what else to try: each suggestion (title, address, results)."""

    tried: Sequence[str]
    suggestions: Sequence[tuple[str, str, int]]
    clear_href: str | None
    may_want: bool


@dataclass(frozen=True, slots=True)
class Beginning:
    """Before anything is asked. ``examples``: (what it shows, what to type)."""

    recent: Sequence[str]
    popular: Sequence[str]
    examples: Sequence[tuple[str, str]]
    types: Sequence[tuple[str, str, str]]
    keeps: bool


@dataclass(frozen=True, slots=True)
class SearchPage:
    """``count`` None: there are more than ``least``, not counted. ``hidden``: fields that the form carries on."""

    title: str
    state: SearchState
    may_read_unanswered: bool
    count: int | None = 0
    least: int = 0
    tabs: Sequence[Tab] = ()
    rows: Sequence[ResultRow] = ()
    facets: Sequence[Facet] = ()
    chosen: Sequence[LinkItem] = ()
    clear_href: str = ""
    hidden: Sequence[tuple[str, str]] = ()
    corrected: tuple[str, str] | None = None
    pager: Pager | None = None
    nothing: Nothing | None = None
    beginning: Beginning | None = None
    best: str | None = None
    """Resource of the first result, empty for none; None without results."""
    indexing: str = ""
    """Says that results are not complete yet, and how far indexing is."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked and answered: ``main`` is the page; ``types`` counts without the choice of a type."""

    main: SearchResults
    types: Sequence[tuple[str, int]]
    facets: Mapping[str, Sequence[tuple[str, int]]]
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TypeWords:
    """What a type of documents is called and shown by."""

    title: str
    icon: str


def results_page(
    state: SearchState, found: Found, types: Mapping[str, TypeWords], t: Translator, *, now: datetime,
    may_read_unanswered: bool, nothing: Nothing | None = None, indexing: str = "",
) -> SearchPage:  # fmt: skip
    main = found.main
    rows = [row_of(hit, types, found.titles, now, t) for hit in main.hits]
    last = state.start + len(rows)
    facets = [
        facet
        for name, values in found.facets.items()
        if (facet := _facet(name, values, state, found.titles, t)).options
    ]
    return SearchPage(
        title=t("search.title_of", term=state.q), state=state, may_read_unanswered=may_read_unanswered,
        count=main.total, least=max(last, main.total or 0), tabs=_tabs(state, found.types, types, main, t), rows=rows,
        facets=facets, chosen=_chosen(state, found.titles), clear_href=state.href(chosen=()),
        hidden=[one for one in state.params() if one[0] not in ("q", "start")],
        corrected=(main.corrected, state.href(q=main.corrected)) if main.corrected else None,
        pager=Pager(
            first=state.start + 1 if rows else 0, last=last, total=main.total,
            previous_href=state.href(start=max(0, state.start - SIZE)) if state.start else None,
            next_href=state.href(start=state.start + SIZE) if main.has_more and state.start < MAX_PAGE_START else None,
        ),
        nothing=nothing, best=(main.hits[0].document.resource or "") if main.hits else None,
        indexing=indexing,
    )  # fmt: skip


def row_of(
    hit: Hit, types: Mapping[str, TypeWords], titles: Mapping[str, str], now: datetime, t: Translator
) -> ResultRow:
    document, words = hit.document, types[hit.type]
    icon, hue = marks.mark_of(hit, words.icon)
    owner = marks.field(document, "owner")
    return ResultRow(
        type=hit.type, id=document.id, href=marks.href_of(document), title=_title(hit), text=_readable(hit),
        icon=icon, hue=hue, is_person=marks.is_entity(document) and marks.field(document, "kind").lower() in ("user", "group"),
        place=marks.place_of(hit, words.title, shown_title(document.title, document.names, document.fields)), lifecycle=marks.field(document, "lifecycle"),
        owner=marks.owner_link(owner, titles) if ":" in owner else None,
        changed=moment(document.changed_at, now) if document.changed_at is not None else None,
        why=marks.why(hit.reasons, t),
    )  # fmt: skip


def _title(hit: Hit) -> Sequence[tuple[str, bool]]:
    document = hit.document
    shown = shown_title(document.title, document.names, document.fields)
    if shown == document.title:
        return hit.marked["title"]
    words = {word for reason in hit.reasons for word in (reason.asked, reason.found)}
    pieces = [(piece, fold(piece) in words) for piece in _PIECES.split(shown) if piece]
    return pieces if any(is_match for _, is_match in pieces) else [(shown, False)]


def _readable(hit: Hit) -> Sequence[tuple[str, bool]]:
    """The text; an entity's is put together from several of its fields, as on Backstage's wire."""
    pieces = hit.marked["text"]
    return (
        [(text.replace(" : ", " · "), is_match) for text, is_match in pieces]
        if marks.is_entity(hit.document)
        else pieces
    )


def _tabs(
    state: SearchState, counts: Sequence[tuple[str, int]], types: Mapping[str, TypeWords], main: SearchResults, t: Translator
) -> Sequence[Tab]:  # fmt: skip
    if len(types) < 2:
        return ()
    known = dict(counts)
    every = Tab("all", t("search.tab.all"), state.href(type=""), current=not state.type, count=sum(known.values()))
    return [
        every,
        *(
            Tab(type, words.title, state.href(type=type), current=state.type == type, count=known.get(type, 0))
            for type, words in types.items()
        ),
    ]


def _facet(
    name: str, values: Sequence[tuple[str, int]], state: SearchState, titles: Mapping[str, str], t: Translator
) -> Facet:
    """Values that differ only in case are one; those chosen stand first, also where nothing has them."""
    counts: dict[str, int] = {}
    written: dict[str, str] = {}
    for value, count in values:
        if value:
            counts[value.lower()] = counts.get(value.lower(), 0) + count
            written.setdefault(value.lower(), value)
    for value in state.values(name):
        counts.setdefault(value.lower(), 0)
        written.setdefault(value.lower(), value)
    order = sorted(counts, key=lambda one: (not state.has(name, one), -counts[one], one))
    options = [
        FacetOption(
            title=titles.get(one) or marks.short(written[one]), count=counts[one],
            href=state.href(chosen=state.toggled(name, written[one])), selected=state.has(name, one),
            tooltip=written[one] if name == "owner" else None,
        )
        for one in order[: SHOWN + FOLDED]
    ]  # fmt: skip
    return Facet(name, t(f"search.facet.{name}"), options[:SHOWN], options[SHOWN:], max(0, len(order) - SHOWN - FOLDED))


def _chosen(state: SearchState, titles: Mapping[str, str]) -> Sequence[LinkItem]:
    return [
        LinkItem(titles.get(value.lower()) or marks.short(value), state.href(chosen=state.toggled(name, value)))
        for name, values in state.chosen
        for value in values
    ]


def owners_of(results: SearchResults, facets: Mapping[str, Sequence[tuple[str, int]]], state: SearchState) -> set[str]:
    """Refs that the page names, lower-cased."""
    named: set[str] = {marks.field(hit.document, "owner").lower() for hit in results.hits}
    named |= {value.lower() for value, _ in list(facets.get("owner", ()))[: SHOWN + FOLDED]}
    named |= {value.lower() for value in state.values("owner")}
    return {one for one in named if ":" in one}


def facet_values(results: SearchResults) -> dict[str, Sequence[tuple[str, int]]]:
    """By parameter."""
    return {name: results.facets.get(key, ()) for name, key in FACETS.items()}


def quick_item(hit: Hit, types: Mapping[str, TypeWords]) -> dict[str, Any]:
    """A row of the command palette."""
    words = types[hit.type]
    icon, hue = marks.mark_of(hit, words.icon)
    document = hit.document
    hint = document.id if marks.is_entity(document) else " › ".join(marks.place_of(hit, words.title)[1:])
    item: dict[str, Any] = {
        "title": shown_title(document.title, document.names, document.fields), "hint": hint, "href": marks.href_of(document), "icon": icon, "group": words.title, "type": hit.type,
        "id": document.id,
    }  # fmt: skip
    return item if hue is None else {**item, "hue": hue}
