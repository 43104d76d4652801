"""Which language a page is in: what the user chose, else what this browser chose, else what the browser asks for.

A user's choice is kept with the user (``kernel.user_settings.LOCALE``) and made on the page of preferences, so it holds in every
browser; strangers and guests, who have no such page, choose at ``/locale`` and have a cookie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from starlette.responses import Response

from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.user_settings import BUCKET, LOCALE, UserSettings
from callboard.kernel.web.cookies import LOCALE_COOKIE, set_cookie
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

MAX_AGE_S = 400 * 86_400
"""As long as browsers keep a cookie."""
MAX_FORM_BYTES = 4 * 1024


async def find_chosen(portal: Any, subject: str) -> str | None:
    """The language that a user chose; None without a choice, and while the database does not answer."""
    try:
        chosen = await UserSettings(portal.db, portal.clock).find(subject, BUCKET, LOCALE)
    except CallboardError:
        return None  # the page itself will say what is wrong
    return chosen if isinstance(chosen, str) else None


def locale_routes(portal: Any) -> Sequence[Route]:
    """``POST /locale``: a form with ``locale`` (empty: as the browser asks) and ``next``, from whoever can see a page."""

    async def choose(request: Request) -> Response:
        form = await request.read_form()
        locale = form.get("locale", "")
        if locale and locale not in request.locales:
            raise InputError(
                f"There are no messages in {locale!r}. Choose one of {', '.join(request.locales)}.", field="locale"
            )
        response = Redirect(safe_next(form.get("next")), headers={"cache-control": "no-store"})
        if request.is_own_user:
            values = UserSettings(portal.db, portal.clock)
            async with portal.db.write() as tx:
                await values.put_all(tx, request.actor.subject, BUCKET, {LOCALE: locale or None})
                meta = {"bucket": BUCKET, "key": LOCALE}
                await portal.audit.record(
                    tx, "user-setting-write", actor=request.actor, severity="low", meta=meta, request=request
                )
        # what sign-in left for the pages before it is brought along
        if not request.is_own_user or LOCALE_COOKIE in request.cookies:
            set_cookie(response, portal.auth.settings, LOCALE_COOKIE, locale, max_age_s=MAX_AGE_S if locale else 0)
        return response

    return [Route("/locale", choose, ("POST",), auth="public", name="locale", max_body_bytes=MAX_FORM_BYTES)]
