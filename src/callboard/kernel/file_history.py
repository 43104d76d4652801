"""Who changed files last: asked of whoever knows the history of a folder, such as a git checkout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Mapping, Protocol, Sequence


@dataclass(frozen=True, slots=True)
class FileChange:
    """The last change of a file. ``by`` is a name as the history has it; ``at`` is UTC."""

    at: datetime
    by: str


class FileHistory(Protocol):
    """Knows histories of folders on this machine."""

    async def find_changes(self, folder: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """The last changes of ``paths`` below ``folder``; those that it does not know are left out. Never raises."""
