"""What the address of a list says, and what it asks of the catalog."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Iterable, Mapping, Sequence
from urllib.parse import urlencode

import orjson

from callboard.features.catalog.interface import BY_CHANGE, BY_FIRST, BY_TITLE, EntityQuery, Order
from callboard.features.catalog.pages.columns import is_key, read_columns
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import HasText, Predicate, conjoin, has_value

FACETS: Final[Mapping[str, str]] = {
    "type": "spec.type",
    "owner": "relations.ownedby",
    "lifecycle": "spec.lifecycle",
    "tag": "metadata.tags",
    "namespace": "metadata.namespace",
}
"""Facet id, which is the query parameter, to the search key that it looks at."""

LOCATION_FILTER: Final = "location"
FILTERS: Final[Mapping[str, str]] = {
    **FACETS,
    "system": "relations.partof",
    LOCATION_FILTER: "metadata.annotations.backstage.io/managed-by-location",
}
SORTS: Final[Mapping[str, str]] = {
    "name": BY_TITLE,
    "owner": "relations.ownedby",
    "type": "spec.type",
    "lifecycle": "spec.lifecycle",
    "system": "relations.partof",
    "changed": BY_CHANGE,
    "kind": "kind",
    "namespace": "metadata.namespace",
    "description": "metadata.description",
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
MAX_QUERY_LENGTH: Final = 200

Position = tuple[str | None, int]


_OWN = re.compile(r"spec\.[a-z0-9_]{1,63}")
MAX_OWN: Final = 8
"""Fields of own kinds that one list is filtered by."""


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
    columns: tuple[str, ...] = ()
    """Ids of the columns in order (``pages.columns``); none means those that suit the kind."""
    base: str = ""
    """Id of the saved view that this list was made from, ``all`` where a default view was left, empty for neither."""

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
            sort=order if (order := sort.removeprefix("-")) in SORTS or is_key(order) else "name",
            descending=sort.startswith("-"),
            size=int(size) if size.isdecimal() and int(size) in SIZES else SIZES[0],
            after=params.get("after") or None,
            before=params.get("before") or None,
            start=int(start) if start.isdecimal() and len(start) < 10 else 0,
            columns=read_columns(params.getlist("columns")),
            base=params.get("base", "")[:64],
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
        if self.columns:
            out.append(("columns", ",".join(self.columns)))
        if self.base:
            out.append(("base", self.base))
        if paging and (self.after or self.before):
            out.append(("after", self.after) if self.after else ("before", str(self.before)))
            out.append(("start", str(self.start)))
        return out

    @property
    def saved(self) -> str:
        """What a view keeps of it: the query string without paging and without where it came from."""
        return urlencode(replace(self, base="").params(paging=False))

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
        key = SORTS.get(self.sort, self.sort)
        order = Order(key if key.startswith(":") else BY_FIRST + key, "desc" if self.descending else "asc")
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
            out.append(
                ("orderField", f"{_WIRE_SORTS.get(self.sort, self.sort)},{'desc' if self.descending else 'asc'}")
            )
        return urlencode([*out, ("limit", "500")])
