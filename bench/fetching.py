#!/usr/bin/env python3
"""A skeleton of many files through ``fetch:template``, from a folder on the disk into a workspace: seconds of the processor.

    bench/fetching.py [--files 1000] [--rounds 3]

Bar: 1,000 files of 2 KB with five expressions each in 2 s, reading, rendering names and contents, and writing included. The longest time
that the event loop was held up meanwhile is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rendering import BAR_S, CONTEXT, SIZE, make_file

TICK_S = 0.02


async def measure(skeleton: Path, workspace: Path) -> tuple[float, float, int]:
    """CPU seconds, the longest wait of the loop in seconds, and files written."""
    from callboard.cli.template_local import FolderSource
    from callboard.features.scaffolder.actions.fetching import Fetching
    from callboard.features.scaffolder.language import Language
    from callboard.kernel.actions import ActionContext
    from callboard.kernel.auth.actor import SYSTEM
    from callboard.kernel.workspace import Workspace

    base = f"file://{skeleton}/template.yaml"
    step: Any = SimpleNamespace(template={"baseUrl": base}, log=lambda message: None)
    fetching = Fetching(FolderSource(None, base), Language)
    input = {"url": "./skeleton", "values": CONTEXT["values"]}
    context = ActionContext(input, SYSTEM, workspace=Workspace(workspace), step=step)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            longest = max(longest, time.perf_counter() - began - TICK_S)

    watching = asyncio.ensure_future(watch())
    started = time.process_time()
    await fetching.template(context)
    spent = time.process_time() - started
    watching.cancel()
    return spent, longest, sum(1 for path in workspace.rglob("*") if path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    best, held, count = float("inf"), 0.0, 0
    for turn in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            skeleton = Path(folder, "template", "skeleton")
            for number in range(options.files):
                place = skeleton / f"part-{number % 20}" / ("${{ values.name | lower }}-" + f"{number}.txt")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(make_file(turn * options.files + number), encoding="utf-8")
            workspace = Path(folder, "workspace")
            workspace.mkdir()
            spent, longest, count = asyncio.run(measure(skeleton.parent, workspace))
            if spent < best:
                best, held = spent, longest
    told = f"{count} files of {SIZE} bytes through fetch:template: {best:.3f} s of CPU (bar {BAR_S} s)"
    print(f"{told}; the loop waited {held * 1000:.0f} ms at most")
    return int(best > BAR_S * options.files / 1000)


if __name__ == "__main__":
    sys.exit(main())
