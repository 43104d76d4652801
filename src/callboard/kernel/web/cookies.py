"""Cookies of this portal: for this host alone, out of reach of scripts unless said otherwise, ``Secure`` where people come by https."""

from __future__ import annotations

import re
from typing import Any, Literal, Mapping

from starlette.responses import Response

from callboard.kernel.auth.settings import AuthSettings

THEME_COOKIE = "callboard_theme"
"""Which look a browser wants: light or dark; without it that of its system. Scripts of our pages may read and set it."""
LOCALE_COOKIE = "callboard_locale"
"""Which language; without it the one that the browser asks for."""
_YEAR_S = 365 * 24 * 3600
_PLAIN = re.compile(r"[A-Za-z0-9-]{0,20}")


def set_cookie(
    response: Response,
    settings: AuthSettings,
    name: str,
    value: str,
    *,
    same_site: Literal["lax", "strict"] = "lax",
    max_age_s: int | None = None,
    for_scripts: bool = False,
) -> None:
    """Without ``max_age_s`` the browser forgets it when it closes. ``for_scripts``: no secret, and our pages' scripts use it."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        httponly=not for_scripts,
        samesite=same_site,
        secure=settings.secure_cookies,
    )


def remember_choices(response: Response, settings: AuthSettings, values: Mapping[str, Any]) -> None:
    """``theme`` and ``locale`` of a user into the browser, so that the first paint knows them; what is not chosen is forgotten."""
    for key, name in (("theme", THEME_COOKIE), ("locale", LOCALE_COOKIE)):
        value = values.get(key) or ""
        if isinstance(value, str) and _PLAIN.fullmatch(value):
            set_cookie(
                response, settings, name, value, max_age_s=_YEAR_S if value else 0, for_scripts=name == THEME_COOKIE
            )


def clear_cookie(response: Response, settings: AuthSettings, name: str) -> None:
    response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=settings.secure_cookies)
