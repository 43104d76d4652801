"""What a page says of itself without being rendered: its title, its place among others, the sections that can be linked to.

Reading 231 pages this way takes as long as rendering three.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import Callable, Iterator

from callboard.features.techdocs.rendering.config_yaml import front_matter_end, parse_front_matter

MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".mkdn", ".mkd")
_KEY = re.compile(r"^(title|weight|nav_order|order|sidebar_position):[ \t]*(\S.*)$", re.MULTILINE)
_PLAIN = re.compile(r"[^\s&*!|>'\"%@`\[\]{}#,?-][^#:'\"\\]*(?::[^\s#'\"\\][^#:'\"\\]*)*")
_QUOTED = re.compile(r"\"([^\"\\]*)\"|'([^']*)'")
_FENCE = re.compile(r"^[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_ATX = re.compile(r"^(#{1,6})[ \t]*([^#\s].*?)[ \t]*#*[ \t]*$")
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\])?")
_ATTRIBUTES = re.compile(r"[ ]*\{:?[ ]*([#.\w][^}\n]*)\}[ ]*$")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->")
_EMPHASIS = re.compile(r"(?<![\w\\])(\*{1,3}|_{1,3}|~~|==|\^\^)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_SHORTCODE = re.compile(r":[a-z0-9_+-]+:")
_HTML_ID = re.compile(r"<[a-zA-Z][^<>]*?\s(?:id|name)\s*=\s*[\"']?([^\s\"'<>]+)")
_LIST = re.compile(r"\{([^{}\n]{1,300})\}")
_LIST_ID = re.compile(r"#([^\s#]+)")
_MAX_TITLE = 300
_MAX_LINE = 400  # longer lines are no headings


@dataclass(frozen=True, slots=True)
class Outline:
    """``title`` is None when the page names none; ``weight`` sorts it among its neighbours (front matter)."""

    title: str | None
    weight: float | None


def outline_of(text: str) -> Outline:
    """Title (front matter, or the first heading if it is of the first level) and weight."""
    end = front_matter_end(text)
    title: str | None = None
    weight: float | None = None
    if end is not None:
        head = text[: end[0]]
        for key, value in _KEY.findall(head[:20_000]):
            value = value.rstrip()
            if key == "title":
                title = _scalar(value, text)
            elif re.fullmatch(r"-?\d+(\.\d+)?", value):
                weight = float(value)
    if title is None:
        title = _first_heading(text[end[1] :] if end else text)
    return Outline(title[:_MAX_TITLE] if title else None, weight)


def _scalar(value: str, text: str) -> str | None:
    if _PLAIN.fullmatch(value):
        return value
    quoted = _QUOTED.fullmatch(value)
    if quoted:
        return quoted.group(1) if quoted.group(1) is not None else quoted.group(2)
    title = parse_front_matter(text)[0].get("title")
    return str(title) if title is not None and not isinstance(title, (dict, list)) else None


def _first_heading(text: str) -> str | None:
    for level, title, _ in headings_of(text):
        return plain_inline(title) if level == 1 else None
    return None


def headings_of(text: str) -> Iterator[tuple[int, str, int]]:
    """``(level, text as written, line from 0)`` of headings outside fenced and indented code."""
    fence = ""
    previous = ""
    for number, line in enumerate(text.splitlines()):
        if len(line) > _MAX_LINE:
            previous = ""
            continue
        found = _FENCE.match(line)
        if fence:
            if found and found.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            previous = ""
            continue
        if found:
            fence = found.group(1)
            previous = ""
            continue
        if line.startswith("#"):
            heading = _ATX.match(line)
            if heading:
                yield len(heading.group(1)), heading.group(2), number
            previous = ""
        elif previous and line[:1] in "=-" and not line.strip("=- \t") and len(set(line.strip())) == 1:
            yield (1 if line.startswith("=") else 2), previous, number - 1
            previous = ""
        else:
            previous = "" if line.startswith(("    ", "\t", ">", "-", "*", "|")) else line.strip()


def plain_inline(text: str) -> str:
    """A heading's words without the marks around them."""
    text = _ATTRIBUTES.sub("", text)
    codes: list[str] = []

    def keep(found: re.Match[str]) -> str:
        codes.append(found.group(2).strip())
        return f"\0{len(codes) - 1}\0"

    text = re.sub(r"(`+)(.+?)\1", keep, text)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _TAG.sub("", text)
    for _ in range(3):
        text = _EMPHASIS.sub(r"\2", text)
    text = _SHORTCODE.sub("", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!~^-])", r"\1", html.unescape(text))
    text = re.sub(r"\0(\d+)\0", lambda m: codes[int(m.group(1))], text)
    return re.sub(r"\s+", " ", text).strip()


def anchors_of(text: str, slugify: Callable[[str, str], str], separator: str = "-") -> set[str]:
    """The sections that can be linked to, as far as can be seen without rendering."""
    found: set[str] = set()
    for _, title, _ in headings_of(text):
        given = _ATTRIBUTES.search(title)
        named = re.search(r"#([^\s}]+)", given.group(0)) if given else None
        if named:
            found.add(named.group(1))
            continue
        slug = base = slugify(plain_inline(title), separator)
        count = 0
        while slug in found:
            count += 1
            slug = f"{base}_{count}"
        found.add(slug)
    found.update(_HTML_ID.findall(text))
    for attributes in _LIST.findall(text):
        found.update(_LIST_ID.findall(attributes))
    return found


def like(anchor: str) -> str:
    """What anchors have in common that differ by who made the slug: case, doubled dashes, marks, accents."""
    plain = unicodedata.normalize("NFKD", anchor).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", plain)


def title_of_name(name: str) -> str:
    """``how-to_scale`` -> ``How to scale``; a name with capitals keeps them."""
    title = name.replace("-", " ").replace("_", " ").strip()
    return title.capitalize() if title.lower() == title else title
