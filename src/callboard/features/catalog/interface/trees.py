"""Reading whole folders of repositories, as templates and documentation fetch them."""

from __future__ import annotations

from typing import Mapping, Protocol, Sequence, runtime_checkable

from callboard.kernel.file_history import FileChange
from callboard.kernel.read_file import TreeFile


@runtime_checkable
class TreeReader(Protocol):
    """A ``UrlReader`` that also reads whole folders."""

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        """All files and links below the folder that ``url`` names, paths relative to it. ``token`` acts instead of the settings'.

        Raises as ``UrlReader.read``; ``LimitError`` also for more than 512 MiB or 50,000 files, ``InputError`` for a damaged archive.
        """


@runtime_checkable
class RefReader(Protocol):
    """A ``UrlReader`` of repositories, which have branches and tags."""

    async def find_revision(self, url: str) -> str:
        """The commit that ``url`` stands at now. Raises as ``UrlReader.read``."""

    def at_ref(self, url: str, ref: str) -> str:
        """The same folder at another branch, tag or commit. Raises ``InputError``."""

    async def list_refs(self, url: str) -> Sequence[str]:
        """Names that ``at_ref`` takes: the default branch first, branches, tags; empty where the host does not tell. Raises as ``UrlReader.read``."""


@runtime_checkable
class HistoryReader(Protocol):
    """A ``UrlReader`` that tells who changed files last."""

    async def find_changes(self, url: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """The last changes of files below the folder ``url``: of the first of ``paths``, and of others where they cost nothing more.

        What the history does not tell is left out. At a host it is one request, which leaves most of the limit to others.
        Raises as ``UrlReader.read``.
        """
