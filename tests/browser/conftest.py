"""Running portals and a Chromium. Without a browser the tests are skipped, saying so; under CI that is a failure."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.browser.looks import LOOKS, Watched

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a sheet of paper and a pin"
_PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
_API = "backstage.io/v1alpha1"
_WITHOUT = (
    # A window draws its address bar's list, a renderer of its own for each, and keeps another in store: half of what a page costs.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PreloadTopChromeWebUI", "SpareRendererForSitePerProcess",
    # What Playwright switches off by itself: only the last list counts.
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
# All pages are ours. One process draws them, where each would start its own, and another for the blank page that follows it.
_ONE_PROCESS = ("--renderer-process-limit=1", "--disable-site-isolation-trials")
_FLAGS = ("--no-sandbox", *_ONE_PROCESS, f"--disable-features={','.join(_WITHOUT)}")


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    named = os.environ.get("CALLBOARD_CHROMIUM")
    found = named or next((p for p in _PLACES if Path(p).exists()), None) or shutil.which("chromium")
    if found is None:
        _give_up("no Chromium here: install the package chromium, or say where it is in CALLBOARD_CHROMIUM")
    return str(found)


@contextmanager
def serve(data: Path, *options: str) -> Iterator[tuple[str, Any]]:
    """``callboard serve`` on a free port; its address, and a function that raises when the server has ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data.mkdir(parents=True, exist_ok=True)
    log = data / "log.txt"
    command = [sys.executable, "-m", "callboard", "serve", "--data", str(data), "--port", str(port), *options]
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)

    def check() -> None:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}:\n{log.read_text()[-2000:]}")

    try:
        yield f"http://127.0.0.1:{port}", check
    finally:
        server.terminate()
        server.wait(timeout=20)


def _fetch(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def wait_until(check: Any, what: str, question: Any, patience_s: float = 60) -> None:
    """Ask ``question`` until it answers yes."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        check()
        if question():
            return
        time.sleep(0.2)
    raise RuntimeError(f"{what} did not come about within {patience_s:.0f} s")


@pytest.fixture(scope="session")
def portal_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``callboard serve --demo`` with the example organisation loaded, or the portal that CALLBOARD_URL names."""
    if given := os.environ.get("CALLBOARD_URL"):
        yield given.rstrip("/")
        return
    with serve(tmp_path_factory.mktemp("portal"), "--demo") as (url, check):
        seen = [-1]

        def is_loaded() -> bool:
            """Its size stands still."""
            rows = (_fetch(f"{url}/catalog.csv") or "").count("\n")
            was, seen[0] = seen[0], rows
            return rows > 20 and rows == was

        wait_until(check, "the example organisation", is_loaded)
        yield url


@pytest.fixture(scope="session")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal started without a settings file in an empty folder: a guest sees how a catalog begins."""
    with serve(tmp_path_factory.mktemp("empty")) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        yield url


@dataclass(frozen=True, slots=True)
class Company:
    """A portal with users. ``tomasz`` (password ``PASSWORD``) is in the storefront team, which owns ``own``; ``files`` may be edited."""

    url: str
    files: Path
    own: str = "/catalog/default/component/till"
    others: str = "/catalog/default/component/basket"
    crowd: str = "/catalog/default/group/crowd"
    place: str = "/catalog/default/location/more"


def _document(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"apiVersion": _API, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec})


def till(description: str) -> str:
    """The component that tests edit, as a file."""
    spec = {"type": "service", "lifecycle": "production", "owner": "storefront-team"}
    return _document("Component", "till", spec, title="Till", description=description)


def _write_company(folder: Path) -> Path:
    """The example organisation, and beside it what pages must bear: many members, long names, mistakes, a lost file."""
    shutil.copytree(ROOT / "examples" / "organisation", folder / "organisation")
    long = "a-name-as-long-as-names-may-be-without-one-blank-to-break-it-63"
    crowd = [_document("User", f"crowd-{n:03}", {"memberOf": ["crowd"]}) for n in range(120)]
    wrong = [
        _document("Component", f"wrong-{n}", {"lifecycle": "production", "owner": "storefront-team"}) for n in range(8)
    ]
    documents = [
        _document("Location", "more", {"targets": ["./till.yaml", "./wrong.yaml", "./lost.yaml"]}),
        _document("Group", "crowd", {"type": "department", "children": []}, title="The crowd"),
        _document(
            "Component", long, {"type": "x" * 60, "lifecycle": "y" * 60, "owner": "crowd"}, description="W" * 250
        ),
        *crowd,
    ]
    (folder / "more.yaml").write_text("\n---\n".join(documents))
    (folder / "till.yaml").write_text(till("Where people pay."))
    (folder / "wrong.yaml").write_text("\n---\n".join(wrong))
    settings = {
        "app": {"title": "Finch & Fern"},
        "catalog": {
            "rules": [
                {"allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location"]}
            ],
            "watchFiles": False,
            "locations": [
                {"type": "file", "target": str(folder / "organisation" / "all.yaml")},
                {"type": "file", "target": str(folder / "more.yaml")},
            ],
        },
    }
    (folder / "app-config.yaml").write_text(json.dumps(settings))
    return folder / "app-config.yaml"


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A portal with a settings file, in which one has to sign in."""
    folder = tmp_path_factory.mktemp("company")
    settings, data = _write_company(folder), folder / "data"
    command = [
        sys.executable, "-m", "callboard", "user", "add", "tomasz", "--ref", "user:default/tomasz.wieczorek",
        "--display-name", "Tomasz Wieczorek", "--password-stdin", "--data", str(data), "--config", str(settings),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    with serve(data, "--config", str(settings)) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        yield Company(url, folder)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def entity_path(browser: Any, portal_url: str) -> str:
    """The page of the first component of the list."""
    page = browser.new_page()
    page.goto(f"{portal_url}/catalog?kind=component")
    path = page.locator("[data-row] a").first.get_attribute("href")
    page.close()
    return str(path)


@pytest.fixture(scope="session")
def signed_in(browser: Any, company: Company) -> dict[str, Any]:
    """What a browser keeps after signing in as tomasz, for contexts that begin signed in; everything has been read by then."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{company.url}/sign-in")
    page.locator("#user").fill("tomasz")
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url(f"{company.url}/")

    def is_loaded() -> bool:
        page.goto(f"{company.url}{company.crowd}")
        return page.locator(".explore-people li").count() > 0 and page.goto(company.url + company.others).status == 200

    wait_until(lambda: None, "the organisation", is_loaded)
    state: dict[str, Any] = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="session")
def axe_source() -> str:
    file = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        _give_up("axe-core is not there: run `python -m callboard.ui.build_assets --development`")
    return file.read_text("utf-8")


@pytest.fixture(scope="session")
def looking(browser: Any, axe_source: str) -> Iterator[Any]:
    """``looking(look, state, **options)``: a page with axe at hand, for those that are only looked at; nobody may rely on an empty store.

    Its window is kept from test to test: opening one takes longer than drawing a page. ``state`` is that of a session.
    """
    pages: dict[str, Any] = {}

    @contextmanager
    def look_at(look: str, state: Any = None, **options: Any) -> Iterator[Watched]:
        key = json.dumps([look, state, options], sort_keys=True)
        page = pages.pop(key, None)
        if page is None:
            context = browser.new_context(**LOOKS[look], **options, **({"storage_state": state} if state else {}))
            context.add_init_script(axe_source)
            page = context.new_page()
        watched = Watched(page)
        try:
            yield watched
        except BaseException:
            page.context.close()
            raise
        watched.leave()
        if key in pages:
            page.context.close()
        else:
            pages[key] = page

    yield look_at
    for page in pages.values():
        page.context.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """What came over the wire for one address; ``type`` as the browser names it (Document, Font, Script, …)."""

    url: str
    type: str
    size: int


@pytest.fixture(scope="session")
def weigh(browser: Any) -> Iterator[Any]:
    """``weigh(url, state, until)``: all that a page transfers to a browser that has nothing of it, until a selector is seen."""
    pages: dict[str, Any] = {}

    def ask(url: str, state: Any = None, until: str | None = None) -> list[Sent]:
        key = json.dumps(state, sort_keys=True)
        if key not in pages:
            pages[key] = browser.new_page(**LOOKS["desktop"], **({"storage_state": state} if state else {}))
        page = pages[key]
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        kinds: dict[str, tuple[str, str]] = {}
        sizes: dict[str, int] = {}
        wire.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: (e["response"]["url"], e["type"])}))
        wire.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: int(e["encodedDataLength"])}))
        page.goto(url)
        if until is not None:
            page.locator(until).wait_for()
        page.wait_for_timeout(100)  # the last events come after the page is loaded
        wire.detach()
        page.goto("about:blank")
        return [Sent(*kinds[id], size) for id, size in sizes.items()]

    yield ask
    for page in pages.values():
        page.close()
