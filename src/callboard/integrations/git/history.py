"""Who changed files of a checkout on this machine last, by git's own log."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Mapping, Sequence

from callboard.integrations.git.command import Git
from callboard.kernel.errors import CallboardError
from callboard.kernel.file_history import FileChange
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

MAX_COMMITS = 20_000
TIMEOUT_S = 15.0
MAX_KNOWN = 100
_OFF = ("-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", "diff.external=")


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
            place, "log", f"--max-count={MAX_COMMITS}", "--format=%x01%ct %an", "--name-only", "-z", "--no-renames", "--relative",
            "--no-ext-diff", "--no-textconv", "HEAD", "--", ".",
        )  # fmt: skip
        found: dict[str, tuple[FileChange, str]] = {}
        for commit in out.split(b"\x01")[1:]:
            head, *names = commit.replace(b"\n", b"\0").split(b"\0")
            at, _, author = head.decode("utf-8", "replace").partition(" ")
            change = FileChange(datetime.fromtimestamp(int(at), UTC), author.strip()[:200])
            for raw in names:
                path = raw.decode("utf-8", "surrogateescape")
                if path in blobs and path not in found:
                    found[path] = (change, blobs[path])
        return found

    async def _run(self, place: Path, *arguments: str) -> bytes:
        return await self._git.run(*_OFF, "-C", str(place), *arguments, timeout_s=TIMEOUT_S)


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
