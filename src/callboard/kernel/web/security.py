"""Headers that every answer carries, made once.

API paths carry the set of Backstage's backend (facts: recorded answers), with a content policy that lets JSON do
nothing at all. Pages carry a strict policy: scripts and styles from here with a nonce, no other host, no frames.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.kernel.auth.settings import AuthSettings

Header = tuple[bytes, bytes]

API_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=15552000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-dns-prefetch-control", b"off"),
    (b"x-download-options", b"noopen"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-permitted-cross-domain-policies", b"none"),
    (b"x-xss-protection", b"0"),
)
JSON_HEADERS: tuple[Header, ...] = (
    *API_HEADERS,
    (b"content-type", b"application/json; charset=utf-8"),
    (b"vary", b"Accept-Encoding"),
)

_PAGE: tuple[Header, ...] = (
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_HSTS: Header = (b"strict-transport-security", b"max-age=15552000; includeSubDomains")


def make_nonce() -> str:
    return secrets.token_urlsafe(16)


OPEN_DIRECTIVES = ("img-src", "connect-src", "font-src", "media-src", "frame-src", "form-action")
"""What ``backend.csp`` may widen. Scripts, styles, frames around us and the base of links stay as they are."""
_SOURCE = re.compile(
    r"'self'|data:|blob:|https?:|wss?:"
    r"|(?:(?:https?|wss?)://)?(?:\*\.)?[A-Za-z0-9.-]+(?::(?:\d+|\*))?(?:/[A-Za-z0-9._~/-]*)?"
)


def read_policy(given: Any) -> str:
    """``backend.csp`` as further directives of a page's policy: names in kebab or camel case to lists of sources.

    Raises:
        InputError: a source that is none, which could end the directive and begin another.
    """
    out = []
    for name, sources in given.items() if isinstance(given, dict) else ():
        directive = re.sub("[A-Z]", lambda m: f"-{m[0].lower()}", str(name))
        if directive not in OPEN_DIRECTIVES or not isinstance(sources, list):
            continue
        for source in sources:
            if not isinstance(source, str) or not _SOURCE.fullmatch(source):
                raise InputError(f"{source!r} is no source of a content security policy.", field=f"backend.csp.{name}")
        out.append(f";{directive} {' '.join(dict.fromkeys([*_OWN.get(directive, ()), *sources]))}")
    return "".join(out)


_OWN = {"img-src": ("'self'", "data:"), "connect-src": ("'self'",), "font-src": ("'self'",), "form-action": ("'self'",)}


def page_policy(nonce: str, more: str = "") -> str:
    """The content security policy of a page whose inline script and style elements carry ``nonce``.

    ``more`` comes first: of a directive that stands twice the first counts.
    """
    return (
        more.lstrip(";")
        + (";" if more else "")
        + (
            f"default-src 'none';script-src 'self' 'nonce-{nonce}';style-src 'self' 'nonce-{nonce}';img-src 'self' data:;"
            "font-src 'self';connect-src 'self';manifest-src 'self';worker-src 'self';form-action 'self';base-uri 'none';"
            "object-src 'none';frame-ancestors 'none'"
        )
    )


def page_headers(settings: "AuthSettings", nonce: str | None, more: str = "") -> list[Header]:
    """Headers of a page; without a nonce nothing inline runs. ``more``: see ``read_policy``."""
    policy = page_policy(nonce or "x", more)
    if nonce is None:
        policy = policy.replace(" 'nonce-x'", "")
    headers = [(b"content-security-policy", policy.encode()), *_PAGE]
    if settings.secure_cookies:
        headers.append(_HSTS)
    return headers
