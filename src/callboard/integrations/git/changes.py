"""Updates of repositories opened as branches, wherever ``integrations.git`` may push to."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.git.actions import location_of
from callboard.integrations.git.client import GitRepositories
from callboard.integrations.git.pusher import Pusher
from callboard.kernel.errors import InputError
from callboard.kernel.publishing import PublishDefaults
from callboard.kernel.publishing.changes import lay_out
from callboard.kernel.publishing.pushing import Push


class GitChangeOpener:
    """A ``ChangeOpener``: one commit on a new branch from the default one."""

    def __init__(self, repositories: GitRepositories, pusher: Pusher, defaults: PublishDefaults) -> None:
        self._repositories = repositories
        self._pusher = pusher
        self._defaults = defaults

    def handles(self, change: ChangeSet) -> bool:
        try:
            return bool(change.remote) and self._repositories.is_allowed(location_of(change.remote))
        except InputError:
            return False

    async def open(self, change: ChangeSet) -> OpenedChange:
        url = location_of(change.remote)
        remote = None if url.startswith("/") else self._repositories.find_remote(url)
        with tempfile.TemporaryDirectory(prefix="callboard-change-") as folder:
            await asyncio.to_thread(lay_out, Path(folder), change.files)
            pushed = await self._pusher.push(
                Push(
                    url=url,
                    folder=Path(folder),
                    branch=change.branch,
                    author=self._defaults.author,
                    message=f"{change.title}\n\n{change.body}",
                    authorization=remote.header if remote else None,
                    base="",
                    delete=change.deleted,
                )
            )
        return OpenedChange("branch", change.branch, pushed.commit)


def change_openers(portal: Any) -> list[GitChangeOpener]:
    return [
        GitChangeOpener(portal.service(GitRepositories), portal.service(Pusher), PublishDefaults.of(portal.settings))
    ]
