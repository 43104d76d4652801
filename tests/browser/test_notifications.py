"""The bell, the list by keyboard, announcements and a person's settings, in the browser: live, without script, in every look."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS
from tests.browser.test_importing import Place, opened, portal, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.npm]

PATHS = (
    "/notifications", "/notifications?view=saved", "/settings", "/settings/preferences", "/settings/notifications", "/settings/sessions",
    "/announcements", "/announcements/new", "/",
)  # fmt: skip
INVOKE = """async ([id, input]) => {
  const token = document.querySelector("input[name=csrf_token]").value;
  const answer = await fetch(`/api/actions/v1/actions/${id}/invoke`, {
    method: "POST", headers: {"content-type": "application/json", "x-csrf-token": token}, body: JSON.stringify({input}),
  });
  return [answer.status, await answer.text()];
}"""


def tell(page: Any, title: str, **more: Any) -> None:
    """Send ada a notification, as ada, who may."""
    given = {"recipients": "entity", "entityRefs": ["user:default/ada"], "title": title, **more}
    status, text = page.evaluate(INVOKE, ["notification:send", given])
    assert status == 200, text


def unread(page: Any, n: int) -> None:
    page.locator(f'[data-bell][data-unread="{n}"]').wait_for()


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with portal(tmp_path_factory.mktemp("notifications")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            page.goto(f"{url}/settings/preferences")
            for n in range(3):
                tell(
                    page,
                    f"Thing {n} " + "w" * 80 * n,
                    severity="high" if n else "normal",
                    topic="builds",
                    link="/catalog",
                    info="More.",
                )
            news = {"title": "Maintenance", "body": "From **eight** to ten.\n\n- one\n- two", "severity": "warning"}
            assert page.evaluate(INVOKE, ["announcements:create", news])[0] == 200
        yield Place(url, state, {})


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, place: Place, look: str) -> None:
    """See ``Watched.check``: WCAG, dark colours, nothing too wide, nothing refused by the content policy."""
    with looking(look, place.state) as watched:
        page = watched.page
        for path in PATHS:
            assert page.goto(place.url + path).status == 200, path
            watched.check(None, look)


def test_the_bell_is_live_and_the_list_has_keys(browser: Any, place: Place) -> None:
    """What is urgent shows as a toast on any page; j, k, e, s and x work the list; another open page follows by itself."""
    with opened(browser, place.state) as page, opened(browser, place.state) as other:
        other.goto(f"{place.url}/announcements")
        page.goto(f"{place.url}/notifications")
        n = int(page.locator("[data-bell]").get_attribute("data-unread"))
        with page.expect_websocket(timeout=5000):
            page.reload()
        page.wait_for_timeout(300)
        tell(page, "Fire", severity="critical", link="/catalog")
        unread(page, n + 1)
        unread(other, n + 1)
        assert other.locator(".toast").inner_text() == "Fire"
        page.locator("[data-row]", has_text="Fire").wait_for()
        page.keyboard.press("j")
        page.keyboard.press("s")
        page.locator('[data-row] [data-save][aria-pressed="true"]').wait_for()
        page.keyboard.press("e")
        unread(page, n)
        unread(other, n)
        page.goto(f"{place.url}/notifications?view=saved")
        assert page.locator("[data-row]").count() == 1 and "Fire" in page.locator("[data-row]").inner_text()
        other.locator(".toast").click()
        other.wait_for_url("**/catalog")


def test_forms_work_without_script(browser: Any, place: Place) -> None:
    """Theme, an announcement off the home page, marking read: plain forms."""
    with opened(browser, place.state, java_script_enabled=False) as page:
        page.goto(f"{place.url}/settings/preferences")
        page.locator("#theme-dark").check()
        page.locator("main .button-primary").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.goto(f"{place.url}/")
        page.get_by_role("button", name="Dismiss Maintenance").click()
        assert page.get_by_role("button", name="Dismiss Maintenance").count() == 0
        page.goto(f"{place.url}/notifications")
        before = page.locator("[data-row]").count()
        page.locator("[data-row] [data-read]").first.click()
        page.locator("input[name=ids]").first.check()
        page.locator('button[name="do"][value="read"]').click()
        assert before > 2 and page.locator("[data-row]").count() == before - 2
