"""Headers that every answer carries, made once.

API paths carry the set of Backstage's backend (facts: recorded answers), with a content policy that lets JSON do
nothing at all. Pages carry a strict policy: scripts and styles from here with a nonce, no other host, no frames.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

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


def page_policy(nonce: str) -> str:
    """The content security policy of a page whose inline script and style elements carry ``nonce``."""
    return (
        f"default-src 'none';script-src 'self' 'nonce-{nonce}';style-src 'self' 'nonce-{nonce}';img-src 'self' data:;"
        "font-src 'self';connect-src 'self';manifest-src 'self';worker-src 'self';form-action 'self';base-uri 'none';"
        "object-src 'none';frame-ancestors 'none'"
    )


def page_headers(settings: "AuthSettings", nonce: str | None) -> list[Header]:
    """Headers of a page; without a nonce nothing inline runs."""
    policy = page_policy(nonce) if nonce else _NO_NONCE
    headers = [(b"content-security-policy", policy.encode()), *_PAGE]
    if settings.secure_cookies:
        headers.append(_HSTS)
    return headers


_NO_NONCE = page_policy("x").replace(" 'nonce-x'", "")
