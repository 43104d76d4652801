"""Documentation in a real browser: accessible in every look, by keyboard, without script, drawn diagrams, and on paper."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.looks import LOOKS

pytestmark = [pytest.mark.browser, pytest.mark.npm]


SITE = "/docs/default/component/payments"


@pytest.mark.parametrize("look", LOOKS)
def test_documentation_is_read_in_every_look(looking: Any, portal_url: str, look: str) -> None:
    """Library, every site's first page, search, problems, a missing page: axe, nothing too wide, and a content policy with nothing to refuse."""
    with looking(look) as watched:
        page = watched.page
        page.goto(f"{portal_url}/docs")
        watched.check(None, look)
        sites = [link.get_attribute("href") for link in page.locator(".docs-table tbody th a").all()]
        assert sites
        for path in [
            *sites[:6],
            f"{sites[0]}?q=the",
            f"{sites[0]}/nowhere",
            "/docs/problems?who=all",
            "/docs/feedback",
        ]:
            page.goto(portal_url + path)
            page.evaluate("scrollTo(0, 0)")
            watched.check(None, look)
        page.goto(portal_url + SITE)
        if look == "phone":
            page.locator(".docs-open").click()
            assert page.locator("#docs-nav").is_visible()
            watched.check(None, look)
            page.keyboard.press("Escape")
            assert not page.locator("#docs-nav").is_visible()


def test_documentation_is_walked_by_keyboard_and_answered_without_script(browser: Any, portal_url: str) -> None:
    """g d leads there, n to the next page, f to the search; without script the same pages are read and a form says whether they helped."""
    context = browser.new_context(**LOOKS["desktop"])
    page = context.new_page()
    page.goto(portal_url)
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/docs")
    page.goto(portal_url + SITE)
    page.keyboard.press("n")
    page.wait_for_url(f"**{SITE}/**")
    page.keyboard.press("f")
    page.keyboard.type("the")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=the**")
    page.emulate_media(media="print")
    page.goto(portal_url + SITE)
    assert not page.locator("#docs-nav").is_visible()
    assert page.locator(".docs-article").is_visible()
    context.close()
    context = browser.new_context(**LOOKS["desktop"], java_script_enabled=False)
    page = context.new_page()
    page.goto(portal_url + SITE)
    assert page.locator(".docs-article h1").is_visible()
    page.get_by_role("button", name="No", exact=True).click()
    page.locator("#docs-text").fill("Say more.")
    page.get_by_role("radio", name="Something is missing").check()
    page.get_by_role("button", name="Send").click()
    assert page.get_by_text("Thank you.").is_visible()
    page.get_by_role("button", name="Take it back").click()
    assert page.get_by_role("button", name="Yes", exact=True).is_visible()
    context.close()
