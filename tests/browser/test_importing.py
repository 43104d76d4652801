"""A spreadsheet becomes a catalog in the browser: the newcomer's path, its corrections, its refusals, and the way back."""

from __future__ import annotations

import atexit
import csv
import functools
import io
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import pytest
import xlsxwriter

from tests.browser.conftest import PASSWORD, ROOT, _fetch, serve, wait_until
from tests.browser.looks import LOOKS, Watched

pytestmark = [pytest.mark.browser, pytest.mark.npm]

HEADER = ("Service", "Notes", "Team", "Type", "Repository", "Floor")
FIRST = (
    ("Checkout", "Takes payments", "#payments", "service", "acme/checkout", "2"),
    ("Ledger", "Keeps the books", "#payments", "service", "acme/ledger", "2"),
    ("Shop front", "What customers see", "Storefront", "website", "acme/shop", "3"),
    ("Search", "", "Storefront", "service", "acme/search", ""),
)
SECOND = (
    *FIRST[:2],
    (*FIRST[2][:3], "application", *FIRST[2][4:]),
    ("Basket", "", "storefront team", "service", "", ""),
)
HOSTILE = '<script>document.title="taken"</script><img src=x onerror=alert(1)>'


def sheet(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    """A CSV file as spreadsheet programs save it."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def workbook() -> bytes:
    """Two tabs as people keep them: titles above the header, a row without a name, one name twice, a total."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    services, teams = book.add_worksheet("Services"), book.add_worksheet("Teams")
    rows = [
        ("Services of the platform group",), (), ("Service name", "Owned by", "Notes", "Cost centre"),
        ("Mail & more", "Team Post", "sends letters", "17"), ("", "Team Post", "nobody knows what this is", "17"),
        ("Archive", "Team Post", "keeps letters", "18"), ("Archive", "Records", "keeps files", "19"),
        ("Total", "", "", "71"),
    ]  # fmt: skip
    for n, row in enumerate(rows):
        services.write_row(n, 0, row)
    for n, row in enumerate([("Team", "Channel"), ("Post", "#post")]):
        teams.write_row(n, 0, row)
    book.close()
    return out.getvalue()


@functools.cache
def _data_with_users() -> Path:
    """A data folder, made once: each portal is started on a copy."""
    folder = Path(tempfile.mkdtemp(prefix="callboard-users-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, role in (("ada", ["--role", "admin"]), ("kim", [])):
        command = [
            sys.executable, "-m", "callboard", "user", "add", name, *role, "--password-stdin", "--data", str(folder),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    return folder


@contextmanager
def portal(folder: Path) -> Iterator[str]:
    """An empty portal in which ada, an administrator, and kim, who has no role, can sign in."""
    shutil.copytree(_data_with_users(), folder, dirs_exist_ok=True)
    with serve(folder) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        yield url


def sign_in(browser: Any, url: str, name: str = "ada") -> Any:
    """What a browser keeps after signing in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.locator("#user").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url(f"{url}/")
    state = context.storage_state()
    context.close()
    return state


@dataclass(frozen=True, slots=True)
class Place:
    """A portal with imports at every stage. ``paths`` name their pages; tests that write use a portal of their own."""

    url: str
    state: Any
    paths: Mapping[str, str]


@contextmanager
def opened(browser: Any, state: Any, **options: Any) -> Iterator[Any]:
    context = browser.new_context(**{**LOOKS["desktop"], **options}, storage_state=state)
    yield context.new_page()
    context.close()


def upload(page: Any, url: str, name: str, content: bytes) -> str:
    """Bring a file in, as its drop zone does; the path of the import."""
    page.goto(f"{url}/import")
    page.locator("#file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    page.wait_for_url("**/columns")
    return str(page.url.removeprefix(url).removesuffix("/columns"))


def check_rows(page: Any) -> None:
    page.locator(".import-go .button-primary").click()
    page.wait_for_url("**/plan*")


def apply(page: Any) -> None:
    page.locator(".apply button").click()
    page.wait_for_url("**/done")


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with portal(tmp_path_factory.mktemp("importing")) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            undone = upload(page, url, "undone.csv", sheet([("Gone again", "", "Interns", "", "", "")]))
            check_rows(page)
            apply(page)
            page.locator(".undo summary").click()
            page.get_by_role("button", name="Undo it").click()
            page.get_by_role("heading", name="is undone").wait_for()
            applied = upload(page, url, "services.csv", sheet(FIRST))
            check_rows(page)
            apply(page)
            planned = upload(page, url, "services.csv", sheet(SECOND))
            check_rows(page)
            messy = upload(page, url, "platform.xlsx", workbook())
            check_rows(page)
            draft = upload(page, url, "services.csv", sheet(FIRST))
        yield Place(
            url,
            state,
            {
                "start": "/import",
                "columns, as before": f"{draft}/columns",
                "columns, several tabs": f"{messy}/columns",
                "plan": f"{planned}/plan",
                "plan, changes": f"{planned}/plan?show=change",
                "plan, owners": f"{planned}/plan?show=owners",
                "plan, gone": f"{planned}/plan?show=leaving",
                "plan, rejected": f"{messy}/plan?show=rejected",
                "plan, no data": f"{messy}/plan?show=skipped",
                "plan, nothing found": f"{planned}/plan?show=create&q=no-such-thing",
                "done": f"{applied}/done",
                "done, row by row": f"{applied}/plan",
                "compare": f"{applied}/drift",
                "undone": f"{undone}/done",
            },
        )


PAGES = (
    "start", "columns, as before", "columns, several tabs", "plan", "plan, changes", "plan, owners", "plan, gone",
    "plan, rejected", "plan, no data", "plan, nothing found", "done", "done, row by row", "compare", "undone",
)  # fmt: skip


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_accessibility_violation(looking: Any, place: Place, name: str, look: str) -> None:
    """See ``Watched.check``; with everything on the page unfolded."""
    with looking(look, place.state) as watched:
        page = watched.page
        assert page.goto(place.url + place.paths[name]).status == 200
        page.locator("main details:not(.menu)").evaluate_all("all => all.forEach(one => { one.open = true })")
        watched.check(None, look)


@pytest.mark.parametrize("name", ["start", "columns, several tabs", "plan", "plan, owners", "done"])
def test_page_is_small(weigh: Any, place: Place, name: str) -> None:
    """With an empty cache at most 100 KB are transferred beside the fonts."""
    sent = weigh(place.url + place.paths[name], place.state)
    assert 0 < sum(one.size for one in sent if one.type != "Font") <= 100_000


class Clicks:
    """Counts what a person clicks, the file dialogue included."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, target: Any) -> None:
        self.n += 1
        target.click()


def test_newcomer_turns_the_inventory_of_govuk_into_a_catalog(browser: Any, shared: Path, tmp_path: Path) -> None:
    """From an empty portal to 136 components with their owners in at most 25 clicks, no file edited."""
    file, click = shared / "corpus" / "govuk" / "repos.xlsx", Clicks()
    with portal(tmp_path) as url, opened(browser, None) as page:
        watched = Watched(page)
        page.goto(url)
        assert page.get_by_role("heading", name="Nothing in the catalog yet").is_visible()
        click(page.get_by_role("link", name="Sign in to import"))
        page.locator("#user").fill("kim")
        page.locator("#password").fill(PASSWORD)
        click(page.get_by_role("button", name="Sign in"))
        page.wait_for_url(f"{url}/import")
        with page.expect_file_chooser() as chooser:
            click(page.locator(".drop"))
        click.n += 1  # the file in the dialogue
        chooser.value.set_files(str(file))
        page.wait_for_url("**/columns")
        roles = page.locator(".map-row select").evaluate_all("all => all.map(one => one.value)")
        assert len(roles) == 16 and roles[0] == "name" and {"owner", "type", "description", "link"} <= set(roles)
        click(page.get_by_role("button", name="Check all 136 rows"))
        page.wait_for_url("**/plan")
        assert "136 of 136 rows accounted for" in page.locator(".plan-side").inner_text()
        click(page.locator(".apply button"))
        page.wait_for_url("**/done")
        click(page.get_by_role("link", name="See the catalog"))
        page.wait_for_url(f"{url}/catalog")
        click(page.locator(".kind-choice", has_text="Components"))
        page.wait_for_url("**kind=component*")
        assert page.locator("#list-count").inner_text() == "136"
        owners = page.locator("td.col-owner .entity")
        assert owners.count() == 25 and page.locator("td.col-owner .entity-absent").count() == 0
        click(owners.first)
        page.wait_for_url("**/catalog/default/group/*")
        assert watched.complaints == []
        assert click.n <= 25, click.n


def test_empty_catalog_leads_to_the_import(browser: Any, tmp_path: Path, axe_source: str) -> None:
    """Home and the list offer it first to whoever may; after an import both show what came instead."""
    with portal(tmp_path) as url:
        state = sign_in(browser, url, "kim")
        for look in LOOKS:
            with opened(browser, state, **LOOKS[look]) as page:
                watched = Watched(page)
                for path in ("/", "/catalog"):
                    page.goto(url + path)
                    watched.check(axe_source, look)
                    page.locator("main").get_by_role("link", name="Import a spreadsheet").click()
                    page.wait_for_url(f"{url}/import")
        with opened(browser, state) as page:
            upload(page, url, "a.csv", sheet(FIRST))
            check_rows(page)
            apply(page)
            for path in ("/", "/catalog"):
                page.goto(url + path)
                assert page.locator("main").get_by_role("link", name="Import a spreadsheet").count() == 0


def test_everything_works_without_script(browser: Any, tmp_path: Path) -> None:
    """Upload, a correction with its example, the plan, the import and the way back are plain forms and links."""
    with portal(tmp_path) as url:
        state = sign_in(browser, url)
        with opened(browser, state, java_script_enabled=False) as page:
            page.goto(f"{url}/import")
            page.locator("#file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": sheet(FIRST)})
            page.get_by_role("button", name="Upload").click()
            column = page.locator(".map-row", has_text="Floor")
            column.locator("select").select_option("annotation")
            column.get_by_label("Key of the annotation").fill("acme.example/floor")
            page.get_by_role("button", name="Update the example").click()
            assert "acme.example/floor" in page.locator("#preview").inner_text()
            page.get_by_role("button", name="Next row").click()
            assert "Keeps the books" in page.locator(".preview-card").inner_text()
            page.get_by_role("button", name="Check all 4 rows").click()
            assert page.url.endswith("/plan")
            page.locator("#plan-q").fill("shop")
            page.locator("#plan-q").press("Enter")
            assert page.locator(".planned-title strong").all_inner_texts() == ["Shop front"]
            page.locator(".planned summary").click()
            assert "What customers see" in page.locator(".planned-body").inner_text()
            page.locator(".apply button").click()
            assert page.get_by_role("heading", name="entities imported").is_visible()
            page.locator(".undo summary").click()
            page.get_by_role("button", name="Undo it").click()
            assert page.get_by_role("heading", name="is undone").is_visible()
            page.goto(f"{url}/catalog")
            assert "The catalog is empty" in page.locator("main").inner_text()


def _tab_to(page: Any, text: str, most: int = 200) -> None:
    """Tab until what has the focus says ``text``."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if text in page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''"):
            return
    raise AssertionError(f"{text!r} is not reached by the Tab key")


def test_keyboard_leads_through_an_import_and_back(browser: Any, tmp_path: Path) -> None:
    """Columns by the keys of a select, the plan by j and Enter, the import and its undoing, all without a mouse."""
    with portal(tmp_path) as url:
        state = sign_in(browser, url)
        with opened(browser, state) as page:
            page.goto(f"{url}/import")
            page.locator("#file").focus()
            assert page.evaluate("getComputedStyle(document.querySelector('.drop')).outlineStyle") == "solid"
            upload(page, url, "a.csv", sheet(FIRST))
            page.locator("#role-5").focus()
            page.keyboard.type("Leave out")
            page.locator(".cell.is-ignored", has_text="Floor").wait_for()
            _tab_to(page, "Check all")
            page.keyboard.press("Enter")
            page.wait_for_url("**/plan")
            page.keyboard.press("j")
            page.keyboard.press("j")
            page.keyboard.press("Enter")
            assert page.locator(".planned[open] .planned-title strong").inner_text().lower() == "ledger"
            page.locator("#content").focus()
            _tab_to(page, "Import 6 entities")
            page.keyboard.press("Enter")
            page.wait_for_url("**/done")
            _tab_to(page, "Undo this import")
            page.keyboard.press("Enter")
            _tab_to(page, "Undo it", 3)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="is undone").wait_for()


def test_preview_follows_each_choice_and_keeps_it(browser: Any, place: Place) -> None:
    """A changed select shows at once what comes of it; the choice is there after a reload; a key field appears when it is needed."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        upload(page, place.url, "choices.csv", sheet(FIRST, ("Service", "Notes", "Who", "Sort", "Repository", "Floor")))
        page.evaluate("window.stayed = true")
        floor = page.locator(".map-row", has_text="Floor")
        floor.locator("select").select_option("tags")
        assert not floor.locator(".map-key").is_visible()
        page.locator(".cell", has_text="Floor").get_by_text("metadata.tags").wait_for()
        floor.locator("select").select_option("annotation")
        assert floor.get_by_label("Key of the annotation").is_visible()
        floor.get_by_label("Key of the annotation").fill("acme.example/floor")
        floor.get_by_label("Key of the annotation").press("Tab")
        page.locator("#preview").get_by_text("acme.example/floor").wait_for()
        page.get_by_role("button", name="Next row").click()
        page.locator(".preview-card", has_text="Keeps the books").wait_for()
        page.get_by_role("button", name="Next row").click()
        page.locator(".preview-card", has_text="What customers see").wait_for()
        assert page.evaluate("window.stayed")
        page.reload()
        assert floor.locator("select").input_value() == "annotation"
        assert floor.get_by_label("Key of the annotation").input_value() == "acme.example/floor"
        assert watched.complaints == []


def test_mapping_that_cannot_be_is_told_where_it_is_wrong(browser: Any, place: Place, axe_source: str) -> None:
    """Without a name nothing is planned: the page says so, and what was chosen stays chosen."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        upload(page, place.url, "nameless.csv", sheet(FIRST))
        page.locator("#role-0").select_option("description")
        page.locator(".preview-error").wait_for()
        page.get_by_role("button", name="Check all").click()
        page.locator(".banner-bad").wait_for()
        assert page.locator("#role-0").input_value() == "description"
        watched.check(axe_source)


def test_owners_can_be_corrected(browser: Any, place: Place) -> None:
    """What the sheet calls an owner is given to another one by a person's word; the plan is made again with it."""
    with opened(browser, place.state) as page:
        path = upload(page, place.url, "owners.csv", sheet([("Till", "", "Shop people", "service", "", "")]))
        check_rows(page)
        page.goto(f"{place.url}{path}/plan?show=owners")
        row = page.locator(".owners-table tbody tr")
        assert "Shop people" in row.inner_text() and row.locator(".chip").inner_text() == "new"
        row.get_by_label("Owner for Shop people").fill("group:default/storefront")
        page.get_by_role("button", name="Use these owners").click()
        page.wait_for_url("**/plan?show=owners")
        assert row.locator(".entity").get_attribute("title") == "group:default/storefront"
        assert row.get_by_label("Owner for Shop people").input_value() == "group:default/storefront"
        page.goto(f"{place.url}{path}/plan")
        assert [text.split()[0] for text in page.locator(".planned .name-sub").all_inner_texts()] == [
            "component:default/till"
        ]


def test_newer_sheet_shows_what_it_changes_and_what_is_gone(browser: Any, place: Place) -> None:
    """The columns are as they were; the plan tells new, changed and gone apart, field by field."""
    with opened(browser, place.state) as page:
        page.goto(place.url + place.paths["columns, as before"])
        assert "As you had it for" in page.locator(".banner").inner_text()
        assert page.locator("#source").input_value() != "new"
        page.goto(place.url + place.paths["plan, changes"])
        assert page.locator(".planned-title strong").all_inner_texts() == ["Shop front"]
        page.locator(".planned summary").click()
        assert page.locator(".change-lines del").inner_text() == "website"
        assert page.locator(".change-lines ins").inner_text() == "application"
        page.goto(place.url + place.paths["plan, gone"])
        assert page.locator(".plan-main .entity-title").all_inner_texts() == ["search"]
        assert page.get_by_label("Take them out of the catalog").is_checked()


def test_rows_that_are_left_out_are_named_with_a_reason(browser: Any, place: Place) -> None:
    """The one without a name, the one whose name is taken, the title and the total: none is lost silently."""
    with opened(browser, place.state) as page:
        page.goto(place.url + place.paths["plan, rejected"])
        assert "2 rows cannot be imported" in page.locator(".banner-bad").inner_text()
        assert page.locator(".planned-rows").all_inner_texts() == ["row 5", "row 7"]
        assert all(text.strip() for text in page.locator(".planned-reason").all_inner_texts())
        page.goto(place.url + place.paths["plan, no data"])
        assert page.locator(".skipped-rows > li").count() == 2
        assert "Total" in page.locator(".skipped-rows").inner_text()


def test_the_same_sheet_again_has_nothing_to_import(browser: Any, place: Place) -> None:
    """Its plan says that the catalog says the same, and offers no button."""
    with opened(browser, place.state) as page:
        upload(page, place.url, "services.csv", sheet(FIRST))
        check_rows(page)
        assert "The catalog already says what this sheet says" in page.locator(".banner-ok").inner_text()
        assert page.locator(".apply button").count() == 0


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_file_that_is_no_sheet_is_refused_in_words(looking: Any, place: Place, look: str) -> None:
    """The page says what it is instead; nothing is kept of it."""
    with looking(look, place.state) as watched:
        page = watched.page
        page.goto(f"{place.url}/import")
        before = page.locator(".import-records > li").count()
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
        page.locator("#file").set_input_files({"name": "services.xlsx", "mimeType": "", "buffer": picture})
        page.locator(".banner-bad").wait_for()
        assert len(page.locator(".banner-body").inner_text()) > 20
        assert page.locator(".import-records > li").count() == before
        watched.check(None, look)


def test_file_that_is_too_large_is_not_even_sent(browser: Any, place: Place, tmp_path: Path) -> None:
    """The limit is told before megabytes are on their way."""
    large = tmp_path / "large.csv"
    large.write_bytes(b"name\n" + b"x" * 21 * 1024 * 1024)
    with opened(browser, place.state) as page:
        page.goto(f"{place.url}/import")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        page.locator("#file").set_input_files(str(large))
        page.locator("#file-error", has_text="20 MB").wait_for()
        assert "POST" not in sent


def test_script_in_every_field_is_only_text(browser: Any, place: Place) -> None:
    """Header, cells, file name: everything is shown, nothing runs."""
    with opened(browser, place.state) as page:
        watched = Watched(page)
        page.on("dialog", lambda dialog: watched.complaints.append(dialog.message))
        header = ("Name", "Description", "Owner", HOSTILE)
        rows = [("Fine", HOSTILE, "Storefront", HOSTILE), (HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
        path = upload(page, place.url, "a<img src=x onerror=alert(1)>.csv", sheet(rows, header))
        page.get_by_role("button", name="Next row").click()
        page.locator(".preview-card .name-sub").wait_for()
        check_rows(page)
        for show in ("create", "rejected", "owners"):
            page.goto(f"{place.url}{path}/plan?show={show}")
            assert page.title() != "taken" and page.locator("main script, main img").count() == 0
        page.goto(f"{place.url}/import")
        assert page.locator("main img").count() == 0
        assert watched.complaints == []


def test_long_planning_shows_how_far_it_is_and_leads_on(browser: Any, place: Place, axe_source: str) -> None:
    """20,000 rows: rows are counted while one waits, and the plan comes by itself."""
    rows = [(f"Service {n}", "", f"team {n % 50}", "service", f"acme/s{n}", "") for n in range(20_000)]
    with opened(browser, place.state) as page:
        watched = Watched(page)
        path = upload(page, place.url, "many.csv", sheet(rows))
        page.get_by_role("button", name="Check all 20,000 rows").click()
        page.wait_for_url("**/progress")
        watched.check(axe_source)
        page.wait_for_url(f"**{path}/plan", timeout=60_000)
        assert page.locator(".tabs a[aria-current] .count-badge").inner_text() == "20,050"
        assert page.locator(".pager-range").inner_text() == "1–25 of 20,050"
        page.get_by_label("Next page").click()
        page.wait_for_url("**page=2*")
        assert page.locator(".planned-rows").first.inner_text() == "row 27"


def test_what_one_may_not_undo_is_told(browser: Any, tmp_path: Path, axe_source: str) -> None:
    """Who owns none of what another person brought in stays on the page of that import, and reads why it stands."""
    with portal(tmp_path) as url:
        with opened(browser, sign_in(browser, url, "ada")) as page:
            upload(page, url, "a.csv", sheet(FIRST))
            check_rows(page)
            apply(page)
            done = page.url
        with opened(browser, sign_in(browser, url, "kim")) as page:
            watched = Watched(page)
            page.goto(done)
            page.locator(".undo summary").click()
            page.get_by_role("button", name="Undo it").click()
            page.locator(".banner-bad").wait_for()
            assert page.get_by_role("heading", name="entities imported").is_visible()
            watched.check(axe_source)


def test_guests_are_asked_to_sign_in(browser: Any, place: Place, axe_source: str) -> None:
    """They may not import: no place in the rail, and the page says what to do."""
    with opened(browser, None) as page:
        watched = Watched(page)
        page.goto(place.url)
        assert page.locator(".rail a[href='/import']").count() == 0
        assert page.goto(f"{place.url}/import").status == 403
        assert page.locator("main a", has_text="Sign in").get_attribute("href") == "/sign-in?next=/import"
        watched.check(axe_source)
