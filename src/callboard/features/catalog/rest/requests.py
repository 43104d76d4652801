"""Requests as typed values. Parsing is pure, so the results for a query string are kept and used again.

The one place that knows what Backstage's parameters mean; ``fast`` and the ordinary handlers both come through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Mapping, Sequence, TypeVar
from urllib.parse import quote_plus

from callboard.features.catalog.interface import EntityQuery, Order
from callboard.features.catalog.rest.cursors import (
    Position,
    decode_after,
    decode_cursor,
    encode_json,
    format_query,
)
from callboard.features.catalog.rest.parameters import Parameter, parse_pairs, read_parameters
from callboard.features.catalog.rest.projection import Fields, parse_fields
from callboard.kernel.errors import InputError
from callboard.model.predicates import (
    MAX_CONDITIONS,
    HasText,
    Predicate,
    PredicateError,
    conjoin,
    parse_filter_params,
    parse_query,
)

DEFAULT_PAGE = 200  # by-query without a limit; Backstage's code, not its documentation
MAX_QUERY_DEPTH = 100  # brackets; far beyond what a person writes, far below what would exhaust a stack
MAX_KEYS = 100  # facets, or fields to look for text in: each costs a column of the index
KEPT_REQUESTS = 1024
_KEPT_LENGTH = 4096  # longer query strings are parsed each time, so that the cache stays within some megabytes

_FIELDS = Parameter("fields", many=True, description="Comma-separated paths to return instead of whole entities.")
_FILTER = Parameter(
    "filter",
    many=True,
    description="Conditions `key`, `key=value` joined by commas (and); repeat the parameter for or. Case is ignored.",
)
_LIMIT = Parameter("limit", "integer", minimum=0, description="Most entities to return.")
_OFFSET = Parameter("offset", "integer", minimum=0, description="How many to skip.")

ENTITIES_PARAMETERS = (
    _FIELDS,
    _LIMIT,
    _FILTER,
    _OFFSET,
    Parameter("after", description="Cursor from the `Link` header of the page before."),
    Parameter("order", many=True, description="`asc:field` or `desc:field`; repeat for more."),
)
BY_QUERY_PARAMETERS = (
    _FIELDS,
    _LIMIT,
    _OFFSET,
    Parameter("orderField", many=True, description="`field` or `field,asc` or `field,desc`. The first one counts."),
    Parameter("cursor", description="Cursor from `pageInfo`; filter, order and text are then those of the first page."),
    _FILTER,
    Parameter("fullTextFilterTerm", description="Only entities with this text in one of the fields."),
    Parameter("fullTextFilterFields", many=True, description="Comma-separated fields to look in."),
    Parameter("totalItems", enum=("include", "exclude"), description="`exclude` saves the count; it is then 0."),
)
FACETS_PARAMETERS = (
    Parameter("facet", many=True, required=True, description="Key whose values to count; repeat for more."),
    _FILTER,
)
BY_REFS_PARAMETERS = (_FILTER,)
T = TypeVar("T")


def _kept(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """``parse`` with its latest results kept by query string. Refused requests are not kept."""
    cached = lru_cache(maxsize=KEPT_REQUESTS)(parse)

    def look_up(raw: bytes) -> T:
        return cached(raw) if len(raw) <= _KEPT_LENGTH else parse(raw)

    return look_up


# ---- GET /entities ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntitiesRequest:
    """``GET /entities``. ``streamed`` where no page was asked for; ``link`` is the header of the next page, if there is one."""

    query: EntityQuery
    fields: Fields | None
    streamed: bool
    link: bytes


@_kept
def parse_entities(raw: bytes) -> EntitiesRequest:
    """Read the query string of ``GET /entities``.

    Raises:
        InputError: with Backstage's message.
    """
    values = read_parameters(raw, ENTITIES_PARAMETERS)
    predicate = _filters(values.get("filter", ()))
    fields = parse_fields(values.get("fields", ()))
    orders = tuple(_entity_order(text) for text in values.get("order", ()))
    limit, offset, after = values.get("limit"), values.get("offset"), values.get("after")
    if limit is None and offset is None and after is None:
        # Without paging only the first order counts, and entities that lack its field are left out.
        query = EntityQuery(predicate=predicate, order=orders[0] if orders else None, want_total=False)
        return EntitiesRequest(query, fields, True, b"")
    if limit is not None and limit <= 0:
        raise InputError("Invalid limit, must be greater than zero", field="limit")
    if after is not None:
        cursor_limit, cursor_offset = decode_after(after)
        limit = limit if cursor_limit is None else cursor_limit
        offset = offset if cursor_offset is None else cursor_offset
    offset = offset or 0
    query = EntityQuery(
        predicate=predicate,
        order=orders[0] if orders else None,
        then=orders[1:],
        by_ref=True,
        limit=limit,
        offset=offset,
        want_total=False,
    )
    link = _next_link(raw, limit, offset + limit) if limit else b""
    return EntitiesRequest(query, fields, False, link)


def _entity_order(text: str) -> Order:
    direction, colon, field = text.partition(":")
    if not colon or direction not in ("asc", "desc") or not field:
        raise InputError(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"', field="order")
    return Order(field.lower(), "asc" if direction == "asc" else "desc")


def _next_link(raw: bytes, limit: int, offset: int) -> bytes:
    """``Link`` header value: the request's own parameters, ``offset`` dropped, ``after`` set, relative to the plugin.

    Source: recorded answers; the parameters are written as JavaScript's ``URLSearchParams`` does.
    """
    after = encode_json({"limit": limit, "offset": offset})
    pairs: list[tuple[str, str]] = []
    for name, value in parse_pairs(raw):
        if name == "after":
            value, after = after, ""
        if name != "offset" and value:
            pairs.append((name, value))
    if after:
        pairs.append(("after", after))
    return f'</entities?{"&".join(f"{_form(n)}={_form(v)}" for n, v in pairs)}>; rel="next"'.encode("ascii")


def _form(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")


def _filters(params: Sequence[str]) -> Predicate | None:
    try:
        return parse_filter_params(params)
    except PredicateError as error:
        raise InputError(error.message, field=error.field) from None


def read_query(query: Any) -> Predicate:
    """A ``query`` body as a predicate.

    Raises:
        InputError: it cannot be read; names the place.
    """
    if _is_deeper_than(query, MAX_QUERY_DEPTH):
        raise InputError(f"Invalid query: nested more than {MAX_QUERY_DEPTH} levels deep", field="query")
    if _count_conditions(query) > MAX_CONDITIONS:
        raise InputError(f"Invalid query: more than {MAX_CONDITIONS:,} conditions", field="query")
    try:
        return parse_query(query)
    except PredicateError as error:
        raise InputError(error.message, field=error.field) from None


def _is_deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            child for x in layer if isinstance(x, (dict, list)) for child in (x.values() if isinstance(x, dict) else x)
        ]
        if not layer:
            return False
    return True


def _count_conditions(query: Any) -> int:
    """Fields that a query asks about, those inside operators included."""
    count = 0
    todo = [query]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += [child for child in value if isinstance(child, (dict, list))]
        elif isinstance(value, dict):
            count += sum(not key.startswith("$") for key in value)
            todo += [child for child in value.values() if isinstance(child, (dict, list))]
    return count


# ---- by-query ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByQueryRequest:
    """``GET`` or ``POST /entities/by-query``.

    ``head`` begins every cursor of this list. ``first`` and ``total`` are known from the cursor after the first page.
    """

    query: EntityQuery
    fields: Fields | None
    head: Mapping[str, Any]
    is_previous: bool = False
    first: Position | None = None
    total: int | None = None


@_kept
def parse_by_query(raw: bytes) -> ByQueryRequest:
    """Read the query string of ``GET /entities/by-query``.

    Raises:
        InputError: with Backstage's message.
    """
    values = read_parameters(raw, BY_QUERY_PARAMETERS)
    fields = parse_fields(values.get("fields", ()))
    limit = values.get("limit")
    if "cursor" in values:
        return _continued(values["cursor"], fields, limit)
    predicate = _filters(values.get("filter", ()))
    return _first_page(
        predicate=predicate,
        query=format_query(predicate) if predicate is not None else None,
        order_fields=[_order_field(text) for text in values.get("orderField", ())],
        text=_text_parameters(values),
        fields=fields,
        limit=limit,
        offset=values.get("offset", 0),
        want_total=values.get("totalItems") != "exclude",
    )


def _text_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {"term": values.get("fullTextFilterTerm", "")}
    fields = [f for names in values.get("fullTextFilterFields", ()) for part in names.split(",") if (f := part.strip())]
    _require_few(fields, "fullTextFilterFields")
    return {**text, "fields": fields} if fields else text


def read_by_query(body: Mapping[str, Any]) -> ByQueryRequest:
    """Read the body of ``POST /entities/by-query``, already checked against its schema.

    Raises:
        InputError: with Backstage's message.
    """
    fields = parse_fields(body.get("fields", ()))
    limit = _whole(body.get("limit"), "limit")
    if body.get("cursor"):
        return _continued(body["cursor"], fields, limit)
    query = body.get("query")
    return _first_page(
        predicate=read_query(query) if query is not None else None,
        query=query,
        order_fields=[
            {"field": order["field"], **({"order": order["order"]} if "order" in order else {})}
            for order in body.get("orderBy", ())
        ],
        text=body.get("fullTextFilter"),
        fields=fields,
        limit=limit,
        offset=_whole(body.get("offset"), "offset") or 0,
        want_total=body.get("totalItems") != "exclude",
    )


def _whole(value: float | None, name: str) -> int | None:
    if value is None:
        return None
    if value != int(value) or value < 0:
        raise InputError(f"request/body/{name} must be a whole number >= 0", field=name)
    return min(int(value), 2**53 - 1)


def _order_field(text: str) -> dict[str, str]:
    field, comma, direction = text.partition(",")
    field, direction = field.strip(), direction.strip()
    if not field:
        raise InputError(
            f'Invalid order field "{text}", expected "<field>" or "<field>,<asc or desc>"', field="orderField"
        )
    if not comma:
        return {"field": field}
    if direction not in ("asc", "desc"):
        raise InputError("Invalid order field order, must be asc or desc", field="orderField")
    return {"field": field, "order": direction}


def _first_page(
    *,
    predicate: Predicate | None,
    query: Any,
    order_fields: list[dict[str, str]],
    text: Mapping[str, Any] | None,
    fields: Fields | None,
    limit: int | None,
    offset: int,
    want_total: bool,
) -> ByQueryRequest:
    head: dict[str, Any] = {"orderFields": order_fields, "isPrevious": False}
    if query is not None:
        head["query"] = query
    if text is not None:
        head["fullTextFilter"] = text
    order = _first_order(order_fields)
    entity_query = EntityQuery(
        predicate=_with_text(predicate, text or {}, order),
        order=order,
        limit=DEFAULT_PAGE if limit is None else limit,
        offset=offset,
        want_total=want_total,
    )
    return ByQueryRequest(entity_query, fields, head)


def _continued(cursor: str, fields: Fields | None, limit: int | None) -> ByQueryRequest:
    read = decode_cursor(cursor)
    order = Order(read.order[0].lower(), "desc" if read.order[1] == "desc" else "asc") if read.order else None
    predicate = read_query(read.query) if read.query is not None else None
    query = EntityQuery(
        predicate=_with_text(predicate, read.text, order),
        order=order,
        limit=DEFAULT_PAGE if limit is None else limit,
        after=None if read.is_previous else read.position,
        before=read.position if read.is_previous else None,
        want_total=False,
    )
    return ByQueryRequest(query, fields, read.head, read.is_previous, read.first, read.total)


def _first_order(order_fields: Sequence[Mapping[str, str]]) -> Order | None:
    if not order_fields:
        return None
    first = order_fields[0]
    return Order(first["field"].lower(), "desc" if first.get("order") == "desc" else "asc")


def _with_text(predicate: Predicate | None, text: Mapping[str, Any], order: Order | None) -> Predicate | None:
    """``predicate`` narrowed by a full-text filter, which looks in the order field (or the uid) unless told where."""
    term = text.get("term", "").strip().lower()
    if not term:
        return predicate
    _require_few(text.get("fields", ()), "fullTextFilter.fields")
    keys = tuple(field.lower() for field in text.get("fields", ())) or (order.field if order else "metadata.uid",)
    return conjoin(predicate, HasText(keys, term))


# ---- facets and refs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FacetsRequest:
    """``GET`` or ``POST /entity-facets``: keys as asked, which is how they are named in the answer."""

    facets: tuple[str, ...]
    predicate: Predicate | None


def _require_few(keys: Sequence[str], name: str) -> None:
    if len(keys) > MAX_KEYS:
        raise InputError(f"At most {MAX_KEYS} {name} can be asked for at once", field=name)


@_kept
def parse_facets(raw: bytes) -> FacetsRequest:
    """Read the query string of ``GET /entity-facets``. Raises ``InputError`` with Backstage's message."""
    values = read_parameters(raw, FACETS_PARAMETERS)
    _require_few(values["facet"], "facet")
    return FacetsRequest(tuple(dict.fromkeys(values["facet"])), _filters(values.get("filter", ())))


def read_facets(body: Mapping[str, Any]) -> FacetsRequest:
    """Read the body of ``POST /entity-facets``, already checked against its schema."""
    query = body.get("query")
    _require_few(body["facets"], "facets")
    return FacetsRequest(tuple(dict.fromkeys(body["facets"])), read_query(query) if query is not None else None)


@dataclass(frozen=True, slots=True)
class ByRefsRequest:
    """``POST /entities/by-refs``."""

    refs: tuple[str, ...]
    fields: Fields | None
    predicate: Predicate | None


@_kept
def parse_by_refs_filter(raw: bytes) -> Predicate | None:
    """The ``filter`` parameters of ``POST /entities/by-refs``. Raises ``InputError`` with Backstage's message."""
    return _filters(read_parameters(raw, BY_REFS_PARAMETERS).get("filter", ()))


def read_by_refs(body: Mapping[str, Any], narrowed: Predicate | None) -> ByRefsRequest:
    """Read the body of ``POST /entities/by-refs``; ``narrowed`` is what its query string asks."""
    query = body.get("query")
    predicate = narrowed if query is None else conjoin(narrowed, read_query(query))
    return ByRefsRequest(tuple(body["entityRefs"]), parse_fields(body.get("fields", ())), predicate)


def parse_nothing(raw: bytes) -> None:
    """For routes without parameters: any at all is refused."""
    if raw:
        read_parameters(raw, ())
