"""Who changed files of a checkout on this machine last, by git's own log."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import AbstractSet, Mapping, Sequence

from callboard.integrations.git.command import Git
from callboard.kernel.errors import CallboardError
from callboard.kernel.file_history import FileChange, change_of
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

MAX_COMMITS = 20_000
TIMEOUT_S = 15.0
MAX_KNOWN = 100
LOG = ("--format=%x01%H %ct %an", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
_HEAD = re.compile(rb"(?:\A|\0)\x01([0-9a-f]{40,64}) ([0-9]{1,12}) ([^\0\n]*)")
_NOBODY = FileChange(datetime.fromtimestamp(0, UTC), "")
"""Somebody changed it, of whom nothing is known: whoever did so before was not the last."""
OFF = ("-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", "diff.external=")


class CheckoutHistory:
    """``FileHistory`` of folders in git checkouts. A folder's history is read once for each commit it stands at."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: OrderedDict[tuple[str, str], Mapping[str, tuple[FileChange, str]]] = OrderedDict()

    async def find_changes(self, folder: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        try:
            return await self._find(folder, paths)
        except (CallboardError, ValueError) as error:
            log.debug("no history", folder=folder, error=str(error))
            return {}

    async def _find(self, folder: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        place = Path(os.path.realpath(folder))
        if not place.is_dir() or not any((above / ".git").exists() for above in (place, *place.parents)):
            return {}
        head = (await self._run(place, "rev-parse", "--verify", "--quiet", "HEAD")).decode().strip()
        key = (str(place), head)
        if key not in self._known:
            self._known[key] = await self._read(place)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        known = self._known[key]
        wanted = [path for path in paths if path in known]
        same = await asyncio.to_thread(_unchanged, place, {path: known[path][1] for path in wanted})
        return {path: known[path][0] for path in wanted if path in same}

    async def _read(self, place: Path) -> Mapping[str, tuple[FileChange, str]]:
        """Of every file at HEAD below ``place``: its last change, and the id of its content."""
        blobs: dict[str, str] = {}
        for line in (await self._run(place, "ls-tree", "-r", "-z", "HEAD", "--", ".")).split(b"\0"):
            meta, _, name = line.partition(b"\t")
            if len(meta.split()) == 3:
                blobs[name.decode("utf-8", "surrogateescape")] = meta.split()[2].decode()
        out = await self._run(
            place, "log", f"--max-count={MAX_COMMITS}", *LOG, "--relative", "HEAD", "--", ".",
        )  # fmt: skip
        return {path: (change, blobs[path]) for path, change in last_changes(out).items() if path in blobs}

    async def _run(self, place: Path, *arguments: str) -> bytes:
        return await self._git.run(*OFF, "-C", str(place), *arguments, timeout_s=TIMEOUT_S)


def last_changes(log: bytes, without: AbstractSet[str] = frozenset()) -> dict[str, FileChange]:
    """From what git writes by ``LOG``, the newest commit first: paths to their last changes.

    ``without``: commits whose changes are not known, because the copy holds nothing older.
    """
    found: dict[str, FileChange] = {}
    heads = list(_HEAD.finditer(log))
    for number, head in enumerate(heads):
        commit, at, author = (part.decode("utf-8", "replace") for part in head.groups())
        change = change_of(author, int(at))
        end = heads[number + 1].start() if number + 1 < len(heads) else len(log)
        if change is None or commit in without:
            change = _NOBODY
        for raw in log[head.end() : end].replace(b"\n", b"\0").split(b"\0"):
            if raw:
                found.setdefault(raw.decode("utf-8", "surrogateescape"), change)
    return {path: change for path, change in found.items() if change is not _NOBODY}


def _unchanged(place: Path, blobs: Mapping[str, str]) -> set[str]:
    """Those whose content is what was committed: of the others nobody knows who changed them."""
    found = set()
    for path, blob in blobs.items():
        try:
            content = (place / path).read_bytes()
        except OSError:
            continue
        algorithm = hashlib.sha1(usedforsecurity=False) if len(blob) == 40 else hashlib.sha256()
        algorithm.update(b"blob %d\0" % len(content) + content)
        if algorithm.hexdigest() == blob:
            found.add(path)
    return found
