"""Emoji as characters, and the icons of Material sites as far as the portal has pictures like them."""

from __future__ import annotations

import re
from typing import Any, Mapping
from xml.etree import ElementTree as ET

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

from callboard.ui.icons import ICONS

_ICON = r":((?:material|fontawesome|octicons|simple)-[a-z0-9][a-z0-9-]{0,80}):"
_WORDS: Mapping[str, str] = {
    "home": "home",
    "house": "home",
    "book": "docs",
    "magnify": "search",
    "search": "search",
    "cog": "settings",
    "gear": "settings",
    "wrench": "settings",
    "key": "tokens",
    "check": "check",
    "close": "close",
    "xmark": "close",
    "x": "close",
    "pencil": "edit",
    "refresh": "refresh",
    "sync": "refresh",
    "trash": "trash",
    "delete": "trash",
    "plus": "plus",
    "download": "download",
    "upload": "upload",
    "link": "link",
    "filter": "filter",
    "alert": "warn",
    "warning": "warn",
    "information": "info",
    "info": "info",
    "help": "help",
    "question": "unknown",
    "lightbulb": "ai",
    "clock": "waiting",
    "timer": "waiting",
    "lock": "lock",
    "shield": "lock",
    "file": "source",
    "history": "history",
    "bookmark": "save",
    "email": "email",
    "mail": "email",
    "envelope": "email",
    "bell": "alert",
    "bullhorn": "announcement",
    "megaphone": "announcement",
    "pin": "pin",
    "tag": "tag",
    "star": "star",
    "heart": "star",
    "account": "user",
    "person": "user",
    "user": "user",
    "people": "group",
    "group": "group",
    "database": "resource",
    "server": "resource",
    "cloud": "web",
    "web": "web",
    "earth": "web",
    "globe": "web",
    "api": "api",
    "code": "code",
    "console": "code",
    "terminal": "code",
    "git": "github",
    "github": "github",
    "gitlab": "github",
    "chart": "dashboard",
    "graph": "dashboard",
    "chat": "chat",
    "message": "chat",
    "comment": "chat",
    "slack": "chat",
    "arrow": "to",
    "rocket": "create",
    "package": "component",
    "cube": "component",
    "map": "domain",
    "undo": "undo",
    "content-copy": "copy",
    "copy": "copy",
    "table": "sheet",
    "view": "views",
    "layers": "catalog",
    "palette": "gallery",
}


def icon_of(name: str) -> str | None:
    """The portal's icon for ``material-rocket-launch`` and the like; None when it has none like it."""
    words = name.split("-")[1:]
    if words and words[0] in {"regular", "solid", "brands"}:
        words = words[1:]
    if words and words[-1] in {"16", "24"}:
        words = words[:-1]
    if len(words) > 1 and words[0] == "arrow":
        directions = {"right": "to", "left": "previous", "up": "up", "down": "down"}
        found = directions.get(words[1])
        return found if found in ICONS else None
    for end in range(len(words), 0, -1):
        known = _WORDS.get("-".join(words[:end]))
        if known in ICONS:
            return known
    return None


class _Icon(InlineProcessor):
    def handleMatch(self, m: re.Match[str], data: str) -> tuple[ET.Element | str, int, int]:  # noqa: N802
        made = ET.Element("span")
        made.set("class", f"doc-icon doc-icon-{icon_of(m.group(1)) or 'none'}")
        return made, m.start(0), m.end(0)


class Icons(Extension):
    """``:material-…:`` and its like."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 -- the name of the hook
        md.inlinePatterns.register(_Icon(_ICON, md), "callboard-icons", 76)


def emoji_character(
    index: str,
    shortname: str,
    alias: str | None,
    uc: str | None,
    alt: str,
    title: str | None,
    category: str | None,
    options: Any,
    md: Markdown,
) -> str | ET.Element:
    """The emoji as text; one that is no character (``:octocat:``) stays as it was written."""
    return alt if uc else (alias or shortname)
