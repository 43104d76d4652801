"""Callboard's own reads: why, history, findings, export."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any, Callable

import pytest

from callboard.features.catalog.interface import Finding

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)


async def test_why_tells_steps_or_suggests(wire: Any) -> None:
    """Known things come with their steps; unknown ones with what was perhaps meant."""
    wire.catalog.find("user:default/ada", Finding("error", "read", "It broke", since=AT, line=3))
    known = (await wire.get("/v1/why?asked=user:default/ada")).json
    finding = known["subjects"][0]["steps"][0]["findings"][0]
    assert (known["kind"], finding["message"], finding["line"]) == ("ref", "It broke", 3)
    assert finding["since"] == "2026-03-01T12:00:00.005Z"
    unknown = (await wire.get("/v1/why?asked=https://git.example.com/x")).json
    assert (unknown["kind"], unknown["subjects"], len(unknown["suggestions"])) == ("location", [], 3)


async def test_history_is_paged_from_the_latest(wire: Any) -> None:
    """``nextBefore`` leads on until nothing may be left."""
    for _ in range(2):
        wire.catalog.put({"kind": "User", "metadata": {"name": "ada"}})
    first = (await wire.get("/v1/history?ref=user:default/ada&limit=2")).json
    assert [entry["change"] for entry in first["items"]] == ["updated", "updated"]
    second = (await wire.get(f"/v1/history?ref=user:default/ada&limit=2&before={first['nextBefore']}")).json
    assert [entry["change"] for entry in second["items"]] == ["created"]
    assert "nextBefore" not in second


async def test_findings_are_of_one_entity_or_of_all(wire: Any) -> None:
    """Narrowed by ref and severity, paged by offset."""
    for number, severity in enumerate(("error", "warning", "error")):
        wire.catalog.find(f"component:default/service-{number}", Finding(severity, "kind", f"m{number}", since=AT))  # type: ignore[arg-type]
    page = (await wire.get("/v1/findings?severity=error&limit=1")).json
    assert ([f["message"] for f in page["items"]], page["totalItems"], page["nextOffset"]) == (["m0"], 2, 1)
    rest = (await wire.get("/v1/findings?severity=error&limit=1&offset=1")).json
    assert ([f["entityRef"] for f in rest["items"]], "nextOffset" in rest) == (["component:default/service-2"], False)
    one = (await wire.get("/v1/findings?ref=Component:service-1")).json
    assert ([f["severity"] for f in one["items"]], one["totalItems"]) == (["warning"], 1)


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ("/v1/why", "request/query must have required property 'asked'"),
        ("/v1/history?ref=nokind", 'Entity reference "nokind" had missing or empty kind'),
        ("/v1/findings?limit=0", "request/query/limit must be >= 1"),
        ("/v1/export?format=xml", "request/query/format must be equal to one of the allowed values: csv, json"),
        ("/v1/export?cursor=x", "Unknown query parameter 'cursor'"),
    ],
)
async def test_errors_are_problem_json(wire: Any, target: str, detail: str) -> None:
    """On our own paths errors are RFC 9457 problems."""
    reply = await wire.get(target)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert reply.json["detail"].startswith(detail)


async def test_export_is_whole_and_in_order(make_wire: Callable[..., Any]) -> None:
    """More than a page comes in pieces and gives every entity once; a limit holds; nothing is an empty array."""
    wire = make_wire({"kind": "Component", "metadata": {"name": f"c{n:04d}"}} for n in range(1203))
    reply = await wire.get("/v1/export?orderField=metadata.name,desc&fields=metadata.name")
    names = [entity["metadata"]["name"] for entity in reply.json]
    assert names == [f"c{n:04d}" for n in range(1202, -1, -1)]
    assert reply.headers["content-disposition"] == 'attachment; filename="catalog.json"'
    assert len((await wire.get("/v1/export?limit=600&offset=700")).json) == 503
    assert (await wire.get("/v1/export?filter=kind=api")).json == []


async def test_export_as_csv_is_safe_in_a_spreadsheet(make_wire: Callable[..., Any]) -> None:
    """Lists are joined, missing is empty, quotes are doubled, and what a spreadsheet would run is disarmed."""
    wire = make_wire(
        [
            {
                "kind": "Component",
                "metadata": {"name": "a", "title": '=cmd|" /C calc"!A0', "tags": ["x", "y"]},
                "spec": {"n": 1},
            },
            {"kind": "User", "metadata": {"name": "b"}},
        ]
    )
    reply = await wire.get("/v1/export?format=csv&fields=metadata.name,metadata.title,metadata.tags,spec,spec.n")
    rows = list(csv.reader(io.StringIO(reply.body.decode(), newline="")))
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert rows[0] == ["metadata.name", "metadata.title", "metadata.tags", "spec", "spec.n"]
    assert rows[1] == ["a", '\'=cmd|" /C calc"!A0', "x, y", '{"n":1}', "1"]
    assert rows[2] == ["b", "", "", "", ""]
    standard = (await wire.get("/v1/export?format=csv")).body.decode().splitlines()[0]
    assert standard.startswith("kind,metadata.namespace,metadata.name,")
