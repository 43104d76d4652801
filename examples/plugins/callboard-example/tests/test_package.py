"""The package as pip installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_callboard_finds_the_installed_package(tmp_path):
    """The entry point leads to the plugin, its manifest is in the package, and Callboard lists it."""
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps", "--no-build-isolation",
            "--no-index", "--target", str(tmp_path / "site"), str(PACKAGE),
        ],
        check=True,
    )  # fmt: skip
    listed = subprocess.run(
        [sys.executable, "-m", "callboard", "plugin", "list", "--json"],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    [rota] = [plugin for plugin in json.loads(listed.stdout)["plugins"] if plugin["name"] == "rota"]
    assert (rota["version"], rota["enabled"], rota["problems"]) == ("0.1.0", True, [])
