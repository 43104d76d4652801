"""A running portal and a Chromium. Without a browser the tests are skipped, saying so; under CI that is a failure."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def _give_up(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    named = os.environ.get("CALLBOARD_CHROMIUM")
    found = named or next((p for p in _PLACES if Path(p).exists()), None) or shutil.which("chromium")
    if found is None:
        _give_up("no Chromium here: install the package chromium, or say where it is in CALLBOARD_CHROMIUM")
    return str(found)


@pytest.fixture(scope="session")
def portal_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``callboard serve --demo`` with the example organisation loaded, or the portal that CALLBOARD_URL names."""
    if given := os.environ.get("CALLBOARD_URL"):
        yield given.rstrip("/")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = tmp_path_factory.mktemp("portal")
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "callboard", "serve", "--demo", "--data", str(data), "--port", str(port)]
    with (data / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for_entities(url, server, data / "log.txt")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for_entities(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Ready means that the example organisation can be read: its size stands still."""
    before = -1
    for _ in range(120):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/catalog.csv", timeout=5) as answer:
                rows = answer.read().count(b"\n")
        except (urllib.error.URLError, OSError):
            rows = -1
        if rows > 20 and rows == before:
            return
        before = rows
        time.sleep(0.5)
    raise RuntimeError(f"the example organisation did not load:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
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
def axe_source() -> str:
    file = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        _give_up("axe-core is not there: run `python -m callboard.ui.build_assets --development`")
    return file.read_text("utf-8")
