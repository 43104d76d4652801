#!/usr/bin/env python3
"""Change the description of one entity of a made-up catalog every second, so that no cached answer stays true for long.

    bench/churn.py CATALOG_DIR

Rewrites a component in the middle of the last entity file in place (by rename) until it is ended; the file watch or a
refresh brings it in. The file is put back as it was at the end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    path = max(folder.glob("entities-*.yaml"))
    original = path.read_text()
    lines = original.split("\n")
    places = [i for i, line in enumerate(lines) if line.startswith("  description: ")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for n in range(100_000):
            at = places[n % len(places)]
            changed = [*lines[:at], f"  description: Changed at {time.time():.3f}.", *lines[at + 1 :]]
            _write(path, "\n".join(changed))
            time.sleep(1)
    finally:
        _write(path, original)


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


if __name__ == "__main__":
    main()
