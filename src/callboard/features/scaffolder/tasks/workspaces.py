"""Folders that tasks work in: one for each attempt, gone when it ends. What a killed process left is found and removed later.

A folder is called as the ``run`` of its attempt, so an attempt that lost its task never meets the one that took it over. Folders of
dry runs carry the process that made them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path
from typing import Awaitable, Callable

from callboard.features.scaffolder.settings import workspaces_folder
from callboard.kernel.jobs.owners import is_gone, make_owner
from callboard.kernel.workspace import Workspace, WorkspaceLimits

_DRY = "dry-"


class Workspaces:
    """The workspaces of one replica."""

    def __init__(self, data_dir: Path, working_directory: str | None, limits: WorkspaceLimits) -> None:
        self.limits = limits
        self.root = workspaces_folder(data_dir, working_directory)
        self._owner = make_owner()

    def make(self, run: str) -> Workspace:
        """An empty workspace. Beside it there is room for what is only just being made."""
        folder = self.root / run / "files"
        folder.mkdir(parents=True, mode=0o700)
        return Workspace(folder, self.limits)

    async def remove(self, run: str) -> None:
        """Whatever is in it; nothing happens when it is not there."""
        folder = self.root / run
        if folder.is_dir():
            await asyncio.to_thread(remove_tree, folder)

    def make_dry(self) -> Path:
        """A folder for a dry run; whoever asks removes it."""
        folder = self.root / f"{_DRY}{self._owner.replace('/', '~')}~{uuid.uuid4().hex}"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    async def sweep(self, list_runs: Callable[[], Awaitable[set[str]]]) -> int:
        """Remove all that no attempt, and no dry run of a living process, works in; how many.

        ``list_runs`` is asked after the folders were listed: one that is made meanwhile is left alone.
        """
        names = await asyncio.to_thread(self._list)
        runs = await list_runs()
        orphans = [name for name in names if self._is_orphan(name, runs)]
        for name in orphans:
            await self.remove(name)
        return len(orphans)

    def _list(self) -> list[str]:
        return [folder.name for folder in self.root.iterdir()] if self.root.is_dir() else []

    def _is_orphan(self, name: str, runs: set[str]) -> bool:
        if not name.startswith(_DRY):
            return name not in runs
        owner = "/".join(name.removeprefix(_DRY).split("~")[:3])
        return owner != self._owner and is_gone(owner, me=self._owner)


def remove_tree(folder: Path) -> None:
    """Also what was made read-only."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        for parent, folders, _ in os.walk(folder):
            for path in (parent, *(os.path.join(parent, name) for name in folders)):
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
