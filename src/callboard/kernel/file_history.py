"""Who changed files last: asked of whoever knows the history of a folder, such as a git checkout or a source host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Mapping, Protocol, Sequence

MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class FileChange:
    """The last change of a file. ``by`` is a name as the history has it; ``at`` is UTC."""

    at: datetime
    by: str


class FileHistory(Protocol):
    """Knows histories of folders on this machine."""

    async def find_changes(self, folder: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """The last changes of ``paths`` below ``folder``; those that it does not know are left out. Never raises."""


def change_of(by: Any, at: Any) -> FileChange | None:
    """What a history says, made safe to show; None unless it tells both.

    Args:
        by: A name. Line breaks, control and direction characters are taken out of it, and it is cut to ``MAX_NAME``.
        at: ISO 8601 with an offset, or seconds since 1970.
    """
    if not isinstance(by, str):
        return None
    name = " ".join("".join(c if c.isprintable() else " " for c in by[: 2 * MAX_NAME]).split())[:MAX_NAME]
    try:
        if isinstance(at, str):
            moment = datetime.fromisoformat(at)
        elif isinstance(at, (int, float)) and not isinstance(at, bool):
            moment = datetime.fromtimestamp(at, UTC)
        else:
            return None
        return FileChange(moment.astimezone(UTC), name) if name and moment.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None
