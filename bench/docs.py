#!/usr/bin/env python3
"""Documentation: how long a reader waits for a page, beside a build of the whole site by mkdocs-techdocs-core.

    bench/docs.py [--site DIR] [--peer PYTHON_FOLDER]     measure; needs ../shared/corpus/govuk and mkdocs-techdocs-core
    bench/docs.py --record [--peer PYTHON_FOLDER]         write the peer's text of our rich pages, which the tests compare with

``--peer`` is the ``bin`` folder of an environment that has mkdocs-techdocs-core (``pip install mkdocs-techdocs-core``). Bars: the first
view of a page costs at most 100 ms of CPU, with reading the site; a second at most 2 ms; a build takes 100 times as long as a first view.
Ends with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from text_blocks import article_of, text_blocks

from callboard.features.techdocs.rendering import (
    FolderFiles,
    LinkRules,
    SiteAddress,
    SiteDefaults,
    prepare,
    read_site,
    render,
    run_task,
)

ROOT = Path(__file__).resolve().parent.parent
RICH = ROOT / "tests/features/techdocs/rendering/rich"
ADDRESS = SiteAddress("/docs/default/component/site/", "/docs/default/component/site/-/")


def build(peer: Path, config: Path, out: Path) -> float:
    started = time.perf_counter()
    subprocess.run([peer / "mkdocs", "build", "-q", "-f", config, "-d", out], check=True, capture_output=True)
    return time.perf_counter() - started


def record(peer: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(peer, RICH / "mkdocs.yml", Path(folder))
        made = {}
        for page in sorted((RICH / "docs").glob("*.md")):
            html = (Path(folder) / page.stem / "index.html").read_text(encoding="utf-8")
            made[page.name] = text_blocks(article_of(html))
    target = RICH / "techdocs-core.json"
    target.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{sum(map(len, made.values()))} blocks of {len(made)} pages -> {target}")


def first_views(site_folder: Path, count: int) -> list[tuple[float, float, str]]:
    """(CPU of reading the site and rendering the page, CPU of the second view, page) for pages spread over the site."""
    files = FolderFiles(site_folder)
    defaults = SiteDefaults(title="GOV.UK", docs_dir=".", links=LinkRules())
    site = read_site(files, defaults)
    render(site, next(iter(site.pages)), files, ADDRESS)  # modules are imported, the dialect is made: a running portal
    made = []
    for path in list(site.pages)[:: max(1, len(site.pages) // count)]:
        started = time.process_time()
        fresh_files = FolderFiles(site_folder)
        fresh = read_site(fresh_files, defaults)
        task = prepare(fresh, path, fresh_files, ADDRESS)
        kept = {task.key: run_task(task)}
        first = time.process_time() - started
        started = time.process_time()
        assert kept[prepare(fresh, path, fresh_files, ADDRESS).key]
        made.append((first, time.process_time() - started, path))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT.parent / "shared/corpus/govuk/docs")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--pages", type=int, default=231)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.record:
        record(options.peer or Path(sys.executable).parent)
        return 0
    views = first_views(options.site, options.pages)
    first = [view[0] * 1000 for view in views]
    again = [view[1] * 1000 for view in views]
    p99 = quantiles(first, n=100)[98]
    print(
        f"first view, CPU: median {median(first):.1f} ms, p99 {p99:.1f} ms, most {max(first):.1f} ms ({max(views)[2]})"
    )
    print(f"second view, CPU: median {median(again):.2f} ms, most {max(again):.2f} ms")
    missed = p99 > 100 or median(again) > 2
    if options.peer:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "mkdocs.yml"
            config.write_text(
                f"site_name: peer\ndocs_dir: {options.site}\nplugins: [techdocs-core]\n", encoding="utf-8"
            )
            took = build(options.peer, config, Path(folder) / "out")
        ratio = took * 1000 / median(first)
        print(f"mkdocs-techdocs-core builds the site in {took:.1f} s: {ratio:.0f} times a first view")
        missed = missed or ratio < 100
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
