"""Markdown of descriptions as safe HTML: CommonMark with tables, autolinks and strikethrough, then sanitised.

Links open as they are; images are left out, since a strict content policy would not load them and a description has no need.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup

_TAGS = frozenset(
    [
        "p",
        "br",
        "hr",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    ]
)
_LOWERED = {f"h{n}": f"h{min(n + 2, 6)}" for n in range(1, 7)}
MAX_LENGTH = 50_000
_QUOTES = re.compile(r"((?:>[ \t]*+){32})(?:>[ \t]*+)+")
"""Quotes in quotes deeper than anybody reads: what they cost grows with the square of their depth."""


@lru_cache(maxsize=2048)
def render_markdown(text: str) -> Markup:
    """``text`` (cut at 50,000 characters) as HTML that holds no script, style, event handler or foreign scheme.

    Headings move two levels down, since the page has its own first and second.
    """
    import comrak
    import nh3

    options = comrak.ExtensionOptions()
    options.table = options.autolink = options.strikethrough = True
    html = comrak.render_markdown(_QUOTES.sub(r"\1", text[:MAX_LENGTH]), extension_options=options)
    clean = nh3.clean(
        html,
        tags=_TAGS | set(_LOWERED.values()),
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    for level in range(6, 0, -1):
        clean = clean.replace(f"<h{level}>", f"<{_LOWERED[f'h{level}']}>").replace(
            f"</h{level}>", f"</{_LOWERED[f'h{level}']}>"
        )
    return Markup(clean)


def is_markdown(text: str) -> bool:
    """Whether ``text`` is more than one plain line, so that a page gives it room of its own."""
    stripped = text.strip()
    return "\n" in stripped or any(mark in stripped for mark in ("](", "**", "`", "# "))
