#!/usr/bin/env python3
"""A skeleton of many files, all different, from source to text: seconds of the processor.

    bench/rendering.py [--files 1000] [--rounds 3]

Bar: 1,000 files of 2 KB with five expressions each in 2 s. Nothing is compiled before, and no two files are alike, so
the cache of programs has nothing to give. Ends with 1 when the bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import time

BAR_S = 2.0
SIZE = 2048
CONTEXT = {
    "values": {
        "name": "Orders Service",
        "owner": "group:default/payments",
        "port": 8080,
        "tags": ["java", "web"],
        "envs": [{"name": "dev", "replicas": 1}, {"name": "prod", "replicas": 3}],
        "public": True,
    }
}


def make_file(number: int) -> str:
    """2 KB of text with five expressions in it, one of them in a condition and one in a loop."""
    parts = [
        f"# File {number} of ${{{{ values.name | upper }}}}\n",
        f"slug: ${{{{ values.name | lower | replace(' ', '-') }}}}-{number}\n",
        f"{{% if values.public and values.port > {number % 100} %}}port: ${{{{ values.port + {number} }}}}{{% endif %}}\n",
        "{% for env in values.envs %}- ${{ env.name }}\n{% endfor %}",
        f"owner: ${{{{ values.owner.split(':')[1] if {number} else values.tags | join(', ') }}}}\n",
    ]
    filler = f"Line of file {number} that stands there as it is, without anything to fill in.\n"
    room = SIZE - sum(map(len, parts))
    each = room // len(parts) // len(filler)
    return "".join(part + filler * each for part in parts).ljust(SIZE, "#")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from callboard.features.scaffolder.language import Context, Language

    best = float("inf")
    for turn in range(options.rounds):
        files = [make_file(turn * options.files + number) for number in range(options.files)]
        language, context = Language(), Context(CONTEXT)
        started = time.process_time()
        size = sum(len(language.render_text(file, context)) for file in files)
        best = min(best, time.process_time() - started)
    print(f"{options.files} files of {SIZE} bytes, {size} characters out: {best:.3f} s of CPU (bar {BAR_S} s)")
    return int(best > BAR_S * options.files / 1000)


if __name__ == "__main__":
    sys.exit(main())
