"""An empty portal is set up in the browser: with script and without, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.browser.conftest import PASSWORD
from tests.browser.looks import LOOKS, Watched

pytestmark = [pytest.mark.browser, pytest.mark.npm]
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: booking
spec:
  type: service
  lifecycle: production
  owner: lighthouse
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A portal in ``folder``. ``door`` is the address that the terminal shows, empty where it shows none."""

    url: str
    door: str
    folder: Path


@contextmanager
def serve_in(folder: Path, port: int = 0) -> Iterator[Served]:
    """``callboard serve`` as somebody types it in ``folder``; what it prints is read as they read it."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    log = folder / "log.txt"
    command = [sys.executable, "-m", "callboard", "serve", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 60
        while "Stop with Ctrl+C" not in log.read_text():
            assert server.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.1)
        door = re.search(r"http\S+/setup\?token=\S+", log.read_text())
        yield Served(f"http://127.0.0.1:{port}", door[0] if door else "", folder)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _finish(page: Any) -> None:
    page.fill("#user", "ada")
    page.fill("#display_name", "Ada Okafor")
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.press("#again", "Enter")
    page.wait_for_url("**/setup/done")
    page.get_by_text("The portal runs with these settings.").wait_for()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_an_empty_portal_to_its_catalog(browser: Any, tmp_path: Path, script: bool) -> None:
    """The terminal's address, three steps with a check that first fails, and the component is there: nobody starts anything again."""
    (tmp_path / "services" / "booking").mkdir(parents=True)
    (tmp_path / "services" / "booking" / "catalog-info.yaml").write_text(COMPONENT)
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    with serve_in(tmp_path) as served:
        assert page.goto(served.door).status == 200
        assert page.url == f"{served.url}/setup"
        page.fill("#organization", "Lighthouse Inn")
        page.check("#accent-violet")
        if not script:
            page.locator("button[value=show]").click()
        page.locator("link[data-look][href='/look/6d3fc0.css']").wait_for(state="attached")
        page.press("#organization", "Enter")
        page.wait_for_url("**/setup/software")
        page.check("#source-folder")
        page.fill("#folder_path", "nowhere")
        page.locator("button[value=check]:visible").click()
        assert "There is no file or folder" in page.locator("#verdict").inner_text()
        page.fill("#folder_path", "services")
        page.locator("button[value=check]:visible").click()
        assert "Found one entity" in page.locator("#verdict").inner_text()
        page.locator(".setup-foot button").click()
        page.wait_for_url("**/setup/administrator")
        page.locator(".wizard a").first.click()  # back, and nothing is lost
        assert page.locator("#organization").input_value() == "Lighthouse Inn"
        page.locator(".setup-foot button").click()
        assert page.locator("#folder_path").input_value() == "services"
        page.locator(".setup-foot button").click()
        _finish(page)
        assert str(tmp_path / "app-config.yaml") in page.locator(".facts").inner_text()
        assert page.goto(served.door).status == 404
        until = time.monotonic() + 30
        while page.goto(f"{served.url}/catalog/default/component/booking").status != 200:
            assert time.monotonic() < until, page.url
            time.sleep(0.2)
        assert "Lighthouse Inn" in page.title()
        assert page.locator("link[href='/look/6d3fc0.css']").count() == 1
        port = int(served.url.rpartition(":")[2])
    with serve_in(tmp_path, port) as served:
        assert served.door == "" and page.goto(served.url).status == 200
    context.close()


def test_a_spreadsheet_leads_to_the_import(browser: Any, tmp_path: Path) -> None:
    """Whoever chose it goes on without a restart, signed in."""
    page = browser.new_page()
    with serve_in(tmp_path) as served:
        page.goto(served.door)
        page.fill("#organization", "Lighthouse Inn")
        page.locator(".setup-foot button").click()
        assert page.locator("#source-spreadsheet").is_checked()
        page.locator(".setup-foot button").click()
        _finish(page)
        page.get_by_role("link", name="Import a spreadsheet").click()
        page.wait_for_url("**/import")
        assert page.locator("input[type=file]").count() == 1
    page.close()


@pytest.mark.parametrize("look", LOOKS)
def test_each_page_bears_a_close_look(browser: Any, axe_source: str, tmp_path: Path, look: str) -> None:
    """axe, width and colours on the door, each step, its faults and its checks, the end, and after it."""
    context = browser.new_context(**LOOKS[look])
    context.add_init_script(axe_source)
    page = context.new_page()
    watched = Watched(page)
    long = "a-name-as-long-as-names-may-be-without-one-blank-to-break-it-6364"
    with serve_in(tmp_path) as served:
        for path in ("/", "/setup", "/setup?token=wrong"):
            page.goto(served.url + path)
            watched.check(None, look)
        page.goto(served.door)
        watched.check(None, look)
        page.fill("#organization", long)
        page.locator(".setup-foot button").click()
        watched.check(None, look)
        for source, field in (("github", "github_owner"), ("folder", "folder_path"), ("backstage", "backstage_path")):
            page.check(f"#source-{source}")
            page.locator("button[value=check]:visible").click()
            assert page.locator(f"#{field}-error").is_visible()
            watched.check(None, look)
            page.fill(f"#{field}", long)
            page.locator("button[value=check]:visible").click()
            assert page.locator("#verdict").is_visible()
            watched.check(None, look)
        page.check("#source-nothing")
        page.locator(".setup-foot button").click()
        page.fill("#user", long)
        page.fill("#password", "short")
        page.fill("#again", "short")
        page.locator(".setup-foot button").click()
        page.locator("summary").click()
        watched.check(None, look)
        _finish(page)
        watched.check(None, look)
        page.goto(f"{served.url}/setup")
        watched.check(None, look)
    context.close()


def test_the_keyboard_is_enough(browser: Any, tmp_path: Path) -> None:
    """Each step begins in its first field, Enter goes on, arrows choose the source, Tab reaches its fields."""
    page = browser.new_page()
    with serve_in(tmp_path) as served:
        page.goto(served.door)
        page.keyboard.type("Lighthouse Inn")
        page.keyboard.press("Enter")
        page.wait_for_url("**/setup/software")
        page.locator("#source-spreadsheet").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "folder_path"
        page.keyboard.type("nowhere")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator("#verdict").wait_for()
        page.locator("#source-folder").focus()
        page.keyboard.press("End")
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        assert page.locator("#source-nothing").is_checked()
        page.keyboard.press("Enter")
        page.wait_for_url("**/setup/administrator")
        for text in ("ada", "Ada", PASSWORD, PASSWORD):
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        page.locator("#again").press("Enter")
        page.wait_for_url("**/setup/done")
    page.close()
