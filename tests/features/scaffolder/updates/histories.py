"""Generated histories: a template in many versions, and a repository that was made from one of them and edited since."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Mapping

from callboard.features.scaffolder.updates.trees import Node, Tree

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]


class History:
    """``versions`` are trees of a template, oldest first; each changes, adds, moves or removes some files of the one before."""

    def __init__(self, seed: int, length: int = 20, files: int = 12) -> None:
        self._random = random.Random(seed)
        self._number = 0
        tree: dict[str, Node] = {f"src/part{index}/file{index}.txt": self.text() for index in range(files)}
        tree["logo.png"] = self.binary()
        tree["run.sh"] = Node.of_file(b"#!/bin/sh\necho hello\n", is_executable=True)
        tree["latest"] = Node.of_link("src")
        self.versions: list[Tree] = [tree]
        while len(self.versions) < length:
            self.versions.append(self.changed(self.versions[-1], by="template"))

    def line(self, by: str = "") -> str:
        self._number += 1
        return f"{self._random.choice(WORDS)} {self._random.choice(WORDS)} {by}{self._number}"

    def text(self, lines: int = 24) -> Node:
        return Node.of_file("".join(f"{self.line()}\n" for _ in range(lines)).encode())

    def binary(self) -> Node:
        return Node.of_file(b"\x89PNG\0" + self._random.randbytes(40))

    def changed(self, tree: Tree, *, by: str, share: float = 0.3) -> dict[str, Node]:
        """A version more, by the template or by the people of a repository."""
        made = dict(tree)
        pick = self._random
        for path in sorted(tree):
            if pick.random() > share:
                continue
            node = tree[path]
            if node.link is not None:
                made[path] = Node.of_link(f"src/{pick.choice(WORDS)}")
            elif node.is_binary:
                made[path] = self.binary()
            elif pick.random() < 0.08:
                del made[path]
            elif pick.random() < 0.08:
                made[path] = Node.of_file(node.content or b"", is_executable=not node.is_executable)
            else:
                made[path] = Node.of_file(self.edited(node.content or b"", by), is_executable=node.is_executable)
        if pick.random() < 0.5:
            made[f"{by}/new{self.line()[-4:].strip()}.txt"] = self.text(6)
        return made

    def edited(self, content: bytes, by: str) -> bytes:
        lines = content.decode().splitlines(keepends=True)
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randint(0, len(lines))
            kind = self._random.choice(("insert", "replace", "delete"))
            if kind != "insert" and at < len(lines):
                del lines[at]
            if kind != "delete":
                lines.insert(at, f"{self.line(by)}\n")
        return "".join(lines).encode()


def git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder, capture_output=True, check=check,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip


def merge_file(folder: Path, ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, int]:
    """What ``git merge-file`` says, called by hand with the labels of updates."""
    for name, content in (("a", ours), ("b", base), ("c", theirs)):
        (folder / name).write_bytes(content)
    labels = ("-L", "repository", "-L", "template before", "-L", "template")
    done = git(folder, "merge-file", "-p", "-q", *labels, "a", "b", "c", check=False)
    return done.stdout, done.returncode


def contents(tree: Mapping[str, Node]) -> dict[str, bytes | None]:
    return {path: node.content for path, node in tree.items()}


def commit(folder: Path, tree: Tree) -> None:
    """Make the work tree of a repository ``tree`` and commit it."""
    git(folder, "rm", "-rfq", "--ignore-unmatch", ".")
    for path, node in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if node.link is not None:
            place.symlink_to(node.link)
        else:
            place.write_bytes(node.content or b"")
            place.chmod(node.mode)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a version")
