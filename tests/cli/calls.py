"""Calling the command line, and a server to call it on: in a process of its own, or in a thread of this one."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from callboard.app import create_portal
from callboard.cli import main
from callboard.cli.serve import DEFAULT_DATA
from callboard.kernel.settings import Settings
from tests.wire.peer import serving


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    capsys.readouterr()
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


class Served:
    """``callboard serve`` as a process of its own; ``url`` is where it says it listens."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "callboard", "serve", "--json", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.url = json.loads(line)["url"]

    def get(self, path: str) -> tuple[int, bytes]:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.status, answer.read()

    def stop(self) -> tuple[int, float, str]:
        """Exit code, seconds it took, and standard error."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - started, err


class ServedHere:
    """What ``callboard serve`` would answer in this folder, over a socket, without the time a process takes to start."""

    def __init__(self, folder: Path) -> None:
        self._started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(folder),), daemon=True)
        self._thread.start()
        assert self._started.wait(30), "the portal did not start"

    async def _serve(self, folder: Path) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        portal = await create_portal(Settings.load([folder / "app-config.yaml"]), data_dir=folder / DEFAULT_DATA)
        try:
            await portal.start()
            async with serving(portal) as self.url:
                self._started.set()
                await self._end.wait()
        finally:
            await portal.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
