"""YAML merged into its own text: comments, order, quotes and blank lines of what does not change stay as they are."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Sequence

from callboard.model.documents import parse_values
from callboard.model.problems import FieldPath
from callboard.ui.patching import NULL, patch

_MARK = re.compile(r"^(?:---(?=[ \t\n]|\Z)|\.\.\.(?=[ \t\n]|\Z))", re.MULTILINE)


def merge_into_text(text: str, before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """``text``, which says the documents ``before``, changed where ``after`` says something else; None where that cannot be done."""
    pieces = _split(text)
    if len(pieces) != len(before):
        return None
    out = []
    for (head, body), old, new in zip(pieces, before, after, strict=True):
        if old == new:
            out.append(head + body)
            continue
        if not isinstance(old, dict) or not isinstance(new, dict) or not _has_text_keys(new):
            return None
        changed = patch(body, old, dict(_differences(old, new)))
        out.append(head + (changed if changed.endswith("\n") or not body else f"{changed}\n"))
    merged = "".join(out)
    return merged if parse_values(merged) == list(after) else None


def _split(text: str) -> list[tuple[str, str]]:
    """The documents, each with what stands before it: the line that begins it, and documents that are empty."""
    starts = [0, *(found.start() for found in _MARK.finditer(text) if found.start())]
    pieces: list[tuple[str, str]] = []
    head = ""
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        mark = _MARK.match(text, start)
        line = (text.find("\n", start, end) + 1 or end) if mark else start
        if mark and text[mark.end() : line].partition("#")[0].strip():
            line = mark.end()  # the document begins on the line of its mark
        head, body = head + text[start:line], text[line:end]
        values = parse_values(body)
        if isinstance(values, list) and values:
            pieces.append((head, body))
            head = ""
        else:
            head += body
    if head and pieces:
        pieces[-1] = (pieces[-1][0], pieces[-1][1] + head)
    return pieces


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], path: FieldPath = ()
) -> Iterator[tuple[FieldPath, Any]]:
    """What to set; a merge takes nothing away."""
    for key, value in new.items():
        if key in old and old[key] == value and type(old[key]) is type(value):
            continue
        before = old.get(key)
        if isinstance(before, dict) and before and isinstance(value, dict):
            yield from _differences(before, value, (*path, key))
        else:
            yield (*path, key), NULL if value is None else value


def _has_text_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(one) for key, one in value.items())
    return not isinstance(value, list) or all(_has_text_keys(one) for one in value)
