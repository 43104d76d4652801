"""Another language in a browser: chosen without script, and no page that it makes too wide or unreadable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.looks import LOOKS, Watched

pytestmark = [pytest.mark.browser, pytest.mark.npm]


def test_a_guest_chooses_german_and_every_page_holds_it(
    browser: Any, portal_url: str, entity_path: str, axe_source: str
) -> None:
    """By a plain form in the account menu; then at 390 px nothing overflows, and axe finds the language right."""
    plain = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    page = plain.new_page()
    page.goto(f"{portal_url}/catalog?kind=component")
    page.locator("summary.who").click()
    page.locator(".languages button", has_text="Deutsch").click()
    assert page.url == f"{portal_url}/catalog?kind=component"
    assert page.locator("html").get_attribute("lang") == "de"
    cookies = plain.cookies()
    plain.close()

    phone = browser.new_context(**LOOKS["phone"])
    phone.add_cookies(cookies)
    page = phone.new_page()
    watched = Watched(page)
    for path in (
        "/",
        "/catalog",
        entity_path,
        f"{entity_path}/relations",
        "/catalog/problems",
        "/catalog/why",
        "/import",
        "/create-entity",
    ):
        page.goto(portal_url + path)
        assert page.locator("html").get_attribute("lang") == "de", path
        watched.check(axe_source, "phone")
    phone.close()
