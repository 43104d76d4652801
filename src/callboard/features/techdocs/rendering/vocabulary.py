"""Tags of HTML that documentation may hold, for pages that are rendered here and for those that mkdocs has made."""

from __future__ import annotations

from typing import Final

TEXT_TAGS: Final = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn",
    "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input",
    "ins", "kbd", "label", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
})  # fmt: skip
"""Text with its headings, lists, tables, code and pictures."""
PAGE_TAGS: Final = TEXT_TAGS | {
    "address", "article", "aside", "audio", "bdi", "bdo", "center", "meter", "progress", "rp", "rt", "ruby", "source",
    "strike", "time", "video", "wbr",
}  # fmt: skip
"""And what authors write by hand besides."""
