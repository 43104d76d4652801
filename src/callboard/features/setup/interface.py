"""The face of set-up: what the terminal needs, the values of a draft, what can be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Sequence

from callboard.kernel.errors import AuthenticationError, NotFoundError

Source = Literal["spreadsheet", "folder", "github", "gitlab", "backstage", "nothing"]
SOURCES: tuple[Source, ...] = ("spreadsheet", "folder", "github", "gitlab", "backstage", "nothing")


class SetupClosed(NotFoundError):
    """This portal is set up, or was never to be: there are settings, users or entities."""

    code = "setup.closed"

    def __init__(self) -> None:
        super().__init__("This portal is set up already.")


class SetupTokenRefused(AuthenticationError):
    """The token is not the one that was printed last, or it is too old."""

    code = "setup.token_refused"

    def __init__(self) -> None:
        super().__init__("This address of the set-up does not hold any more. Take the newest one from the terminal.")


@dataclass(frozen=True, slots=True)
class Draft:
    """What was chosen so far; nothing of it is secret. ``*_token`` are names of environment variables, never tokens."""

    organization: str = ""
    title: str = ""
    accent: str = ""
    """``#rrggbb``; empty for the portal's own."""
    logo: str = ""
    """The file, in base64; empty for the portal's own."""
    source: Source = "spreadsheet"
    folder_path: str = ""
    github_host: str = "github.com"
    github_owner: str = ""
    github_token: str = "GITHUB_TOKEN"
    gitlab_host: str = "gitlab.com"
    gitlab_owner: str = ""
    gitlab_token: str = "GITLAB_TOKEN"
    backstage_path: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a form, as a message id with its arguments or, where ``text``, in words."""

    field: str
    id: str = ""
    text: str = ""
    named: Sequence[tuple[str, str | int]] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished set-up. ``file`` is the settings file that was written, ``command`` starts the portal with it."""

    file: str
    command: str
    administrator: str
    source: Source
    unset: Sequence[str] = ()
    """Environment variables that the file names and the portal does not have."""


class SetupService(Protocol):
    """What the command line may ask."""

    async def make_token(self) -> str | None:
        """A fresh token, which voids the one before; None where there is nothing to set up."""

    @property
    def file(self) -> Path:
        """Where the settings would be written."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a connection check found: a message id with its arguments, and further lines in words."""

    status: Literal["ok", "warn", "bad"]
    id: str
    named: Sequence[tuple[str, str | int]] = ()
    lines: Sequence[str] = ()
