"""A folder of its own for each test, and one server for those that need one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.kernel.logs import configure_logs
from tests.cli.calls import ServedHere, run_json

SETTINGS = """
app: {title: Test}
catalog:
  rules: [{allow: [Component, API, Group, Location]}]
  locations: [{type: file, target: ./org.yaml}]
backend:
  auth:
    externalAccess:
      - {type: static, options: {token: a-token-for-the-whole-catalog, subject: everything}}
"""
ORGANISATION = """
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-a}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: payments, title: Payments, tags: [java]}
spec: {type: service, lifecycle: production, owner: team-a}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: wrong name}
spec: {type: service, lifecycle: production, owner: team-a}
"""


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test runs in a folder of its own, without settings; logs are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("APP_CONFIG_", "CALLBOARD_", "BACKSTAGE_"))]:
        monkeypatch.delenv(name)
    yield tmp_path
    configure_logs(level="warning")


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    """``org.yaml``: a group, a component, and a component with a bad name; ``app-config.yaml`` names it."""
    (tmp_path / "app-config.yaml").write_text(SETTINGS, encoding="utf-8")
    path = tmp_path / "org.yaml"
    path.write_text(ORGANISATION, encoding="utf-8")
    return path


@pytest.fixture(params=["store", pytest.param("server", marks=pytest.mark.slow)])
def door(
    request: pytest.FixtureRequest, organisation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[str, ...]]:
    """Options that say where to act, on a catalog that has read the organisation: its store, or a server with a token."""
    if request.param == "store":
        run_any(capsys, "catalog", "refresh")
        yield ()
        return
    run_json(capsys, "user", "add", "root", "--role", "admin", "--no-password")
    token = run_json(capsys, "token", "create", "cli", "--user", "root")["token"]
    run_any(capsys, "catalog", "refresh")
    served = ServedHere(tmp_path)
    try:
        yield ("--url", served.url, "--token", token)
    finally:
        served.stop()


def run_any(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run without minding the exit code."""
    from tests.cli.calls import run

    return run(capsys, *arguments)
