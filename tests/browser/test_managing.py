"""Locations are registered, kinds declared, and many entities changed at once in the browser: looked at, by keyboard, without script."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS, Watched
from tests.browser.test_editing import TEAM, write
from tests.browser.test_importing import Place, opened, portal, sign_in
from tests.features.editing.conftest import text_of

pytestmark = [pytest.mark.browser, pytest.mark.npm]

PAGES = (
    "/catalog/locations", "/catalog/locations/new", "/catalog/locations/new?target=https://files.test/a.yaml", "/catalog/kinds",
    "/catalog/kinds/new", "/catalog/kinds/component", "/catalog?kind=component", "/change?kind=component", "/changes",
    "/search/synonyms", "/search/synonyms?one=basket", "/search/unanswered", "/docs", "/docs/problems",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with portal(tmp_path_factory.mktemp("managing")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            for text in (TEAM, *(text_of(name) for name in ("basket", "ledger", "till"))):
                write(page, url, text)
        yield Place(url, state, {})


def test_pages_in_every_look_and_the_way_of_a_bulk_change(browser: Any, place: Place, axe_source: str) -> None:
    """Nothing against WCAG, nothing too wide, nothing against the content policy; rows are chosen by x and Shift+x, changed, put back."""
    for look in LOOKS:
        with opened(browser, place.state, **LOOKS[look]) as page:
            watched = Watched(page)
            for path in PAGES:
                assert page.goto(place.url + path).status == 200
                watched.check(axe_source, look)
    with opened(browser, place.state) as page:
        watched = Watched(page)
        page.goto(f"{place.url}/catalog?kind=component")
        assert page.locator("[data-chosen]").is_hidden()
        for key in ("j", "x", "j", "j", "Shift+X"):
            page.keyboard.press(key)
        assert page.locator("[data-chosen] .count-badge").inner_text() == "3"
        page.keyboard.press("x")
        assert page.locator("[data-chosen] .count-badge").inner_text() == "2"
        page.locator("[data-chosen]").focus()
        page.keyboard.press("Enter")
        page.locator("#lifecycle").focus()
        page.keyboard.type("retired")
        page.keyboard.press("Enter")
        page.wait_for_url("**/changes/*")
        assert page.locator(".bulk-items li").count() == 2
        watched.check(axe_source)
        page.get_by_role("button", name="Change 2 entities").press("Enter")
        page.get_by_text("2 entities changed").wait_for()
        page.get_by_role("button", name="Undo all 2").press("Enter")
        page.get_by_text("2 entities put back").wait_for()
        watched.check(axe_source)


def test_a_kind_is_declared_and_used_without_script(browser: Any, place: Place) -> None:
    """The form shows what a type needs, the look what it does, and the kind is in the form of new entities."""
    with opened(browser, place.state, java_script_enabled=False) as page:
        page.goto(f"{place.url}/catalog/kinds/new")
        page.locator("#kind").fill("Dataset")
        page.locator("[name='f1.name']").fill("format")
        assert page.locator("[name='f1.choices']").is_hidden()
        page.locator("[name='f1.type']").select_option("choice")
        page.locator("[name='f1.choices']").fill("table\nstream")
        page.locator("main").get_by_role("button", name="See what it does").last.click()
        assert "Dataset is added" in page.locator(".kind-effect").inner_text()
        page.locator("main").get_by_role("button", name="Save").click()
        page.wait_for_url("**/catalog/kinds/dataset?saved=1")
        page.goto(f"{place.url}/create-entity?kind=dataset")
        assert page.locator("[id='spec.format'] option").all_inner_texts() == ["not set", "table", "stream"]
