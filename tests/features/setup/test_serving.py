"""What the terminal says: the address of the set-up page, where there is something to set up; and how the portal goes on after it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import httpx2
import pytest

from tests.features.setup.conftest import PASSWORD


def first_words(folder: Path, *options: str, until: str = "Stop with Ctrl+C") -> tuple[str, int | None]:
    """What ``callboard serve`` prints until it is ready; and the status of the address of its set-up page, if it prints one."""
    log = folder / "log.txt"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "callboard", "serve", "--port", "0", *options], cwd=folder, stdout=out, stderr=out
        )
    try:
        end = time.monotonic() + 60
        while until not in log.read_text():
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        found = re.search(r"http\S+/setup\?token=\S+", log.read_text())
        if found is None:
            return log.read_text(), None
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(found[0], timeout=10) as answer:
            return log.read_text(), int(answer.status)
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_an_unconfigured_portal_prints_an_address_that_opens_the_page(tmp_path: Path) -> None:
    """Once, as a line of the banner; it leads through the redirect to the first step."""
    said, status = first_words(tmp_path)
    assert status == 200
    assert said.count("/setup?token=") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "until"),
    [(("--demo",), "Stop with"), (("--json",), '"listening"'), (("--config", "own.yaml"), "Stop with")],
)
def test_no_address_is_printed_where_nobody_sets_up(tmp_path: Path, options: tuple[str, ...], until: str) -> None:
    """A demo, a machine that reads the output, a portal with settings."""
    (tmp_path / "own.yaml").write_text("app: {title: Ours}\n")
    said, status = first_words(tmp_path, *options, until=until)
    assert "/setup" not in said and status is None


@contextmanager
def at_the_door(folder: Path) -> Iterator[tuple[Any, Path]]:
    """A client that was let in to the set-up of a portal in ``folder``, and the file with what the terminal says."""
    log = folder / "log.txt"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "callboard", "serve", "--port", "0"], cwd=folder, stdout=out, stderr=out
        )
    try:
        end = time.monotonic() + 60
        while (found := re.search(r"(http\S+)(/setup\?token=\S+)", log.read_text())) is None:
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        with httpx2.Client(base_url=found[1], timeout=30, follow_redirects=True) as client:
            assert client.get(found[2]).status_code == 200
            yield client, log
    finally:
        server.terminate()
        server.wait(timeout=20)


def post(client: Any, path: str, **fields: str) -> Any:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1], **fields})


def set_up(client: Any, **source: str) -> str:
    """Go through all steps; the last page once the portal is through with starting again."""
    post(client, "/setup", organization="Lighthouse Inn", title="")
    post(client, "/setup/software", **source)
    page = post(client, "/setup/administrator", user="ada", display_name="", password=PASSWORD, again=PASSWORD)
    end = time.monotonic() + 30
    while page.headers.get("refresh"):
        assert time.monotonic() < end
        time.sleep(0.2)
        page = client.get("/setup/done")
    assert page.status_code == 200, page.text
    return str(page.text)


@pytest.mark.slow
def test_the_portal_goes_on_with_what_was_written(tmp_path: Path) -> None:
    """Same address, same session, new settings; nobody starts anything."""
    with at_the_door(tmp_path) as (client, log):
        page = set_up(client, source="nothing")
        assert "The portal runs with these settings." in page and "<code>callboard serve</code>" in page
        assert "<title>Home · Lighthouse Inn</title>" in client.get("/").text
        assert "Lighthouse Inn is ready at" in log.read_text()


@pytest.mark.slow
def test_who_stops_it_while_it_starts_again_is_heard(tmp_path: Path) -> None:
    """Ctrl+C is meant for the process, not for the portal that is just about to give way to the next."""
    with at_the_door(tmp_path) as (client, _):
        post(client, "/setup", organization="Lighthouse Inn", title="")
        post(client, "/setup/software", source="nothing")
        post(client, "/setup/administrator", user="ada", display_name="", password=PASSWORD, again=PASSWORD)
    # leaving the block asks it to end, and waits for that


@pytest.mark.slow
def test_settings_that_it_cannot_start_with_leave_the_portal_running(tmp_path: Path) -> None:
    """What a Backstage has may be wrong in ways that only a start tells: the reason is on the page, and how to try again."""
    (tmp_path / "backstage").mkdir()
    (tmp_path / "backstage" / "app-config.yaml").write_text("catalog:\n  processingInterval: now and then\n")
    with at_the_door(tmp_path) as (client, log):
        page = set_up(client, source="backstage", backstage_path="backstage/app-config.yaml")
        assert "could not start with these settings" in page and "processingInterval" in page
        assert ">callboard serve<" in page.replace("\n", "") and client.get("/catalog").status_code == 200
        assert "processingInterval" in log.read_text()
