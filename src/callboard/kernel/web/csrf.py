"""Proof that a request without an Authorization header was made by one of our own pages.

The token in a page is derived from a secret that only the browser's cookie has (the session id, or before sign-in a
cookie of its own) and masked anew for each page, so that compression leaks nothing of it. Beside the token the
browser's own word counts: ``Sec-Fetch-Site`` and ``Origin`` must not name another site.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Mapping

from callboard.kernel.errors import NotAllowedError
from callboard.model.urls import split_http

COOKIE = "callboard_csrf"
FIELD = "csrf_token"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


class CsrfRefused(NotAllowedError):
    """The request does not prove that it comes from a page of this portal."""

    code = "web.csrf"

    def __init__(self, why: str) -> None:
        super().__init__(f"This request was refused: {why}. Load the page again and repeat what you did.")


def make_secret() -> str:
    """A fresh value for the cookie."""
    return secrets.token_urlsafe(32)


def is_secret(value: str | None) -> bool:
    return value is not None and _COOKIE_VALUE.fullmatch(value) is not None


def make_token(secret: str) -> str:
    """A token for a page: a random mask, and the digest of ``secret`` under it; 86 characters, new each time."""
    digest = _digest(secret)
    mask = secrets.token_bytes(len(digest))
    return base64.urlsafe_b64encode(mask + _xor(mask, digest)).rstrip(b"=").decode()


def is_token(token: str, secret: str) -> bool:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return False
    if len(data) != 64:
        return False
    return hmac.compare_digest(_xor(data[:32], data[32:]), _digest(secret))


def require_same_site(headers: Mapping[str, str], own_origins: frozenset[str]) -> None:
    """Raise ``CsrfRefused`` if the browser says that another site made the request. ``headers`` have lower-case names."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise CsrfRefused("it came from another site")
    origin = headers.get("origin")
    if origin is None:
        return
    host = headers.get("host", "").lower()
    parts = split_http(origin)
    if origin.lower() not in own_origins and not (parts is not None and host and parts.netloc.lower() == host):
        raise CsrfRefused("it came from another site")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(b"callboard csrf " + secret.encode()).digest()


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")
