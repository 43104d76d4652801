"""Where a field stands among the answers, and how the form names it.

A path is a tuple of keys and indices. Its name is ``f`` and each part, percent-encoded, after a slash; what belongs to one field but
is no field (a part of an address, the choice of a variant) has a colon and a word after it.
"""

from __future__ import annotations

from typing import Any, Final, Mapping
from urllib.parse import quote, unquote

Path = tuple[str | int, ...]
ROOT = "f"


class Missing:
    """The value of what is not there: JSON's null is a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __deepcopy__(self, memo: Any) -> Missing:
        return self

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


def format_name(path: Path) -> str:
    """``("a", 0, "b c")`` is ``f/a/0/b%20c``."""
    return "/".join([ROOT, *(quote(str(part), safe="") for part in path)])


def parse_name(name: str) -> tuple[str, ...]:
    """The parts of a name as text; indices too. Empty for the root and for what is no name."""
    return tuple(unquote(part) for part in name.partition(":")[0].split("/")[1:])


def get(values: Any, path: Path) -> Any:
    """What stands at ``path``, or ``MISSING``."""
    for part in path:
        if isinstance(part, int):
            if not isinstance(values, list) or part >= len(values):
                return MISSING
            values = values[part]
        else:
            if not isinstance(values, Mapping) or part not in values:
                return MISSING
            values = values[part]
    return values


def put(values: dict[str, Any], path: Path, value: Any) -> None:
    """Set or, with ``MISSING``, take away what stands at ``path``. In a list the missing is null. Mappings on the way are made."""
    at: Any = values
    for n, part in enumerate(path[:-1]):
        wanted: type = list if isinstance(path[n + 1], int) else dict
        below = get(at, (part,))
        if not isinstance(below, wanted):
            if value is MISSING:
                return
            below = wanted()
            _set(at, part, below)
        at = below
    last = path[-1]
    if value is not MISSING:
        _set(at, last, value)
    elif isinstance(last, int):
        if last < len(at):
            at[last] = None
    else:
        at.pop(last, None)


def _set(at: Any, part: str | int, value: Any) -> None:
    if isinstance(part, int):
        while len(at) <= part:
            at.append(None)
    at[part] = value
