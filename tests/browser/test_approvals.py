"""Approvals and actions on entities in a browser: looked at in each way, and decided by keyboard without JavaScript."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.features.scaffolder.approvals.service import Approvals
from callboard.features.scaffolder.interface import NewTask, Tasks
from callboard.testing import make_portal
from tests.browser.looks import LOOKS, Watched
from tests.features.scaffolder.approvals.test_approvals import CY, PEOPLE, asking
from tests.features.scaffolder.conftest import ADA
from tests.features.scaffolder.day_two.test_day_two import SERVICE, bound
from tests.wire.peer import serving

PAGES = ("/create/approvals", "/create/approvals?view=decided", "/create/actions-on/default/component/orders")


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A portal in a thread of its own, with something that waits for ``CY``: url, path of the approval, headers, and its state."""
    ask = asking(message="A database for ${{ parameters.name }}?")
    ask["spec"]["steps"] = [ask["spec"]["steps"][1]]
    entities = [ask, bound("restart", "kind=component"), bound("retire", "kind=component"), SERVICE, *PEOPLE]
    file = tmp_path / "all.yaml"
    file.write_text("\n---\n".join(json.dumps(one) for one in entities))
    rules = {"rules": [{"allow": ["Template", "Component", "User", "Group"]}]}
    settings = {"catalog": {**rules, "locations": [{"type": "file", "target": str(file)}]}}
    started, found = threading.Event(), {}

    async def serve() -> None:
        async with make_portal(settings) as made:
            await made.jobs.run_due()
            await made.service(Tasks).create(NewTask("asking", {"name": "orders"}), actor=ADA)
            await made.jobs.run_due()
            (one,) = (await made.service(Approvals).list(actor=CY)).items
            client = made.client(CY)
            async with serving(made.portal) as url:
                found.update(
                    url=url,
                    path=f"/create/approvals/{one.id}",
                    headers={"authorization": client.headers["authorization"]},
                    loop=asyncio.get_running_loop(),
                    stop=asyncio.Event(),
                )
                started.set()
                await found["stop"].wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30)
    yield found
    found["loop"].call_soon_threadsafe(found["stop"].set)
    thread.join(10)


def test_approvals_are_seen_and_decided(browser: Any, axe_source: str, portal: dict[str, Any]) -> None:
    """No page has a fault in any look; a no needs its reason, a yes is given with the keyboard alone, and stands."""
    for look, options in LOOKS.items():
        context = browser.new_context(**options, extra_http_headers=portal["headers"])
        watched = Watched(context.new_page())
        for path in (*PAGES, portal["path"]):
            watched.page.goto(portal["url"] + path)
            watched.check(axe_source, look)
        context.close()
    context = browser.new_context(java_script_enabled=False, extra_http_headers=portal["headers"])
    page = context.new_page()
    page.goto(portal["url"] + "/create/approvals")
    page.get_by_role("link", name="Asking: Ask").click()
    page.get_by_role("button", name="Decline").click()
    assert page.locator("#reason-error").inner_text() == "Say why: whoever asked reads the reason."
    page.locator("#reason").focus()
    page.keyboard.type("It is in the plan.")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_text("It is in the plan.").count() == 1
    assert page.get_by_role("button", name="Approve").count() == 0
    context.close()
