"""Proposals in the browser: a repository is looked at, some are chosen by keyboard and accepted, and every page holds in every look."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Iterator

import pytest

from tests.browser.conftest import PASSWORD, ROOT, _fetch, serve, wait_until
from tests.browser.looks import LOOKS, Watched
from tests.browser.test_importing import Place, opened, sign_in
from tests.features.proposals.conftest import write_files
from tests.features.proposals.trees import LEDGER, SHOP

pytestmark = [pytest.mark.browser, pytest.mark.npm]

LONG = {
    "services/" + "a-very-long-name-" * 5 + "x/package.json": '{"name": "'
    + "averylongnamewithoutspaces" * 3
    + '", "dependencies": {"koa": "2"}}'
}


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A portal that has looked at a folder: proposals of each sort, one that was accepted and whose files changed since."""
    folder = tmp_path_factory.mktemp("proposals")
    code = write_files(folder / "code" / "shop", {**SHOP, **LONG})
    write_files(folder / "code" / "ledger", LEDGER)
    config = folder / "app-config.yaml"
    config.write_text(f"proposals:\n  folders: [{folder / 'code'}]\n")
    data = folder / "data"
    command = [
        sys.executable,
        "-m",
        "callboard",
        "user",
        "add",
        "ada",
        "--role",
        "admin",
        "--password-stdin",
        "--data",
        str(data),
    ]
    subprocess.run(command, cwd=ROOT, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    with serve(data, "--config", str(config)) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            page.goto(f"{url}/proposals")
            assert page.locator(".proposals-steps li").count() == 3
            page.locator(".empty .button-primary").click()
            look_at(page, str(code))
            page.locator(".scan-do .button-primary").click()
            for name in ("orders", "money"):
                page.get_by_label(f"Choose {name}", exact=True).first.check()
            page.locator(".bulk .button-primary").click()
            page.get_by_text("are in the catalog now").wait_for()
            write_files(
                code,
                {
                    "packages/money/package.json": '{"name": "@acme/money", "exports": "./x.js", "description": "Counts money to the cent."}'
                },
            )
            page.goto(f"{url}/proposals/scan")
            look_at(page, str(code))
            progress = page.url.removeprefix(url)
            page.goto(f"{url}/proposals?state=changed")
            changed = page.locator(".proposal-name a").first.get_attribute("href")
            page.goto(f"{url}/proposals?q=shop-web")
            detail = page.locator(".proposal-name a").first.get_attribute("href")
        paths = {
            "list": "/proposals", "accepted": "/proposals?state=accepted", "none": "/proposals?state=ignored", "detail": detail, "changed": changed,
            "scan": "/proposals/scan", "progress": progress,
        }  # fmt: skip
        yield Place(url, state, paths)


def look_at(page: Any, target: str) -> None:
    page.locator("#target").fill(target)
    page.locator("#target").press("Enter")
    page.locator(".scan-do .button-primary").wait_for()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, place: Place, look: str) -> None:
    """See ``Watched.check``, which looks at dark colours, too; and a form that was refused."""
    with looking(look, place.state) as watched:
        page = watched.page
        for path in place.paths.values():
            assert page.goto(place.url + path).status == 200
            watched.check(None, look)
        page.goto(place.url + place.paths["detail"])
        page.locator("[name='metadata.name']").fill("not a name")
        page.locator("[name='metadata.name']").press("Enter")
        page.locator(".field-error").wait_for()
        watched.check(None, look)


def test_keyboard_chooses_and_accepts(browser: Any, place: Place) -> None:
    """j and x choose rows, the number is told, and Enter on the button accepts; what needs an owner is told."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        page.goto(f"{place.url}/proposals?kind=Group")
        for key in ("j", "x", "j", "x"):
            page.keyboard.press(key)
        assert page.locator("#chosen").inner_text() == "2 chosen"
        page.locator("#all").focus()
        page.keyboard.press("Space")
        assert page.locator(".proposal-pick:checked").count() == page.locator(".proposal-pick").count()
        page.locator(".bulk .button-primary").focus()
        page.keyboard.press("Enter")
        page.get_by_text("in the catalog now").wait_for()
        page.goto(f"{place.url}/proposals?q=payments&kind=API")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.locator(".proposal-do .button-primary").wait_for()
        page.locator(".proposal-do .button-primary").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/catalog/default/api/payments")
        assert watched.complaints == []
