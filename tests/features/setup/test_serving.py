"""What the terminal says: the address of the set-up page, where there is something to set up."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


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


@pytest.mark.parametrize(
    ("options", "until"),
    [(("--demo",), "Stop with"), (("--json",), '"listening"'), (("--config", "own.yaml"), "Stop with")],
)
def test_no_address_is_printed_where_nobody_sets_up(tmp_path: Path, options: tuple[str, ...], until: str) -> None:
    """A demo, a machine that reads the output, a portal with settings."""
    (tmp_path / "own.yaml").write_text("app: {title: Ours}\n")
    said, status = first_words(tmp_path, *options, until=until)
    assert "/setup" not in said and status is None
