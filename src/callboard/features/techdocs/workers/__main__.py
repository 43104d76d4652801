"""A process that renders: takes (function name, arguments) and gives (True, result) or (False, message), each pickled behind its length.

It ends when its input does. What it is given comes from the portal; hostile are only the texts in it.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, BinaryIO, Callable

MEMORY_BYTES = 2 * 1024**3
_LENGTH = struct.Struct(">I")


def main() -> None:
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = os.fdopen(os.dup(0), "rb")
    _limit()
    functions = _functions()
    while (question := _read(questions)) is not None:
        name, arguments = pickle.loads(question)  # noqa: S301 -- from the portal itself
        try:
            answer: tuple[bool, Any] = (True, functions[name](*arguments))
        except Exception as error:
            answer = (False, f"{type(error).__name__}: {error}"[:500])
        content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        answers.write(_LENGTH.pack(len(content)) + content)
        answers.flush()


def _functions() -> dict[str, Callable[..., Any]]:
    from callboard.features.techdocs.workers.functions import FUNCTIONS

    return FUNCTIONS


def _limit() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # a machine without such limits still has that of time


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return stream.read(_LENGTH.unpack(head)[0])


if __name__ == "__main__":
    main()
