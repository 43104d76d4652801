"""Entities of other sources: edited, given back, kept out, restored and brought back; by keyboard, without script, in each look."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS
from tests.browser.test_importing import Place, apply, check_rows, opened, portal, sign_in, upload

pytestmark = [pytest.mark.browser, pytest.mark.npm]

LEDGER, DESK = "/catalog/default/component/ledger", "/catalog/default/component/desk"
PAGES = {
    "entity": LEDGER, "editor": f"{LEDGER}/edit", "overlay": f"{LEDGER}/overlay", "removal": f"{LEDGER}/delete",
    "overlays": "/catalog/overlays", "hidden": "/catalog/hidden", "deleted": "/catalog/deleted",
}  # fmt: skip


def save(page: Any, url: str, path: str, **fields: str) -> None:
    page.goto(f"{url}{path}/edit")
    for name, value in fields.items():
        page.locator(f"[id='{name.replace('__', '.')}']").fill(value)
    page.locator("form#form .button-primary").click()
    page.wait_for_url(f"**{path}")


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A ledger of which the portal says more than its sheet, a till that is kept out, and a shelf that was deleted."""
    with portal(tmp_path_factory.mktemp("overlays")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            upload(
                page, url, "a.csv", b"Service,Team,Type\nLedger,team,service\nTill,team,website\nDesk,team,service\n"
            )
            check_rows(page)
            apply(page)
            save(page, url, LEDGER, metadata__description="Who owes what.\nAnd since when.", metadata__tags="money")
            page.goto(f"{url}/catalog/default/component/till/delete")
            page.locator("#why").fill("It was switched off in spring.")
            page.get_by_role("button", name="Keep it out").click()
            page.wait_for_url("**/catalog/hidden")
            page.goto(f"{url}/create-entity?kind=component")
            for name, value in (("name", "shelf"), ("title", "A" * 60)):
                page.locator(f"[id='metadata.{name}']").fill(value)
            for name in ("type", "lifecycle", "owner"):
                page.locator(f"[id='spec.{name}']").fill("x")
            page.locator("form#form .button-primary").click()
            page.wait_for_url("**/shelf")
            page.goto(f"{url}/catalog/default/component/shelf/edit")
            page.locator(".page-head summary").click()
            page.get_by_role("button", name="Delete it").click()
            page.wait_for_url(f"{url}/catalog")
        yield Place(url, state, PAGES)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, place: Place, look: str) -> None:
    """Each with something on it; and the earlier version to which the history leads."""
    with looking(look, place.state) as watched:
        page = watched.page
        for path in place.paths.values():
            assert page.goto(place.url + path).status == 200
            watched.check(None, look)
        page.goto(f"{place.url}{LEDGER}/history")
        page.locator(".changes a", has_text="This version").last.click()
        page.locator(".diff-lines").wait_for()
        watched.check(None, look)


def test_keyboard_alone_and_without_script(browser: Any, place: Place) -> None:
    """A field is laid over, taken back, the entity kept out, let in, and restored to what it was."""

    def press(page: Any, text: str, *, until: str) -> None:
        page.locator("#content").focus()
        for _ in range(80):
            page.keyboard.press("Tab")
            if text in page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''"):
                page.keyboard.press("Enter")
                page.wait_for_url(until)
                return
        raise AssertionError(f"{text!r} is not reached by the Tab key")

    url = place.url
    with opened(browser, place.state, java_script_enabled=False) as page:
        save(page, url, DESK, metadata__title="The desk")
        assert page.locator("h1").inner_text() == "The desk"
        press(page, "Field by field", until="**/overlay")
        press(page, "Take the source's value", until=f"**{DESK}")
        assert page.locator("h1").inner_text() != "The desk"
        page.goto(f"{url}{DESK}/history")
        page.locator(".changes a", has_text="This version").nth(1).focus()
        page.keyboard.press("Enter")
        press(page, "Restore this version", until=f"**{DESK}")
        assert page.locator("h1").inner_text() == "The desk"
        page.goto(f"{url}{DESK}/edit")
        press(page, "Delete", until="**/delete")
        press(page, "Keep it out", until="**/catalog/hidden")
        assert page.goto(url + DESK).status == 404
        page.goto(f"{url}/catalog/hidden")
        press(page, "Let it in again", until=f"**{DESK}")
        assert page.locator("h1").inner_text() == "The desk"
