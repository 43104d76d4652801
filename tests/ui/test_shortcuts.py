"""Keys are told in one place, and the page that lists them needs no script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callboard.testing import admin, make_portal
from callboard.ui.shortcuts import SHORTCUTS

pytestmark = pytest.mark.anyio
STATIC = Path(__file__).resolve().parents[2] / "src" / "callboard" / "ui" / "static" / "js"


async def test_the_page_lists_every_key_without_script():
    """All of the registry, and the places of the navigation with their letters; the rail says the same to the script."""
    async with make_portal() as portal, portal.client(admin()) as client:
        page = (await client.get("/keyboard")).text
    content = page[page.index("<main") : page.index("</main>")]
    told = re.findall(r"<kbd>([^<]*)</kbd>", content)
    for one in SHORTCUTS:
        assert {"Enter": "↵"}.get(key := one.keys.split(" ")[-1], key) in told, one.id
    keys = re.findall(r'<a class="rail-item" href="([^"]*)"[^>]* data-keys="(g .)"', page)
    assert {("/", "g h"), ("/catalog", "g c"), ("/catalog/problems", "g p")} <= set(keys)
    assert len({key for _, key in keys}) == len(keys), "each key leads to one place"


def test_the_script_does_what_the_registry_says():
    """Every single key of lists and of all pages has its command in keys.js, and there is none that is not told."""
    script = (STATIC / "keys.js").read_text("utf-8")
    commands = script[script.index("const does = {") : script.index("};", script.index("const does = {"))]
    known = set(re.findall(r'^  "?([^":\s]+)"?: ', commands, re.MULTILINE))
    single = {one.keys for one in SHORTCUTS if one.is_single and one.where != "here"}
    assert known == single
