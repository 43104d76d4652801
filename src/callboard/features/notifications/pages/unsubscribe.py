"""The page that a link in a mail leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """``notifications/unsubscribe.html``. Posts to itself; ``all`` turns off every mail. ``origin`` is empty in a digest's link.

    ``is_done``: it was turned off just now, ``is_all`` says whether all of it.
    """

    title: str
    token: str
    origin: str
    topic: str
    is_done: bool = False
    is_all: bool = False
    crumbs: Sequence[Any] = ()
