"""Lists, views, stars, home and keys as people use them: by keyboard, by dragging, without script, on a phone, in the dark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.looks import LOOKS, Watched
from tests.browser.test_editing import TEAM, write
from tests.browser.test_importing import opened, portal, sign_in
from tests.features.editing.conftest import text_of

pytestmark = [pytest.mark.browser, pytest.mark.npm]

LIST = "/catalog?kind=component"
MANY = "&columns=name,kind,owner,spec.type,relations.ownedBy,description,health,tags,lifecycle,changed"


def ids(page: Any, column: str) -> list[str]:
    found: list[str] = page.locator(f'[data-column="{column}"] > [data-id]').evaluate_all(
        "n => n.map(x => x.dataset.id)"
    )
    return found


def test_one_person_makes_the_portal_theirs(browser: Any, axe_source: str, tmp_path: Any) -> None:
    """Star, view, columns and home by keyboard and mouse; the keys are told and can be switched off; the same without script.

    On the way each page is looked at: no violation for axe in light and dark, and nothing too wide on a phone.
    """
    with portal(tmp_path) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            watched = Watched(page)
            write(page, url, TEAM)
            write(page, url, text_of("alpha", note="First."))
            write(page, url, text_of("beta"))
            _keys(page, url)
            _home(page, url)
            for path in (
                LIST + MANY,
                "/catalog/views",
                "/catalog/columns?kind=component",
                "/?arrange=1",
                "/keyboard",
                "/settings/preferences",
            ):
                page.goto(url + path)
                watched.check(axe_source)
            page.goto(f"{url}/settings/preferences")
            page.locator("input[name=shortcuts]").uncheck()
            page.get_by_role("button", name="Save preferences").click()
            page.wait_for_url("**/settings/preferences?saved=1")
            page.goto(url + LIST)
            page.keyboard.press("j")
            page.keyboard.press("?")
            assert page.locator("[data-current]").count() == 0 and not page.locator("#shortcuts").is_visible()
            page.keyboard.press("Control+k")
            assert page.locator("#palette").is_visible(), "what is no single key stays"
        with opened(browser, state, **LOOKS["phone"]) as page:
            watched = Watched(page)
            for path in (LIST + MANY, "/catalog/views", "/catalog/columns?kind=component", "/?arrange=1", "/keyboard"):
                page.goto(url + path)
                watched.check(axe_source, "phone")
        with opened(browser, state, java_script_enabled=False) as page:
            _without_script(page, url)


def _keys(page: Any, url: str) -> None:
    page.goto(url + "/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/catalog")
    page.goto(url + LIST)
    for key in ("j", "j", "k", "s"):
        page.keyboard.press(key)
    page.locator('[data-star][aria-pressed="true"]').wait_for()
    assert page.locator("[data-current] [data-star]").get_attribute("value") == "component:default/alpha"
    page.keyboard.press("?")
    told = page.locator("#shortcuts .keys > div:visible").all_inner_texts()
    assert any("Star" in line for line in told) and not any(line.startswith("Edit") for line in told)
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_url("**/component/alpha")
    page.keyboard.press("?")
    assert page.locator("#shortcuts .keys > div:visible", has_text="Edit").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.wait_for_url("**/alpha/edit")
    page.locator("#metadata\\.description").press("j")
    assert page.locator("#metadata\\.description").input_value() == "jFirst.", "keys are letters while one types"
    page.goto(url + LIST + "&q=alp")
    page.keyboard.press("v")
    page.locator("#view-name").fill("Mine")
    page.locator("#view-name").press("Enter")
    page.wait_for_url("**view=*")
    assert page.locator(".shelf [aria-current]").inner_text() == "Mine" and page.locator("[data-row]").count() == 1
    page.keyboard.press("Control+k")
    page.locator(".palette-option", has_text="Mine").wait_for()
    page.locator(".palette-input").fill("prolbems")
    page.locator(".palette-option", has_text="Problems").first.wait_for()
    page.locator(".palette-input").fill("alhpa")
    page.locator(".palette-option", has_text="alpha").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/component/alpha")


def _home(page: Any, url: str) -> None:
    page.goto(f"{url}/?arrange=1")
    before = ids(page, "side")
    with page.expect_response("**/home/arrange"):
        page.locator(f'[data-id="{before[-1]}"] .arrange-grip').drag_to(
            page.locator(f'[data-id="{before[0]}"] .home-tools')
        )
    after = ids(page, "side")
    assert after != before and sorted(after) == sorted(before)
    page.goto(f"{url}/?arrange=1")
    assert ids(page, "side") == after, "it was kept"


def _without_script(page: Any, url: str) -> None:
    page.goto(f"{url}/?arrange=1")
    first = ids(page, "main")[0]
    page.locator(f'[data-id="{first}"] button[value="hide:{first}"]').click()
    assert first not in ids(page, "main")
    page.locator(f'button[value="show:{first}"]').click()
    assert first in ids(page, "main")
    page.goto(url + LIST)
    page.locator("tr", has_text="beta").locator("[data-star]").click(force=True)
    assert page.url.endswith(LIST) and page.locator('[data-star][aria-pressed="true"]').count() == 2
    page.locator('.shelf-tools a[href*="/catalog/columns"]').click()
    page.locator('button[value="up:owner"]').click()
    page.locator("#key").fill("spec.lifecycle")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Show the list").click()
    heads = page.locator("thead th").all_inner_texts()
    assert heads[0].startswith("Owner") and heads[1].startswith("Name") and heads[-1].startswith("Lifecycle")
    page.goto(f"{url}/catalog/views")
    page.locator("summary", has_text="Change").click()
    page.get_by_role("button", name="Delete “Mine”").click()
    assert page.locator("main", has_text="No saved views yet").count() == 1
