"""What a portal may load before somebody asks it for something. A start has less than a second, and a probe's patience."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "markdown",
    "pymdownx",
    "nh3",
    "pygments",
    "htmlparser",
    "snowballstemmer",
    "mkdocs",
    "jinja2",
    "openpyxl",
    "httpx2",
    "sqlalchemy",
    "alembic",
    "typer",
    "rich",
    "pydantic",
    "opentelemetry",
    "boto3",
]
MOST_MODULES = 500
"""Of ours. There were 980 before pages were put off, and 800 before REST, actions and rare services were; each costs half a millisecond or more."""
PROGRAM = """
import asyncio, sys
from pathlib import Path
from callboard.app import create_portal
from callboard.kernel.settings import Settings

async def put_together():
    portal = await create_portal(Settings.of({}), data_dir=Path(sys.argv[1]), installed_plugins=False)
    loaded = sorted(sys.modules)
    _ = portal.routes  # those that were put off can be made, and lie where they say
    await portal.close()
    return loaded

print(*asyncio.run(put_together()))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The modules of a process in which a portal was put together."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("data"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_heavy_libraries_wait_for_their_first_use(loaded: list[str]) -> None:
    """Markdown, stemming, drawing of pages: loaded where they are used, and when."""
    assert [name for name in HEAVY if name in loaded] == []


def test_pages_wait_for_the_first_visitor(loaded: list[str]) -> None:
    """Handlers of pages are imported by ``LateRoutes``, not by a plugin when it is put together."""
    routes = [
        name for name in loaded if name.endswith((".views.routes", ".views.wiring", ".views.library", ".views.reader"))
    ]
    assert routes == []
    assert len([name for name in loaded if name.startswith("callboard.")]) <= MOST_MODULES
