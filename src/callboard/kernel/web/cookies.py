"""Cookies of this portal: for this host alone, out of reach of scripts unless said otherwise, ``Secure`` where people come by https."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from callboard.kernel.auth.settings import AuthSettings


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


def clear_cookie(response: Response, settings: AuthSettings, name: str) -> None:
    response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=settings.secure_cookies)
