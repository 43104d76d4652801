"""An entity is written, checked, changed and deleted in the browser, by keyboard, without script, and by two people at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS, Watched
from tests.browser.test_importing import Place, opened, portal, sign_in
from tests.features.editing.conftest import text_of

pytestmark = [pytest.mark.browser, pytest.mark.npm]

TILL = "/catalog/default/component/till"
TEAM = text_of("team", kind="Group").replace("  owner: team\n", "").replace("lifecycle: production", "children: []")
BAD = text_of().replace("owner: team", "owner: [a]")


PASTE = """(at, text) => {
  const held = new DataTransfer();
  held.setData("text/plain", text);
  at.dispatchEvent(new ClipboardEvent("paste", {clipboardData: held, bubbles: true, cancelable: true}));
}"""


def put(page: Any, text: str) -> None:
    """Paste over what stands in the editor of texts, once it is there."""
    page.locator(".cm-content").wait_for()
    page.locator("#text").press("Control+A")
    page.locator("#text").evaluate(PASTE, text)


def write(page: Any, url: str, text: str) -> None:
    """Create an entity as YAML."""
    page.goto(f"{url}/create-entity?as=yaml")
    put(page, text)
    save(page, "Create")


def save(page: Any, word: str = "Save") -> None:
    page.locator("form#form .button-primary", has_text=word).click()
    page.wait_for_url("**/catalog/default/**")


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with portal(tmp_path_factory.mktemp("editing")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            write(page, url, TEAM)
            write(page, url, text_of(note="Where people pay."))
            page.goto(f"{url}/import")
            content = b"Service,Team\nLedger,team\n"
            page.locator("#file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
            page.wait_for_url("**/columns")
            page.locator(".import-go .button-primary").click()
            page.wait_for_url("**/plan*")
            page.locator(".apply button").click()
            page.wait_for_url("**/done")
        paths = {
            "choose": "/create-entity", "new, form": "/create-entity?kind=component", "new, yaml": "/create-entity?kind=api&as=yaml",
            "form": f"{TILL}/edit", "yaml": f"{TILL}/edit?as=yaml", "of an import": "/catalog/default/component/ledger/edit",
            "entity": TILL, "list": "/catalog", "home": "/",
        }  # fmt: skip
        yield Place(url, state, paths)


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize(
    "name", ["choose", "new, form", "new, yaml", "form", "yaml", "of an import", "entity", "list", "home"]
)
def test_page_has_no_accessibility_violation(looking: Any, place: Place, name: str, look: str) -> None:
    """See ``Watched.check``, which looks at dark colours, too."""
    with looking(look, place.state) as watched:
        page = watched.page
        assert page.goto(place.url + place.paths[name]).status == 200
        watched.check(None, look)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_refused_forms_have_no_accessibility_violation(browser: Any, place: Place, axe_source: str, look: str) -> None:
    """Errors beside their fields, findings of the text, and the two versions of a conflict."""
    with opened(browser, place.state, **LOOKS[look]) as page, opened(browser, place.state) as other:
        watched = Watched(page)
        page.goto(f"{place.url}/create-entity?kind=component")
        page.locator("form#form .button-primary").click()
        page.locator(".field-error").first.wait_for()
        watched.check(axe_source, look)
        page.goto(f"{place.url}{TILL}/edit?as=yaml")
        put(page, BAD)
        page.locator(".editing-findings li").wait_for()
        watched.check(axe_source, look)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{place.url}{TILL}/edit?as=yaml")
        other.goto(f"{place.url}{TILL}/edit?as=yaml")
        put(other, text_of(note=f"Theirs, {look}"))
        save(other)
        put(page, text_of(note="Mine"))
        page.locator("form#form .button-primary").click()
        page.locator(".diff-lines").wait_for()
        assert f"Theirs, {look}" in page.locator(".diff-lines del").inner_text()
        watched.check(axe_source, look)


@pytest.mark.parametrize("name", ["choose", "new, form", "yaml"])
def test_page_is_small(weigh: Any, place: Place, name: str) -> None:
    """With an empty cache at most 100 KB are transferred beside the fonts and the editor, which comes later: at most 250 KB."""
    sent = weigh(place.url + place.paths[name], place.state, ".cm-content" if name == "yaml" else None)
    editor = sum(one.size for one in sent if "yaml-editor" in one.url)
    assert (editor > 0) == (name == "yaml")
    assert editor <= 250_000
    assert 0 < sum(one.size for one in sent if one.type != "Font") - editor <= 100_000


def test_the_text_is_judged_and_completed_as_one_types(browser: Any, place: Place, axe_source: str) -> None:
    """A finding with its line, the line marked, a click that leads there, the good word once it is put right; fields and refs to choose."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        page.goto(f"{place.url}/create-entity?as=yaml")
        put(page, BAD.replace("till", "fresh"))
        page.locator(".finding-place", has_text="Line 9, column 3").click()
        assert page.locator(".cm-activeLineGutter").first.inner_text() == "9"
        assert page.locator(".cm-activeLine .cm-lintRange-error").inner_text() == "owner: [a]"
        put(page, text_of("fresh"))
        page.get_by_text("The catalog would take this").wait_for()
        assert page.locator(".cm-lintRange-error").count() == 0
        page.locator("#text").press("Control+End")
        page.keyboard.type("  sys")
        page.locator(".cm-tooltip-autocomplete li", has_text="system").wait_for()
        page.wait_for_timeout(100)  # a choice made sooner than that is taken for typing
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.keyboard.type("dependsO")
        page.locator(".cm-tooltip-autocomplete li", has_text="dependsOn").wait_for()
        page.wait_for_timeout(100)
        page.keyboard.press("Enter")
        page.keyboard.type("til")
        page.locator(".cm-tooltip-autocomplete li", has_text="component:default/till").wait_for()
        page.wait_for_timeout(100)
        page.keyboard.press("Enter")
        assert (
            page.locator("textarea[name=text]")
            .input_value()
            .endswith("  system: \n  dependsOn:\n    - component:default/till")
        )
        watched.check(axe_source)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") != "text"  # the Tab key is not kept
        page.on("dialog", lambda dialog: dialog.accept())


def test_keyboard_creates_changes_and_deletes(browser: Any, tmp_path: Path) -> None:
    """From the rail to the form, over its fields, to the saved entity, its editor and away again, without a mouse."""

    def tab_to(page: Any, text: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if text in page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''"):
                return
        raise AssertionError(f"{text!r} is not reached by the Tab key")

    with portal(tmp_path) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            page.goto(url)
            tab_to(page, "Create")
            page.keyboard.press("Enter")
            page.wait_for_url("**/create")
            page.locator("#content").focus()
            tab_to(page, "Describe something by form")
            page.keyboard.press("Enter")
            page.wait_for_url("**/create-entity")
            page.locator("#content").focus()
            tab_to(page, "Component")
            page.keyboard.press("Enter")
            page.wait_for_url("**kind=component")
            page.locator("[id='metadata.name']").focus()
            for words in ("till", "", "The till", "Where people pay.", "service", "production", "team"):
                page.keyboard.type(words)
                page.keyboard.press("Tab")
            page.locator("[id='spec.type']").focus()
            page.keyboard.press("Enter")  # as in any form: it saves
            page.wait_for_url(f"**{TILL}")
            assert page.locator("h1").inner_text() == "The till"
            page.locator("#content").focus()
            tab_to(page, "Edit")
            page.keyboard.press("Enter")
            page.wait_for_url("**/edit")
            page.locator("[id='metadata.title']").focus()
            page.keyboard.press("Control+A")
            page.keyboard.type("Till two")
            page.keyboard.press("Enter")
            page.wait_for_url(f"**{TILL}")
            assert page.locator("h1").inner_text() == "Till two"
            page.goto(f"{url}{TILL}/edit")
            page.locator("#content").focus()
            tab_to(page, "Delete")
            page.keyboard.press("Enter")
            tab_to(page, "Delete it")
            page.keyboard.press("Enter")
            page.wait_for_url(f"{url}/catalog")
            assert page.goto(url + TILL).status == 404


def test_everything_works_without_script(browser: Any, tmp_path: Path) -> None:
    """The form, the way to YAML and back, the check with its lines, saving, a conflict, deleting."""
    with portal(tmp_path) as url:
        state = sign_in(browser, url)
        plain = {"java_script_enabled": False}
        with opened(browser, state, **plain) as page, opened(browser, state, **plain) as other:
            page.goto(f"{url}/create-entity?kind=component")
            page.locator("[id='metadata.name']").fill("till")
            page.locator(".editing-tabs button", has_text="YAML").click()
            assert "name: till" in page.locator("#text").input_value()
            page.locator("#text").fill(BAD)
            page.get_by_role("button", name="Check").click()
            assert "Line 9, column 3" in page.locator(".editing-findings").inner_text()
            page.locator("#text").fill(text_of(note="Base"))
            save(page, "Create")
            for one in (page, other):
                one.goto(f"{url}{TILL}/edit")
            other.locator("[id='metadata.description']").fill("Theirs")
            save(other)
            page.locator("[id='metadata.description']").fill("Mine")
            page.locator("form#form .button-primary").click()
            assert "Somebody else saved this meanwhile" in page.locator(".banners").inner_text()
            page.locator("form#form .button-primary", has_text="Save mine over theirs").click()
            page.wait_for_url(f"**{TILL}")
            assert "Mine" in page.locator("main").inner_text()
            page.goto(f"{url}{TILL}/edit")
            page.locator(".page-head summary").click()
            page.get_by_role("button", name="Delete it").click()
            page.wait_for_url(f"{url}/catalog")
            assert page.goto(url + TILL).status == 404


def test_a_ref_is_found_as_one_types(browser: Any, place: Place, axe_source: str) -> None:
    """By keyboard, among all entities: one into a field, several as chips; what was done is told, once; without script a ref is typed."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        page.goto(f"{place.url}/create-entity?kind=component")
        for field, value in (("metadata.name", "wallet"), ("spec.type", "service"), ("spec.lifecycle", "production")):
            page.locator(f"[id='{field}']").fill(value)
        page.locator("[id='spec.owner']").press_sequentially("tea")
        page.get_by_role("option", name="team").wait_for()
        watched.check(axe_source)
        page.keyboard.press("Enter")
        assert page.locator("[id='spec.owner']").input_value() == "group:default/team"
        uses = page.get_by_role("combobox", name="Depends on")
        for name in ("till", "ledger"):
            uses.press_sequentially(name)
            page.get_by_role("option", name=name).wait_for()
            page.keyboard.press("Enter")
        uses.press_sequentially("till")
        page.get_by_text("Nothing found. A ref can be typed all the same.").wait_for()
        page.keyboard.press("Escape")
        uses.fill("resource:default/vault")
        page.keyboard.press("Enter")
        assert page.locator(".refs-chip").count() == 3
        page.keyboard.press("Backspace")
        page.get_by_role("button", name="Remove component:default/ledger").click()
        watched.check(axe_source)
        page.keyboard.press("Enter")
        page.wait_for_url("**/catalog/default/component/wallet")
        assert "wallet is in the catalog now" in page.locator(".notice").inner_text()
        watched.check(axe_source)
        assert page.locator("main").get_by_role("link", name="till", exact=True).count() >= 1
        page.reload()
        assert page.locator(".notice").count() == 0
    with opened(browser, place.state, java_script_enabled=False) as page:
        page.goto(f"{place.url}/catalog/default/component/wallet/edit")
        assert page.locator("[name='spec.dependsOn']").input_value() == "component:default/till"
        page.locator("[name='spec.dependsOn+']").fill("component:default/ledger")
        page.get_by_role("button", name="Save").last.click()
        assert "Your change to wallet is saved" in page.locator(".notice").inner_text()
        assert page.locator("main").get_by_text("ledger").count() >= 1
