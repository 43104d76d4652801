"""The links in mails that turn mails off: signed, so that nobody turns off somebody else's, and good without signing in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from callboard.features.notifications.channels import store
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError

MAX_TOKEN = 2000


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a link is about: mails to ``user`` of that origin and topic (both empty in a digest: all of them)."""

    user: str
    origin: str
    topic: str


class UnsubscribeLinks:
    """Makes tokens and reads them. The key is made when first needed and the same in every replica."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._key: bytes | None = None

    async def make(self, about: Unsubscription) -> str:
        body = json.dumps([about.user, about.origin, about.topic], ensure_ascii=False, separators=(",", ":")).encode()
        return f"{_encode(body)}.{_encode(self._sign(await self._get_key(), body))}"

    async def read(self, token: str) -> Unsubscription:
        """Raises ``InputError`` for what was not made here."""
        body, _, signature = token.partition(".")
        try:
            given, signed = _decode(body), _decode(signature)
        except ValueError:
            given, signed = b"", b""
        if len(token) > MAX_TOKEN or not hmac.compare_digest(self._sign(await self._get_key(), given), signed):
            raise InputError(
                "This link is not complete. Open it from the mail again, or change the settings.", field="t"
            )
        return Unsubscription(*json.loads(given))

    @staticmethod
    def _sign(key: bytes, body: bytes) -> bytes:
        return hmac.new(key, b"callboard unsubscribe " + body, hashlib.sha256).digest()

    async def _get_key(self) -> bytes:
        if self._key is None:
            async with self._db.read() as tx:
                found = await store.find_key(tx)
            if found is None:
                async with self._db.write() as tx:
                    await store.put_key(tx, secrets.token_hex(32))
                    found = await store.find_key(tx)
            assert found is not None
            self._key = found.encode()
        return self._key


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4))
