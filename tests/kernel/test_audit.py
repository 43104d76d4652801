"""The audit log: with the change or not at all, and readable page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callboard.kernel.audit import Audit
from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.errors import InputError
from callboard.kernel.migrations import MIGRATIONS
from callboard.testing.actors import admin, service, user
from callboard.testing.clock import FakeClock
from callboard.testing.portal import make_portal

pytestmark = pytest.mark.anyio


@pytest.fixture
async def audit(db: Database, clock: FakeClock) -> Audit:
    """A log on each engine."""
    await upgrade(db, [MIGRATIONS])
    return Audit(db, clock)


async def test_a_row_tells_who_did_what_when(audit: Audit) -> None:
    """In Backstage's words; absent parts are left out."""
    await audit.record(
        None, "entity-mutate", actor=user("ada"), severity="medium", meta={"entityRef": "component:default/a"}
    )
    [row] = (await audit.list_events()).items
    told = row.to_json()
    assert told.pop("id")
    assert told == {
        "at": "2026-11-23T03:12:00.000Z",
        "plugin": "callboard",
        "eventId": "entity-mutate",
        "severityLevel": "medium",
        "status": "succeeded",
        "actor": {"actorId": "user:default/ada", "type": "user"},
        "meta": {"entityRef": "component:default/a"},
    }


async def test_a_row_goes_with_its_transaction(audit: Audit, db: Database) -> None:
    """Rolled back with the change, kept with it."""
    with pytest.raises(LookupError):
        async with db.write() as tx:
            await audit.record(tx, "lost", actor=user("ada"))
            raise LookupError
    async with db.write() as tx:
        await audit.record(tx, "kept", actor=user("ada"))
    assert [row.event for row in (await audit.list_events()).items] == ["kept"]


async def test_a_failure_keeps_its_error(audit: Audit) -> None:
    """Given by itself or among the details, as actions do."""
    await audit.record(None, "a", actor=user("ada"), status="failed", error="no disk")
    await audit.record(None, "b", actor=user("ada"), status="failed", meta={"error": "no host"})
    assert [(row.event, row.error) for row in (await audit.list_events()).items] == [("b", "no host"), ("a", "no disk")]


async def test_pages_cover_everything_once_while_rows_come_in(audit: Audit) -> None:
    """Newest first; rows added between two pages move nothing."""
    for n in range(25):
        await audit.record(None, f"e{n}", actor=user("ada"))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await audit.list_events(limit=10, cursor=cursor)
        seen += [row.event for row in page.items]
        await audit.record(None, "late", actor=user("ada"))
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == [f"e{n}" for n in reversed(range(25))]


async def test_filters_add_up(audit: Audit, clock: FakeClock) -> None:
    """Actor, event, severity, status, plugin and time."""
    start = clock.now()
    rows: list[dict[str, Any]] = [
        {"event": "a", "actor": user("ada"), "severity": "low", "status": "succeeded", "plugin": "catalog"},
        {"event": "b", "actor": user("ada"), "severity": "high", "status": "failed", "plugin": "catalog"},
        {"event": "a", "actor": service(), "severity": "high", "status": "succeeded", "plugin": "auth"},
    ]
    for row in rows:
        await audit.record(None, **row)
        clock.advance(60)

    async def found(**filters: Any) -> list[tuple[str, str]]:
        return [(row.event, row.actor) for row in (await audit.list_events(**filters)).items]

    ada, external = "user:default/ada", "external:test"
    assert await found(actor=ada) == [("b", ada), ("a", ada)]
    assert await found(event="a", plugin="catalog") == [("a", ada)]
    assert await found(severity="high", status="succeeded") == [("a", external)]
    assert await found(since=start + timedelta(seconds=60)) == [("a", external), ("b", ada)]
    assert await found(until=start + timedelta(seconds=60)) == [("a", ada)]
    assert await found(actor="user:default/nobody") == []


@pytest.mark.parametrize("bad", [{"limit": 0}, {"limit": 501}, {"cursor": "x"}, {"cursor": "9" * 30}, {"cursor": "²"}])
async def test_what_cannot_be_a_page_is_bad_input(audit: Audit, bad: Any) -> None:
    """Named by its field."""
    with pytest.raises(InputError) as caught:
        await audit.list_events(**bad)
    assert caught.value.field == next(iter(bad))


async def test_administrators_read_the_log_over_http() -> None:
    """Page after page by cursor, with filters; bad parameters are refused."""
    async with make_portal({}) as portal:
        for n in range(3):
            await portal.audit.record(None, f"e{n}", actor=user("ada"))
        async with portal.client(admin()) as client:
            first = (await client.get("/api/audit/v1/events?limit=2&actor=user:default/ada")).json()
            assert [item["eventId"] for item in first["items"]] == ["e2", "e1"]
            second = await client.get(
                "/api/audit/v1/events", params={"cursor": first["nextCursor"], "actor": "user:default/ada"}
            )
            assert [item["eventId"] for item in second.json()["items"]] == ["e0"]
            assert "nextCursor" not in second.json()
            for query in ("limit=x", "limit=0", "cursor=x", "since=yesterday", "until=2026-11-23"):
                assert (await client.get(f"/api/audit/v1/events?{query}")).status_code == 400, query


async def test_a_row_of_a_request_says_where_it_came_from(audit: Audit) -> None:
    """Address, browser, method and path; not the query, which may hold a token. The plugin is that of the path."""
    from starlette.requests import Request

    scope = {
        "type": "http",
        "method": "DELETE",
        "path": "/api/catalog/entities",
        "query_string": b"token=s3cret",
        "headers": [(b"user-agent", b"test/1"), (b"host", b"portal.example.com")],
        "client": ("192.0.2.7", 1234),
        "server": ("portal.example.com", 443),
        "scheme": "https",
    }
    await audit.record(None, "entity-mutate", actor=user("ada"), request=Request(scope))
    told = (await audit.list_events()).items[0].to_json()
    assert told["plugin"] == "catalog"
    assert told["request"] == {"method": "DELETE", "url": "/api/catalog/entities"}
    assert told["actor"] == {"actorId": "user:default/ada", "type": "user", "ip": "192.0.2.7", "userAgent": "test/1"}
