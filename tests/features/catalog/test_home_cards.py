"""Plugins put cards on the home page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from callboard.features.catalog.interface import HomeCard
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing import admin, component, make_portal

pytestmark = pytest.mark.anyio


class Greeter:
    """A plugin with a card for each column, one of them with nothing to show."""

    @hookimpl
    def register_home_cards(self, portal: Any) -> list[HomeCard]:
        async def news(request: Any) -> Markup:
            return Markup("<p>All stages are lit.</p>")

        async def plain(request: Any) -> str:
            return f"<b>{request.actor.subject}</b>"

        async def nothing(request: Any) -> None:
            return None

        return [
            HomeCard("plain", "home.mine", plain, "side"),
            HomeCard("news", "Stage news", news, "top"),
            HomeCard("nothing", "Never seen", nothing),
        ]


async def test_a_plugins_cards_stand_on_the_home_page(tmp_path: Path) -> None:
    """Markup as it is, other text escaped, titles from the catalogue or as given; a card without a body is left out."""
    (tmp_path / "a.json").write_text(json.dumps(component("a")))
    settings = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.json")}]}}
    async with make_portal(settings, plugins=[("greeter", Greeter())]) as portal, portal.client(admin()) as client:
        await portal.jobs.run_due()
        page = (await client.get("/")).text
    assert "<p>All stages are lit.</p>" in page and "Stage news" in page
    assert "&lt;b&gt;" in page and "Yours" in page
    assert "Never seen" not in page
