"""``callboard serve`` as a process of its own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Mapping

import yaml

TOKEN = "a-token-for-tests-that-is-long-enough"
START_S = 30.0


def write_settings(folder: Path, root: Path, more: Mapping[str, Any] | None = None) -> Path:
    """Settings with one location, every kind, and a static token for ``Server.get``."""
    more = dict(more or {})
    backend = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "auth": {"externalAccess": [{"type": "static", "options": {"token": TOKEN, "subject": "test"}}]},
        **more.pop("backend", {}),
    }
    kinds = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"]
    settings = {
        "backend": backend,
        "catalog": {
            "locations": [{"type": "file", "target": str(root)}],
            "rules": [{"allow": kinds}],
            **more.pop("catalog", {}),
        },
        **more,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


class Server:
    """A running portal. ``kill`` gives it no chance to tidy up; ``stop`` asks it to end."""

    def __init__(self, settings: Path, data: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "callboard",
            "serve",
            "--config",
            str(settings),
            "--data",
            str(data),
            "--port",
            "0",
            "--json",
        ]
        self.log = data.parent / f"{data.name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, cwd=settings.parent, env={**os.environ, "NO_COLOR": "1"}
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(START_S)
            raise AssertionError(f"the server did not start: {self.log.read_text()[-2000:]}")
        self.url = json.loads(line)["url"]
        self.pid = self.process.pid

    def get(self, path: str) -> Any:
        """The JSON at ``path``, asked for with the static token."""
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """``kill -9``."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self._ended()

    def _ended(self) -> None:
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(15)
        if self.process.stdout is not None:
            self.process.stdout.close()
