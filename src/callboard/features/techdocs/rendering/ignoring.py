"""Patterns of ``exclude_docs`` and ``not_in_nav``: a ``.gitignore`` in a setting."""

from __future__ import annotations

import re

_MAX_PATTERNS = 500


class IgnorePatterns:
    """Whether the last pattern that names a path takes it in. ``!`` lets it out again, ``/`` at the front ties it to the top."""

    def __init__(self, text: str) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in text.splitlines()[:_MAX_PATTERNS]:
            pattern = line.strip()
            if not pattern or pattern.startswith("#"):
                continue
            taken = not pattern.startswith("!")
            pattern = pattern.removeprefix("!").removeprefix("\\")
            if pattern.strip("/"):
                self._rules.append((re.compile(_expression(pattern)), taken))

    def matches(self, path: str) -> bool:
        """``path`` is a file's, without leading slash."""
        found = False
        for expression, taken in self._rules:
            if taken != found and expression.match(path):
                found = taken
        return found


def _expression(pattern: str) -> str:
    folder_only = pattern.endswith("/")
    body = pattern.strip("/")
    anchored = pattern.startswith("/") or "/" in body
    parts: list[str] = []
    segments = re.sub(r"(\*\*/)+", "**/", body).split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "**":
            parts.append(".*" if last else "(?:[^/]+/)*")
        else:
            parts.append(_segment(segment) + ("" if last else "/"))
    start = "" if anchored else "(?:[^/]+/)*"
    return start + "".join(parts) + ("/" if folder_only else "(?:/|$)")


def _segment(segment: str) -> str:
    made = []
    for piece in re.findall(r"\*+|\?|\[[^\]/]+\]|.", segment):
        if piece.startswith("*"):
            made.append("[^/]*")
        elif piece == "?":
            made.append("[^/]")
        elif len(piece) > 2:
            inner = piece[1:-1]
            negated = inner.startswith(("!", "^"))
            made.append(
                "["
                + ("^" if negated else "")
                + re.sub(r"([\\\[\]^&|~])", r"\\\1", inner[1:] if negated else inner)
                + "]"
            )
        else:
            made.append(re.escape(piece))
    return "".join(made)
