"""A portal with the catalog that the recordings were made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import AsyncIterator

import pytest

from callboard.testing.http import FakeHttp
from callboard.testing.portal import PortalForTest, make_portal
from tests.wire.peer import Files, settings


@pytest.fixture(scope="session")
def peer_catalog(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up catalog of 20 entities, as a folder of YAML files."""
    folder = tmp_path_factory.mktemp("peer") / "catalogs"
    script = shared / "peers" / "gen_catalog.py"
    subprocess.run([sys.executable, str(script), "--n", "20", "--out", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def peer_template(shared: Path) -> Path:
    """The template that the recorded server had besides."""
    return shared / "peers" / "backstage" / "template" / "template.yaml"


@pytest.fixture
def files() -> Files:
    return Files(FakeHttp())


@pytest.fixture
async def peer(peer_catalog: Path, peer_template: Path, files: Files) -> AsyncIterator[PortalForTest]:
    """A started portal with that catalog loaded; ``files`` is what it can reach by HTTP."""
    async with make_portal(settings(peer_catalog, peer_template), transport=files.transport) as portal:
        await portal.jobs.run_due()
        yield portal
