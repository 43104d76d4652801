#!/usr/bin/env python3
"""The pictures of the README: pages of the example organisation, as somebody who works there sees them.

    docs/take_screenshots.py [--out docs/images] [name …]

Starts a portal in this process on a copy of ``examples/organisation``, with a clock that stands still, so that the same code
gives the same pictures; then a Chromium takes each page in light and dark. A picture beyond ``MAX_BYTES`` is an error.
Needs the development requirements and a Chromium (``CALLBOARD_CHROMIUM`` names it where it is not found).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import sys
import tempfile
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AsyncIterator, Iterator

from callboard.app import Portal, create_portal
from callboard.kernel.auth.actor import Actor
from callboard.kernel.settings import Settings
from callboard.testing import FakeClock
from callboard.testing.portal import portal_client

ROOT = Path(__file__).resolve().parents[1]
ORGANISATION = ROOT / "examples" / "organisation"
IMAGES = ROOT / "docs" / "images"
FOLDER = Path(tempfile.gettempdir()) / "finch-and-fern"
"""Always the same: pages show where files lie."""
MAX_BYTES = 220_000
AGE_S = 26 * 3600.0
"""How long ago everything was read."""
SHEET = """Service,Team,Kind,Lifecycle,Repository,Depends on,Runs on
Gift cards,Checkout,service,live,https://github.com/finch-and-fern/gift-cards,"Payments, Orders",Production cluster
Plant doctor,Knowledge,website,pilot,https://github.com/finch-and-fern/plant-doctor,Search,Production cluster
Van tracker,Delivery,service,live,https://github.com/finch-and-fern/van-tracker,Route planner,Production cluster
Grower portal,Supply,website,live,https://github.com/finch-and-fern/grower-web,Sign-in,Production cluster
Label printer,Warehousing,service,live,,Stock database,Depot
Orders,Checkout,service,live,https://github.com/finch-and-fern/orders,Event log,Production cluster
"""
WHO = Actor(
    type="user",
    subject="user:default/tomasz.wieczorek",
    ownership=frozenset(("user:default/tomasz.wieczorek", "group:default/storefront-team")),
    display_name="Tomasz Wieczorek",
    roles=frozenset(("admin",)),
    via="session",
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to take: ``path`` as it is opened, and whether the phone takes one, too. ``upload``: send ``SHEET`` there first."""

    path: str
    on_phone: bool = False
    upload: bool = False
    wait_for: str = "main"


SHOTS = {
    "home": Shot("/"),
    "catalog": Shot("/catalog?kind=component", on_phone=True, wait_for="[data-row]"),
    "entity": Shot("/catalog/default/component/orders"),
    "graph": Shot("/catalog/default/component/orders/graph", wait_for="svg"),
    "import-plan": Shot("/import", upload=True),
    "docs": Shot("/docs/default/component/payments/refunds/", wait_for="article"),
    "search": Shot("/search?q=paymnts", wait_for=".hit"),
}
LOOKS: dict[str, dict[str, Any]] = {
    "": {"viewport": {"width": 1280, "height": 760}, "color_scheme": "light"},
    "-dark": {"viewport": {"width": 1280, "height": 760}, "color_scheme": "dark"},
}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True}


def names() -> list[str]:
    """Files that a run makes, without the folder."""
    found = [f"{name}{look}.png" for name in SHOTS for look in LOOKS]
    return [*found, *(f"{name}-phone.png" for name, shot in SHOTS.items() if shot.on_phone)]


@asynccontextmanager
async def example_portal(folder: Path) -> AsyncIterator[Portal]:
    """The example organisation, read a day ago, with what ``WHO`` has starred and opened."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ORGANISATION, folder / "organisation")
    kinds = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location"]
    settings = Settings.of({
        "app": {"title": "Finch & Fern"},
        "catalog": {
            "rules": [{"allow": kinds}],
            "locations": [{"type": "file", "target": str(folder / "organisation" / "all.yaml")}],
            "watchFiles": False,
        },
    })  # fmt: skip
    clock = FakeClock()
    portal = await create_portal(settings, data_dir=folder / "data", clock=clock, installed_plugins=False)
    try:
        await portal.start(jobs=False)
        await portal.jobs.run_due()
        clock.advance(AGE_S)
        async with portal_client(portal, WHO) as client:
            for name in ("shop-web", "payments", "orders"):
                await client.get(f"/catalog/default/component/{name}")
            for name in ("component/default/shop-web", "api/default/basket-api", "component/default/orders"):
                await client.put(f"/api/catalog/v1/stars/{name}")
        yield portal
    finally:
        await portal.close()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """Address of the portal, and the authorization header by which one is ``WHO``. It runs in a thread of its own."""
    ready, stop, told = threading.Event(), threading.Event(), {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def serve() -> None:
        import uvicorn

        async with example_portal(folder) as portal:
            told["header"] = portal_client(portal, WHO).headers["authorization"]
            server = uvicorn.Server(
                uvicorn.Config(portal.asgi, "127.0.0.1", port, log_level="critical", lifespan="off")
            )
            serving = asyncio.create_task(server.serve())
            ready.set()
            while not stop.is_set() and not serving.done():
                await portal.jobs.run_due()
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    if not ready.wait(60):
        raise RuntimeError("the portal did not start within a minute")
    try:
        yield f"http://127.0.0.1:{port}", told["header"]
    finally:
        stop.set()
        thread.join(20)


def chromium_path() -> str:
    places = (os.environ.get("CALLBOARD_CHROMIUM"), shutil.which("chromium"), shutil.which("chromium-browser"))
    found = next((place for place in places if place), None) or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("No Chromium here. Install it, or say where it is in CALLBOARD_CHROMIUM.")
    return found


def take(page: Any, url: str, shot: Shot, file: Path) -> int:
    """Take one picture; its size in bytes. Raises ``RuntimeError`` when the page fails or the picture is too large."""
    answer = page.goto(url + shot.path)
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{shot.path} answered {answer and answer.status}")
    if shot.upload:
        page.locator("#file").set_input_files(
            {"name": "services.csv", "mimeType": "text/csv", "buffer": SHEET.encode()}
        )
        page.wait_for_url("**/columns")
        page.locator(".import-go .button-primary").click()
        page.wait_for_url("**/plan*")
    page.locator(shot.wait_for).first.wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, animations="disabled", caret="hide")
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise RuntimeError(f"{file.name} has {size} bytes, more than {MAX_BYTES}")
    return size


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("names", nargs="*", choices=[*SHOTS, []], help="all of them unless named")
    ap.add_argument("--out", type=Path, default=IMAGES)
    args = ap.parse_args()
    from playwright.sync_api import sync_playwright

    args.out.mkdir(parents=True, exist_ok=True)
    wanted = {name: shot for name, shot in SHOTS.items() if not args.names or name in args.names}
    with served(FOLDER) as (url, header), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        for suffix, look in {**LOOKS, "-phone": PHONE}.items():
            context = browser.new_context(
                **look, locale="en-GB", timezone_id="UTC", reduced_motion="reduce",
                extra_http_headers={"authorization": header},
            )  # fmt: skip
            for name, shot in wanted.items():
                if suffix != "-phone" or shot.on_phone:
                    page = context.new_page()
                    file = args.out / f"{name}{suffix}.png"
                    print(f"  {file.name:<24} {take(page, url, shot, file) / 1000:6.0f} KB")
                    page.close()
            context.close()
        browser.close()
    shutil.rmtree(FOLDER, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
