"""The text of a page's blocks, so that two renderers can be compared by what a reader reads.

A block is what stands between the beginning and end of a paragraph, heading, cell, item and so on. White space counts once; pictures
count by their alternative text; line numbers, marks beside headings and ways back from footnotes do not count.
"""

from __future__ import annotations

import difflib
import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tr",
        "td",
        "th",
        "pre",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "details",
        "summary",
        "figure",
        "figcaption",
        "label",
        "article",
        "section",
        "nav",
        "form",
        "button",
        "aside",
        "center",
    ]
)
_SILENT_CLASSES = frozenset(
    [
        "headerlink",
        "linenos",
        "linenodiv",
        "footnote-backref",
        "md-content__button",
        "md-source-file",
        "md-code__nav",
        "doc-icon",
        "visually-hidden",
    ]
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)


class _Blocks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.text: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in _BLOCKS or tag == "br":
            self.close_block() if tag != "br" else self.text.append(" ")
        if tag in _VOID:
            if tag == "img" and not self.silent:
                self.text.append(given.get("alt") or "")
            return
        classes = set((given.get("class") or "").split())
        if self.silent or tag in {"script", "style", "svg"} or classes & _SILENT_CLASSES:
            self.silent.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in _BLOCKS:
            self.close_block()
        if self.silent and tag in self.silent:
            while self.silent.pop() != tag:
                pass

    def handle_data(self, data):
        if not self.silent:
            self.text.append(data)

    def close_block(self) -> None:
        text = re.sub(r"\s+", " ", "".join(self.text)).strip()
        if text:
            self.blocks.append(text)
        self.text = []


def text_blocks(html: str) -> list[str]:
    """The blocks of a piece of HTML, from top to bottom."""
    parser = _Blocks()
    parser.feed(html)
    parser.close_block()
    return parser.blocks


def article_of(html: str) -> str:
    """What mkdocs' theme puts into ``<article>``, without the buttons around it."""
    found = re.search(r"<article\b[^>]*>(.*?)</article>", html, re.DOTALL)
    return found.group(1) if found else html


def alike(theirs: list[str], ours: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """How many of their blocks stand in ours in the same order, and the pairs that differ."""
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    differ = [
        (" | ".join(theirs[a:b]), " | ".join(ours[c:d]))
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    ]
    return same, differ
