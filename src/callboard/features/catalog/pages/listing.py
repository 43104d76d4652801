"""The list page: its state is its address, and both become one predicate."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Iterable, Literal, Mapping, Sequence
from urllib.parse import urlencode

import orjson

from callboard.features.catalog.interface import BY_CHANGE, BY_TITLE, EntityQuery, FacetValue, Order, RawPage
from callboard.features.catalog.interface.lists import ListedEntities
from callboard.features.catalog.pages.links import (
    distinct_titles,
    kind_rank,
    kind_title,
    link_to,
    links_of,
    related,
    spec_of,
    text,
)
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import HasText, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Column, Crumb, EntityLink, Facet, FacetOption, LinkItem, Pager

FACETS: Final[Mapping[str, str]] = {
    "type": "spec.type",
    "owner": "relations.ownedby",
    "lifecycle": "spec.lifecycle",
    "tag": "metadata.tags",
    "namespace": "metadata.namespace",
}
"""Facet id, which is the query parameter, to the search key that it looks at."""

FILTERS: Final[Mapping[str, str]] = {**FACETS, "system": "relations.partof"}
SORTS: Final[Mapping[str, str]] = {
    "name": BY_TITLE,
    "owner": "relations.ownedby",
    "type": "spec.type",
    "lifecycle": "spec.lifecycle",
    "system": "relations.partof",
    "changed": BY_CHANGE,
}
_WHOLE_SORTS: Final = ("name", "changed")
"""Orders that leave no entity out."""
_WIRE_SORTS: Final = {**SORTS, "name": "metadata.name"}
TEXT_KEYS: Final = (
    "metadata.name",
    "metadata.title",
    "metadata.description",
    "metadata.tags",
    "spec.profile.displayname",
    "spec.profile.email",
)
SIZES: Final = (25, 50, 100)
SHOWN_OPTIONS: Final = 7
MAX_OPTIONS: Final = 40
MAX_QUERY_LENGTH: Final = 200

_OWN = re.compile(r"spec\.[a-z0-9_]{1,63}")
MAX_OWN: Final = 8
"""Fields of own kinds that one list is filtered by."""

Position = tuple[str | None, int]


def own_names(names: Iterable[str]) -> list[str]:
    """Of these parameters, those that filter by a field of ``spec`` (``spec.format``): fields of own kinds."""
    return sorted({name for name in names if _OWN.fullmatch(name)})[:MAX_OWN]


def own_facets(kinds: KindRegistry, kind: str | None) -> dict[str, str]:
    """Labels of the fields of this kind that have few values (choices, yes or no), by parameter; none that a filter has already."""
    definition = kinds.find_definition(kind) if kind else None
    spec = definition.versions[0].schema.get("properties", {}).get("spec", {}) if definition is not None else {}
    found = {}
    for name, schema in spec.get("properties", {}).items():
        id = f"spec.{name.lower()}"
        if (
            isinstance(schema, Mapping)
            and ("enum" in schema or schema.get("type") == "boolean")
            and id not in FILTERS.values()
        ):
            found[id] = str(schema.get("title") or name)
    return dict(list(found.items())[:MAX_OWN])


def encode_position(position: Position) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_position(text: str) -> Position | None:
    """The position in ``text``, or None when it is none of ours: the list then starts anew."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    if (
        isinstance(value, list)
        and len(value) == 2
        and (value[0] is None or isinstance(value[0], str))
        and type(value[1]) is int
    ):
        return value[0], value[1]
    return None


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address of a list says.

    ``kind`` None is all kinds. ``chosen`` is filter id to values, any of which will do. ``start`` is how many rows lie
    before the page, carried along so that the range can be told without counting.
    """

    kind: str | None = None
    q: str = ""
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str = "name"
    descending: bool = False
    size: int = SIZES[0]
    after: str | None = None
    before: str | None = None
    start: int = 0

    @classmethod
    def parse(cls, params: Any) -> ListState:
        """Read query parameters (a multi-dict). What it does not understand is left out."""
        chosen = []
        for name in (*FILTERS, *own_names(params.keys())):
            if values := tuple(dict.fromkeys(v.strip() for v in params.getlist(name) if v.strip())):
                chosen.append((name, values[:50]))
        sort = params.get("sort", "name")
        size = params.get("size", "")
        start = params.get("start", "")
        kind = params.get("kind", "").strip().lower()
        return cls(
            kind=kind if kind and kind != "all" else None,
            q=params.get("q", "").strip()[:MAX_QUERY_LENGTH],
            chosen=tuple(chosen),
            sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "name",
            descending=sort.startswith("-"),
            size=int(size) if size.isdecimal() and int(size) in SIZES else SIZES[0],
            after=params.get("after") or None,
            before=params.get("before") or None,
            start=int(start) if start.isdecimal() and len(start) < 10 else 0,
        )

    def values(self, name: str) -> tuple[str, ...]:
        return dict(self.chosen).get(name, ())

    @property
    def leaves_out(self) -> bool:
        """Whether the order has no place for entities that lack its field."""
        return self.sort not in _WHOLE_SORTS

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.chosen)

    def params(self, *, paging: bool = True) -> list[tuple[str, str]]:
        """Query parameters that ``parse`` reads back, defaults left out."""
        out: list[tuple[str, str]] = []
        if self.kind:
            out.append(("kind", self.kind))
        if self.q:
            out.append(("q", self.q))
        out += [(name, value) for name, values in self.chosen for value in values]
        if self.sort != "name" or self.descending:
            out.append(("sort", ("-" if self.descending else "") + self.sort))
        if self.size != SIZES[0]:
            out.append(("size", str(self.size)))
        if paging and (self.after or self.before):
            out.append(("after", self.after) if self.after else ("before", str(self.before)))
            out.append(("start", str(self.start)))
        return out

    def href(self, path: str = "/catalog", **changes: Any) -> str:
        """The address after ``changes``; any change but of the paging leads to the first page."""
        if not changes.keys() & {"after", "before"}:
            changes |= {"after": None, "before": None, "start": 0}
        params = replace(self, **changes).params()
        return path + ("?" + urlencode(params) if params else "")

    def toggled(self, name: str, value: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """``chosen`` with this value put in, or taken out if it was there (any case)."""
        now = self.values(name)
        then = tuple(v for v in now if v.lower() != value.lower())
        then = then if len(then) < len(now) else (*now, value)
        rest = {**dict(self.chosen), name: then}
        return tuple((n, rest[n]) for n in (*FILTERS, *own_names(rest)) if rest.get(n))

    def predicate(self, *, without: Sequence[str] = ()) -> Predicate | None:
        """What the rows must satisfy, leaving out the filters named in ``without`` (``kind`` and ``q`` among them)."""
        parts: list[Predicate] = []
        if self.kind and "kind" not in without:
            parts.append(has_value("kind", [self.kind]))
        parts += [has_value(FILTERS.get(name, name), values) for name, values in self.chosen if name not in without]
        if self.q and "q" not in without:
            parts.append(HasText(TEXT_KEYS, self.q.lower()))
        return conjoin(*parts) if parts else None

    def query(self) -> EntityQuery:
        after = decode_position(self.after) if self.after else None
        before = decode_position(self.before) if self.before and not after else None
        order = Order(SORTS[self.sort], "desc" if self.descending else "asc")
        return EntityQuery(predicate=self.predicate(), order=order, limit=self.size, after=after, before=before)

    def wire_params(self) -> str:
        """The same rows as parameters of ``GET /api/catalog/entities/by-query``."""
        conditions = [f"kind={self.kind}"] if self.kind else []
        conditions += [f"{FILTERS.get(name, name)}={value}" for name, values in self.chosen for value in values]
        out = [("filter", ",".join(conditions))] if conditions else []
        if self.q:
            out.append(("fullTextFilterTerm", self.q))
            out.append(("fullTextFilterFields", ",".join(TEXT_KEYS)))
        if self.sort != "changed":  # Backstage's wire has no word for that order
            out.append(("orderField", f"{_WIRE_SORTS[self.sort]},{'desc' if self.descending else 'asc'}"))
        return urlencode([*out, ("limit", "500")])


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


def health_of(entity: Mapping[str, Any]) -> Literal["ok", "warn", "bad"]:
    """The worst level of ``status.items``."""
    status = entity.get("status")
    items = status.get("items") if isinstance(status, dict) else None
    levels = {str(i.get("level")) for i in items or () if isinstance(i, dict)}
    return "bad" if "error" in levels else "warn" if "warning" in levels else "ok"


def row_of(entity: Mapping[str, Any], known: Mapping[str, Any], changed: datetime | None, now: datetime) -> Row:
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
    )


def mentioned(entities: Sequence[Mapping[str, Any]], facets: Mapping[str, Sequence[FacetValue]]) -> list[str]:
    """Refs that the page names and whose titles it should look up: owners and systems of rows, the foremost owners."""
    refs = [r for e in entities for r in [*related(e, "ownedBy")[:2], *related(e, "partOf")[:2]]]
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
    own: Mapping[str, str] = MappingProxyType({}),
) -> ListPage:
    """Everything the template needs. ``matching`` counts the rows whether or not they have the field of the order.

    ``own`` are labels of further facets, by the parameter that is their search key, too.
    """
    ordered_kinds = sorted(kinds, key=lambda v: (kind_rank(v.value), -v.count, v.value.lower()))
    by_kind: dict[str, list[Any]] = {}
    for value in ordered_kinds:  # two spellings of one kind are one kind
        by_kind.setdefault(value.value.lower(), [value.value, 0])[1] += value.count
    if state.kind and state.kind not in by_kind:
        by_kind[state.kind] = [state.kind, 0]
    total = sum(count for _, count in by_kind.values())
    without_type = tuple((n, v) for n, v in state.chosen if n not in ("type", "lifecycle"))
    choices = [
        KindChoice(
            t("catalog.list.all_kinds"),
            total,
            state.href(kind=None, chosen=without_type),
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
                state.href(kind=kind, chosen=without_type),
                mark.icon,
                mark.hue,
                kind == state.kind,
            )
        )
    columns = []
    for name in ("name", "owner", "type", "lifecycle", "system", "tags", "changed"):
        is_sorted = name == state.sort
        down = not state.descending if is_sorted else name == "changed"  # of times the newest come first
        href = state.href(sort=name, descending=down) if name in SORTS else None
        columns.append(
            Column(
                name, t(f"catalog.column.{name}"), href, ("desc" if state.descending else "asc") if is_sorted else None
            )
        )
    chosen = [LinkItem(state.q, state.href(q=""), type="q")] if state.q else []
    for name, values in state.chosen:
        for wanted in values:
            shown = facet_title(wanted, known) if name in ("owner", "system") else wanted
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
        columns=columns,
        rows=[row_of(e, known, c, now) for e, c in zip(entities, changed, strict=True)],
        pager=pager_of(state, page, t),
        hidden=[(n, v) for n, v in state.params(paging=False) if n != "q"],
        chosen=chosen,
        clear_href=state.href(q="", chosen=()),
        without_sort_key=max(0, matching - (page.total or 0)),
        catalog_is_empty=matching == 0 and not state.is_filtered and state.kind is None,
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
