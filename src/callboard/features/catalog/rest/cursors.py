"""Cursors: base64 of JSON, in the two shapes that Backstage uses. Opaque to clients but for one thing:

``@backstage/catalog-client`` looks whether a by-query cursor has the key ``query`` and, if so, asks for the next page by
POST. So the key is there exactly when a filter or query narrows the list, and both verbs take either sort.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Mapping

import orjson

from callboard.features.catalog.rest.parameters import MAX_INTEGER
from callboard.kernel.errors import InputError
from callboard.kernel.web.json_syntax import explain_json
from callboard.model.predicates import All, Any_, HasKey, HasPrefix, HasText, HasValue, Negation, Predicate

Position = tuple[str | None, int]
"""Order value (None where there is no order) and internal id of a row."""

_MAX_CURSOR = 100_000  # characters; a cursor carries its query, so it may be long, but not without end


def encode_json(value: Any) -> str:
    return base64.b64encode(orjson.dumps(value)).decode("ascii")


def decode_text(cursor: str) -> str:
    """Base64 as Node reads it: either alphabet, characters outside it ignored, padding optional; then UTF-8."""
    kept = "".join(
        c
        for c in cursor.replace("-", "+").replace("_", "/").partition("=")[0]
        if c.isascii() and (c.isalnum() or c in "+/")
    )
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    try:
        data = base64.b64decode(kept + "=" * (-len(kept) % 4))
    except (binascii.Error, ValueError):  # pragma: no cover - every text left by the lines above decodes
        data = b""
    return data.decode("utf-8", "replace")


# ---- GET /entities: {limit, offset} -----------------------------------------------------------------------------------


def decode_after(cursor: str) -> tuple[int | None, int | None]:
    """Limit and offset that an ``after`` cursor carries.

    Raises:
        InputError: not one of ours.
    """
    try:
        value = orjson.loads(decode_text(cursor))
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise InputError("Malformed after cursor, could not be parsed", field="after")
    limit, offset = value.get("limit"), value.get("offset")
    if limit is not None and not _is_natural(limit):
        raise InputError("Malformed after cursor, limit was not an number", field="after")
    if offset is not None and not _is_natural(offset):
        raise InputError("Malformed after cursor, offset was not a number", field="after")
    return limit, offset


def _is_natural(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_INTEGER


# ---- by-query ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueryCursor:
    """A by-query cursor, read. ``head`` is all that every further cursor of the same list repeats, in order."""

    head: Mapping[str, Any]
    order: tuple[str, str] | None
    is_previous: bool
    position: Position | None
    first: Position | None
    query: Any
    text: Mapping[str, Any]
    total: int


def encode_cursor(head: Mapping[str, Any], *, is_previous: bool, at: Position, first: Position, total: int) -> str:
    """The cursor of the page after (or, ``is_previous``, before) the row ``at`` of the list that ``head`` describes."""
    ordered = bool(head["orderFields"])
    return encode_json(
        {
            **head,
            "isPrevious": is_previous,
            "orderFieldValues": _values(at, ordered),
            "firstSortFieldValues": _values(first, ordered),
            "totalItems": total,
        }
    )


def _values(position: Position, ordered: bool) -> list[str | None]:
    value, row = position
    return [value, str(row)] if ordered else [str(row)]


def decode_cursor(cursor: str) -> QueryCursor:
    """Read a by-query cursor.

    Raises:
        InputError: ``Malformed cursor: …``, with the reason.
    """
    if len(cursor) > _MAX_CURSOR:
        raise _malformed(f"longer than {_MAX_CURSOR} characters")
    text = decode_text(cursor)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed(f"SyntaxError: {explain_json(text) or error}") from None
    if not isinstance(value, dict):
        raise _malformed("Validation error: Expected object")
    order_fields = value.get("orderFields")
    if not isinstance(order_fields, list) or not all(_is_order_field(field) for field in order_fields):
        raise _malformed('Validation error: Expected array of {field, order} at "orderFields"')
    is_previous = value.get("isPrevious")
    if not isinstance(is_previous, bool):
        raise _malformed('Validation error: Expected boolean at "isPrevious"')
    text_filter = value.get("fullTextFilter") or {}
    if not isinstance(text_filter, dict) or not isinstance(text_filter.get("term", ""), str):
        raise _malformed('Validation error: Expected string at "fullTextFilter.term"')
    text_fields = text_filter.get("fields") or []
    if not isinstance(text_fields, list) or not all(isinstance(field, str) for field in text_fields):
        raise _malformed('Validation error: Expected array of strings at "fullTextFilter.fields"')
    total = value.get("totalItems", 0)
    if not _is_natural(total):
        raise _malformed('Validation error: Expected number at "totalItems"')
    ordered = bool(order_fields)
    head = {
        "orderFields": order_fields,
        "isPrevious": is_previous,
        **({"fullTextFilter": text_filter} if text_filter else {}),
        "orderFieldValues": None,
    }
    if "query" in value:
        head["query"] = value["query"]
    return QueryCursor(
        head=head,
        order=(order_fields[0]["field"], order_fields[0].get("order") or "asc") if ordered else None,
        is_previous=is_previous,
        position=_position(value, "orderFieldValues", ordered),
        first=_position(value, "firstSortFieldValues", ordered),
        query=value.get("query"),
        text=text_filter,
        total=total,
    )


def _is_order_field(field: Any) -> bool:
    return (
        isinstance(field, dict)
        and isinstance(field.get("field"), str)
        and field["field"] != ""
        and field.get("order") in (None, "asc", "desc")
    )


def _position(value: dict[str, Any], key: str, ordered: bool) -> Position | None:
    parts = value.get(key)
    if parts is None:
        return None
    if isinstance(parts, list) and len(parts) == (2 if ordered else 1):
        row = parts[-1]
        order_value = parts[0] if ordered else None
        if isinstance(row, str) and row.isascii() and row.isdigit() and len(row) < 19:
            if order_value is None or isinstance(order_value, str):
                return order_value, int(row)
    raise _malformed(f'Validation error: Expected a position of this catalog at "{key}"')


def _malformed(reason: str) -> InputError:
    return InputError(f"Malformed cursor: {reason}", field="cursor")


def format_query(predicate: Predicate) -> dict[str, Any]:
    """``predicate`` as a ``query`` body, such that ``parse_query`` gives an equal one."""
    match predicate:
        case HasKey(key):
            return {key: {"$exists": True}}
        case HasValue(key, values):
            return {key: values[0] if len(values) == 1 else {"$in": list(values)}}
        case HasPrefix(key, prefix):
            return {key: {"$hasPrefix": prefix}}
        case All(parts):
            return {"$all": [format_query(part) for part in parts]}
        case Any_(parts):
            return {"$any": [format_query(part) for part in parts]}
        case Negation(part):
            return {"$not": format_query(part)}
        case HasText():
            raise TypeError("a full-text part has no place in a query; cursors carry it beside")
    raise TypeError(predicate)
