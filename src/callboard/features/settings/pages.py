"""What the templates of personal settings may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from callboard.features.settings.service import Membership, Profile
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """``settings/profile.html``. ``groups`` are direct ones first; ``is_guest`` for those who share one account."""

    title: str
    profile: Profile
    groups: Sequence[Membership]
    is_guest: bool
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A place where somebody is signed in. ``mark`` names it in the form; ``is_this`` is the browser that asks."""

    mark: str
    place: str
    provider: str
    since: Any
    seen: Any
    is_this: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """``settings/sessions.html``. ``has_password``: the form to change it is shown; ``error`` belongs to ``error_field`` of it."""

    title: str
    sessions: Sequence[SessionLine]
    has_password: bool
    ended: bool = False
    error: str = ""
    error_field: str = ""
    crumbs: Sequence[Crumb] = ()


def place_of(user_agent: str | None, t: Translator) -> str:
    """``Firefox on Linux``, as far as the browser says so."""
    text = user_agent or ""
    browser = next((name for word, name in _BROWSERS if f"{word}/" in text), "")
    system = next((name for word, name in _SYSTEMS if word in text), "")
    if browser and system:
        return t("settings.place", browser=browser, system=system)
    return browser or system or t("settings.place_unknown")
