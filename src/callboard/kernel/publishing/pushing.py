"""Pushing a folder to a git remote: offered by the integration ``git``, used by those that know the hosts' APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Sequence
from urllib.parse import urlsplit, urlunsplit

from callboard.kernel.errors import UnavailableError
from callboard.kernel.publishing.settings import Author


@dataclass(frozen=True, slots=True)
class Push:
    """What to push where.

    ``url`` is http(s), ssh or an absolute path, without credentials; ``authorization`` is the value of that header. ``base`` None begins
    a history; otherwise it is the branch that ``branch`` starts from, "" being the default one, and the files of ``folder`` are laid over
    its own, below ``into``; ``delete`` are paths there that go. ``may_exist``: a ``branch`` that is there gets one more commit.
    ``for_review``: one more commit on ``branch`` is handed in as a change to review, as Gerrit takes it (``refs/for/<branch>``).
    ``signing_key`` is an armored OpenPGP private key that signs the commit.
    """

    url: str
    folder: Path
    branch: str
    author: Author
    message: str
    authorization: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    base: str | None = None
    into: str = ""
    delete: Sequence[str] = ()
    may_exist: bool = False
    for_review: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """``is_new`` False: the branch stood at these very files already, and nothing was sent."""

    commit: str
    is_new: bool


class GitPusher(Protocol):
    """Commits and pushes with the program git. Files named ``.git`` and what ``.gitignore`` names are left out."""

    async def push(self, push: Push) -> Pushed:
        """Repeatable: a branch that holds the same files is left as it is.

        Raises:
            ConflictError: the branch is there with other files.
            NotAllowedError, NotFoundError, UnavailableError, LimitError: as the remote says.
            InputError: a name that no branch can have.
        """
        raise NotImplementedError


def require_pusher(portal: Any) -> GitPusher:
    """Raises ``UnavailableError`` where the integration git is switched off."""
    found: GitPusher | None = portal.find_service(GitPusher)
    if found is None:
        raise UnavailableError("Publishing needs the plugin git, which is switched off. Switch it on in the settings.")
    return found


def check_remote(url: str, host: str, said_by: str) -> str:
    """``url`` from an answer, without a user name; the credential will be shown to it. Raises ``UnavailableError`` for another host's."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or place.lower() != host.lower():
        raise UnavailableError(
            f"{said_by} names {url[:200]} as the address of the repository, which is on another host."
        )
    return urlunsplit((parts.scheme, place, parts.path, "", ""))
