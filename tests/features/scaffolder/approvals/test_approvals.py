"""Steps that wait for people: who may decide, what becomes of the task, and what is told, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callboard.features.notifications.interface import NotificationQuery, Notifications
from callboard.features.scaffolder.approvals.domain import ApprovalClosed, ApprovalNotFound
from callboard.features.scaffolder.approvals.service import Approvals
from callboard.kernel.errors import InputError, NotAllowedError
from tests.features.scaffolder.conftest import ADA, step, template, user

pytestmark = pytest.mark.anyio

CY, DI, EVE = user("cy", "group:default/board"), user("di", "group:default/board"), user("eve")
ASKED: dict[str, Any] = {"approvers": ["group:default/board"], "message": "May ${{ parameters.name }} be made?"}
PARAMETERS = [{"properties": {"name": {"type": "string"}}}]


def person(name: str, *groups: str) -> dict[str, Any]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": name},
        "spec": {"memberOf": list(groups)},
    }


BOARD = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Group",
    "metadata": {"name": "board"},
    "spec": {"type": "team", "children": []},
}
PEOPLE = [BOARD, person("ada"), person("cy", "board"), person("di", "board"), person("eve")]


def asking(**more: Any) -> dict[str, Any]:
    return template(
        "asking",
        step("before", "note"),
        {"id": "ask", "name": "Ask", "action": "callboard:approve", "input": {**ASKED, **more}},
        step("after", "say", input={"message": "approved by ${{ steps.ask.output.approvedBy }}"}),
        parameters=PARAMETERS,
        output={"by": "${{ steps.ask.output.approvedBy }}"},
    )


async def waiting(shop: Any, actor: Any = CY) -> Any:
    (one,) = (await shop.portal.service(Approvals).list(actor=actor)).items
    return one


async def test_a_task_waits_without_a_worker_and_goes_on_when_approved(each_shop: Any) -> None:
    """The steps before it run once, nobody works meanwhile, and the output tells who agreed."""
    async with each_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "orders"})).id
        task = await shop.get(id)
        assert shop.states(task) == {"before": "completed", "ask": "waiting", "after": "open"}
        assert shop.workspaces() == []
        one = await waiting(shop)
        assert (one.title, one.message, one.asked_by) == ("Asking: Ask", "May orders be made?", ADA.subject)
        approvals = shop.portal.service(Approvals)
        done = await approvals.decide(one.id, "approve", "fine", actor=CY)
        assert done.state == "approved"
        assert await approvals.decide(one.id, "approve", "fine", actor=CY) == await approvals.get(one.id, actor=CY)
        await shop.work()
        task = await shop.get(id)
        assert (task.state, task.output) == ("completed", {"by": [CY.subject]})
        assert [line.split()[1] for line in shop.acting.lines()] == ["before"]
        assert (await approvals.list(actor=CY)).total == 0
        assert [one.id for one in (await approvals.list(is_open=False, actor=CY)).items] == [one.id]
        with pytest.raises(ApprovalClosed):
            await approvals.decide(one.id, "decline", "too late", actor=DI)


async def test_the_page_of_a_task_that_waits_leads_to_what_it_waits_for(open_shop: Any) -> None:
    """As long as nobody has decided."""
    async with open_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "orders"})).id
        one = await waiting(shop)
        async with shop.portal.client(ADA) as client:
            page = (await client.get(f"/create/tasks/{id}")).text
            assert f'href="/create/approvals/{one.id}"' in page and "Waits for approval" in page
            assert "Waits for approval" in (await client.get("/create/tasks")).text
            await shop.portal.service(Approvals).decide(one.id, "approve", actor=CY)
            await shop.work()
            assert f'href="/create/approvals/{one.id}"' not in (await client.get(f"/create/tasks/{id}")).text


async def test_a_no_fails_the_task_and_another_try_asks_anew(open_shop: Any) -> None:
    """With the reason in the error; the second approval is another one."""
    async with open_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "orders"})).id
        first, approvals = await waiting(shop), shop.portal.service(Approvals)
        with pytest.raises(InputError, match="Say why"):
            await approvals.decide(first.id, "decline", "  ", actor=CY)
        await approvals.decide(first.id, "decline", "not now", actor=CY)
        await shop.work()
        task = await shop.get(id)
        assert task.error == {"name": "ConflictError", "message": f"Declined by {CY.subject}: not now"}
        assert shop.states(task)["ask"] == "failed"
        await shop.tasks.retry(id, actor=ADA)
        await shop.work()
        second = await waiting(shop)
        assert second.id != first.id
        await approvals.decide(second.id, "approve", actor=DI)
        await shop.work()
        assert (await shop.get(id)).state == "completed"
        assert [line.split()[1] for line in shop.acting.lines()].count("before") == 1


async def test_enough_people_must_agree(open_shop: Any) -> None:
    """One of two is not enough; a person counts once."""
    async with open_shop(asking(minimum=2), *PEOPLE) as shop:
        id = (await shop.run("asking", {})).id
        one, approvals = await waiting(shop), shop.portal.service(Approvals)
        assert (await approvals.decide(one.id, "approve", actor=CY)).missing == 1
        assert (await approvals.decide(one.id, "approve", "again", actor=CY)).missing == 1
        await shop.work()
        assert shop.states(await shop.get(id))["ask"] == "waiting"
        assert (await approvals.decide(one.id, "approve", actor=DI)).state == "approved"
        await shop.work()
        assert (await shop.get(id)).output == {"by": [CY.subject, DI.subject]}


async def test_only_those_asked_decide_and_others_see_nothing(open_shop: Any) -> None:
    """Whoever started it sees it and cannot approve; somebody else finds nothing."""
    boss = user("ada", "group:default/board")
    async with open_shop(asking(), *PEOPLE) as shop:
        await shop.run("asking", {}, actor=boss)
        one, approvals = await waiting(shop), shop.portal.service(Approvals)
        assert (await approvals.list(actor=boss)).total == 0
        with pytest.raises(NotAllowedError, match="nobody on what they started"):
            await approvals.decide(one.id, "approve", actor=boss)
        assert (await approvals.get(one.id, actor=boss)).state == "open"
        assert (await approvals.list(actor=EVE)).total == 0
        with pytest.raises(NotAllowedError):
            await approvals.decide(one.id, "approve", actor=EVE)
        with pytest.raises(ApprovalNotFound):
            await approvals.get("nope", actor=CY)


async def test_whoever_started_it_may_where_the_template_says_so(open_shop: Any) -> None:
    """``allowStarter`` lets somebody of the group approve their own."""
    boss = user("ada", "group:default/board")
    async with open_shop(asking(allowStarter=True), *PEOPLE) as shop:
        await shop.run("asking", {}, actor=boss)
        one = await waiting(shop, boss)
        assert (await shop.portal.service(Approvals).decide(one.id, "approve", actor=boss)).state == "approved"


async def test_people_are_told_reminded_and_time_runs_out(open_shop: Any) -> None:
    """Once at the start, again after the reminder; then the task fails, and who started it is told."""
    async with open_shop(asking(timeout="2d", reminder="1d"), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "x"})).id
        one = await waiting(shop)
        notifications = shop.portal.service(Notifications)

        async def told(actor: Any) -> list[Any]:
            return list((await notifications.list_notifications(NotificationQuery(), actor=actor))[0])

        (first,) = await told(CY)
        assert (first.title, first.link) == ("Waits for your approval: Asking: Ask", f"/create/approvals/{one.id}")
        assert await told(ADA) == [] and first.metadata == {}
        async with shop.portal.client(CY) as client:
            page = await client.get("/notifications", headers={"accept-language": "de"})
            assert "Wartet auf Ihre Freigabe: Asking: Ask" in page.text
        shop.portal.clock.advance(timedelta(days=1, minutes=1))
        await shop.portal.jobs.run_due()
        (again,) = await told(CY)
        assert again.updated is not None and again.updated > first.created
        shop.portal.clock.advance(timedelta(days=1))
        with pytest.raises(ApprovalClosed, match="Time ran out"):
            await shop.portal.service(Approvals).decide(one.id, "approve", actor=CY)
        await shop.portal.jobs.run_due()
        await shop.work()
        task = await shop.get(id)
        assert task.state == "failed"
        assert "Nobody decided in time" in task.error["message"]
        (ended,) = await told(ADA)
        assert ended.title == "Nobody decided in time: Asking: Ask"


async def test_a_cancelled_task_takes_its_question_back(open_shop: Any) -> None:
    """It is in nobody's list any more, and cannot be decided."""
    async with open_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {})).id
        one, approvals = await waiting(shop), shop.portal.service(Approvals)
        await shop.tasks.cancel(id, actor=ADA)
        assert (await approvals.list(actor=CY)).total == 0
        assert (await approvals.get(one.id, actor=CY)).state == "withdrawn"
        with pytest.raises(ApprovalClosed, match="withdrawn"):
            await approvals.decide(one.id, "approve", actor=CY)


async def test_each_iteration_asks_for_itself(open_shop: Any) -> None:
    """One after the other; what was answered is not asked again."""
    looped = template(
        "asking",
        {
            "id": "ask",
            "name": "Ask",
            "action": "callboard:approve",
            "each": ["one", "two"],
            "input": {"approvers": ["group:default/board"], "message": "${{ each.value }}?"},
        },
        output={"by": "${{ steps.ask.output.approvedBy }}"},
    )
    async with open_shop(looped, *PEOPLE) as shop:
        id = (await shop.run("asking", {})).id
        approvals = shop.portal.service(Approvals)
        for message in ("one?", "two?"):
            one = await waiting(shop)
            assert one.message == message
            await approvals.decide(one.id, "approve", actor=CY)
            await shop.work()
        assert (await shop.get(id)).output == {"by": [[CY.subject], [CY.subject]]}


async def test_an_approval_survives_a_restart(open_shop: Any) -> None:
    """Another process finds it, and the task goes on there."""
    async with open_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "orders"})).id
    async with open_shop(asking(), *PEOPLE) as shop:
        one = await waiting(shop)
        await shop.portal.service(Approvals).decide(one.id, "approve", actor=CY)
        await shop.work()
        assert (await shop.get(id)).state == "completed"


WRONG: tuple[tuple[Any, str], ...] = (
    ({"approvers": ["group:default/nobody"]}, "No group:default/nobody is in the catalog"),
    ({"approvers": ["component:default/x"]}, "name groups and users"),
    ({"approvers": ["board"], "timeout": "soon"}, "not a duration"),
    ({"approvers": ["board"], "timeout": "1s"}, "between a minute and a year"),
    ({"approvers": []}, "Invalid input passed to action"),
)


async def test_what_cannot_be_asked_fails_the_step(open_shop: Any) -> None:
    """With the field, and without asking anybody."""
    templates = [
        template(f"wrong-{n}", {"id": "ask", "name": "Ask", "action": "callboard:approve", "input": input})
        for n, (input, _) in enumerate(WRONG)
    ]
    async with open_shop(*templates, *PEOPLE) as shop:
        for n, (_, said) in enumerate(WRONG):
            task = await shop.run(f"wrong-{n}", {})
            assert task.state == "failed"
            assert said in task.error["message"]
        assert (await shop.portal.service(Approvals).list(actor=CY)).total == 0


async def test_rest_and_pages(open_shop: Any) -> None:
    """The list, the form, a refusal with the typed reason kept, and the decision; REST tells the same."""
    async with open_shop(asking(), *PEOPLE) as shop:
        id = (await shop.run("asking", {"name": "<orders>"})).id
        one = await waiting(shop)
        async with shop.portal.client(CY) as client:
            listed = (await client.get("/api/scaffolder/v1/approvals")).json()
            assert ([row["id"] for row in listed["items"]], listed["totalItems"]) == ([one.id], 1)
            home = (await client.get("/")).text
            assert f"/create/approvals/{one.id}" in home
            assert "Asking: Ask" in (await client.get("/create/approvals")).text
            page = (await client.get(f"/create/approvals/{one.id}")).text
            assert "May &lt;orders&gt; be made?" in page and 'name="verdict"' in page
            refused = await client.post(f"/create/approvals/{one.id}", data={"verdict": "decline", "reason": " "})
            assert refused.status_code == 400 and "Say why" in refused.text
            url = f"/api/scaffolder/v1/approvals/{one.id}/decision"
            bad = await client.post(url, json={"verdict": "decline"})
            assert (bad.status_code, bad.json()["field"]) == (400, "reason")
            done = await client.post(f"/create/approvals/{one.id}", data={"verdict": "approve", "reason": "go"})
            assert done.status_code == 303
            again = await client.post(url, json={"verdict": "decline", "reason": "no"})
            assert (again.status_code, again.json()["code"]) == (409, "scaffolder.approval_closed")
            assert 'name="verdict"' not in (await client.get(f"/create/approvals/{one.id}")).text
            assert (await client.get("/api/scaffolder/v1/approvals?state=decided")).json()["totalItems"] == 1
        async with shop.portal.client(ADA) as client:
            (row,) = (await client.get(f"/api/scaffolder/v1/tasks/{id}/approvals")).json()["items"]
            assert (row["state"], row["decisions"][0]["by"]) == ("approved", CY.subject)
            assert (await client.get("/create/approvals/nope")).status_code == 404
        rows = await shop.rows("SELECT meta FROM kernel_audit_event WHERE event = 'approval'")
        assert len(rows) == 2
