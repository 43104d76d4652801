"""What the next page tells once: that a form did its work, and where to go on. A cookie of this browser keeps it until it is shown.

It names a message and its arguments, so it is told in the reader's language and escaped like any text. It is no secret and nothing is
decided by it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping

import orjson
from starlette.responses import Response

from callboard.kernel.web.cookies import set_cookie
from callboard.kernel.web.responses import safe_next

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

COOKIE = "callboard_notice"
MAX_AGE_S = 60
"""Long enough for the page that follows; a notice that nobody fetched is stale soon."""
MAX_ARGUMENT, MAX_COOKIE = 120, 1_500


@dataclass(frozen=True, slots=True)
class Notice:
    """``message`` and ``detail`` are ids of messages; ``way`` is (id of a message, path) or None."""

    message: str
    detail: str = ""
    way: tuple[str, str] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


def leave_notice(request: Request, response: Response, notice: Notice) -> Response:
    """``response`` (a redirect, as a rule), after which the next page tells the notice."""
    told = {
        key: value if len(value) <= MAX_ARGUMENT else f"{value[: MAX_ARGUMENT - 1]}…"
        for key, value in notice.arguments.items()
    }
    packed = (
        base64.urlsafe_b64encode(orjson.dumps([notice.message, notice.detail, notice.way, told])).rstrip(b"=").decode()
    )
    if len(packed) <= MAX_COOKIE:
        set_cookie(response, request.portal.auth.settings, COOKIE, packed, max_age_s=MAX_AGE_S)
    return response


def read_notice(cookie: str | None) -> Notice | None:
    """What a cookie says; None for none, and for what this portal did not write."""
    if not cookie or len(cookie) > MAX_COOKIE:
        return None
    try:
        value = orjson.loads(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)))
    except (binascii.Error, ValueError):
        return None
    match value:
        case [str(message), str(detail), [str(), str()] | None as way, dict(told)] if all(
            isinstance(v, str) for v in told.values()
        ):
            path = safe_next(way[1], "") if way else ""
            return Notice(message, detail, (way[0], path) if way and path else None, told)
    return None
