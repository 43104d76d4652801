"""Every key that does something, told in one place: the list behind ``?``, the page ``/keyboard``, and ``static/js/keys.js``.

What a key presses is said by the page: an element with ``data-keys="s"`` is followed, pressed or focused by it; inside a row
(``data-row``) it counts for the row that is current. The places of the navigation have ``g`` and a letter of their own
(``NavItem.key``). A plugin's page adds keys of its own by the same attribute, named by ``data-keys-title``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal["everywhere", "lists", "here"]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """``keys`` as pressed one after the other ("g c"); ``Ctrl K`` and such are pressed together. ``title`` is a message id.

    ``where``: on every page; in lists whose rows are marked; or where the page has what ``selector`` finds, which is how the
    list behind ``?`` knows what works on this page. ``is_single``: goes off with the preference for single keys (WCAG 2.1.4).
    """

    id: str
    keys: str
    title: str
    where: Where
    selector: str = "body"
    is_single: bool = True


SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("palette", "Ctrl K", "keys.palette", "everywhere", "#palette", is_single=False),
    Shortcut("search", "/", "keys.search", "everywhere"),
    Shortcut("help", "?", "keys.help", "everywhere"),
    Shortcut("next", "j", "keys.next", "lists", "[data-list] [data-row]"),
    Shortcut("previous", "k", "keys.previous", "lists", "[data-list] [data-row]"),
    Shortcut("open", "o", "keys.open", "lists", "[data-list] [data-row]"),
    Shortcut("open-enter", "Enter", "keys.open", "lists", "[data-list] [data-row]", is_single=False),
    Shortcut("select", "x", "keys.select", "lists", "[data-row] input[type=checkbox]"),
    Shortcut("star", "s", "keys.star", "here", '[data-keys="s"]'),
    Shortcut("edit", "e", "keys.edit", "here", '[data-keys="e"]'),
    Shortcut("views", "v", "keys.views", "here", '[data-keys="v"]'),
    Shortcut("columns", "l", "keys.columns", "here", '[data-keys="l"]'),
    Shortcut("close", "Esc", "keys.close", "everywhere", is_single=False),
)
