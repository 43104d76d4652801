"""Reading whole folders of repositories, as templates fetch them."""

from __future__ import annotations

from typing import Protocol, Sequence, runtime_checkable

from callboard.kernel.read_file import TreeFile


@runtime_checkable
class TreeReader(Protocol):
    """A ``UrlReader`` that also reads whole folders."""

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        """All files and links below the folder that ``url`` names, paths relative to it. ``token`` acts instead of the settings'.

        Raises as ``UrlReader.read``; ``LimitError`` also for more than 512 MiB or 50,000 files, ``InputError`` for a damaged archive.
        """
