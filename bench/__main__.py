"""``make bench``: every measurement that docs/benchmarks.md reports, or the ones named.

    python -m bench [corpus] [documents] [compare] [pg] [growth] [pages] [sheets] [tasks] [rendering] [fetching] [search] [search-peer] [-- options]

Without a name: corpus, pages, growth, sheets, rendering, fetching, search and tasks, which need nothing but the shared corpus and wrk. ``compare`` and
``pg`` also need the peer that ../shared/peers/backstage/setup.sh installs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNS = {
    "corpus": [["corpus.py"]],
    "compare": [["compare.py", "--db", "sqlite"], ["compare.py", "--db", "sqlite-file", "--phases", "boot,load,reads"]],
    "churn": [["compare.py", "--db", "sqlite", "--churn", "--ours-only"]],
    "pg": [["compare.py", "--db", "pg"]],
    "growth": [["growth.py"]],
    "pages": [["pages.py"]],
    "sheets": [["sheets.py"]],
    "tasks": [["tasks.py"]],
    "rendering": [["rendering.py"]],
    "fetching": [["fetching.py"]],
    "search": [["search.py", "govuk"], ["search.py", "known"]],
    "search-peer": [["search_peer.py"]],
}
DEFAULT = ("corpus", "pages", "growth", "sheets", "rendering", "fetching", "search", "tasks")


def main() -> int:
    arguments = sys.argv[1:]
    more: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, more = arguments[:at], arguments[at + 1 :]
    unknown = [name for name in arguments if name not in RUNS]
    if unknown:
        print(f"No such measurement: {', '.join(unknown)}. There are {', '.join(RUNS)}.", file=sys.stderr)
        return 2
    worst = 0
    for name in arguments or DEFAULT:
        for script, *options in RUNS[name]:
            print(f"== {script} {' '.join(options)}", flush=True)
            worst = max(worst, subprocess.run([sys.executable, HERE / script, *options, *more], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
