#!/usr/bin/env python3
"""How the cost of a page, a by-name read and the refresh of one file grows from 1,000 to 100,000 entities (bar 6: 1.5×).

    bench/growth.py [--sizes 1000,100000] [--rounds 3]

Runs compare.py's side of Callboard at each size and prints CPU per request (16 connections) and the seconds from a
changed file to a changed answer, with the ratio of the largest to the smallest. Needs ../shared/peers and wrk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
READS = {
    "a page": ("reads", "by-query first page of 20, sorted"),
    "by name": ("reads", "by-name"),
}
BAR = 1.5


def measure(size: int, rounds: int) -> dict[str, Any] | None:
    """Callboard's figures at ``size`` entities, None where the peers' script is missing."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        subprocess.run(
            [
                sys.executable, HERE / "compare.py", "--n", str(size), "--ours-only", "--rounds", str(rounds),
                "--phases", "boot,load,settle,reads,refresh", "--only", "by-name,by-query first page of 20", "--out", out,
            ],
            check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        if not out.is_file():
            return None
        found: dict[str, Any] = json.loads(out.read_text())["callboard"]
        return found


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sizes", default="1000,100000")
    ap.add_argument("--rounds", type=int, default=3)
    args = ap.parse_args()
    sizes = [int(size) for size in args.sizes.split(",")]
    results = {size: measure(size, args.rounds) for size in sizes}
    if any(result is None for result in results.values()):
        print("bench/growth.py needs ../shared/peers beside the project; skipped.", file=sys.stderr)
        return 0
    print(f"| what | {' | '.join(f'{size:,}' for size in sizes)} | growth | bar |")
    print("|---|" + "---|" * (len(sizes) + 2))
    missed = False
    for name, values in rows(sizes, results).items():
        growth = values[-1] / values[0]
        missed |= growth > BAR
        cells = " | ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {cells} | {growth:.2f}× | {'holds' if growth <= BAR else '**missed**'} (≤ {BAR}×) |")
    return int(missed)


def rows(sizes: list[int], results: dict[int, Any]) -> dict[str, list[float]]:
    """What is compared, at each size in turn."""
    found = {
        f"{name}, CPU ms": [results[size][phase][read]["c16"]["cpu_ms_each"] for size in sizes]
        for name, (phase, read) in READS.items()
    }
    found["refresh of one file, s"] = [
        results[size]["refresh"]["an entity of the big location"]["median_s"] for size in sizes
    ]
    return found


if __name__ == "__main__":
    sys.exit(main())
