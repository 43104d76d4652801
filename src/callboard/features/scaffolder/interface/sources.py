"""What readers of source hosts may offer to templates beside reading single files."""

from __future__ import annotations

from typing import Protocol, Sequence, runtime_checkable

from callboard.kernel.read_file import TreeFile


@runtime_checkable
class TreeReader(Protocol):
    """A URL reader that reads a whole folder in one go, with file modes and links."""

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        """All files below the folder that ``url`` names, with paths relative to it; with ``token`` in place of the portal's own.

        Raises ``NotFoundError``, ``NotAllowedError``, ``UnavailableError``, ``LimitError``.
        """
