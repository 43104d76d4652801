"""Definitions of APIs, explore pages and pages of kinds in a real browser: accessible, in the dark, on a phone, by keyboard, without script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.looks import LOOKS

pytestmark = [pytest.mark.browser, pytest.mark.npm]

PAGES = (
    "/groups",
    "/systems",
    "/api-docs?q=basket",
    "/catalog/default/group/technology",
    "/catalog/default/group/technology/members",
    "/catalog/default/user/amara.okafor",
    "/catalog/default/system/checkout",
    "/catalog/default/domain/shopping",
    "/systems?view=map",
    "/catalog/default/api/basket-api",
    "/catalog/default/resource/event-log",
    "/catalog/default/location/finch-and-fern",
    "/catalog/default/template/python-service",
    "/catalog/default/api/order-events/definition",
    "/catalog/default/api/storefront-graphql/definition?show=types",
    "/catalog/default/api/basket-api/definition/compare?entity=api:payments-api",
)


@pytest.mark.parametrize("look", LOOKS)
def test_pages_are_accessible(looking: Any, portal_url: str, look: str) -> None:
    """Every page: axe, nothing too wide, the dark, and a content policy with nothing to refuse."""
    with looking(look) as watched:
        for path in PAGES:
            watched.page.goto(portal_url + path)
            for row in watched.page.locator("details.api-row > summary").all()[:2]:
                row.click()
            watched.page.evaluate(
                "scrollTo(0, 0)"
            )  # what lies under the top line while one reads further down is no fault
            watched.check(None, look)


def test_an_api_is_read_by_keyboard_and_without_script(browser: Any, portal_url: str) -> None:
    """Typing narrows the list, Enter opens a row and its address names it; without script the form asks the server."""
    context = browser.new_context(**LOOKS["desktop"])
    page = context.new_page()
    page.goto(f"{portal_url}/catalog/default/api/basket-api/definition")
    page.locator("#api-q").fill("priced")
    rows = page.locator("details.api-row:visible")
    assert rows.count() == 1
    rows.locator("> summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#op-GET-*")
    assert rows.locator(".api-detail").get_by_text("total_cents").first.is_visible()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert page.locator("details.api-row[open]").count() == 1
    context.close()
    context = browser.new_context(**LOOKS["desktop"], java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{portal_url}/catalog/default/api/basket-api/definition")
    page.locator("#api-q").fill("priced")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=priced*")
    assert page.locator("details.api-row").count() == 1
    page.goto(f"{portal_url}/catalog/default/api/basket-api/definition/compare")
    page.locator("input[name=entity]").fill("api:payments-api")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**entity=*")
    assert page.get_by_text("3 changes break clients").is_visible()
    context.close()
