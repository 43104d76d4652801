"""Accent and logo of one portal: read from the settings when it starts, served under addresses that name their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from callboard.kernel.errors import CallboardError, InputError, NotFoundError
from callboard.kernel.logs import get_logger
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.ui.look.colours import palette_of, parse_colour
from callboard.ui.look.logos import MAX_BYTES, Logo, read_logo

if TYPE_CHECKING:
    from callboard.kernel.settings import Settings

log = get_logger(__name__)
_FOREVER = "public, max-age=31536000, immutable"
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True, slots=True)
class Shown:
    """``site_look`` of templates: addresses of the style sheet with the accent and of the logo, None for the portal's own."""

    sheet: str | None = None
    logo_url: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """An accent (``#rrggbb``) and a logo, None where the portal's own is used."""

    accent: str | None = None
    logo: Logo | None = None

    @property
    def shown(self) -> Shown:
        logo = None if self.logo is None else f"/look/logo-{digest(self.logo)}{self.logo.suffix}"
        return Shown(None if self.accent is None else sheet_of(self.accent), logo)


def sheet_of(colour: str) -> str:
    return f"/look/{colour.removeprefix('#')}.css"


def digest(logo: Logo) -> str:
    return hashlib.sha256(logo.content).hexdigest()[:16]


def read_look(settings: "Settings") -> Look:
    """``app.branding`` of the settings. What cannot be used is told in the log, and the portal's own takes its place."""
    accent = None
    if (named := settings.get("app.branding.accent")) is not None:
        accent = parse_colour(str(named))
        if accent is None:
            log.warning("app.branding.accent is no colour, as #1d4f9e is one; the portal's own is used", given=named)
    logo = None
    if (path := settings.get("app.branding.logo")) is not None:
        try:
            logo = read_logo(_read_file(settings, str(path)))
        except CallboardError as error:
            log.warning(f"app.branding.logo cannot be used: {error.message}", path=path)
    return Look(accent, logo)


def _read_file(settings: "Settings", path: str) -> bytes:
    """The file, beside the settings that name it. Never more than a logo may have."""
    source = settings.source_of("app.branding.logo")
    folder = Path(source.file).parent if source is not None and source.line is not None else Path()
    try:
        with (folder / path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


class LookViews:
    """``/look/…``: for everybody, as the sign-in page needs it."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def routes(self) -> list[Route]:
        return [Route("/look/{file}", self.serve, auth="public", name="look")]

    async def serve(self, request: Request) -> Response:
        file: str = request.path_params["file"]
        if self._look.logo is not None and f"/look/{file}" == self._look.shown.logo_url:
            return picture(self._look.logo, _FOREVER)
        colour = parse_colour(file.removesuffix(".css")) if file.endswith(".css") and len(file) == 10 else None
        if colour is None:
            raise NotFoundError("There is no such file.")
        return Response(
            palette_of(colour).css(), media_type="text/css; charset=utf-8", headers={"cache-control": _FOREVER}
        )


def picture(logo: Logo, kept: str) -> Response:
    """The answer that carries a logo: as a page of its own it could do nothing but show."""
    headers = {"cache-control": kept, "content-security-policy": _PICTURE_POLICY, "x-content-type-options": "nosniff"}
    return Response(logo.content, media_type=logo.type, headers=headers)
