"""Is a source there, and may it be read? Asked before the settings name it: part of the catalog's face.

Nothing is kept and nothing comes into the catalog by a check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Protocol, Sequence

from callboard.kernel.discovery import RepositoryListing
from callboard.kernel.plugins.hooks import hookspec


@dataclass(frozen=True, slots=True)
class FilesFound:
    """What a ``file`` target names.

    ``target`` is the absolute path or glob; ``entities`` counts documents by kind; ``problems`` say what cannot be read or
    is no descriptor, each with its file.
    """

    target: str
    files: int
    entities: Mapping[str, int]
    problems: Sequence[str]


class FileLook(Protocol):
    """Looks at files as the catalog would read them."""

    async def look(self, target: str) -> FilesFound:
        """``target`` is a path or glob, relative to the working directory. Raises ``CallboardError`` where nothing is read."""


@dataclass(frozen=True, slots=True)
class OwnerFound:
    """An organisation or group of a host, as it calls itself. ``repositories`` is None where the host does not say."""

    name: str
    repositories: int | None = None


class SourceCheck(Protocol):
    """Asks a host of repositories about an organisation or group. ``kind`` as under ``integrations``: ``github``."""

    kind: str

    async def check(self, *, host: str, owner: str, token: str | None) -> OwnerFound:
        """One request with ``token``, which is not kept.

        Raises ``NotAllowedError`` (the token is refused), ``NotFoundError`` (no such owner, or hidden), ``InputError`` or
        ``UnavailableError``.
        """


class SourceCheckHooks:
    """What integrations add to setting a portal up."""

    @hookspec
    def register_source_checks(self, portal: Any) -> Sequence[SourceCheck]:
        """Checks of hosts, one a kind."""

    @hookspec
    def register_repository_listings(self, portal: Any) -> Sequence[RepositoryListing]:
        """Hosts whose organisations can be listed, one a host."""
