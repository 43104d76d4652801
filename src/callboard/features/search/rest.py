"""``/api/search/query`` as Backstage has it, and ``/api/search/v1/query`` with all that search knows.

Questions are read from the query string as Backstage's ``qs`` reads it: ``filters[kind]=Component``, ``filters[tags][0]=x``,
``types[]=techdocs``, ``types[0]=techdocs``.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from starlette.responses import Response

from callboard.features.search.history.service import NoteAnswer
from callboard.features.search.interface import Indexing, Search, SearchQuery
from callboard.features.search.settings import SearchSettings
from callboard.features.search.wire import (
    DEFAULT_PAGE,
    INDEXING_HEADER,
    decode_cursor,
    indexing_headers,
    own_wire,
    results_wire,
)
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
MAX_FILTERS = 50
MAX_FACETS = 50
MAX_OFFSET = 10_000


class SearchRoutes:
    """Handlers over ``Search``, in which what is hidden is not there."""

    def __init__(self, search: Search, settings: SearchSettings, note: NoteAnswer, indexing: Indexing) -> None:
        self._indexing = indexing
        self._search = search
        self._note = note
        self._settings = settings

    async def query(self, request: Request) -> Response:
        given = parse_deep(request.query_params.multi_items())
        term = self._term(given)
        limit = self._limit(given.get("pageLimit"), "pageLimit", "page limit")
        page = decode_cursor(_text(given, "pageCursor"))
        if page * limit > MAX_OFFSET:
            raise InputError(f"Nobody pages further than {MAX_OFFSET} results; ask more closely.", field="pageCursor")
        asked = SearchQuery(
            term, types=self._types(given), filters=filters_of(given.get("filters")), limit=limit, offset=page * limit
        )
        found = await self._search.query(asked, actor=request.actor)
        indexing = await self._indexing.told(request.actor)
        if found.hits or indexing is None:
            self._note(asked, found, actor=request.actor, door="rest")
        return Json(results_wire(found, page=page, limit=limit), headers=indexing_headers(indexing))

    async def own_query(self, request: Request) -> Response:
        given = parse_deep(request.query_params.multi_items())
        offset = _number(given.get("offset"), 0, "offset")
        if offset > MAX_OFFSET:
            raise InputError(f"Nobody pages further than {MAX_OFFSET} results; ask more closely.", field="offset")
        as_typed = _text(given, "asTyped") == "true"
        query = SearchQuery(
            self._term(given), types=self._types(given), filters=filters_of(given.get("filters")),
            facets=self._facets(given), limit=self._limit(given.get("limit"), "limit", "limit"),
            offset=offset, as_typed=as_typed, by_meaning=not as_typed,
        )  # fmt: skip
        found = await self._search.query(query, actor=request.actor)
        indexing = await self._indexing.told(request.actor)
        if found.hits or indexing is None:
            self._note(query, found, actor=request.actor, door="rest")
        return Json(own_wire(found, offset=offset, indexing=indexing), headers=indexing_headers(indexing))

    def _term(self, given: Mapping[str, Any]) -> str:
        term, most = _text(given, "term") or "", self._settings.max_term_length
        if len(term) > most:
            raise InputError(f'The term length "{len(term)}" is greater than "{most}"', field="term")
        return term

    def _types(self, given: Mapping[str, Any]) -> Sequence[str]:
        return _list(given.get("types"), "types")

    def _facets(self, given: Mapping[str, Any]) -> Sequence[str]:
        facets = _list(given.get("facets"), "facets")
        if len(facets) > MAX_FACETS:
            raise InputError(f"At most {MAX_FACETS} facets.", field="facets")
        return facets

    def _limit(self, value: Any, field: str, name: str) -> int:
        most = self._settings.max_page
        limit = _number(value, min(DEFAULT_PAGE, most), field)
        if limit > most:
            raise InputError(f'The {name} "{limit}" is greater than "{most}"', field=field)
        if limit < 1:
            raise InputError(f"{field} must be 1 or more.", field=field)
        return limit


def parse_deep(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Names in brackets as objects, numbered or empty brackets as lists. A name given twice is a list."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            found[key] = value
            continue
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])][:4]
        place = found
        for at, step in enumerate(path[:-1]):
            below = place.get(step)
            if not isinstance(below, dict):
                below = place[step] = {} if below is None else {"0": below}
            place = below
            if at == len(path) - 2 and path[-1] == "":
                path[-1] = str(len(place))
        last = path[-1]
        if last in place:
            before = place[last]
            place[last] = {**before, str(len(before)): value} if isinstance(before, dict) else {"0": before, "1": value}
        else:
            place[last] = value
    return found


def filters_of(given: Any) -> dict[str, Sequence[str]]:
    """Field to the values it may have. An owner's short name stands for the group and the user of that name."""
    if given is None or given == "":
        return {}
    if not isinstance(given, dict):
        raise InputError("filters must name fields: filters[kind]=Component.", field="filters")
    found: dict[str, Sequence[str]] = {}
    for key, value in given.items():
        values = _list(value, f"filters[{key}]")
        if key == "owner":
            values = [full for one in values for full in _owners(one)]
        if values:
            found[key] = values
    if len(found) > MAX_FILTERS:
        raise InputError(f"At most {MAX_FILTERS} filters.", field="filters")
    return found


def _owners(value: str) -> Sequence[str]:
    if ":" in value:
        kind, _, rest = value.partition(":")
        return [value, value if "/" in rest else f"{kind}:default/{rest}"]
    full = value if "/" in value else f"default/{value}"
    return [value, f"group:{full}", f"user:{full}"]


def _list(value: Any, field: str) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        if field == "types" and not all(key.isdigit() for key in value):
            raise InputError("types must be a list: types[0]=software-catalog.", field=field)
        return list(value.values())
    raise InputError(f"{field} must be a value or a list of values.", field=field)


def _text(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{key} must be given once, as text.", field=key)
    return value


def _number(value: Any, default: int, field: str) -> int:
    if value is None or value == "":
        return default
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) < 10):
        raise InputError(f"{field} must be a whole number.", field=field)
    return int(value)


def search_routes(search: Search, settings: SearchSettings, note: NoteAnswer, indexing: Indexing) -> Sequence[Route]:
    routes = SearchRoutes(search, settings, note, indexing)
    return [
        Route("/api/search/query", routes.query, openapi=_operation("Find documents", _WIRE)),
        Route("/api/search/v1/query", routes.own_query, openapi=_operation("Find documents, and why", _OWN)),
    ]


def _parameter(name: str, schema: Mapping[str, Any], style: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"in": "query", "name": name, "required": False, "schema": dict(schema)}
    if style is not None:
        made |= {"style": style, "explode": True}
    return made


_TEXT: Mapping[str, Any] = {"type": "string"}
_NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_COMMON = (
    _parameter("term", _TEXT),
    _parameter("filters", {"type": "object", "additionalProperties": True}, "deepObject"),
    _parameter("types[]", {"type": "array", "items": _TEXT}, "form"),
)
_WIRE = (*_COMMON, _parameter("pageCursor", _TEXT), _parameter("pageLimit", _NUMBER))
_OWN = (
    *_COMMON, _parameter("facets[]", {"type": "array", "items": _TEXT}, "form"), _parameter("limit", _NUMBER),
    _parameter("offset", _NUMBER), _parameter("asTyped", {"type": "boolean"}),
)  # fmt: skip


def _operation(summary: str, parameters: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {
                "description": "What was found.",
                "headers": {
                    INDEXING_HEADER: {
                        "schema": _TEXT,
                        "description": "There while the index is behind, so that results are not complete:"
                        " how many of each type are indexed, as techdocs=120/231.",
                    }
                },
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }
