"""``--8<-- "file"``: text of other files of the site put into a page, by the rules of ``pymdownx.snippets``, from inside the site only.

Expanded before Markdown is read, from bytes that are given: nothing here opens a file.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from dataclasses import dataclass, field
from typing import Callable, Sequence

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.documents import below
from callboard.features.techdocs.rendering.files import decoded, join_inside
from callboard.features.techdocs.rendering.values import Limits

_MARKER = re.compile(r"^([ \t]*)(;*)-+8<-+(?:[ \t]+(\"[^\"\n]+\"|'[^'\n]+'))?[ \t]*\r?$")
_SECTION = re.compile(r"(;*)-+8<-+[ \t]+\[[ \t]*(start|end)[ \t]*:[ \t]*([a-zA-Z][\w-]*)[ \t]*\]")
_RANGES = re.compile(r"^(.*?)((?::-?\d*){1,2}(?:,-?\d*(?::-?\d*)?)*)$")
_MAX_LINE = 2_000
_NAMED = re.compile(r"^(.*):([a-zA-Z][\w-]*)$")


@dataclass(frozen=True, slots=True)
class SnippetRules:
    """``folders``: where files are looked for, in order, inside the source. ``root``: what they may not leave. ``appended``: to every page."""

    root: str = ""
    folders: tuple[str, ...] = ("",)
    appended: tuple[str, ...] = ()
    dedent: bool = False


@dataclass(slots=True)
class Expander:
    """Expands one page. ``read`` gives a file's bytes, or None when there is no such file."""

    rules: SnippetRules
    limits: Limits
    read: Callable[[str], bytes | None]
    problems: list[Problem] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    _count: int = 0
    _size: int = 0

    def expand(self, text: str, file: str, first_line: int = 1) -> str:
        """``text`` with every snippet in its place; what cannot be had is left out and told."""
        has_any = "8<-" in text
        if not has_any and not self.rules.appended:
            return text
        lines = text.split("\n")
        if self.rules.appended:
            lines += ["", "--8<--", *self.rules.appended, "--8<--"]
        return "\n".join(self._lines(lines, file, (), first_line))

    def _lines(
        self, lines: Sequence[str], file: str, above: tuple[str, ...], first_line: int, *, section: bool = False
    ) -> list[str]:
        made: list[str] = []
        block = False
        for number, line in enumerate(lines):
            at = first_line + number
            marked = "8<-" in line and len(line) < _MAX_LINE
            marker = _MARKER.match(line) if marked else None
            if marker is not None:
                if marker.group(2):
                    made.append(line.replace(";", "", 1))
                elif marker.group(3) is None:
                    block = not block
                elif not block:
                    made.extend(self._snippet(marker.group(3)[1:-1].strip(), marker.group(1), file, above, at))
                continue
            if block:
                stripped = line.strip()
                if stripped:
                    made.extend(self._snippet(stripped, line[: len(line) - len(line.lstrip())], file, above, at))
                else:
                    made.append("")
                continue
            if marked and not section:
                found = _SECTION.search(line)
                if found is not None and found.group(1):
                    line = line[: found.start()] + line[found.start() + 1 :]
                elif found is not None:
                    continue
            made.append(line)
        return made

    def _snippet(self, wanted: str, indent: str, file: str, above: tuple[str, ...], line: int) -> list[str]:
        if wanted.startswith(";"):
            return []
        path, ranges, name = _split(wanted)
        if not path:
            return []
        if "://" in path:
            self._refuse(f"The snippet {path!r} is an address; only files of the site are taken in.", file, line)
            return []
        found = self._find(path)
        if found is None:
            return self._missing(path, file, line)
        if found in above or found == file:
            self._refuse(f"The snippet {path!r} takes itself in; it was left out.", file, line)
            return []
        self._count += 1
        if self._count > self.limits.snippets or len(above) >= self.limits.snippet_depth:
            if self._count == self.limits.snippets + 1 or len(above) >= self.limits.snippet_depth:
                bounds = f"{self.limits.snippets} in a page, {self.limits.snippet_depth} in each other"
                self._refuse(f"Too many snippets ({bounds}): {path!r} was left out.", file, line)
            return []
        self.used[found] = None
        content = decoded(self.read(found) or b"")
        self._size += len(content)
        if self._size > self.limits.expanded_bytes:
            self._refuse(
                f"The snippets are larger than {self.limits.expanded_bytes:,} characters together.", file, line
            )
            return []
        lines = content.splitlines() + ([""] if content.endswith("\n") else [])
        picked = self._pick(lines, ranges, name)
        if picked is None:
            self.problems.append(Problem("link", f"The snippet {path!r} has no section {name!r}.", file, line))
            return []
        inner = self._lines(picked, found, (*above, file), 1, section=name is not None)
        return [indent + part for part in inner]

    def _missing(self, path: str, file: str, line: int) -> list[str]:
        if any(join_inside(self._relative(folder), path) is None for folder in self.rules.folders):
            self._refuse(f"The snippet {path!r} is outside the site; it was left out.", file, line)
        else:
            self.problems.append(
                Problem("link", f"The snippet {path!r} is not among the files of the site.", file, line)
            )
        return []

    def _relative(self, folder: str) -> str:
        relative = posixpath.relpath(folder or ".", self.rules.root or ".")
        return "" if relative == "." else relative

    def _find(self, path: str) -> str | None:
        for folder in self.rules.folders:
            inside = join_inside(self._relative(folder), path)
            if inside and self.read(below(self.rules.root, inside)) is not None:
                return below(self.rules.root, inside)
        return None

    def _pick(
        self, lines: list[str], ranges: list[tuple[int | None, int | None]], name: str | None
    ) -> list[str] | None:
        if name is not None:
            return self._section(lines, name)
        if not ranges:
            return lines
        total = len(lines)
        picked: list[str] = []
        for start, end in ranges:
            first = 0 if start is None else (max(0, total + start) if start < 0 else max(0, start - 1))
            last = total if end is None else (max(0, total + 1 + end) if end < 0 else end)
            picked.extend(lines[first:last])
        return self._dedent(picked)

    def _section(self, lines: list[str], name: str) -> list[str] | None:
        picked: list[str] = []
        inside = False
        seen = False
        for line in lines:
            found = _SECTION.search(line) if "8<-" in line and len(line) < _MAX_LINE else None
            if found is not None and not found.group(1):
                if found.group(3) == name:
                    inside = found.group(2) == "start"
                    seen = seen or inside
                continue
            if inside:
                picked.append(line)
        return self._dedent(picked) if seen else None

    def _dedent(self, lines: list[str]) -> list[str]:
        return textwrap.dedent("\n".join(lines)).split("\n") if self.rules.dedent and lines else lines

    def _refuse(self, message: str, file: str, line: int) -> None:
        self.problems.append(Problem("refused", message, file, line))


def _split(wanted: str) -> tuple[str, list[tuple[int | None, int | None]], str | None]:
    """``(path, line ranges, section)`` of what stands in a marker."""
    ranged = _RANGES.match(wanted)
    if ranged and "://" not in wanted:
        ranges: list[tuple[int | None, int | None]] = []
        for part in ranged.group(2)[1:].split(","):
            start, _, end = part.partition(":")
            ranges.append((_number(start), _number(end)))
        return ranged.group(1).strip(), ranges, None
    named = _NAMED.match(wanted)
    if named and not named.group(2).startswith("//"):
        return named.group(1).strip(), [], named.group(2)
    return wanted, [], None


def _number(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdigit() and len(text) < 8 else None
