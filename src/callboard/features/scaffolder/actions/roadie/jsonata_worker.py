"""Evaluates one JSONata expression in a process of its own: ``{"expression", "data"}`` in, ``{"result"}`` or ``{"error"}`` out.

Run by its path, so that nothing of Callboard is in the process. Before the expression is looked at, time, memory and files are taken
away: an expression may loop for ever, and the library's interpreter does not count.
"""

from __future__ import annotations

import json
import sys
from typing import Any

CPU_S = 5
MEMORY_BYTES = 512 * 1024 * 1024
DEPTH = 2_000
_FORBIDDEN = ("open", "os.", "socket.", "subprocess.", "shutil.", "ctypes.", "compile", "exec")


def confine() -> None:
    """From here on this process neither opens anything nor goes on for long."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def refuse(event: str, arguments: Any) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"{event} is not allowed here")

    sys.addaudithook(refuse)


def evaluate(expression: str, data: Any) -> Any:
    """Raises what the library raises."""
    import jsonata

    # Whatever it loads late is loaded now.
    jsonata.Jsonata('$now() & $string($sum([1, 2])) & $replace("a", /a/, "b") & $fromMillis(0)').evaluate({})
    confine()
    return jsonata.Jsonata(expression).evaluate(data)


def main() -> int:
    given = json.loads(sys.stdin.buffer.read())
    sys.setrecursionlimit(DEPTH)
    try:
        answer = {"result": evaluate(given["expression"], given["data"])}
        text = json.dumps(answer, allow_nan=False)
    except RecursionError:
        text = json.dumps({"error": "it calls itself too deeply"})
    except MemoryError:
        text = '{"error": "it needs too much memory"}'
    except Exception as error:
        text = json.dumps({"error": str(error)[:2_000] or type(error).__name__})
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
