"""Wires git in: one reader for whatever ``integrations.git`` opens, and pushing for everybody who publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UrlReader
from callboard.integrations.git.client import GitRepositories, read_rows
from callboard.integrations.git.command import Git
from callboard.integrations.git.history import CheckoutHistory
from callboard.integrations.git.pusher import Pusher
from callboard.kernel.actions import Action
from callboard.kernel.file_history import FileHistory
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.publishing.pushing import GitPusher
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    roots, remotes = read_rows(portal.settings)
    cache_dir = Path(portal.data_dir) / "cache" / "git"
    repositories = GitRepositories(roots, remotes, cache_dir, portal.clock)
    pusher = Pusher(cache_dir.with_name("git-push"), repositories)
    return {GitRepositories: repositories, Pusher: pusher, GitPusher: pusher, FileHistory: CheckoutHistory(Git())}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.git.reader import GitReader

    return [GitReader(portal.service(GitRepositories))]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.git.actions import git_actions

    return git_actions(portal)


@hookimpl(trylast=True)  # a host that has pull requests comes first
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.git.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting(
            "integrations.git",
            "list",
            (),
            None,
            "Repositories without a host API: directories (path) and remotes (url).",
        ),
        Setting(
            "integrations.git[].path",
            "text",
            None,
            None,
            "Directory whose repositories git+file: URLs may read and publish:git may write.",
        ),
        Setting(
            "integrations.git[].url",
            "text",
            None,
            None,
            "Remote, or a prefix of remotes, that git+https: URLs may read and publish:git may write.",
        ),
        Setting("integrations.git[].username", "text", "oauth2", None, "Account at the remote."),
        Setting("integrations.git[].password", "secret", None, None, "Password or token of username."),
        Setting("integrations.git[].token", "secret", None, None, "The same; password counts first."),
        Setting("integrations.git[].sshKeyFile", "text", None, None, "File with the private key for an ssh:// url."),
        Setting(
            "integrations.git[].knownHostsFile",
            "text",
            None,
            None,
            "File with the keys of known hosts for an ssh:// url; without it, that of the machine.",
        ),
    ]
