"""No garbage collection while much is allocated that is not garbage.

Python looks for cycles after a number of allocations. A batch of a thousand documents makes millions of objects, none
of them in cycles, and the looking took a tenth of its time. Reference counts free them all the same.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator

_pauses = 0


@contextmanager
def paused_gc() -> Iterator[None]:
    """Pauses may nest and overlap between tasks; collection goes on when the last one ends. Keep them to one batch."""
    global _pauses  # noqa: PLW0603  (the collector is one for the process, and so is the count of those who pause it)
    if _pauses == 0:
        gc.disable()
    _pauses += 1
    try:
        yield
    finally:
        _pauses -= 1
        if _pauses == 0:
            gc.enable()
