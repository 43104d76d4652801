"""Reads of the wire in the audit log, and what is counted of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.scaffolder.rest import ReadAudit
from callboard.features.scaffolder.tasks.figures import MAX_TEMPLATES, OTHERS, TaskFigures
from callboard.kernel.metrics import Metrics
from tests.features.scaffolder.conftest import ADA, Shop
from tests.features.scaffolder.rest.test_rest import API, GREET

pytestmark = pytest.mark.anyio


async def audited(shop: Shop) -> list[tuple[str, dict[str, Any], str, str]]:
    """Event, meta, severity and status of each, oldest first."""
    await shop.portal.service(ReadAudit).flush()
    page = await shop.portal.audit.list_events(limit=200, plugin="scaffolder")
    return [(one.event, one.meta, one.severity, one.status) for one in reversed(page.items)]


async def test_reads_are_audited_as_the_wire_names_them(each_shop: Any) -> None:
    """Each once a minute, with who and from where; refusals too; long texts are cut."""
    async with each_shop(GREET, auditor={"taskParameterMaxLength": 10}) as shop, shop.portal.client(ADA) as client:
        id = (await client.post(f"{API}/tasks", json={"templateRef": "greet", "values": {"name": "a" * 20}})).json()[
            "id"
        ]
        await shop.work()
        before = len(await audited(shop))
        paths = [
            f"/tasks?createdBy={'u' * 70}&limit=5", f"/tasks/{id}", f"/tasks/{id}/events", f"/tasks/{id}/eventstream", "/actions",
            "/templates/Default/Template/greet/parameter-schema",
        ]  # fmt: skip
        for path in (*paths, *paths):
            assert (await client.get(API + path)).status_code == 200
        assert (await client.get(f"{API}/tasks/none")).status_code == 404
        rows = (await audited(shop))[before:]
        assert rows == [
            ("task", {"actionType": "list", "query": {"createdBy": ["u" * 64 + "...<truncated>"], "limit": ["5"]}}, "low", "succeeded"),
            ("task", {"actionType": "get", "taskId": id}, "low", "succeeded"),
            ("task", {"actionType": "events", "taskId": id}, "low", "succeeded"),
            ("task", {"actionType": "stream", "taskId": id}, "low", "succeeded"),
            ("action-fetch", {}, "low", "succeeded"),
            ("template-parameter-schema", {"templateRef": "template:default/greet"}, "low", "succeeded"),
            ("task", {"actionType": "get", "taskId": "none"}, "low", "failed"),
        ]  # fmt: skip
        page = await shop.portal.audit.list_events(limit=1, plugin="scaffolder")
        assert (page.items[0].actor, page.items[0].method) == (ADA.subject, "GET")
        shop.portal.clock.advance(61)
        await client.get(f"{API}/actions")
        assert [one[0] for one in (await audited(shop))[before + len(rows) :]] == ["action-fetch"]


async def test_what_was_read_last_is_written_at_the_end(open_shop: Any) -> None:
    """Or not at all, where the settings say so; a dry run tells its answers cut and without secrets."""
    body = {"template": GREET, "values": {"name": "s3cret word"}, "secrets": {"s": "s3cret"}}
    async with open_shop(GREET, auditor={"taskParameterMaxLength": 5}) as shop, shop.portal.client(ADA) as client:
        await client.get(f"{API}/actions")
        assert (await client.post(f"{API}/dry-run", json=body)).status_code == 200
        await shop.portal.service(ReadAudit).close()
        rows = await audited(shop)
        assert [one[0] for one in rows] == ["task", "action-fetch"]
        assert rows[0][1] == {
            "actionType": "dry-run", "templateRef": "template:default/greet",
            "taskParameters": {"name": "*** w...<truncated>"},
        }  # fmt: skip
        assert rows[0][2] == "low"
    async with open_shop(auditor={"reads": False}) as shop, shop.portal.client(ADA) as client:
        count = len(await audited(shop))
        await client.get(f"{API}/actions")
        assert len(await audited(shop)) == count


def test_templates_are_labels_where_the_settings_say_so() -> None:
    """Not by default, and never more than some hundred."""
    plain, split = Metrics(), Metrics()
    TaskFigures(plain).task_ended("completed", 1.0, "template:default/a")
    figures = TaskFigures(split, by_template=True)
    for number in range(MAX_TEMPLATES + 5):
        figures.task_ended("completed", 1.0, f"template:default/t{number}")
    assert (
        b"default/a" not in plain.format_text()
        and b'scaffolder_task_count_total{result="completed"} 1.0' in plain.format_text()
    )
    count = split.counter("scaffolder_task_count", "")
    assert count.value("template:default/t0", "completed") == 1 and count.value(OTHERS, "completed") == 5
    assert len(list(count.samples())) == MAX_TEMPLATES + 1
