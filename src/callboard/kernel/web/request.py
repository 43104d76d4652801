"""The request that handlers get: Starlette's, knowing the portal, the actor and how to answer with a page."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Mapping

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response

from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.kernel.errors import InputError
from callboard.kernel.web import csrf, notices, security
from callboard.kernel.web.body import parse_json
from callboard.kernel.web.cookies import LOCALE_COOKIE

if TYPE_CHECKING:
    from callboard.kernel.web.routing import Receive, Scope
    from callboard.kernel.web.templates import Templates

_LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")


class Request(StarletteRequest):
    """Adds ``actor``, ``portal``, ``id``, ``locale``, ``csrf_token``, ``nonce``, ``render`` and ``read_json``."""

    def __init__(self, scope: "Scope", receive: "Receive", *, portal: Any, templates: "Templates", id: str) -> None:
        super().__init__(scope, receive)
        self.portal = portal
        self.actor: Actor = ANONYMOUS
        self.id = id
        self.page_context: dict[str, Any] = {}
        """Names for the layout, as ``register_page_context`` gave them."""
        self.new_csrf_secret: str | None = None
        """Set when the answer must give the browser its CSRF cookie."""
        self.has_told = False
        """Whether this page told the notice that the one before it left."""
        self._templates = templates
        self._nonce: str | None = None
        self.chosen_locale: str | None = None
        """What the user chose, in whatever browser."""

    @property
    def nonce(self) -> str:
        """For inline ``<script nonce>`` and ``<style nonce>`` on this page."""
        if self._nonce is None:
            self._nonce = security.make_nonce()
        return self._nonce

    @property
    def used_nonce(self) -> str | None:
        return self._nonce

    @property
    def csrf_secret(self) -> str | None:
        """What CSRF tokens are derived from: the session id, or before sign-in the CSRF cookie; None without either."""
        session_id: str | None = self.portal.auth.session_id_of(self.scope)
        if session_id is not None and self.actor.via == "session":
            return session_id
        cookie = self.cookies.get(csrf.COOKIE)
        return cookie if csrf.is_secret(cookie) else None

    @property
    def csrf_token(self) -> str:
        """A token for forms (``csrf_token``) and the header ``X-CSRF-Token``; new each time, all valid."""
        secret = self.csrf_secret or self.new_csrf_secret
        if secret is None:
            secret = self.new_csrf_secret = csrf.make_secret()
        return csrf.make_token(secret)

    @property
    def locale(self) -> str:
        """What the user chose, else what this browser chose, else the first of its languages that has messages, else ``en``."""
        for chosen in (self.chosen_locale, self.cookies.get(LOCALE_COOKIE)):
            if chosen and chosen in self._templates.locales:
                return chosen
        return pick_locale(self.headers.get("accept-language", ""), self._templates.locales)

    @property
    def locales(self) -> list[str]:
        """Languages that there are messages in."""
        return self._templates.locales

    @property
    def is_own_user(self) -> bool:
        """Whether somebody is signed in who has settings of their own: a guest shares theirs with all others."""
        return self.actor.is_user and not self.portal.auth.is_guest(self.actor)

    @property
    def translate(self) -> Callable[..., str]:
        """``t`` for this reader."""
        return self._templates.translator(self.locale)

    def moment(self, at: datetime) -> Any:
        """A time as templates draw it."""
        return self._templates.tools.moment(at, self.portal.clock.now())

    def take_notice(self) -> notices.Notice | None:
        """What the page before left to tell, once: the answer makes the browser forget it. Fragments leave it for the next page."""
        if self.is_fragment:
            return None
        self.has_told = notices.COOKIE in self.cookies
        return notices.read_notice(self.cookies.get(notices.COOKIE))

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of a page. A page restored from history is asked for whole."""
        return self.headers.get("hx-request") == "true" and self.headers.get("hx-history-restore-request") != "true"

    def render(
        self,
        template: str,
        page: Any = None,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response:
        """A page. The template sees ``page``, ``request``, ``actor``, ``nav_items()``, ``more_places()``, ``is_guest()``,
        ``site_name()``, ``nonce()``, ``csrf_token()``, ``t()``, ``static()``, ``url_for()``, what ``PageTools`` adds, and ``context``.
        """
        html = self._templates.render(template, self, page, context)
        response = Response(html, status, media_type="text/html")
        response.headers["cache-control"] = "private, no-cache"
        response.headers["vary"] = "Accept-Encoding, Accept-Language, Cookie, HX-Request"
        response.headers.update(headers or {})
        return response

    async def read_json(self) -> Any:
        """The body as JSON; ``{}`` for an empty body or another content type, as Express has it.

        Raises ``InputError`` in Node's words, ``RequestTooLarge`` beyond the route's limit.
        """
        if "json" not in self.headers.get("content-type", ""):
            return {}
        body = await self.body()
        return parse_json(body) if body.strip() else {}

    async def _get_form(self, **limits: Any) -> FormData:
        """The form, also the one that is awaited by ``form()``. Raises ``InputError`` for one that is malformed or has a part that is too large."""
        try:
            return await super()._get_form(**limits)
        except MultiPartException as error:
            raise InputError(f"The form cannot be read: {error.message}") from None

    async def read_form(self) -> dict[str, str]:
        """Text fields of a form, the last one of each name; files are left out."""
        form = await self.form()
        return {key: value for key, value in form.multi_items() if isinstance(value, str)}

    async def require_object(self) -> dict[str, Any]:
        """``read_json`` that must be an object. Raises ``InputError``."""
        value = await self.read_json()
        if not isinstance(value, dict):
            raise InputError("The body must be a JSON object.")
        return value


def pick_locale(accept_language: str, available: "list[str]") -> str:
    """The best of ``available`` for an Accept-Language header. Source: RFC 4647, lookup."""
    if not accept_language or len(available) < 2:
        return "en"
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:500].split(","):
        if match := _LANGUAGE.fullmatch(part):
            wanted.append((-float(match[2] or 1), match[1].lower()))
    known = {locale.lower(): locale for locale in available}
    for weight, tag in sorted(wanted, key=lambda pair: pair[0]):
        while tag and weight < 0:
            if tag in known:
                return known[tag]
            tag = tag.rpartition("-")[0]
    return "en"
