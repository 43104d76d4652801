"""The list page: what its template shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.interface import FacetValue, RawPage
from callboard.features.catalog.interface.lists import ListedEntities
from callboard.features.catalog.interface.personal import SavedView
from callboard.features.catalog.pages.columns import Cell, ShownColumn
from callboard.features.catalog.pages.links import (
    distinct_titles,
    kind_rank,
    kind_title,
    link_to,
    links_of,
    related,
    short_file,
    spec_of,
    text,
)
from callboard.features.catalog.pages.list_state import (
    FACETS,
    LOCATION_FILTER,
    SIZES,
    SORTS,
    ListState,
    encode_position,
)
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Column, Crumb, EntityLink, Facet, FacetOption, LinkItem, Pager, Tab

SHOWN_OPTIONS: Final = 7
MAX_OPTIONS: Final = 40


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list. ``health`` is ok, warn or bad, from the entity's own status; ``changed`` None when not known."""

    link: EntityLink
    description: str | None
    type: str | None
    lifecycle: str | None
    owners: Sequence[EntityLink]
    systems: Sequence[EntityLink]
    tags: Sequence[str]
    health: Literal["ok", "warn", "bad"]
    changed: Moment | None
    kind: str = ""
    namespace: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    """By column id, for columns that are no field of a row."""
    starred: bool | None = None
    """None where nobody keeps stars."""
    mine: str | None = None
    """Why it is the reader's own; None when it is not."""


@dataclass(frozen=True, slots=True)
class KindChoice:
    """A kind one can switch to, with how many there are under the other filters."""

    title: str
    count: int
    href: str
    icon: str
    hue: int
    current: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """Saved views above the list. ``tabs`` is empty without any; ``audiences`` (ref, title) whom the reader may save for.

    ``base`` is the view that the list is or was made from, ``is_changed`` whether it is another list by now; ``query`` is what
    a view would keep of it.
    """

    tabs: Sequence[Tab]
    unlisted: int
    audiences: Sequence[tuple[str, str]]
    base: SavedView | None
    is_changed: bool
    query: str
    manage_href: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """``catalog/list.html``. ``hidden`` are the parameters that the text filter carries along.

    ``without_sort_key`` counts matches that the order leaves out since they lack its field; ``everything`` is whether the
    catalog itself is empty of what the actor may see.
    """

    title: str
    crumbs: Sequence[Crumb]
    count: int
    state: ListState
    kinds: Sequence[KindChoice]
    facets: Sequence[Facet]
    columns: Sequence[Column]
    rows: Sequence[Row]
    pager: Pager
    hidden: Sequence[tuple[str, str]]
    chosen: Sequence[LinkItem]
    clear_href: str
    without_sort_key: int
    catalog_is_empty: bool
    sort_title: str
    columns_href: str
    shelf: Shelf | None = None


def health_of(entity: Mapping[str, Any]) -> Literal["ok", "warn", "bad"]:
    """The worst level of ``status.items``."""
    status = entity.get("status")
    items = status.get("items") if isinstance(status, dict) else None
    levels = {str(i.get("level")) for i in items or () if isinstance(i, dict)}
    return "bad" if "error" in levels else "warn" if "warning" in levels else "ok"


def row_of(
    entity: Mapping[str, Any],
    known: Mapping[str, Any],
    changed: datetime | None,
    now: datetime,
    *,
    cells: Mapping[str, Cell] | None = None,
    stars: frozenset[str] | None = None,
) -> Row:
    """``stars`` are the refs that the reader starred; None for those who keep none."""
    spec = spec_of(entity)
    metadata = entity["metadata"]
    return Row(
        link=link_to(str(EntityRef.of(entity)), entity),
        description=text(metadata.get("description")),
        type=text(spec.get("type")),
        lifecycle=text(spec.get("lifecycle")),
        owners=links_of(related(entity, "ownedBy")[:2], known),
        systems=links_of([r for r in related(entity, "partOf") if r.startswith(("system:", "domain:"))][:2], known),
        tags=tuple(str(tag) for tag in metadata.get("tags") or ()),
        health=health_of(entity),
        changed=moment(changed, now) if changed else None,
        kind=str(entity["kind"]),
        namespace=str(metadata.get("namespace") or "default"),
        cells=cells or {},
        starred=None if stars is None else str(EntityRef.of(entity)) in stars,
    )


def mentioned(
    entities: Sequence[Mapping[str, Any]],
    facets: Mapping[str, Sequence[FacetValue]],
    columns: Sequence[ShownColumn] = (),
) -> list[str]:
    """Refs that the page names and whose titles it should look up: owners and systems of rows, the foremost owners."""
    refs = [r for e in entities for r in [*related(e, "ownedBy")[:2], *related(e, "partOf")[:2]]]
    refs += [r for column in columns if column.relation for e in entities for r in column.refs_of(e)]
    owners = sorted(facets.get(FACETS["owner"], ()), key=lambda v: -v.count)[:SHOWN_OPTIONS]
    return list(dict.fromkeys([*refs, *(v.value.lower() for v in owners)]))


def facet_of(
    name: str, values: Sequence[FacetValue], state: ListState, known: Mapping[str, Any], t: Translator, title: str = ""
) -> Facet | None:
    """The facet, selected values first and then by count; None when there is nothing to choose."""
    selected = {v.lower() for v in state.values(name)}
    if not values and not selected:
        return None
    counts = {v.value: v.count for v in values}
    for value in state.values(name):
        if value.lower() not in {v.lower() for v in counts}:
            counts[value] = 0
    ordered = sorted(counts.items(), key=lambda item: (item[0].lower() not in selected, -item[1], item[0].lower()))
    titles = distinct_titles([value.lower() for value, _ in ordered[:MAX_OPTIONS]], known) if name == "owner" else {}

    def option(value: str, count: int) -> FacetOption:
        title, tooltip = titles.get(value.lower(), value), value if name == "owner" else None
        is_selected = value.lower() in selected
        return FacetOption(title, count, state.href(chosen=state.toggled(name, value)), is_selected, tooltip)

    shown = max(SHOWN_OPTIONS, len(selected))
    options = [option(*item) for item in ordered[:MAX_OPTIONS]]
    if len(options) == shown + 1:  # "1 more" would take the place of that one
        shown += 1
    return Facet(
        id=name,
        title=title or t(f"catalog.facet.{name}"),
        options=options[:shown],
        more=options[shown:],
        unlisted=max(0, len(ordered) - MAX_OPTIONS),
    )


def pager_of(state: ListState, page: RawPage, t: Translator) -> Pager:
    """Range and ways on. The start is what the address carries, put right where the page itself knows better."""
    shown = len(page.items)
    start = state.start if state.after or state.before else 0
    if not page.has_previous:
        start = 0
    elif not page.has_more and page.total is not None:
        start = max(0, page.total - shown)
    previous = following = None
    if page.has_previous and page.first:
        previous = state.href(after=None, before=encode_position(page.first), start=max(0, start - state.size))
    if page.has_more and page.last:
        following = state.href(after=encode_position(page.last), before=None, start=start + shown)
    query = "?" + urlencode(params) if (params := state.params(paging=False)) else ""
    return Pager(
        first=start + 1 if shown else 0,
        last=start + shown if shown else 0,
        total=page.total,
        previous_href=previous,
        next_href=following,
        sizes=tuple((size, state.href(size=size), size == state.size) for size in SIZES),
        formats=(
            (t("catalog.list.csv"), f"/catalog/export.csv{query}"),
            (t("catalog.list.xlsx"), f"/catalog/export.xlsx{query}"),
            (t("catalog.list.zip"), f"/catalog/export.zip{query}"),
            (t("catalog.list.json"), "/api/catalog/entities/by-query?" + state.wire_params()),
        ),
    )


def list_page(
    state: ListState,
    page: RawPage,
    entities: Sequence[Mapping[str, Any]],
    kinds: Sequence[FacetValue],
    facets: Mapping[str, Sequence[FacetValue]],
    known: Mapping[str, Any],
    changed: Sequence[datetime | None],
    matching: int,
    now: datetime,
    t: Translator,
    *,
    columns: Sequence[ShownColumn] = (),
    cells: Sequence[Mapping[str, Cell]] | None = None,
    stars: frozenset[str] | None = None,
    shelf: Shelf | None = None,
    own: Mapping[str, str] = MappingProxyType({}),
) -> ListPage:
    """Everything the template needs, with ``cells`` for each entity. ``matching`` counts the rows whether or not they have the
    field of the order. ``own`` are labels of further facets, by the parameter that is their search key, too.
    """
    ordered_kinds = sorted(kinds, key=lambda v: (kind_rank(v.value), -v.count, v.value.lower()))
    by_kind: dict[str, list[Any]] = {}
    for value in ordered_kinds:  # two spellings of one kind are one kind
        by_kind.setdefault(value.value.lower(), [value.value, 0])[1] += value.count
    if state.kind and state.kind not in by_kind:
        by_kind[state.kind] = [state.kind, 0]
    total = sum(count for _, count in by_kind.values())
    without_type = tuple((n, v) for n, v in state.chosen if n not in ("type", "lifecycle"))
    plain: dict[str, Any] = {"chosen": without_type, "columns": (), "base": ""}
    if state.sort not in SORTS:
        plain |= {"sort": "name", "descending": False}
    choices = [
        KindChoice(
            t("catalog.list.all_kinds"),
            total,
            state.href(kind=None, **plain),
            "catalog",
            8,
            state.kind is None,
        )
    ]
    for kind, (title, count) in by_kind.items():
        mark = kind_mark(kind)
        choices.append(
            KindChoice(
                kind_title(title, t),
                count,
                state.href(kind=kind, **plain),
                mark.icon,
                mark.hue,
                kind == state.kind,
            )
        )
    heads = []
    for column in columns:
        is_sorted = column.id.lower() == state.sort.lower()
        down = not state.descending if is_sorted else column.id == "changed"  # of times the newest come first
        href = state.href(sort=column.id, descending=down) if column.sorts else None
        now_sorted: Literal["asc", "desc"] | None = ("desc" if state.descending else "asc") if is_sorted else None
        heads.append(Column(column.id, column.title, href, now_sorted, column.css, column.key))
    chosen = [LinkItem(state.q, state.href(q=""), type="q")] if state.q else []
    for name, values in state.chosen:
        for wanted in values:
            shown = facet_title(wanted, known) if name in ("owner", "system") else wanted
            shown = short_file(wanted) if name == LOCATION_FILTER else shown
            chosen.append(LinkItem(shown, state.href(chosen=state.toggled(name, wanted)), type=name))
    title = kind_title(by_kind[state.kind][0], t) if state.kind else t("catalog.list.title")
    crumbs = (Crumb(t("catalog.title"), "/catalog"), Crumb(title)) if state.kind else (Crumb(t("catalog.title")),)
    return ListPage(
        title=title,
        crumbs=crumbs,
        count=matching,
        state=state,
        kinds=choices,
        facets=[f for name in FACETS if (f := facet_of(name, facets.get(FACETS[name], ()), state, known, t))]
        + [f for name in own if (f := facet_of(name, facets.get(name, ()), state, known, t, own[name]))],
        columns=heads,
        rows=[
            row_of(e, known, c, now, cells=more, stars=stars)
            for e, c, more in zip(entities, changed, cells or [{}] * len(entities), strict=True)
        ],
        pager=pager_of(state, page, t),
        hidden=[(n, v) for n, v in state.params(paging=False) if n != "q"],
        chosen=chosen,
        clear_href=state.href(q="", chosen=()),
        without_sort_key=max(0, matching - (page.total or 0)),
        catalog_is_empty=matching == 0 and not state.is_filtered and state.kind is None,
        sort_title=next((c.title for c in columns if c.id.lower() == state.sort.lower()), state.sort),
        columns_href=state.href("/catalog/columns"),
        shelf=shelf,
    )


def facet_title(ref: str, known: Mapping[str, Any]) -> str:
    return link_to(ref, known.get(ref.lower()), known=False).title


class Lists:
    """``EntityLists``: what an address of the list shows, without its order and its page."""

    def parse(self, params: Any) -> ListedEntities:
        state = ListState.parse(params)
        plain = ListState(kind=state.kind, q=state.q, chosen=state.chosen)
        words = [state.kind] if state.kind else []
        words += [state.q] if state.q else []
        words += [value for _, values in state.chosen for value in values]
        return ListedEntities(plain.predicate(), plain.params(paging=False), words, plain.href())
