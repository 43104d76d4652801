"""A repository checked out on this machine: what it holds, and an update written into its files or onto a branch of its own.

Git is asked as the person who calls: with their settings, in their folder. No hook runs, and a branch is made without touching the files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from callboard.features.scaffolder.updates.trees import Node, is_left_out, read_folder
from callboard.kernel.errors import ConflictError, InputError, UnavailableError
from callboard.kernel.workspace import Workspace, WorkspaceLimits

TIMEOUT_S = 120.0


class Checkout:
    """``folder`` is the repository or a folder in it; one that is not under git can be written to, and that is all."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.", field="--repo")
        self.folder = Path(os.path.realpath(folder))
        self._git = shutil.which("git")
        self.is_git = self._git is not None and self._ask("rev-parse", "--is-inside-work-tree") == b"true\n"

    # ---- reading -------------------------------------------------------------------------------------------------------

    def read(self, also: Iterable[str] = ()) -> dict[str, Node]:
        """The files as they lie there; of a git repository those that it does not ignore, and those named by ``also``."""
        if not self.is_git:
            return read_folder(self.folder)
        listed = self._run("ls-files", "--cached", "--others", "--exclude-standard", "-z").split(b"\0")
        return read_folder(self.folder, {os.fsdecode(path) for path in listed if path} | set(also))

    def read_head(self) -> dict[str, Node]:
        """The files of the commit that is checked out."""
        made: dict[str, Node] = {}
        for row in self._run("ls-tree", "-r", "-z", "HEAD").split(b"\0"):
            head, _, name = row.partition(b"\t")
            path = os.fsdecode(name)
            if not path or is_left_out(path):
                continue
            mode, kind, id = head.decode().split()
            if kind != "blob":
                continue
            content = self._run("cat-file", "blob", id)
            made[path] = (
                Node.of_link(os.fsdecode(content))
                if mode == "120000"
                else Node.of_file(content, is_executable=mode == "100755")
            )
        return made

    def read_file(self, path: str, *, of_head: bool = False) -> bytes | None:
        if of_head:
            return self._ask("cat-file", "blob", f"HEAD:./{path}")
        place = self.folder / path
        return place.read_bytes() if place.is_file() else None

    def find_commit(self) -> str:
        """The commit that is checked out; empty where there is none."""
        found = self._ask("rev-parse", "HEAD") if self.is_git else None
        return found.decode().strip() if found else ""

    # ---- writing -------------------------------------------------------------------------------------------------------

    def check_writable(self, known: Mapping[str, Node], written: Iterable[str], deleted: Iterable[str]) -> None:
        """Raises ``ConflictError`` where writing would lose what is nowhere else."""
        hidden = [path for path in written if path not in known and os.path.lexists(self.folder / path)]
        if hidden:
            raise ConflictError(f"{hidden[0]} is there, ignored by git, and the template adds it. Move it away first.")
        if not self.is_git:
            return
        changed = self._run("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", ".")
        prefix = self._prefix()
        dirty = {os.fsdecode(row[3:]).removeprefix(prefix) for row in changed.split(b"\0") if row}
        touched = sorted(dirty & {*written, *deleted})
        if touched:
            raise ConflictError(f"{touched[0]} has changes that are not committed. Commit or stash them first.")

    def write(self, written: Mapping[str, Node], deleted: Iterable[str]) -> None:
        """Into the files. Folders that are left empty go."""
        place = Workspace(self.folder, WorkspaceLimits())
        for path in deleted:
            target = place.resolve(path)
            target.unlink(missing_ok=True)
            for parent in target.parents:
                if parent == self.folder or any(parent.iterdir()):
                    break
                parent.rmdir()
        for path, node in written.items():
            if node.link is not None:
                place.link(path, node.link)
            elif node.content is not None:
                place.write(path, node.content, mode=node.mode)

    def commit(self, branch: str, written: Mapping[str, Node], deleted: Iterable[str], message: str) -> str:
        """A new branch from the commit that is checked out, with one commit more. The files stay as they are; the id is given.

        Raises:
            ConflictError: there is such a branch.
            InputError: no branch can have that name.
        """
        if self._ask("check-ref-format", "--branch", branch) is None or branch.startswith("-"):
            raise InputError(f"{branch!r} cannot be the name of a branch.", field="--branch")
        if self._ask("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}") is not None:
            raise ConflictError(f"There is a branch {branch} already. Name another one, or delete it.")
        prefix = self._prefix()
        with tempfile.TemporaryDirectory(prefix="callboard-index-") as folder:
            environment = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._run("read-tree", "HEAD", environment=environment)
            rows = [f"0 {'0' * 40}\t{prefix}{path}" for path in deleted]
            for path, node in written.items():
                content = os.fsencode(node.link) if node.link is not None else node.content or b""
                id = self._run("hash-object", "-w", "--no-filters", "--stdin", stdin=content).decode().strip()
                mode = "120000" if node.link is not None else "100755" if node.is_executable else "100644"
                rows.append(f"{mode} {id}\t{prefix}{path}")
            rows_text = "".join(f"{row}\0" for row in rows)
            self._run("update-index", "-z", "--index-info", stdin=os.fsencode(rows_text), environment=environment)
            tree = self._run("write-tree", environment=environment).decode().strip()
        commit = self._run("commit-tree", tree, "-p", "HEAD", "-F", "-", stdin=message.encode()).decode().strip()
        self._run("update-ref", f"refs/heads/{branch}", commit, "0" * 40)
        return commit

    # ---- git -----------------------------------------------------------------------------------------------------------

    def _prefix(self) -> str:
        return os.fsdecode(self._run("rev-parse", "--show-prefix")).rstrip("\n")

    def _ask(self, *arguments: str) -> bytes | None:
        """None where git says no."""
        try:
            return self._run(*arguments)
        except UnavailableError:
            return None

    def _run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        command: Sequence[str] = [self._git or "git", "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                env={**os.environ, "LC_ALL": "C", **(environment or {})},
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"git {arguments[0]} did not answer: {error}") from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"
            raise UnavailableError(f"git {arguments[0]}: {said}")
        return done.stdout
