"""Three texts merged by git: ``git merge-file``, with the markers that every editor and forge knows.

Why git's own program: its result is what people get from every ``git merge``, it is at hand wherever repositories are worked on, and
it works on bytes, whatever their encoding. Python's ways fall short: ``merge3`` and ``difflib`` find other common lines than git does,
and cut conflicts elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from callboard.kernel.errors import LimitError, UnavailableError

TIMEOUT_S = 60.0
MAX_TEXT_BYTES = 16 * 1024 * 1024
_TOO_MANY = 127
"""``git merge-file`` exits with the number of conflicts, and with 127 for that many or more; above stand errors."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What the markers say of the two sides."""

    ours: str = "repository"
    base: str = "template before"
    theirs: str = "template"


@dataclass(frozen=True, slots=True)
class MergedText:
    """``conflicts`` is how many places are marked."""

    content: bytes
    conflicts: int


class TextMerger(Protocol):
    """Merges the change from ``base`` to ``theirs`` into ``ours``. Blocks."""

    def __call__(self, ours: bytes, base: bytes, theirs: bytes) -> MergedText: ...


class GitMerge:
    """``TextMerger`` by the program git. Settings of the user and the system have no say."""

    def __init__(self, labels: Labels = Labels(), program: str | None = None) -> None:
        self._labels = labels
        self._program = program or shutil.which("git") or ""

    def __call__(self, ours: bytes, base: bytes, theirs: bytes) -> MergedText:
        """Raises ``UnavailableError`` without git, ``LimitError`` for texts of more than 16 MiB."""
        if not self._program:
            raise UnavailableError("Merging texts needs the program git, which is not on the PATH. Install git.")
        if max(len(ours), len(base), len(theirs)) > MAX_TEXT_BYTES:
            raise LimitError(f"Texts of more than {MAX_TEXT_BYTES} bytes are not merged.")
        with tempfile.TemporaryDirectory(prefix="callboard-merge-") as folder:
            for name, content in (("ours", ours), ("base", base), ("theirs", theirs)):
                Path(folder, name).write_bytes(content)
            return self._run(folder)

    def _run(self, folder: str) -> MergedText:
        labels = self._labels
        command = [self._program, "-c", "merge.conflictStyle=merge", "merge-file", "-p", "-q"]
        for label in (labels.ours, labels.base, labels.theirs):
            command += ["-L", label]
        try:
            done = subprocess.run(
                [*command, "ours", "base", "theirs"],
                cwd=folder,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "HOME": folder,
                    "GIT_DIR": folder,
                    "GIT_CONFIG_NOSYSTEM": "1",
                    "LC_ALL": "C",
                },
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"git merge-file did not answer: {error}.") from None
        if not 0 <= done.returncode <= _TOO_MANY:
            raise UnavailableError(f"git merge-file failed: {done.stderr.decode('utf-8', 'replace').strip()}")
        return MergedText(done.stdout, done.returncode)


def has_markers(content: bytes, labels: Labels = Labels()) -> bool:
    """Whether an earlier update left a clash in the text that nobody has resolved."""
    start = b"<<<<<<< " + labels.ours.encode()
    return any(line.rstrip(b"\r") == start for line in content.split(b"\n")) and b">>>>>>> " in content
