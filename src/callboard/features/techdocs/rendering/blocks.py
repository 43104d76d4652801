"""What is changed in a page's text before Markdown reads it: alerts of GitHub and GitLab, diagrams that are no fenced code.

All of it goes line by line, once.
"""

from __future__ import annotations

import re
from typing import Callable

_ALERT = re.compile(r"^(>|>>>) {0,3}\[!(note|tip|important|caution|warning)\](.*)$", re.IGNORECASE)
_KINDS = {"caution": "danger", "important": "warning"}
_UML = re.compile(r"^( *)::uml::(.*)$")
_UML_END = re.compile(r"^ *::end-uml:: *$")
_GRAPHVIZ = re.compile(r"^\{% *(dot|neato|fdp|sfdp|twopi|circo)\s+(\S+)\s*$")
_FENCED_GRAPHVIZ = re.compile(r"^```graphviz +(dot|neato|fdp|sfdp|twopi|circo)\s+\S+\s*$")
_ALT = re.compile(r"\b(?:alt|title)=(?:\"([^\"]*)\"|'([^']*)')")


def prepare_blocks(text: str) -> str:
    """``text`` with alerts as admonitions and diagrams as fenced code."""
    if "[!" not in text and "::uml::" not in text and "{%" not in text and "```graphviz" not in text:
        return text
    return "\n".join(_Pass(text.split("\n")).run())


class _Pass:
    """One walk down the lines. A search for an end that found none is not repeated: there is none further down either."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.made: list[str] = []
        self.endless: set[str] = set()

    def run(self) -> list[str]:
        lines, made = self.lines, self.made
        fence = ""
        index = 0
        while index < len(lines):
            line = lines[index]
            if fence:
                if line.startswith(fence) and not line.strip("`~ \t\r"):
                    fence = ""
            elif graphviz := _FENCED_GRAPHVIZ.match(line):
                line = f"``` {graphviz.group(1) if graphviz.group(1) == 'dot' else 'graphviz'}"
                fence = "```"
            elif line.startswith(("```", "~~~")):
                fence = line[: len(line) - len(line.lstrip(line[0]))]
            elif after := self._alert(index) or self._uml(index) or self._dot(index):
                index = after
                continue
            made.append(line)
            index += 1
        return made

    def _end(self, kind: str, start: int, is_end: Callable[[str], object]) -> int | None:
        if kind in self.endless:
            return None
        for at in range(start, len(self.lines)):
            if is_end(self.lines[at]):
                return at
        self.endless.add(kind)
        return None

    def _alert(self, index: int) -> int:
        """The line after the alert that begins here; 0 when none does."""
        lines = self.lines
        found = _ALERT.match(lines[index]) if lines[index].startswith(">") else None
        if found is None:
            return 0
        kind = found.group(2).lower()
        title = (found.group(3).strip() or kind.title()).replace('"', "'")
        body: list[str] = []
        at = index + 1
        if found.group(1) == ">":
            while at < len(lines) and lines[at].startswith(">"):
                body.append(lines[at][2:] if lines[at].startswith("> ") else lines[at][1:])
                at += 1
        else:
            end = self._end("alert", at, lambda line: line.startswith(">>>"))
            if end is None:
                return 0
            body = lines[at:end]
            at = end + 1
        while body and not body[-1].strip():
            body.pop()
        if not body:
            return 0
        self.made.append(f'!!! {_KINDS.get(kind, kind)} "{title}"')
        self.made.extend(f"    {line.rstrip()}" if line.strip() else "" for line in body)
        self.made.append("")
        return at

    def _uml(self, index: int) -> int:
        found = _UML.match(self.lines[index]) if "::uml::" in self.lines[index] else None
        end = self._end("uml", index + 1, _UML_END.match) if found else None
        if found is None or end is None:
            return 0
        return _fenced(self.lines[index + 1 : end], "plantuml", found.group(1), found.group(2), self.made, end + 1)

    def _dot(self, index: int) -> int:
        lines = self.lines
        found = _GRAPHVIZ.match(lines[index]) if lines[index].startswith("{%") else None
        end = self._end("dot", index + 1, lambda line: line.rstrip().endswith("%}")) if found else None
        if found is None or end is None:
            return 0
        inner = [*lines[index + 1 : end], lines[end].rstrip()[:-2]]
        return _fenced(inner, "dot", "", f'alt="{found.group(2)}"', self.made, end + 1)


def _fenced(inner: list[str], language: str, indent: str, options: str, made: list[str], after: int) -> int:
    if any("````" in line for line in inner):
        return 0
    alt = _ALT.search(options)
    words = (alt.group(1) or alt.group(2) or "") if alt else ""
    head = f'{indent}```` {language} alt="{words}"' if words else f"{indent}```` {language}"
    made.extend([head, *inner, f"{indent}````"])
    return after
