"""Starting the portal again with settings that were just written, where whoever runs it can do that."""

from __future__ import annotations

from pathlib import Path
from typing import Callable


class Restarting:
    """``callboard serve`` offers a way; a portal made by other programs has none. ``fault`` says why the last try failed."""

    def __init__(self) -> None:
        self._restart: Callable[[Path], None] | None = None
        self.fault = ""
        self.has_begun = False

    def offer(self, restart: Callable[[Path], None], fault: str = "") -> None:
        """To be called by who runs the portal. ``fault``: this start is in place of one that failed, for that reason."""
        self._restart = restart
        self.fault = fault

    def begin(self, file: Path) -> bool:
        """End this portal, once it has answered what is asked now, and start it with ``file``. False where nobody can."""
        if self._restart is None or self.has_begun:
            return self.has_begun
        self.has_begun = True
        self._restart(file)
        return True
