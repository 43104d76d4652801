"""Ownership in the browser: every page in every look, and what is due done by keyboard alone."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS
from tests.browser.test_editing import TEAM, write
from tests.browser.test_importing import Place, opened, portal, sign_in
from tests.features.editing.conftest import text_of

pytestmark = [pytest.mark.browser, pytest.mark.npm]

TILL = "/catalog/default/component/till"


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with portal(tmp_path_factory.mktemp("ownership")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            write(page, url, TEAM)
            write(page, url, text_of(note="Where people pay.", owner="user:default/ada"))
            write(page, url, text_of("till-service", note="Where people pay, too.", owner="user:default/ada"))
            write(page, url, text_of("lost", owner="teem"))
            write(page, url, text_of("web", owner="team", dependsOn='["component:till"]'))
            page.goto(f"{url}/catalog/default/component/web/rename?name=site")
            page.get_by_role("button", name="Rename it").click()
            page.wait_for_url("**/component/site")
        paths = {
            "list": "/ownership?who=all&show=all", "gone": "/ownership/gone", "names": "/ownership/names",
            "reorganise": "/ownership/reorganise?from=teem&to=team&handovers=1&alias=1", "rename": f"{TILL}/rename?name=register",
            "hand over": f"{TILL}/hand-over", "merge": f"{TILL}/merge?other=component:default/till-service", "entity": TILL,
        }  # fmt: skip
        yield Place(url, state, paths)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, place: Place, look: str) -> None:
    """On each in turn: axe, colours in the dark, no scrolling sideways, nothing that the content policy refuses."""
    with looking(look, place.state) as watched:
        page = watched.page
        for path in place.paths.values():
            page.goto(place.url + path)
            watched.check(None, look)


def test_what_is_due_is_confirmed_by_keyboard(browser: Any, place: Place) -> None:
    """j to a row, x to choose it, and the button; without script the same form is sent by its boxes."""
    with opened(browser, place.state) as page:
        page.goto(f"{place.url}/ownership?who=all&show=all")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.locator("[data-row] input[type=checkbox]:checked").count() == 1
        page.get_by_role("button", name="Confirm chosen").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**done=confirmed*")
        assert "1 entity is confirmed" in page.locator(".banners").inner_text()
    with opened(browser, place.state, java_script_enabled=False) as page:
        page.goto(f"{place.url}/ownership/reorganise")
        page.locator("#from").fill("teem")
        page.locator("#to").fill("team")
        page.get_by_role("button", name="See what would happen").click()
        page.get_by_role("button", name="Move what is chosen").click()
        assert "1 entity was moved" in page.content()
        page.get_by_role("button", name="Take back").click()
        assert "1 entity is back" in page.content()
