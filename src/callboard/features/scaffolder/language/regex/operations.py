"""What JavaScript's strings do with a regular expression: replace, split, test."""

from __future__ import annotations

import re
from typing import Any, Iterator

from callboard.features.scaffolder.language.limits import Meter, require_entries
from callboard.features.scaffolder.language.regex.matcher import Match, compile_pattern
from callboard.features.scaffolder.language.values import UNDEFINED, Regex

_REFERENCE = re.compile(r"\$(?:\$|&|`|'|[0-9][0-9]?|<[^>]*>)")


def replace(text: str, regex: Regex, replacement: str, meter: Meter) -> str:
    """As ``text.replace(regex, replacement)``: ``$1``, ``$&`` and the like stand for what was found."""
    made: list[str] = []
    length = 0
    done = 0
    for found in _matches(text, regex, meter):
        piece = expand(replacement, text, found, meter)
        made += (text[done : found.start], piece)
        length += found.start - done + len(piece)
        meter.expect_text(length)
        meter.charge(1)
        done = found.end
    made.append(text[done:])
    return "".join(made)


def _matches(text: str, regex: Regex, meter: Meter) -> Iterator[Match]:
    pattern = compile_pattern(regex.source, regex.flags)
    if not pattern.is_global:
        start = regex.last_index if pattern.is_sticky else 0
        found = pattern.find(text, start, meter, sticky=pattern.is_sticky) if start <= len(text) else None
        if pattern.is_sticky:
            regex.last_index = found.end if found else 0
        if found:
            yield found
        return
    at = 0
    while at <= len(text):
        found = pattern.find(text, at, meter, sticky=pattern.is_sticky)
        if found is None:
            break
        yield found
        at = found.end + (found.end == found.start)
    regex.last_index = 0


def test(text: str, regex: Regex, meter: Meter) -> bool:
    """As ``regex.test(text)``; with ``g`` or ``y`` it goes on after the last match."""
    pattern = compile_pattern(regex.source, regex.flags)
    keeps = pattern.is_global or pattern.is_sticky
    start = regex.last_index if keeps else 0
    found = pattern.find(text, start, meter, sticky=pattern.is_sticky) if start <= len(text) else None
    if keeps:
        regex.last_index = found.end if found else 0
    return found is not None


def split(text: str, regex: Regex, limit: int, meter: Meter) -> list[Any]:
    """As ``text.split(regex, limit)``: groups of the separator stand between the parts."""
    pattern = compile_pattern(regex.source, regex.flags)
    if limit == 0:
        return []
    if not text:
        return [] if pattern.find(text, 0, meter, sticky=True) else [text]
    parts: list[Any] = []
    done = at = 0
    while at < len(text):
        found = pattern.find(text, at, meter, sticky=pattern.is_sticky)
        if found is None or found.start >= len(text):
            if found is None and pattern.is_sticky:
                at += 1
                continue
            break
        if found.end == done:
            at = found.start + 1
            continue
        parts.append(text[done : found.start])
        parts += ((UNDEFINED if group is None else group) for group in map(found.group, range(1, pattern.groups + 1)))
        require_entries(len(parts))
        if len(parts) >= limit:
            return parts[:limit]
        done = at = found.end
    parts.append(text[done:])
    return parts[:limit]


def expand(replacement: str, text: str, found: Match, meter: Meter) -> str:
    """``replacement`` with its references filled in (ECMAScript's GetSubstitution)."""
    if "$" not in replacement:
        return replacement

    def value(reference: re.Match[str]) -> str:
        name = reference[0][1:]
        if name == "$":
            return "$"
        if name == "&":
            return text[found.start : found.end]
        if name == "`":
            return text[: found.start]
        if name == "'":
            return text[found.end :]
        if name[0] == "<":
            if not found.pattern.names:
                return reference[0]
            number = found.pattern.names.get(name[1:-1])
            return (found.group(number) or "") if number else ""
        number = int(name)
        rest = ""
        if number > found.pattern.groups and len(name) == 2:
            number, rest = int(name[0]), name[1]
        if not 1 <= number <= found.pattern.groups:
            return reference[0]
        return (found.group(number) or "") + rest

    # Every reference may stand for the whole text, so the sum is looked at before it is made.
    pieces: list[str] = []
    length = done = 0
    for reference in _REFERENCE.finditer(replacement):
        piece = value(reference)
        length += reference.start() - done + len(piece)
        meter.expect_text(length)
        pieces += (replacement[done : reference.start()], piece)
        done = reference.end()
    return "".join(pieces) + replacement[done:]
