"""What reading a file from somewhere gives; shared by sources below and above the catalog."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as read. ``url`` is absolute and is what relative references inside it resolve against.

    ``etag`` is opaque and is given back to the same reader at the next read. Files of one ``search`` carry one etag, which holds
    for the whole search.
    """

    url: str
    content: bytes
    etag: str | None = None


class NotModified(Exception):
    """The source is as it was at the etag given."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file or link of a folder as read from somewhere. ``path`` is relative to the folder, with ``/``.

    ``mode`` are the permission bits; ``link`` is the target of a symbolic link, whose ``content`` is empty.
    """

    path: str
    content: bytes
    mode: int = 0o644
    link: str | None = None
