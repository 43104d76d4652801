"""Text that CommonMark and GitHub read as lists, tables and code, and Python-Markdown as prose, put so that both agree.

The dialect nests lists by two spaces and wants a blank line before a list or table. Where a list's indentation fits, and a blank line is
there, nothing is changed; elsewhere the dialect would show bare ``-`` and ``|`` in running text, which nobody can have meant:

- a list right below a line of text, or a table, gets its blank line,
- a list that is nested by three or four spaces, or begins two or three spaces in, is put in steps of two with all that belongs to it,
- a fence that is closed by more marks than opened it, or not at all, is closed.

It goes down the lines once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ITEM = re.compile(r"^([ ]*)([-*+]|\d{1,9}\.)([ ]+)(\S.*)$")
_RULE = re.compile(r"^[ ]{0,3}(?:(?:-[ ]*){3,}|(?:\*[ ]*){3,}|(?:_[ ]*){3,})$")
_FENCE = re.compile(r"^([ ]*)(`{3,}|~{3,})(.*)$")
_CONTAINER = re.compile(r"^[ ]*(?:!!!|\?\?\?\+?|===[!+]?)[ ]+\S|^\[\^[^\]]+\]:|^:[ ]+\S")
_DELIMITER = re.compile(r"\|?[ ]*:?-+:?(?:[ ]*\|[ ]*:?-+:?)*[ ]*\|?$")
_MAX_HEADER = 4_000
_RAW_HTML = re.compile(r"^[ ]{0,3}<(pre|script|style|textarea)\b|^[ ]{0,3}<(!--)", re.IGNORECASE)
_QUOTE = re.compile(r"^[ ]{0,3}>[ ]?")
_HTML_HEADER = re.compile(r"</?div\b[^<>]*>", re.IGNORECASE)
_STEP = 2
_MAX_QUOTES = 12


def tidy(text: str) -> str:
    """``text`` with its lists and tables so that the dialect reads them."""
    return "\n".join(_Tidy(_expand_tabs(text).split("\n"), 0).run())


def _expand_tabs(text: str) -> str:
    if "\t" not in text:
        return text
    return "\n".join(
        line if not line[: len(line) - len(line.lstrip())].count("\t") else _expand(line) for line in text.split("\n")
    )


def _expand(line: str) -> str:
    rest = line.lstrip()
    return line[: len(line) - len(rest)].expandtabs(4) + rest


@dataclass(slots=True)
class _Item:
    indent: int
    content: int
    numbered: bool


@dataclass(slots=True)
class _List:
    """A list with all that belongs to it: lines as they stand and as they would be in steps of two."""

    base: int
    items: list[_Item] = field(default_factory=list)
    as_is: list[str] = field(default_factory=list)
    stepped: list[str] = field(default_factory=list)
    fits: bool = True
    after_blank: bool = False
    shift: int = 0
    text_indent: int | None = None

    def put(self, line: str, indent: int) -> None:
        self.as_is.append(line)
        self.stepped.append(" " * max(0, indent) + line.lstrip(" "))

    def owner(self, indent: int) -> int:
        """How many levels down the item is to which something so far in belongs; -1: to none."""
        for level in range(len(self.items) - 1, -1, -1):
            if indent >= self.items[level].indent + _STEP:
                return level
        return -1


class _Tidy:
    def __init__(self, lines: list[str], quotes: int) -> None:
        self.lines = lines
        self.quotes = quotes
        self.out: list[str] = []
        self.containers: list[int] = []
        self.list: _List | None = None
        self.fence: tuple[int, str, int] | None = None  # indent, marks, how far it is moved
        self.ends: dict[str, int] = {}  # the last line that ends a kind of raw HTML
        self.prose = False  # whether the line before is running text

    def run(self) -> list[str]:
        lines = self.lines
        index = 0
        while index < len(lines):
            line = lines[index]
            if self.fence is not None:
                self._in_fence(line)
            elif not line.strip():
                self._blank(line)
            elif (ends := _RAW_HTML.match(line)) is not None and self.list is None:
                index = self._raw_html(index, (ends.group(1) or ends.group(2)).lower())
                continue
            elif self.list is None and _QUOTE.match(line) and self.quotes < _MAX_QUOTES:
                index = self._quote(index)
                continue
            else:
                self._line(line, lines[index + 1] if index + 1 < len(lines) else "")
            index += 1
        self._close_list()
        if self.fence is not None:
            self.out.append(" " * self.fence[0] + self.fence[1])
        return self.out

    # -- what is left alone

    def _in_fence(self, line: str) -> None:
        assert self.fence is not None
        _, marks, shift = self.fence
        stripped = line.strip()
        closing = stripped.startswith(marks) and not stripped.strip(marks[0])
        if closing and len(stripped) > len(marks):
            line = line[: len(line) - len(line.lstrip())] + marks
        if self.list is not None:
            self.list.as_is.append(line)
            self.list.stepped.append(_moved(line, shift))
        else:
            self.out.append(line)
        if closing:
            self.fence = None
            self.prose = False

    def _raw_html(self, index: int, tag: str) -> int:
        end = "-->" if tag == "!--" else f"</{tag}"
        self.prose = False
        if end not in self.ends:
            self.ends[end] = max((n for n, line in enumerate(self.lines) if end in line.lower()), default=-1)
        at = index
        while True:
            self.out.append(self.lines[at])
            at += 1
            if self.ends[end] < index or end in self.lines[at - 1].lower():  # without an end one line is raw
                return at

    def _quote(self, index: int) -> int:
        inner: list[str] = []
        at = index
        while at < len(self.lines) and (mark := _QUOTE.match(self.lines[at])):
            inner.append(self.lines[at][mark.end() :])
            at += 1
        tidied = _Tidy(inner, self.quotes + 1).run()
        if tidied == inner:
            self.out.extend(self.lines[index:at])
        else:
            self.out.extend(f"> {line}".rstrip() for line in tidied)
        self.prose = True
        return at

    def _blank(self, line: str) -> None:
        self.prose = False
        if self.list is not None:
            self.list.as_is.append(line)
            self.list.stepped.append(line)
            self.list.after_blank = True
        else:
            self.out.append(line)

    # -- what may be changed

    def _line(self, line: str, following: str) -> None:
        indent = len(line) - len(line.lstrip(" "))
        while self.containers and indent < self.containers[-1]:
            self.containers.pop()
            self._close_list()
        base = self.containers[-1] if self.containers else 0
        item = None if _RULE.match(line[base:]) else _ITEM.match(line)
        if self.list is not None and not self._goes_on(line, indent, item):
            self._close_list()
        if self.list is not None:
            self._in_list(line, indent, item)
            return
        fence = _FENCE.match(line)
        if fence is not None and not (fence.group(2)[0] == "`" and "`" in fence.group(3)):
            self.fence = (indent, fence.group(2), 0)
            self.out.append(line)
            return
        if item is not None and indent - base <= 3 and not (self.prose and not self._may_interrupt(item, following)):
            if self.prose:
                self.out.append("")
            self.list = _List(base)
            self._in_list(line, indent, item)
            return
        if _CONTAINER.match(line):
            self.containers.append(base + 4)
            self.out.append(line)
            self.prose = line.lstrip().startswith(("[", ":"))
            return
        if "|" in line and following and "|" in following and _is_delimiter(following) and not _is_delimiter(line):
            if self.prose:
                self.out.append("")
            line = _HTML_HEADER.sub("", line)
        self.out.append(line)
        heading = line.startswith("#") or bool(_RULE.match(line))
        self.prose = (
            not heading and not ("|" in line and _is_delimiter(line)) and not line.lstrip().startswith(("|", "<"))
        )

    def _may_interrupt(self, item: re.Match[str], following: str) -> bool:
        """Whether a list may begin right below text: with a bullet, or with 1. where it is plain that a list is meant."""
        if not item.group(2)[0].isdigit():
            return True
        above = next((line for line in reversed(self.out) if line.strip()), "")
        return item.group(2) == "1." and (above.rstrip().endswith(":") or _ITEM.match(following) is not None)

    def _goes_on(self, line: str, indent: int, item: re.Match[str] | None) -> bool:
        """Whether the list has not ended before this line."""
        assert self.list is not None
        relative = indent - self.list.base
        if relative < 0:
            return False
        if item is not None:
            return True
        deep = self.list.owner(relative) >= 0
        if self.list.after_blank:
            return deep
        return deep or not (line.lstrip().startswith(("#", "```", "~~~")) or _CONTAINER.match(line))

    def _in_list(self, line: str, indent: int, item: re.Match[str] | None) -> None:
        made = self.list
        assert made is not None
        relative = indent - made.base
        level = made.owner(relative)
        if item is not None and not (
            made.after_blank
            and level >= 0
            and relative >= made.items[level].content + 4
            and relative >= 2 * (level + 1) + 4
        ):
            self._item(made, line, relative, level + 1, item)
        elif made.after_blank and level >= 0:
            self._paragraph(made, line, relative, level)
        elif made.text_indent is not None and not made.after_blank:
            made.put(line, made.base + relative + made.shift)
        else:
            fence_level = max(level, 0)
            made.put(line, made.base + 2 * (fence_level + 1) if _FENCE.match(line) else made.base + 2 * len(made.items))
            made.shift = 2 * (fence_level + 1) - relative
        made.after_blank = False
        fence = _FENCE.match(line) if item is None else None
        if fence is not None and not (fence.group(2)[0] == "`" and "`" in fence.group(3)):
            self.fence = (indent, fence.group(2), made.shift)

    def _item(self, made: _List, line: str, relative: int, level: int, item: re.Match[str]) -> None:
        numbered = item.group(2)[0].isdigit()
        if (len(made.items) > level and made.items[level].numbered != numbered and not made.after_blank) or (
            made.text_indent is not None and not made.after_blank
        ):
            made.as_is.append("")
            made.stepped.append("")
            made.fits = False
        if not _STEP * level <= relative <= _STEP * level + 1:
            made.fits = False
        content = relative + len(item.group(2)) + min(len(item.group(3)), 4)
        del made.items[level:]
        made.items.append(_Item(relative, content, numbered))
        made.text_indent = None
        made.put(line, made.base + _STEP * level)
        inner = _FENCE.match(item.group(4))
        if inner is not None and "`" not in inner.group(3):
            self.fence = (made.base + content, inner.group(2), _STEP * (level + 1) - content)

    def _paragraph(self, made: _List, line: str, relative: int, level: int) -> None:
        if len(made.items) > level + 1:
            del made.items[level + 1 :]
            made.text_indent = None
        if made.text_indent is not None and relative >= made.text_indent:
            made.put(line, made.base + relative + made.shift)
            return
        content = made.items[level].content
        extra = relative - content if relative - content >= 4 and relative >= 2 * (level + 1) + 4 else 0
        made.text_indent = relative
        made.shift = _STEP * (level + 1) + extra - relative
        made.put(line, made.base + relative + made.shift)

    def _close_list(self) -> None:
        if self.list is None:
            return
        made = self.list
        self.list = None
        self.out.extend(made.as_is if made.fits else made.stepped)
        self.prose = not made.after_blank
        if not made.after_blank and made.as_is:
            self.prose = False


def _is_delimiter(line: str) -> bool:
    """Whether the line is the second of a table: ``--- | :---:``."""
    return len(line) < _MAX_HEADER and len(line) - len(line.lstrip(" ")) <= 3 and bool(_DELIMITER.match(line.strip()))


def _moved(line: str, shift: int) -> str:
    if not line.strip():
        return line
    if shift >= 0:
        return " " * shift + line
    return line[min(-shift, len(line) - len(line.lstrip(" "))) :]
