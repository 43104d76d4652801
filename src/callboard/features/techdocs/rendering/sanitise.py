"""HTML that a page may hold: an allow-list, with nothing that runs, loads by itself or reaches out of the page.

Styles go (they could cover the portal, or send away what stands on the page), frames are set aside for the walk that comes after, and
tags that HTML does not know are shown as text: in documentation ``<app-name>`` is a word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pygments.token import STANDARD_TYPES

from callboard.features.techdocs.rendering.bounds import TooSlow
from callboard.features.techdocs.rendering.vocabulary import PAGE_TAGS

_DROPPED = frozenset(
    [
        "applet",
        "area",
        "base",
        "basefont",
        "bgsound",
        "body",
        "button",
        "canvas",
        "datalist",
        "dialog",
        "dir",
        "embed",
        "fieldset",
        "font",
        "footer",
        "form",
        "frame",
        "frameset",
        "head",
        "header",
        "hgroup",
        "html",
        "iframe",
        "legend",
        "link",
        "main",
        "map",
        "marquee",
        "math",
        "menu",
        "meta",
        "nav",
        "nobr",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "optgroup",
        "option",
        "output",
        "param",
        "picture",
        "plaintext",
        "portal",
        "script",
        "search",
        "select",
        "slot",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "track",
        "xmp",
        "big",
        "acronym",
    ]
)
"""Known to HTML (or a danger) and not for pages: the tags go, and for some of them what is between."""
_CONTENT_TOO = {
    "script",
    "style",
    "template",
    "svg",
    "math",
    "object",
    "textarea",
    "title",
    "select",
    "noembed",
    "noframes",
    "xmp",
}
_ATTRIBUTES = {
    "*": {"class", "id", "title", "lang", "dir"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "video": {"src", "poster", "width", "height", "controls", "loop", "muted"},
    "audio": {"src", "controls", "loop"},
    "source": {"src", "type"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "col": {"span"},
    "details": {"open"},
    "input": {"type", "checked", "disabled", "name"},
    "label": {"for"},
    "time": {"datetime"},
    "progress": {"value", "max"},
    "meter": {"value", "max", "min"},
    "div": {"data-tabs", "align"},
    "p": {"align"},
    "span": {"data-linenos", "data-frame"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "data"}
MAX_NESTED = 1_000

_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/><]*)")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_FRAME = re.compile(r"<iframe\b([^<>]*)>", re.IGNORECASE)
_FRAME_END = re.compile(r"</iframe\s*>", re.IGNORECASE)
_FRAME_SRC = re.compile(r"\bsrc\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
DANGERS = re.compile(
    r"<\s*(script|iframe|object|embed|applet|form|style|link|meta|base|svg|math|template|frame|button|textarea|select)\b"
    r"|\bon[a-z]{3,20}\s*=\s*[\"'a-zA-Z(]|(?:javascript|vbscript|livescript)\s*:|\bstyle\s*=\s*[\"']|data\s*:\s*text/",
    re.IGNORECASE,
)
"""What a page may not hold, to tell where it stands. It is looked for in tags only."""

_CLASSES = frozenset(
    [
        "admonition",
        "admonition-title",
        "annotate",
        "inline",
        "end",
        "tabbed-set",
        "tabbed-alternate",
        "tabbed-labels",
        "tabbed-content",
        "tabbed-block",
        "tabbed-label",
        "task-list",
        "task-list-item",
        "task-list-control",
        "task-list-indicator",
        "highlight",
        "highlighttable",
        "codehilite",
        "linenos",
        "linenodiv",
        "filename",
        "hll",
        "code",
        "collapse",
        "arithmatex",
        "mermaid",
        "diagram",
        "diagram-source",
        "footnote",
        "footnote-ref",
        "footnote-backref",
        "toc",
        "toctitle",
        "critic",
        "comment",
        "block",
        "keys",
        "grid",
        "cards",
        "card",
        "md-button",
        "md-button--primary",
        "caption",
        "align-left",
        "align-right",
        "align-center",
        "center",
        "lead",
        "progress",
        "progress-bar",
        "progress-label",
        "abbr",
        "emoji",
        "doc-icon",
        "task-list-done",
        "special",
        "normal",
    ]
)
_KINDS = frozenset(
    [
        "new",
        "settings",
        "note",
        "abstract",
        "summary",
        "tldr",
        "info",
        "todo",
        "tip",
        "hint",
        "important",
        "success",
        "check",
        "done",
        "question",
        "help",
        "faq",
        "warning",
        "caution",
        "attention",
        "failure",
        "fail",
        "missing",
        "danger",
        "error",
        "bug",
        "example",
        "quote",
        "cite",
    ]
)
_PYGMENTS = frozenset(name for name in STANDARD_TYPES.values() if name)
_PATTERNS = re.compile(
    r"(?:language-[\w+#.-]{1,40}|key-[a-z0-9-]{1,30}|doc-icon-[a-z-]{1,30}|progress-\d{1,3}(?:plus)?)$"
)


@lru_cache(maxsize=1)
def _cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(PAGE_TAGS),
        clean_content_tags=set(_CONTENT_TOO),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel=None,
        strip_comments=True,
    )


def sanitise(html: str) -> str:
    """Safe HTML, with classes, ids and addresses still as the page has them: the walk that follows takes care of those.

    Raises:
        TooSlow: tags are nested deeper than ``MAX_NESTED``, where the cost of parsing grows with the square.
    """
    html = _known_tags_only(html)
    if "<iframe" in html.lower():
        html = _FRAME_END.sub("", _FRAME.sub(_set_aside, html))
    cleaned: str = _cleaner().clean(html)
    return cleaned


def _known_tags_only(html: str) -> str:
    depth = 0

    def look(found: re.Match[str]) -> str:
        nonlocal depth
        name = found.group(2).lower()
        if name not in PAGE_TAGS and name not in _DROPPED:
            return "&lt;" + found.group(0)[1:]
        if name not in _VOID:
            depth = max(0, depth - 1) if found.group(1) else depth + 1
            if depth > MAX_NESTED:
                raise TooSlow(f"its HTML is nested more than {MAX_NESTED:,} deep.")
        return found.group(0)

    return _ANY_TAG.sub(look, html)


def _set_aside(found: re.Match[str]) -> str:
    src = _FRAME_SRC.search(found.group(1))
    address = next((g for g in src.groups() if g is not None), "") if src else ""
    return '<span data-frame="' + address.replace('"', "&quot;") + '"></span>'


def kept_classes(tag: str, given: str) -> str:
    """Those of an element's classes that the dialect knows: others could borrow the portal's looks."""
    names = given.split()[:20]
    kinds = "admonition" in names or tag == "details"
    return " ".join(
        name
        for name in names
        if name in _CLASSES
        or (kinds and name in _KINDS)
        or (tag == "span" and name in _PYGMENTS)
        or _PATTERNS.match(name) is not None
    )
