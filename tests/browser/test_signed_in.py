"""What somebody with an account does: sign in and out, see what is theirs, make tokens, meet refusals, mend a file."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator

import pytest

from tests.browser.conftest import PASSWORD, Company, till
from tests.browser.looks import LOOKS, Watched

pytestmark = [pytest.mark.browser, pytest.mark.npm]

STATES = {
    "home": "/",
    "list": "/catalog",
    "own entity": "{own}",
    "other's entity": "{others}",
    "group of many": "{crowd}",
    "its relations": "{crowd}/relations",
    "long names": "/catalog/default/component/a-name-as-long-as-names-may-be-without-one-blank-to-break-it-63",
    "location with problems": "{place}",
    "its problems": "{place}/problems",
    "problems": "/catalog/problems",
    "my problems of one cause": "/catalog/problems?mine=1&cause=kind",
    "what happened to a file": "/catalog/why?asked={files}/wrong.yaml",
    "what happened to a document": "/catalog/why?asked=component:default/wrong-1",
    "tokens": "/settings/tokens",
}


@contextmanager
def opened(browser: Any, company: Company, signed_in: Any = None, **options: Any) -> Iterator[Any]:
    """A page in a context of its own, signed in or not."""
    context = browser.new_context(
        **{**LOOKS["desktop"], **options}, **({"storage_state": signed_in} if signed_in else {})
    )
    yield context.new_page()
    context.close()


def address(company: Company, path: str) -> str:
    named = {"own": company.own, "others": company.others, "crowd": company.crowd, "place": company.place}
    return company.url + path.format(files=company.files, **named)


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("name", STATES)
def test_page_has_no_accessibility_violation(
    looking: Any, company: Company, signed_in: Any, name: str, look: str
) -> None:
    """See ``Watched.check``; nothing is too wide for a phone, whatever its name."""
    with looking(look, signed_in) as watched:
        assert watched.page.goto(address(company, STATES[name])).status == 200
        watched.check(None, look)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_first_steps_have_no_accessibility_violation(browser: Any, empty_url: str, axe_source: str, look: str) -> None:
    """An empty catalog teaches on every screen; the list leads there."""
    context = browser.new_context(**LOOKS[look])
    watched = Watched(context.new_page())
    watched.page.goto(f"{empty_url}/catalog")
    watched.page.locator("main a", has_text="First steps").click()
    assert "callboard catalog add" in watched.page.locator(".first-steps").inner_text()
    watched.check(axe_source, look)
    context.close()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_wrong_password_is_told_and_the_right_one_leads_on(
    browser: Any, company: Company, axe_source: str, look: str
) -> None:
    """The name stays typed, the password is asked again, and then comes the page that one wanted."""
    with opened(browser, company, **LOOKS[look]) as page:
        watched = Watched(page)
        page.goto(f"{company.url}/catalog/problems?severity=error")
        assert "/sign-in?next=" in page.url
        page.locator("#user").fill("tomasz")
        page.locator("#password").fill("not this one")
        page.locator("#password").press("Enter")
        page.locator(".banner-bad").wait_for()
        assert page.locator("#user").input_value() == "tomasz"
        assert page.evaluate("document.activeElement.id") == "password"
        watched.check(axe_source, look)
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{company.url}/catalog/problems?severity=error")
        assert page.locator("h1").inner_text().startswith("Problems")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_elsewhere(browser: Any, company: Company, target: str) -> None:
    """Where to go afterwards is a path of this portal, or its first page."""
    with opened(browser, company) as page:
        page.goto(f"{company.url}/sign-in?next={target}")
        assert page.locator("input[name=next]").first.get_attribute("value") == "/"
        page.locator("input[name=next]").first.evaluate("(field, value) => { field.value = value }", target)
        page.locator("#user").fill("tomasz")
        page.locator("#password").fill(PASSWORD)
        page.locator("#password").press("Enter")
        page.wait_for_url(f"{company.url}/")


def test_signing_out_ends_the_session(browser: Any, company: Company) -> None:
    """By the menu; afterwards every page asks to sign in, also the one that Back shows."""
    with opened(browser, company) as page:
        page.goto(f"{company.url}/sign-in")
        page.locator("#user").fill("tomasz")
        page.locator("#password").fill(PASSWORD)
        page.locator("#password").press("Enter")
        page.wait_for_url(f"{company.url}/")
        page.locator("summary.who").click()
        page.locator(".menu-item", has_text="Sign out").click()
        page.wait_for_url(f"{company.url}/sign-in")
        page.goto(f"{company.url}/settings/tokens")
        assert page.url == f"{company.url}/sign-in?next=/settings/tokens"


def test_home_leads_with_what_is_mine_and_what_needs_me(browser: Any, company: Company, signed_in: Any) -> None:
    """Mistakes in files of one's own first, then what one owns; "see all" leads to the same, whole."""
    with opened(browser, company, signed_in) as page:
        page.goto(company.url)
        assert page.locator("h1").inner_text() == "Hello, Tomasz Wieczorek"
        headings = page.locator("h2").all_inner_texts()
        assert headings[0].startswith("Needs you") and headings[1].startswith("Yours")
        assert "spec.type is missing." in page.locator("section[aria-labelledby=needs]").inner_text()
        page.locator("section[aria-labelledby=needs] a", has_text="See all").click()
        assert page.url.endswith("/catalog/problems?mine=1")
        assert {"Storefront"} == set(page.locator(".problem-owners .entity-title").all_inner_texts())
        page.go_back()
        page.locator("section[aria-labelledby=mine] a", has_text="See all").click()
        owners = set(page.locator("td.col-owner .entity-title").all_inner_texts())
        assert "Storefront" in owners <= {"Storefront", "Technology", "Finch & Fern"}, (
            "of one's group and those above it"
        )


def test_problems_lead_to_what_happened_and_to_the_document(browser: Any, company: Company, signed_in: Any) -> None:
    """Filter by words and cause, open the whole list of a file, ask what happened to it, and to one document in it."""
    with opened(browser, company, signed_in) as page:
        page.goto(f"{company.url}/catalog/problems")
        before = page.locator(".problem-file").count()
        page.keyboard.press("/")
        page.keyboard.type("wrong.yaml")
        page.keyboard.press("Enter")
        page.wait_for_url("**/catalog/problems?q=wrong.yaml")
        assert 1 == page.locator(".problem-file").count() < before
        page.locator(".finding-more > summary").click()
        assert page.locator(".finding-message:visible").count() == 8
        page.locator(".finding-full summary").first.click()
        assert "BuiltinKindsEntityProcessor" in page.locator(".finding-full p").first.inner_text()
        page.locator(".facet-option", has_text="Does not fit its kind").click()
        page.wait_for_url(re.compile("cause=kind"))
        assert page.locator(".chosen .chip").count() == 2
        page.locator(".problem-file h3 a").click()
        page.wait_for_url("**/catalog/why?asked=*")
        assert page.locator(".subjects > li").count() == 8
        assert page.locator(".subject-head .chip").first.inner_text() == "stopped"
        page.go_back()
        page.locator(".findings .entity", has_text="wrong-3").click()
        page.wait_for_url("**/catalog/why?asked=component%3Adefault%2Fwrong-3")
        assert "spec.type is missing." in page.locator("main").inner_text()
        assert page.locator(".steps .is-skipped").count() == 2


def test_tokens_are_shown_once_do_what_they_may_and_can_be_revoked(
    browser: Any, company: Company, signed_in: Any, axe_source: str
) -> None:
    """Made by a form that says what is wrong with it, used from outside, taken back: then they are refused."""
    with opened(browser, company, signed_in) as page:
        watched = Watched(page)
        page.goto(f"{company.url}/settings/tokens")
        page.locator("#name").fill("a tool")
        page.get_by_label("Only what is ticked").check()
        assert page.get_by_text("See an entity.").is_visible()
        page.get_by_role("button", name="Create token").click()
        assert "Give at least one scope" in page.locator("#scopes-error").inner_text()
        assert page.locator("#name").input_value() == "a tool"
        watched.check(axe_source)
        page.get_by_label("Read only").check()
        page.locator("#expires_days").select_option("30")
        page.get_by_role("button", name="Create token").click()
        text = page.locator(".token-text code").inner_text()
        assert re.fullmatch(r"cb_\w+", text)
        watched.check(axe_source)
        page.goto(f"{company.url}/settings/tokens")
        assert text not in page.content()
        row = page.locator(".tokens tbody tr", has_text="a tool")
        assert "read only" in row.inner_text()

        ask = page.context.request
        bearer = {"authorization": f"Bearer {text}"}
        entities = f"{company.url}/api/catalog/entities/by-query?limit=1"
        refresh = f"{company.url}/api/catalog/refresh"
        assert ask.get(entities, headers=bearer).status == 200
        assert ask.post(refresh, headers=bearer, data={"entityRef": "component:default/till"}).status == 403

        row.locator("summary").click()
        watched.check(axe_source)
        row.get_by_role("button", name="Revoke it").click()
        page.wait_for_url(f"{company.url}/settings/tokens")
        assert page.locator(".tokens tbody tr").count() == 0
        assert ask.get(entities, headers=bearer).status == 401


def test_refreshing_shows_what_changed_in_the_file(browser: Any, company: Company, signed_in: Any) -> None:
    """The button is there for owners, says that it was heard, and the change is on the page soon, with its history."""
    with opened(browser, company, signed_in) as page:
        page.goto(company.url + company.own)
        (company.files / "till.yaml").write_text(till("Where people pay, now by card."))
        page.get_by_role("button", name="Refresh").click()
        page.locator(".banner-ok").wait_for()
        for _ in range(50):
            page.goto(company.url + company.own)
            if "now by card" in page.locator(".thing-head").inner_text():
                break
            page.wait_for_timeout(100)
        assert "now by card" in page.locator(".thing-head").inner_text()
        assert "metadata.description" in page.locator("section[aria-labelledby=recent]").inner_text()
        page.locator(".tabs a", has_text="History").click()
        assert page.locator("ins", has_text="now by card").count() == 1


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_what_one_may_not_do_is_not_offered_and_refused_in_words(
    browser: Any, company: Company, signed_in: Any, axe_source: str, look: str
) -> None:
    """No button on what others own; who asks all the same gets a page that says what to do."""
    with opened(browser, company, signed_in, **LOOKS[look]) as page:
        watched = Watched(page)
        page.goto(company.url + company.others)
        assert page.get_by_role("button", name="Refresh").count() == 0
        page.goto(company.url + company.own)
        page.locator(".thing-actions form").evaluate(
            "(form, action) => { form.action = action }", company.others + "/refresh"
        )
        with page.expect_navigation() as refused:
            page.get_by_role("button", name="Refresh").click()
        assert refused.value.status == 403
        assert "catalog.entity.refresh" in page.locator(".lede").inner_text()
        watched.check(axe_source, look)


def test_guests_are_asked_to_sign_in_for_what_is_of_a_person(browser: Any, portal_url: str, axe_source: str) -> None:
    """Tokens are of somebody; the page says so and leads on."""
    context = browser.new_context(**LOOKS["desktop"])
    watched = Watched(context.new_page())
    answer = watched.page.goto(f"{portal_url}/settings/tokens")
    assert answer.status == 403
    assert watched.page.locator("main a", has_text="Sign in").get_attribute("href") == "/sign-in?next=/settings/tokens"
    watched.check(axe_source)
    context.close()


def test_rows_can_be_sorted_and_paged(browser: Any, company: Company, signed_in: Any) -> None:
    """By a head, down and up again, newest first by the last; the range follows, and Back leads back."""
    with opened(browser, company, signed_in) as page:
        page.goto(f"{company.url}/catalog?kind=user")
        titles = page.locator(".name-title > span:first-child")
        total = page.locator("#list-count").inner_text()
        assert titles.all_inner_texts() == sorted(titles.all_inner_texts(), key=str.lower)
        first = titles.first.inner_text()
        page.get_by_label("Next page").click()
        page.wait_for_url(re.compile("after="))
        assert page.locator(".pager-range").inner_text() == f"26–50 of {total}"
        assert titles.first.inner_text() != first
        page.get_by_label("Previous page").click()
        page.wait_for_url(re.compile("before="))
        assert page.locator(".pager-range").inner_text() == f"1–25 of {total}"
        assert titles.first.inner_text() == first
        page.locator("th a", has_text="Name").click()
        page.wait_for_url(re.compile("sort=-name"))
        page.locator("th[aria-sort=descending]").wait_for()
        assert titles.all_inner_texts() == sorted(titles.all_inner_texts(), key=str.lower, reverse=True)
        page.locator("th a", has_text="Changed").click()
        page.wait_for_url(re.compile("sort=-changed"))
        page.locator("th.col-changed[aria-sort=descending]").wait_for()
        times = page.locator("td.col-changed time").evaluate_all("all => all.map(t => t.dateTime)")
        assert len(times) == 25 and times == sorted(times, reverse=True)


def test_everything_can_be_reached_by_keyboard(browser: Any, company: Company, signed_in: Any) -> None:
    """From home to one's own, its tabs, the account menu and out of it, without a mouse; where one is can be seen."""
    with opened(browser, company, signed_in) as page:
        page.goto(company.url)
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
        assert page.locator("[data-row][data-current]").count() == 1
        page.keyboard.press("Control+k")
        page.keyboard.type("till")
        page.locator(f'[role=option][data-href="{company.own}"][aria-selected=true]').wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{company.own}")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('href')") == f"{company.own}/yaml":
                break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{company.own}/yaml")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.className") == "who":
                break
        page.keyboard.press("Enter")
        assert page.locator(".menu-item", has_text="Access tokens").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator(".menu-item", has_text="Access tokens").is_visible()
        assert page.evaluate("document.activeElement.className") == "who"


def test_definitions_can_be_saved_whole(browser: Any, company: Company, signed_in: Any) -> None:
    """What a page may cut is offered as a file."""
    with opened(browser, company, signed_in) as page:
        page.goto(f"{company.url}/catalog/default/api/basket-api/definition")
        with page.expect_download() as download:
            page.locator(".api-line a[download]").click()
        assert download.value.suggested_filename == "basket-api-definition.txt"
        assert download.value.path().read_text().startswith("openapi: 3.1.0")
