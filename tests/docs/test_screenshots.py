"""The pictures of the README: the pages that they show are there, and so are the files. What is on them is looked at by people."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from callboard.testing.portal import portal_client

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


@cache
def script() -> Any:
    spec = importlib.util.spec_from_file_location("take_screenshots", ROOT / "docs" / "take_screenshots.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
async def test_every_page_that_is_photographed_is_there(tmp_path: Path):
    """The portal of the script answers each address to its person, with what the pictures are to show."""
    async with script().example_portal(tmp_path / "finch") as portal, portal_client(portal, script().WHO) as client:
        for name, shot in script().SHOTS.items():
            assert (await client.get(shot.path)).status_code == 200, name
        home = (await client.get("/")).text
        assert "Tomasz Wieczorek" in home and home.count("data-row") > 15
        assert len((await client.get("/api/catalog/v1/stars")).json()["items"]) == 3


def test_the_readme_shows_pictures_that_the_script_makes():
    """Each is there, within its size, in light and dark; none is left over."""
    made = set(script().names())
    shown = set(re.findall(r"docs/images/([\w.-]+)", (ROOT / "README.md").read_text("utf-8")))
    assert shown and shown <= made
    kept = {file.name: file.stat().st_size for file in (ROOT / "docs" / "images").glob("*.png")}
    assert kept.keys() == made
    assert max(kept.values()) <= script().MAX_BYTES
