"""Globs in paths, alike for files and repositories: ``*``, ``?``, ``[abc]``, ``[!abc]``, ``{a,b}`` and ``**`` for any depth.

``*`` and ``?`` stop at ``/``; ``**`` as a whole segment is any number of segments, none included; a leading dot is matched like any
other character. Matching is case-sensitive. Patterns become linear-time regular expressions: no nested repetition.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MAGIC = re.compile(r"[*?\[{]")
MAX_ALTERNATIVES = 64
MAX_DOUBLE_STARS = 4


def has_magic(path: str) -> bool:
    """Whether ``path`` is a glob in the sense of URL readers: it holds a ``*``."""
    return "*" in path


def static_prefix(pattern: str) -> str:
    """The folders before the first segment with a wildcard: ``docs/api`` of ``docs/api/**/x.yaml``; may be empty."""
    segments = pattern.split("/")
    kept: list[str] = []
    for segment in segments[:-1]:
        if _MAGIC.search(segment):
            break
        kept.append(segment)
    return "/".join(kept)


def matches(pattern: str, path: str) -> bool:
    """Whether the glob names the path; both without a leading slash.

    Raises:
        ValueError: the pattern is beyond what is allowed (see ``compile_glob``).
    """
    return compile_glob(pattern).fullmatch(path) is not None


@lru_cache(maxsize=512)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """The glob as a regular expression for ``fullmatch``.

    Raises:
        ValueError: more than 4 ``**`` or 64 alternatives in ``{…}`` (such a pattern costs too much on a big tree), or a
            range like ``[z-a]``.
    """
    alternatives = _expand_braces(pattern)
    try:
        return re.compile("|".join(_translate(a) for a in alternatives), re.DOTALL)
    except re.error as error:
        raise ValueError(f"The pattern {pattern!r} cannot be used: {error}.") from error


def _expand_braces(pattern: str) -> list[str]:
    done: list[str] = []
    todo = [pattern]
    while todo:
        current = todo.pop()
        found = re.search(r"\{([^{}]*,[^{}]*)\}", current)
        if found is None:
            done.append(current)
        else:
            todo.extend(current[: found.start()] + part + current[found.end() :] for part in found[1].split(","))
        if len(done) + len(todo) > MAX_ALTERNATIVES:
            raise ValueError(
                f"The pattern {pattern!r} has more than {MAX_ALTERNATIVES} alternatives. Use fewer braces."
            )
    return done


def _translate(pattern: str) -> str:
    segments = pattern.split("/")
    collapsed = [s for i, s in enumerate(segments) if not (s == "**" and i and segments[i - 1] == "**")]
    if collapsed.count("**") > MAX_DOUBLE_STARS:
        raise ValueError(f"The pattern {pattern!r} has more than {MAX_DOUBLE_STARS} times '**'. Name a folder instead.")
    out: list[str] = []
    for index, segment in enumerate(collapsed):
        last = index == len(collapsed) - 1
        if segment == "**":
            out.append(".*" if last else "(?:[^/]+/)*")
        else:
            out.append(translate_segment(segment) + ("" if last else "/"))
    return "".join(out)


def translate_segment(segment: str) -> str:
    """A part of a path between slashes, as a regular expression.

    A literal run after a ``*`` is found at its first place and kept there (atomic), so that the cost stays linear.
    """
    chunks = [""]
    i = 0
    while i < len(segment):
        char = segment[i]
        if char == "*":
            if i == 0 or segment[i - 1] != "*":
                chunks.append("")
        elif char == "?":
            chunks[-1] += "[^/]"
        elif char == "[" and (end := segment.find("]", i + 2)) != -1:
            inner = segment[i + 1 : end]
            negated = inner[0] in "!^"
            inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            chunks[-1] += f"(?!/)[{'^' if negated else ''}{inner}]"
            i = end
        else:
            chunks[-1] += re.escape(char)
        i += 1
    if len(chunks) == 1:
        return chunks[0]
    middle = "".join(f"(?>[^/]*?{chunk})" for chunk in chunks[1:-1])
    return f"{chunks[0]}{middle}[^/]*{chunks[-1]}"
