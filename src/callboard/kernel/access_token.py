"""Access tokens of outside APIs: asked for when first needed, kept, and renewed before they end."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any, Awaitable, Callable, Mapping
from urllib.parse import urlencode

import orjson

from callboard.kernel.clock import Clock
from callboard.kernel.errors import UnavailableError
from callboard.kernel.remote_api import Http

RENEW_BEFORE = timedelta(minutes=5)


class AccessToken:
    """``renew`` gives a token and the time at which it ends; it is called again ``RENEW_BEFORE`` that."""

    def __init__(self, renew: Callable[[], Awaitable[tuple[str, datetime]]], clock: Clock) -> None:
        self._renew = renew
        self._clock = clock
        self._token = ""
        self._expires_at: datetime | None = None

    async def get(self) -> str:
        """Raises what ``renew`` raises."""
        if self._expires_at is None or self._clock.now() >= self._expires_at - RENEW_BEFORE:
            self._token, self._expires_at = await self._renew()
        return self._token


async def ask_client_token(
    http: Http, url: str, *, form: Mapping[str, Any], now: datetime, refused: str, authorization: str | None = None
) -> tuple[str, datetime]:
    """A token for client credentials (RFC 6749, section 4.4) and the time at which it ends.

    Raises:
        UnavailableError: the answer holds no token. ``refused`` begins its message, the status is added in brackets.
    """
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    content = urlencode({"grant_type": "client_credentials", **form}).encode()
    response = await http.post(url, content=content, headers=headers)
    try:
        answer = orjson.loads(response.body)
        return str(answer["access_token"]), now + timedelta(seconds=int(answer["expires_in"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(f"{refused} ({response.status})") from error


def basic_authorization(username: str, password: str) -> str:
    """The value of an ``Authorization`` header. Source: RFC 7617."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
