"""Patterns of ``exclude_docs`` and ``not_in_nav``: a ``.gitignore`` in a setting."""

from __future__ import annotations

import re

from callboard.kernel.globs import translate_segment

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
    """For ``match``. What stands between two ``**`` is found at its first place and kept there (atomic): the cost stays linear."""
    folder_only = pattern.endswith("/")
    body = pattern.strip("/")
    runs: list[list[str]] = [[]] if pattern.startswith("/") or "/" in body else [[], []]
    for segment in body.split("/"):
        if segment != "**":
            runs[-1].append(translate_segment(segment))
        elif runs[-1] or len(runs) == 1:
            runs.append([])
    first, *middle = ["/".join(run) for run in runs]
    end = "/" if folder_only else "(?:/|$)"
    if not middle:
        return first + end
    last = middle.pop()
    parts = [f"{first}/" if first else "", *(f"(?>(?:[^/]+/)*?{run}/)" for run in middle)]
    return "".join(parts) + (f"(?:[^/]+/)*{last}" if last else ".*") + end
