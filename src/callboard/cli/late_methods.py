"""Dataclasses whose methods are written when one is first called: of those of a portal at its start, most are not used for long.

``dataclass`` writes up to six methods for each class as source and compiles each, half a millisecond a class and a third of what it
takes to load a portal. What is written, when it is, is what ``dataclasses`` itself writes; nothing else about a class differs.
``dataclasses`` has no option for this, so the one function of it that compiles is put aside while modules are loaded. Where a Python
has no such function (3.13 compiles once a class, and is quicker), everything is as ever.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import Any, Callable, Iterator

_WRITER = "_create_fn"


@contextmanager
def late_methods() -> Iterator[None]:
    """Classes that are made inside get their methods late."""
    write: Callable[..., Any] | None = getattr(dataclasses, _WRITER, None)
    if write is None:
        yield
        return
    setattr(dataclasses, _WRITER, lambda name, *args, **options: _late(name, lambda: write(name, *args, **options)))
    try:
        yield
    finally:
        setattr(dataclasses, _WRITER, write)


def _late(name: str, write: Callable[[], Any]) -> Any:
    """A method that writes itself, takes its own place in the class, and answers."""
    written: Any = None

    def method(self: Any, /, *args: Any, **named: Any) -> Any:
        nonlocal written
        if written is None:
            written = write()
            written.__qualname__ = method.__qualname__
            owner = next((one for one in type(self).__mro__ if one.__dict__.get(name) is method), None)
            if owner is not None:  # a representation stands behind a guard against circles, and stays there
                type.__setattr__(owner, name, written)
        return written(self, *args, **named)

    method.__name__ = name
    return method
