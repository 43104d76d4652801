"""Icons and the marks of kinds: which picture and hue stand for a kind of entity.

The names on the left are ours and are what templates say; the names on the right are files of lucide-static.
``build_assets`` puts exactly these into the sprite ``static/vendor/icons.svg``.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, Mapping

HUES: Final = 12
"""How many hues the tokens define (``hue-0`` … ``hue-11``)."""

ICONS: Final[Mapping[str, str]] = {
    # kinds
    "component": "box",
    "api": "braces",
    "resource": "database",
    "system": "blocks",
    "domain": "map",
    "group": "users-round",
    "user": "user-round",
    "location": "map-pin",
    "template": "stamp",
    "kind": "shapes",
    "ai": "sparkles",
    # navigation
    "home": "house",
    "catalog": "layers",
    "docs": "book-open",
    "create": "circle-plus",
    "search": "search",
    "problems": "triangle-alert",
    "why": "file-question-mark",
    "gallery": "swatch-book",
    "admin": "sliders-horizontal",
    "settings": "settings-2",
    "tokens": "key-round",
    "more": "ellipsis",
    "rail": "panel-left-close",
    "theme": "sun-moon",
    "language": "languages",
    "keyboard": "keyboard",
    "sign-in": "log-in",
    "sign-out": "log-out",
    # actions and states
    "check": "check",
    "copy": "copy",
    "close": "x",
    "edit": "square-pen",
    "refresh": "refresh-cw",
    "trash": "trash-2",
    "plus": "plus",
    "download": "download",
    "external": "arrow-up-right",
    "link": "link",
    "filter": "list-filter",
    "up": "arrow-up",
    "down": "arrow-down",
    "previous": "chevron-left",
    "next": "chevron-right",
    "down-small": "chevron-down",
    "ok": "circle-check",
    "bad": "octagon-alert",
    "warn": "triangle-alert",
    "info": "info",
    "unknown": "circle-question-mark",
    "waiting": "clock",
    "skipped": "circle-minus",
    "lock": "lock",
    "source": "file-code",
    "history": "history",
    "sheet": "file-spreadsheet",
    "upload": "upload",
    "save": "bookmark",
    "unread": "mail-open",
    "announcement": "megaphone",
    "pin": "pin",
    "undo": "undo-2",
    "drift": "git-compare-arrows",
    "proposal": "scan-search",
    "to": "arrow-right",
    "tag": "tag",
    "star": "star",
    "views": "bookmark",
    "columns": "columns-3-cog",
    "grip": "grip-vertical",
    "arrange": "layout-dashboard",
    "contents": "table-of-contents",
    "helpful": "thumbs-up",
    "not-helpful": "thumbs-down",
    "print": "printer",
    # links of entities (Backstage's icon names, as far as a picture says more than the word)
    "dashboard": "chart-line",
    "chat": "message-circle",
    "email": "mail",
    "github": "git-branch",
    "alert": "bell",
    "code": "code-xml",
    "web": "globe",
    "help": "life-buoy",
}  # fmt: skip

_KINDS: Final[Mapping[str, tuple[str, int]]] = {
    "component": ("component", 8),
    "api": ("api", 5),
    "resource": ("resource", 9),
    "system": ("system", 1),
    "domain": ("domain", 3),
    "group": ("group", 4),
    "user": ("user", 7),
    "location": ("location", 0),
    "template": ("template", 11),
    "airesource": ("ai", 10),
}

_LINK_ICONS: Final[Mapping[str, str]] = {
    "dashboard": "dashboard",
    "grafana": "dashboard",
    "chart": "dashboard",
    "chat": "chat",
    "slack": "chat",
    "message": "chat",
    "email": "email",
    "mail": "email",
    "github": "github",
    "gitlab": "github",
    "scm": "github",
    "alert": "alert",
    "pagerduty": "alert",
    "docs": "docs",
    "techdocs": "docs",
    "code": "code",
    "web": "web",
    "help": "help",
    "group": "group",
    "user": "user",
    "catalog": "catalog",
    "kind:api": "api",
    "kind:component": "component",
    "kind:system": "system",
    "kind:domain": "domain",
    "kind:resource": "resource",
    "kind:template": "template",
}


_BY_FILE: Final[Mapping[str, str]] = {file: name for name, file in reversed(tuple(ICONS.items()))}


@dataclass(frozen=True, slots=True)
class KindMark:
    """How a kind looks: an icon of ``ICONS`` and a hue, 0 to 11."""

    icon: str
    hue: int


@dataclass(frozen=True, slots=True)
class KindLook:
    """What a portal declares of the look of a kind: an icon of ``ICONS`` or None, and what many of it are called."""

    icon: str | None
    plural: str


_declared: ContextVar[Mapping[str, KindLook]] = ContextVar("callboard_kind_looks", default=MappingProxyType({}))


def use_kind_looks(looks: Mapping[str, KindLook]) -> None:
    """Have ``kind_mark`` and ``declared_plural`` know these kinds (names in lower case) for the rest of this request.

    Kinds belong to a portal and marks are asked for all over its pages, so the looks go with the request as its log fields do.
    """
    _declared.set(looks)


def declared_plural(kind: str) -> str | None:
    """What many entities of ``kind`` are called where that is declared."""
    look = _declared.get().get(kind.lower())
    return look.plural if look else None


def find_icon(name: str | None) -> str | None:
    """Our name of the icon that ``name`` means: ours, lucide's or Backstage's; None where we have no such picture."""
    lowered = (name or "").lower()
    if lowered in ICONS:
        return lowered
    return _BY_FILE.get(lowered) or _LINK_ICONS.get(lowered)


def stable_hue(text: str) -> int:
    """A hue for ``text`` (compared in lower case), alike on every machine and release."""
    return blake2b(text.lower().encode(), digest_size=2).digest()[0] % HUES


def kind_mark(kind: str) -> KindMark:
    """The mark of ``kind`` in any case; kinds we do not know get a hue of their own and the declared icon or the neutral shape."""
    known = _KINDS.get(kind.lower())
    if known:
        return KindMark(*known)
    look = _declared.get().get(kind.lower())
    return KindMark((look.icon if look else None) or "kind", stable_hue(kind))


def link_icon(name: str | None) -> str:
    """The icon for an entity's link whose ``icon`` field is ``name``; a plain link sign where we have none."""
    return _LINK_ICONS.get((name or "").lower(), "link")


def initials(title: str) -> str:
    """One or two letters for an avatar: the first of the first and the last word, in capitals."""
    words = [w for w in title.replace("-", " ").replace("_", " ").replace(".", " ").split() if w[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])).upper()
