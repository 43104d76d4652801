"""Lists as ``mdx_truly_sane_lists`` reads them, which is how documentation for Backstage is written.

Nested by two spaces, where Python-Markdown wants four; bullets and numbers do not mix; and a blank line between bullets ends a list,
so that its items do not turn into paragraphs.
"""

from __future__ import annotations

import re
from typing import Any, Callable, TypeVar

from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.blockprocessors import ListIndentProcessor, OListProcessor
from markdown.extensions import Extension
from markdown.extensions.def_list import DefListIndentProcessor, DefListProcessor

_Made = TypeVar("_Made")


def _with_indent(parser: BlockParser, indent: int, make: Callable[[BlockParser], _Made]) -> _Made:
    """A processor takes the width of an indent from the parser when it is made; these get one of their own."""
    usual = parser.md.tab_length
    parser.md.tab_length = indent
    try:
        return make(parser)
    finally:
        parser.md.tab_length = usual


class _Numbers(OListProcessor):
    SIBLING_TAGS = ["ol"]  # noqa: RUF012 -- the base class has a list

    def __init__(self, parser: BlockParser) -> None:
        super().__init__(parser)
        self.CHILD_RE = re.compile(rf"^[ ]{{0,{self.tab_length - 1}}}((\d+\.))[ ]+(.*)")


class _Bullets(OListProcessor):
    TAG = "ul"
    SIBLING_TAGS: list[str] = []  # noqa: RUF012 -- the base class has a list

    def __init__(self, parser: BlockParser) -> None:
        super().__init__(parser)
        self.RE = re.compile(rf"^[ ]{{0,{self.tab_length - 1}}}[*+-][ ]+(.*)")
        self.CHILD_RE = re.compile(rf"^[ ]{{0,{self.tab_length - 1}}}(([*+-]))[ ]+(.*)")


class _JoinedBullets(_Bullets):
    SIBLING_TAGS = ["ul"]  # noqa: RUF012 -- the base class has a list


class _Definitions(DefListProcessor):
    def __init__(self, parser: BlockParser) -> None:
        super().__init__(parser)
        self.NO_INDENT_RE = re.compile(rf"^[ ]{{0,{self.tab_length - 1}}}[^ :]")


class SaneLists(Extension):
    """``nested_indent`` (2): spaces of a level. ``truly_sane`` (True): False lets bullets after a blank line go on with the list."""

    def __init__(self, **options: Any) -> None:
        self.config = {
            "nested_indent": [2, "Spaces that nest a list."],
            "truly_sane": [True, "Whether a blank line ends a list of bullets."],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 -- the name of the hook
        indent = self.getConfig("nested_indent")
        indent = indent if isinstance(indent, int) and 1 <= indent <= 8 else 2
        bullets = _Bullets if self.getConfig("truly_sane") else _JoinedBullets
        processors = md.parser.blockprocessors
        processors.register(_with_indent(md.parser, indent, _Numbers), "olist", 50)
        processors.register(_with_indent(md.parser, indent, bullets), "ulist", 40)
        processors.register(_with_indent(md.parser, indent, ListIndentProcessor), "indent", 95)
        if "deflist" in processors:
            processors.register(_with_indent(md.parser, indent, _Definitions), "deflist", 25)
            processors.register(_with_indent(md.parser, indent, DefListIndentProcessor), "defindent", 85)
