"""The search page in the browser: as one types, by keyboard, without script, in every look."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.looks import LOOKS

pytestmark = [pytest.mark.browser, pytest.mark.npm]

PATHS = ("/search", "/search?q=payments", "/search?q=paymnets&kind=Component", "/search?q=zzqq+wwxx")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, portal_url: str, look: str) -> None:
    """See ``Watched.check``: WCAG, dark colours, nothing too wide, nothing refused by the content policy."""
    with looking(look) as watched:
        for path in PATHS:
            assert watched.page.goto(portal_url + path).status == 200, path
            watched.check(None, look)


def test_results_follow_the_typing_and_the_keys(browser: Any, portal_url: str) -> None:
    """The address and the number told follow; arrows walk, Enter opens; facets keep the words; without script a form does it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(portal_url + "/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/search")
    page.keyboard.type("payments")
    page.locator(".hit", has_text="Payments").first.wait_for()
    page.wait_for_url("**/search?q=payments")
    page.wait_for_function("/[0-9]/.test(document.getElementById('find-status').textContent)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.hit') === document.querySelectorAll('.hit')[1]")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "find-q"
    page.locator(".facet-option", has_text="Component").first.click()
    page.wait_for_url("**/search?q=payments&kind=Component")
    page.keyboard.press("/")
    page.keyboard.type("database")
    page.locator(".hit, .find-none").first.wait_for()
    page.wait_for_url("**/search?q=database&kind=Component")
    page.goto(portal_url + "/search?q=payments")
    target = page.locator(".hit-title a").first.get_attribute("href")
    page.locator("#find-q").focus()
    with page.expect_request("**/api/search/v1/opened"):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
    context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(portal_url + "/catalog/default/component/payments")
    page.locator("#top-search").fill("paymnets")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=paymnets")
    assert page.locator(".hit").count() > 1 and page.locator(".find-corrected a").inner_text() == "payments"
    context.close()
