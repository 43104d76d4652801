"""What a README tells: a title, the first paragraph, and whether the thing is finished with or not yet begun."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callboard.features.proposals.domain.safely import is_template

_NAME = re.compile(r"readme(?:\.(?:md|markdown|rst|adoc|txt))?", re.IGNORECASE)
_IMAGE = re.compile(r"\[?!\[[^\]]*\]\([^)]*\)\]?(?:\([^)]*\))?|<img\b[^>]*>", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_HTML = re.compile(r"<[^>]{0,300}>")
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_RULE = re.compile(r"[=\-~^#*]{3,}\s*")
_NOT_PROSE = re.compile(r"(?:[-*+>|]|\d+[.)]|```|~~~|\.\. |:::|!!!|\[[^\]]+\]:|<!--|\{)")
_STARTERS = re.compile(
    r"getting started|introduction|table of contents|overview|readme|about|installation|usage|project title|welcome|todo"
    r"|this project was (?:bootstrapped|generated)|create react app|react \+ (?:typescript \+ )?vite|angular cli",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:deprecated|no longer (?:maintained|supported)|unmaintained|archived|end of life|has moved to|superseded by)\b", re.IGNORECASE
)  # fmt: skip
_EARLY = re.compile(
    r"\b(?:experimental|proof[ -]of[ -]concept|prototype|work in progress|not (?:yet )?ready for production|early development)\b", re.IGNORECASE
)  # fmt: skip
LOOKED_AT = 60
MAX_LINE = 2_000
MAX_DESCRIPTION = 300


@dataclass(frozen=True, slots=True)
class Readme:
    """Each with its line; ``lifecycle`` is deprecated, experimental or empty, ``word`` is what said so."""

    path: str
    title: str = ""
    title_line: int = 0
    description: str = ""
    description_line: int = 0
    lifecycle: str = ""
    lifecycle_line: int = 0
    word: str = ""


def is_readme(path: str) -> bool:
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def read_readme(path: str, text: str) -> Readme:
    lines = [line[:MAX_LINE] for line in text[: LOOKED_AT * MAX_LINE].splitlines()[:LOOKED_AT]]
    title, title_line, after = _title(lines)
    description, description_line = _first_paragraph(lines, after)
    found: dict[str, object] = {}
    for number, line in enumerate(lines[:25], start=1):
        for lifecycle, pattern in (("deprecated", _OVER), ("experimental", _EARLY)):
            said = pattern.search(line)
            if said and not found:
                found = {"lifecycle": lifecycle, "lifecycle_line": number, "word": said.group()}
    return Readme(path, title, title_line, description, description_line, **found)  # type: ignore[arg-type]


def _title(lines: list[str]) -> tuple[str, int, int]:
    """The title, its line, and the lines before the text that follows it."""
    for at, line in enumerate(lines):
        following = lines[at + 1].strip() if at + 1 < len(lines) else ""
        text, after = "", at + 1
        if re.match(r"#\s|=\s|<h1", line, re.IGNORECASE):
            text = re.sub(r"^[#=]\s*|\s*#+$", "", line)
        elif line.strip() and len(following) >= 3 and re.fullmatch(r"=+|-+", following):
            text, after = line, at + 2
        if not text:
            if line.strip() and _IMAGE.sub("", _HTML.sub("", line)).strip() and not _RULE.fullmatch(line):
                return "", 0, at
            continue
        text = plain(text)
        if not text or _STARTERS.match(text) or is_template(text) or len(text) > 80:
            return "", 0, after
        return text, at + 1, after
    return "", 0, 0


def _first_paragraph(lines: list[str], start: int) -> tuple[str, int]:
    gathered: list[str] = []
    begin, is_fenced = 0, False
    for number, line in enumerate(lines[start:], start=start + 1):
        stripped = line.strip()
        if stripped.startswith(("```", "~~~")):
            is_fenced = not is_fenced
            continue
        text = plain(stripped)
        if (
            is_fenced
            or not text
            or _NOT_PROSE.match(stripped)
            or _RULE.fullmatch(stripped)
            or stripped.startswith(("#", "="))
        ):
            if gathered:
                break
            continue
        if not gathered:
            begin = number
        gathered.append(text)
    text = " ".join(gathered)
    if len(text) < 15 or " " not in text or _STARTERS.match(text) or is_template(text):
        return "", 0
    return shorten(text), begin


def plain(text: str) -> str:
    """Without images, links, tags and marks."""
    text = _HTML.sub("", _LINK.sub(r"\1", _IMAGE.sub("", text)))
    return " ".join(_MARKS.sub("", text).replace("\0", "").split())


def shorten(text: str, longest: int = MAX_DESCRIPTION) -> str:
    """At most so many letters, ended at a sentence or a word."""
    if len(text) <= longest:
        return text
    cut = text[:longest]
    stop = max(cut.rfind(mark) for mark in (". ", "! ", "? "))
    return cut[: stop + 1] if stop > longest // 3 else cut.rsplit(" ", 1)[0].rstrip(",;:") + " …"
