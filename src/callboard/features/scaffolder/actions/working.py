"""Work on the files of a workspace: in a thread, stoppable, within limits, and with errors that people understand."""

from __future__ import annotations

import asyncio
import os
import posixpath
import re
import shutil
import stat
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, TypeVar

from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.kernel.read_file import TreeFile
from callboard.kernel.workspace import Workspace

T = TypeVar("T")
CHECK_BYTES = 32 * 1024 * 1024
CHECK_FILES = 2_000
MAX_TEXT_BYTES = 16 * 1024 * 1024
"""Of a file that is read to be worked on."""
_SURROGATES = re.compile("[\ud800-\udfff]")


class Stopped(Exception):
    """Whoever waited for the work has gone."""


class Desk:
    """What work in a thread has: the workspace, a voice, and the order to stop, which it looks at between files.

    Everything written goes through here, so that a step cannot fill the disk before the workspace is looked at at its end.
    """

    def __init__(self, context: ActionContext, loop: asyncio.AbstractEventLoop) -> None:
        self.workspace = context.folder
        self._context = context
        self._loop = loop
        self._stop = threading.Event()
        self._bytes = self._files = 0

    def stop(self) -> None:
        self._stop.set()

    def log(self, message: str) -> None:
        self._loop.call_soon_threadsafe(self._context.log, message)

    def go_on(self) -> None:
        """Raises ``Stopped`` when nobody waits any longer."""
        if self._stop.is_set():
            raise Stopped

    def write(self, place: Workspace, path: str, content: bytes, mode: int = 0o644) -> None:
        """``place`` is the workspace or a folder of it."""
        self.go_on()
        with told(path):
            place.write(path, content, mode=mode)
        self._count(len(content))

    def put(self, place: Workspace, file: TreeFile, path: str | None = None) -> None:
        """A file or link as it was read."""
        path = file.path if path is None else path
        if file.link is None:
            self.write(place, path, file.content, file.mode)
            return
        self.go_on()
        with told(path):
            place.link(path, file.link)
        self._count(0)

    def _count(self, size: int) -> None:
        self._bytes += size
        self._files += 1
        if self._bytes > CHECK_BYTES or self._files > CHECK_FILES:
            self._bytes = self._files = 0
            self.workspace.check()


async def in_thread(context: ActionContext, work: Callable[[Desk], T]) -> T:
    """Do ``work`` beside the event loop. When the caller is cancelled, the work has ended before this returns."""
    desk = Desk(context, asyncio.get_running_loop())
    task = asyncio.ensure_future(asyncio.to_thread(work, desk))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        desk.stop()
        await asyncio.gather(task, return_exceptions=True)
        raise
    finally:
        # What the thread had said is handed over by the loop; it goes before what the caller says next.
        await asyncio.sleep(0)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Errors of the file system as ones that name the path as the template knows it."""
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError(f"There is no {path} in the workspace.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be used: {error.strerror or error}.") from None


def inside(workspace: Workspace, path: str) -> str:
    """A path of a template relative to the workspace; one that a step gave as a full path is taken, too.

    Raises ``OutsideWorkspace``.
    """
    if path.startswith("/"):
        root = str(workspace.root)
        if path == root:
            return "."
        if path.startswith(root + "/"):
            path = path[len(root) + 1 :]
    workspace.resolve(path)
    return path


def entry_of(workspace: Workspace, path: str) -> Path:
    """The place of a path whose last part is meant itself, should it be a link; it need not exist.

    Raises ``OutsideWorkspace``: the folder that it lies in is outside.
    """
    if path.startswith(str(workspace.root) + "/"):
        path = path[len(str(workspace.root)) + 1 :]
    clean = posixpath.normpath(path)
    folder, _, name = clean.rpartition("/")
    if clean.startswith("/") or name in ("", ".", ".."):
        return workspace.resolve(path)
    return Path(os.path.realpath(workspace.resolve(folder or "."))) / name


def exists(workspace: Workspace, path: str) -> bool:
    """Whether there is something; a link that leads nowhere is nothing."""
    with told(path):
        return os.path.exists(workspace.resolve(path))


def read_bytes(workspace: Workspace, path: str, *, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """A regular file. Raises ``NotFoundError``, ``InputError`` when it is something else, ``LimitError``."""
    with told(path):
        place = Path(os.path.realpath(workspace.resolve(path)))
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{path} is not a file.")
            content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise LimitError(f"{path} is larger than {max_bytes} bytes.")
    return content


def read_text(workspace: Workspace, path: str) -> str:
    return read_bytes(workspace, path).decode("utf-8", "replace")


def to_bytes(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which has none, becomes U+FFFD as in JavaScript."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return _SURROGATES.sub("\ufffd", paired).encode()


def read_folder(workspace: Workspace, path: str) -> Iterator[TreeFile]:
    """Files and links below a folder, with paths relative to it, sorted. Links are not followed."""
    start = workspace.resolve(path)
    if not start.is_dir() or start.is_symlink():
        raise NotFoundError(f"There is no folder {path} in the workspace.")
    for found in list(workspace.files(path)):
        place = workspace.root / found
        relative = place.relative_to(start).as_posix()
        if place.is_symlink():
            yield TreeFile(relative, b"", link=os.readlink(place))
        else:
            content = read_bytes(workspace, found, max_bytes=workspace.limits.file_bytes)
            yield TreeFile(relative, content, place.stat().st_mode & 0o777)


def remove(workspace: Workspace, place: Path) -> None:
    """A file, a link (never what it leads to) or a folder with all in it. Nothing happens when there is none.

    ``place`` is one that ``entry_of`` gave.
    """
    with told(place.name):
        if place == workspace.root:
            for entry in list(place.iterdir()):
                _remove(entry)
        else:
            _remove(place)


def _remove(place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        place.unlink(missing_ok=True)
    else:
        shutil.rmtree(place)
