"""Secrets on their way through the pages of a form: encrypted in the form itself, never kept here.

The key comes from what only the browser's cookie has (as the CSRF token's does), so nothing that is stored could open them, and another
session cannot either.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Mapping

import orjson

MAX_SEALED = 200_000


def seal(value: Mapping[str, Any], *, secret: str, purpose: str) -> str:
    """``value`` as a compact JWE (``dir``, ``A256GCM``); empty for an empty one. ``purpose`` must be given again to open it."""
    if not value:
        return ""
    from joserfc import jwe
    from joserfc.jwk import OctKey

    header = {"alg": "dir", "enc": "A256GCM"}
    return jwe.encrypt_compact(header, orjson.dumps(value), OctKey.import_key(_key(secret, purpose)))


def unseal(text: str, *, secret: str, purpose: str) -> dict[str, Any] | None:
    """What was sealed; None when it was sealed by another session, for another purpose, or was changed. Empty text is empty."""
    if not text:
        return {}
    if len(text) > MAX_SEALED:
        return None
    from joserfc import jwe
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey

    try:
        opened = jwe.decrypt_compact(text, OctKey.import_key(_key(secret, purpose)), algorithms=["dir", "A256GCM"])
        value = orjson.loads(opened.plaintext or b"")
    except (JoseError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _key(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), b"callboard form secrets " + purpose.encode(), hashlib.sha256).digest()
