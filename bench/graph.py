#!/usr/bin/env python3
"""How long the graph's script works until one can use it: 500 entities, in Chromium.

    bench/graph.py --url http://127.0.0.1:7007 --root group:default/crowd [--runs 5] [--chromium PATH]

Asks a running portal for ``/catalog-graph`` around ``--root`` and takes from Chromium's own trace how long script ran between the
navigation and the moment at which the drawing answers (``.graph-frame.is-live``), and all work of the main thread until then (style,
layout and paint included). Then zooms and moves by keyboard and mouse and takes the longest frame. Bar: 1 s of script. Ends with 1
when it is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any
from urllib.parse import quote

FRAMES = """async () => {
  const frame = document.querySelector('[data-graph-frame]'), box = frame.getBoundingClientRect();
  let last = performance.now(), longest = 0;
  const fire = (type, x, y) => frame.dispatchEvent(new PointerEvent(type, {pointerId: 1, button: 0, clientX: x, clientY: y, bubbles: true}));
  fire('pointerdown', box.left + 300, box.top + 200);
  for (let n = 0; n < 60; n++) {
    fire('pointermove', box.left + 300 + n * 4, box.top + 200 + n);
    if (n % 10 === 0) document.querySelector(n % 20 ? '[data-graph-do=out]' : '[data-graph-do=in]').click();
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  fire('pointerup', box.left + 540, box.top + 260);
  return longest;
}"""


def measure(page: Any, cdp: Any, url: str) -> dict[str, float]:
    """Milliseconds of one visit."""
    page.goto("about:blank")
    cdp.send("Performance.enable")
    before = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
    page.goto(url)
    page.wait_for_selector(".graph-frame.is-live")
    after = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
    spent = {name: (after[name] - before.get(name, 0)) * 1000 for name in ("ScriptDuration", "TaskDuration")}
    return {
        "script": spent["ScriptDuration"],
        "all": spent["TaskDuration"],
        "frame": page.evaluate(FRAMES),
        "entities": page.evaluate("document.querySelectorAll('.graph-node').length"),
    }


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--url", required=True, help="a running portal that shows the graph without signing in (--demo)")
    ap.add_argument("--root", required=True)
    ap.add_argument("--depth", type=int, default=2)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--chromium", default="/usr/bin/chromium")
    args = ap.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        cdp = page.context.new_cdp_session(page)
        url = f"{args.url}/catalog-graph?root={quote(args.root)}&depth={args.depth}"
        runs = [measure(page, cdp, url) for _ in range(args.runs)]
        browser.close()
    told = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(
        f"{told['entities']:.0f} entities, median of {args.runs}: script {told['script']:.0f} ms, main thread {told['all']:.0f} ms,"
        f" longest frame while moving {told['frame']:.0f} ms"
    )
    return 0 if told["script"] <= 1_000 else 1


if __name__ == "__main__":
    sys.exit(main())
