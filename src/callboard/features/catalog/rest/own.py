"""Callboard's own reads under ``/api/catalog/v1``, where Backstage has no word: why, history, findings, export."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import datetime
from typing import Any, AsyncIterator, Sequence

import orjson

from callboard.features.catalog.interface import CatalogCommands, CatalogQueries, EntityQuery, Finding, Why
from callboard.features.catalog.rest.answers import JSON_TYPE, Answer, json_answer
from callboard.features.catalog.rest.calls import Call
from callboard.features.catalog.rest.parameters import Parameter, read_parameters
from callboard.features.catalog.rest.projection import Fields, find_path, parse_fields, project_bytes
from callboard.features.catalog.rest.requests import BY_QUERY_PARAMETERS, parse_by_query
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

MAX_PAGE = 500
EXPORT_CHUNK = 500
DEFAULT_COLUMNS = (
    "kind", "metadata.namespace", "metadata.name", "metadata.title", "metadata.description", "spec.type",
    "spec.lifecycle", "spec.owner", "spec.system", "metadata.tags",
)  # fmt: skip

WHY_PARAMETERS = (Parameter("asked", required=True, description="An entity ref, a URL or a file."),)
HISTORY_PARAMETERS = (
    Parameter("ref", required=True, description="Entity ref."),
    Parameter("limit", "integer", minimum=1, description=f"Most entries, up to {MAX_PAGE}; 50 if not given."),
    Parameter("before", "integer", minimum=0, description="`nextBefore` of the page before: only older entries."),
)
FINDINGS_PARAMETERS = (
    Parameter("ref", description="Only what concerns this entity."),
    Parameter("severity", enum=("error", "warning"), description="Only these."),
    Parameter("limit", "integer", minimum=1, description=f"Most findings, up to {MAX_PAGE}; 50 if not given."),
    Parameter("offset", "integer", minimum=0, description="How many to skip."),
)
_LIST_NAMES = ("fields", "limit", "offset", "filter", "orderField", "fullTextFilterTerm", "fullTextFilterFields")
EXPORT_PARAMETERS = (
    Parameter("format", enum=("csv", "json"), description="`json` (an array) if not given."),
    *(parameter for parameter in BY_QUERY_PARAMETERS if parameter.name in _LIST_NAMES),
)
_RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


class OwnRoutes:
    """Handlers over both of the catalog's services. Errors leave as problem+json, which is the web layer's work."""

    def __init__(self, queries: CatalogQueries, commands: CatalogCommands) -> None:
        self._queries = queries
        self._commands = commands

    async def why(self, call: Call) -> Answer:
        """What happened to a URL, file or ref, step by step."""
        asked = read_parameters(call.raw_query, WHY_PARAMETERS)["asked"]
        return json_answer(format_why(await self._commands.why(asked, actor=call.actor)))

    async def history(self, call: Call) -> Answer:
        """Changes of one entity, latest first; ``nextBefore`` is there while older ones may follow."""
        values = read_parameters(call.raw_query, HISTORY_PARAMETERS)
        limit = min(values.get("limit", 50), MAX_PAGE)
        entries = await self._queries.history(
            _parse_ref(values["ref"]), actor=call.actor, limit=limit, before=values.get("before")
        )
        items = [{**asdict(entry), "at": _time(entry.at), "diff": list(entry.diff)} for entry in entries]
        page: dict[str, Any] = {"items": items}
        if len(entries) == limit:
            page["nextBefore"] = entries[-1].id
        return json_answer(page)

    async def findings(self, call: Call) -> Answer:
        """What keeps entities back, or will: of one entity, or of all that the caller may see."""
        values = read_parameters(call.raw_query, FINDINGS_PARAMETERS)
        limit, offset = min(values.get("limit", 50), MAX_PAGE), values.get("offset", 0)
        severity = values.get("severity")
        if "ref" in values:
            found = await self._queries.findings(_parse_ref(values["ref"]), actor=call.actor)
            wanted = [finding for finding in found if severity in (None, finding.severity)]
            items: Sequence[Finding] = wanted[offset : offset + limit]
            total = len(wanted)
        else:
            items, total = await self._queries.list_findings(
                severity=severity, limit=limit, offset=offset, actor=call.actor
            )
        page: dict[str, Any] = {"items": [finding_json(finding) for finding in items], "totalItems": total}
        if offset + len(items) < total and items:
            page["nextOffset"] = offset + len(items)
        return json_answer(page)

    async def export(self, call: Call) -> Answer:
        """A list as a file, CSV or JSON: with filter, order and text as in by-query, whole unless limited; streamed."""
        values = read_parameters(call.raw_query, EXPORT_PARAMETERS)
        form = values.get("format", "json")
        raw = b"&".join(
            part for part in call.raw_query.split(b"&") if part.partition(b"=")[0] not in (b"format", b"limit")
        )
        request = parse_by_query(raw)
        fields = parse_fields(values.get("fields", ()))
        pages = self._pages(request.query, values.get("limit"), call)
        name = b'attachment; filename="catalog.%b"' % form.encode("ascii")
        headers = ((b"content-disposition", name), (b"cache-control", b"no-store"))
        if form == "csv":
            chunks = _csv(pages, fields or tuple(tuple(column.split(".")) for column in DEFAULT_COLUMNS))
            return Answer(content_type=b"text/csv; charset=utf-8", headers=headers, chunks=chunks)
        return Answer(content_type=JSON_TYPE, headers=headers, chunks=_json(pages, fields))

    async def _pages(self, query: EntityQuery, limit: int | None, call: Call) -> AsyncIterator[Sequence[bytes]]:
        """Pages of the list, each read on its own, so that an export holds no transaction open for long."""
        left, offset, after = limit, query.offset, None
        while left is None or left > 0:
            size = EXPORT_CHUNK if left is None else min(EXPORT_CHUNK, left)
            asked = EntityQuery(query.predicate, query.order, limit=size, offset=offset, after=after, want_total=False)
            page = await self._queries.list_raw(asked, actor=call.actor)
            if page.items:
                yield page.items
            if not page.has_more or page.last is None:
                return
            left = None if left is None else left - len(page.items)
            offset, after = 0, page.last


async def _json(pages: AsyncIterator[Sequence[bytes]], fields: Fields | None) -> AsyncIterator[bytes]:
    opening = b"["
    async for items in pages:
        shown = items if fields is None else project_bytes(items, fields)
        yield opening + b",\n".join(shown)
        opening = b",\n"
    yield b"[]" if opening == b"[" else b"]"


async def _csv(pages: AsyncIterator[Sequence[bytes]], columns: Fields) -> AsyncIterator[bytes]:
    yield _rows([[".".join(column) for column in columns]])
    async for items in pages:
        yield _rows([[_cell(orjson.loads(item), column) for column in columns] for item in items])


def _rows(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)  # RFC 4180: CRLF, quotes doubled
    return out.getvalue().encode()


def _cell(entity: dict[str, Any], column: tuple[str, ...]) -> str:
    found = find_path(entity, column)
    value: Any = None if found is None else found[1]
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(_RISKY) else text


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as our own routes show it."""
    shown = asdict(finding)
    shown["entityRef"] = shown.pop("entity_ref")
    shown["since"] = _time(finding.since)
    return shown


def format_why(why: Why) -> dict[str, Any]:
    return {
        "asked": why.asked,
        "kind": why.kind,
        "subjects": [
            {
                "title": subject.title,
                "ref": subject.ref,
                "location": subject.location,
                "stoppedAt": subject.stopped_at,
                "steps": [
                    {
                        "name": step.name,
                        "state": step.state,
                        "detail": step.detail,
                        "at": _time(step.at),
                        "findings": [finding_json(finding) for finding in step.findings],
                    }
                    for step in subject.steps
                ],
            }
            for subject in why.subjects
        ],
        "suggestions": list(why.suggestions),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)


def _parse_ref(text: str) -> EntityRef:
    try:
        return EntityRef.parse(text)
    except RefError as error:
        raise InputError(str(error), field="ref") from None
