"""Source text as safe HTML, with a few token classes (``tok-k`` key, ``tok-s`` text, ``tok-n`` number or word, ``tok-c`` comment).

One regular expression a line, no grammar: it must be quick (a page has 50 ms), never wrong about what it escapes, and may be
plain about what it colours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

MAX_SHOWN_BYTES = 200_000
"""A page shows no more than this of one text; it offers the rest as a download."""

_YAML = re.compile(
    r"""(?P<p>^\s*(?:-\s+)*)(?P<k>(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:#"'\[\]{},&*!|>%@`-][^:#]*?))(?P<c>:)(?=\s|$)"""
)
_VALUE = re.compile(
    r"""(?P<s>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?P<c>(?:^|(?<=\s))\#.*$)|(?P<n>(?<![\w./:-])-?\d+(?:\.\d+)?(?![\w./:-])|(?<![\w./:-])(?:true|false|null)(?![\w./:-])|(?<=\s)~$)"""
)
_JSON = re.compile(
    r"""(?P<k>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<s>"(?:[^"\\]|\\.)*")|(?P<n>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\b(?:true|false|null)\b)"""
)


@dataclass(frozen=True, slots=True)
class Code:
    """A text to show. ``html`` is safe; ``language`` is a word for people; ``truncated_bytes`` is how much is not shown."""

    html: Markup
    language: str
    truncated_bytes: int = 0


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _colour(pattern: re.Pattern[str], text: str) -> str:
    out, at = [], 0
    for match in pattern.finditer(text):
        if match.lastgroup is None:
            continue
        out.append(_escape(text[at : match.start()]))
        out.append(f'<span class="tok-{match.lastgroup}">{_escape(match[0])}</span>')
        at = match.end()
    out.append(_escape(text[at:]))
    return "".join(out)


def _yaml_lines(text: str) -> str:
    out: list[str] = []
    block_indent: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if block_indent is not None and (not line.strip() or indent > block_indent):
            out.append(f'<span class="tok-s">{_escape(line)}</span>' if line.strip() else line)
            continue
        block_indent = None
        key = _YAML.match(line) if len(line) < 2_000 else None
        rest, head = line, ""
        if key:
            head = f'{_escape(key["p"])}<span class="tok-k">{_escape(key["k"])}</span><span class="tok-p">:</span>'
            rest = line[key.end() :]
        if rest.strip()[:1] in ("|", ">"):
            block_indent = indent
        out.append(head + (_colour(_VALUE, rest) if len(rest) < 2_000 else _escape(rest)))
    return "\n".join(out)


def show_code(text: str, language: str = "text", *, max_bytes: int = MAX_SHOWN_BYTES) -> Code:
    """``text`` for a page, cut at a line end after ``max_bytes`` (UTF-8).

    ``language``: yaml and json are coloured, all else is shown plain.
    """
    data = text.encode()
    hidden = 0
    if len(data) > max_bytes:
        cut = data[:max_bytes].rpartition(b"\n")[0] or data[:max_bytes]
        text, hidden = cut.decode("utf-8", "ignore"), len(data) - len(cut)
    match language.lower():
        case "yaml":
            html = _yaml_lines(text)
        case "json":
            html = _colour(_JSON, text)
        case _:
            html = _escape(text)
    return Code(Markup(html), language, hidden)


def format_yaml(value: Any) -> str:
    """``value`` as block YAML 1.2 in the order of its keys.

    The library writes no integer of more than 64 bits (sign included); a document with one comes as JSON, which is YAML, too.
    """
    import yaml12

    try:
        return yaml12.format_yaml(value).removesuffix("\n") + "\n"
    except (ValueError, OverflowError):
        return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
