"""JWTs signed here: user, limited user and plugin tokens as Backstage makes them, and the keys that sign them.

Source: Backstage auth-backend 0.30 and backend-defaults 0.18. ES256 only. The ``typ`` of the header says what a token
is for, and each check demands its own: a limited user token never passes for a user token, nor the other way round.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Mapping

from callboard.kernel.auth import store
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import AuthenticationError

USER = "vnd.backstage.user"
LIMITED_USER = "vnd.backstage.limited-user"
PLUGIN = "vnd.backstage.plugin"
AUDIENCE = "backstage"
MAX_LENGTH = 32_768
ROTATE_EVERY = timedelta(days=30)
LONGEST_TOKEN = timedelta(hours=24)
_RELOAD_EVERY_S = 10.0


class IllegalToken(AuthenticationError):
    """The token is not one of ours, is not for this use, or is over. The message is Backstage's and says no more."""

    code = "auth.illegal_token"

    def __init__(self) -> None:
        super().__init__("Illegal token")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """``expires_in_s`` counts from now, as whole seconds."""

    token: str
    expires_at: datetime
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked token says. ``expires_at`` is in seconds since 1970; ``values`` are all claims."""

    type: str
    subject: str
    expires_at: float
    values: Mapping[str, Any]


def encode(value: Mapping[str, Any] | bytes) -> str:
    """Base64url without padding of bytes, or of compact JSON in the order given."""
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_part(part: str) -> Any:
    """JSON of one part of a token. Raises ``IllegalToken``."""
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, UnicodeError):
        raise IllegalToken from None


def peek_header(token: str) -> dict[str, Any]:
    """The header, unchecked: enough to know whom to ask. Raises ``IllegalToken`` when there is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_LENGTH:
        raise IllegalToken
    header = decode_part(parts[0])
    if not isinstance(header, dict):
        raise IllegalToken
    return header


class KeyRing:
    """ES256 keys of one plugin, in the database so that replicas and restarts share them.

    A key signs for 30 days and is published until the last token that it signed is over.
    """

    def __init__(self, db: Database, clock: Clock, plugin: str) -> None:
        self._db = db
        self._clock = clock
        self._plugin = plugin
        self._keys: dict[str, tuple[Any, datetime]] = {}  # newest first
        self._loaded_at: float | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> tuple[str, Any]:
        """(kid, key) to sign with; made if there is none young enough."""
        async with self._lock:
            found = self._young()
            if found is None:
                await self._load()
                found = self._young()
            return found if found is not None else await self._make()

    async def find(self, kid: str) -> Any | None:
        """The public or private key with this id; another replica's newest is looked up, at most every 10 s."""
        known = self._keys.get(kid)
        if known is None:
            async with self._lock:
                stale = self._loaded_at is None or self._clock.monotonic() - self._loaded_at >= _RELOAD_EVERY_S
                if kid not in self._keys and stale:
                    await self._load()
            known = self._keys.get(kid)
        return known[0] if known is not None and self._clock.now() < known[1] else None

    async def public_keys(self) -> list[dict[str, Any]]:
        """The JWKs to publish, newest first; there is always one."""
        await self.current()
        now = self._clock.now()
        return [_public(kid, key) for kid, (key, retire_at) in self._keys.items() if now < retire_at]

    def _young(self) -> tuple[str, Any] | None:
        limit = self._clock.now() + LONGEST_TOKEN
        return next(((kid, key) for kid, (key, retire_at) in self._keys.items() if retire_at > limit), None)

    async def _load(self) -> None:
        from joserfc.jwk import ECKey

        async with self._db.read() as tx:
            rows = await store.list_keys(tx, self._plugin, format_time(self._clock.now()))
        self._keys = {row[0]: (ECKey.import_key(json.loads(row[1])), parse_time(row[3])) for row in rows}
        self._loaded_at = self._clock.monotonic()

    async def _make(self) -> tuple[str, Any]:
        from joserfc.jwk import ECKey

        key = ECKey.generate_key("P-256", private=True)
        kid, now = str(uuid.uuid4()), self._clock.now()
        retire_at = now + ROTATE_EVERY + LONGEST_TOKEN
        async with self._db.write() as tx:
            await store.delete_retired_keys(tx, format_time(now))
            await store.insert_key(
                tx, kid, self._plugin, json.dumps(key.as_dict(private=True)), format_time(now), format_time(retire_at)
            )
        self._keys = {kid: (key, retire_at), **self._keys}
        return kid, key


def _public(kid: str, key: Any) -> dict[str, Any]:
    jwk = key.as_dict(private=False)
    return {"kty": "EC", "x": jwk["x"], "y": jwk["y"], "crv": "P-256", "kid": kid, "alg": "ES256"}


def _sign(header: Mapping[str, Any], payload: Mapping[str, Any], key: Any) -> str:
    from joserfc import jws

    return str(jws.serialize_compact(dict(header), decode_bytes(encode(payload)), key, algorithms=["ES256"]))


def decode_bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Tokens:
    """Makes and checks them. ``issuer`` is the base URL of the auth plugin, ``lifetime`` that of user tokens."""

    def __init__(self, db: Database, clock: Clock, *, issuer: str, lifetime: timedelta) -> None:
        self._clock = clock
        self.issuer = issuer
        self.lifetime = lifetime
        self.user_keys = KeyRing(db, clock, "auth")
        self.plugin_keys = KeyRing(db, clock, "plugins")
        """Plugins share one process, so they share one ring; ``sub`` and ``aud`` tell them apart."""

    async def issue_user_token(self, user_ref: str, *, claims: Mapping[str, Any] | None = None) -> IssuedToken:
        """A user token; its claim ``uip`` is the signature of the limited token that any holder may derive."""
        kid, key = await self.user_keys.current()
        now = self._clock.now()
        iat = int(now.timestamp())
        exp = iat + int(self.lifetime.total_seconds())
        limited = _sign(*_limited_parts(kid, user_ref, iat, exp), key)
        payload = {
            "iss": self.issuer, "sub": user_ref, **(claims or {}), "aud": AUDIENCE, "iat": iat, "exp": exp,
            "uip": limited.rpartition(".")[2],
        }  # fmt: skip
        token = _sign({"typ": USER, "alg": "ES256", "kid": kid}, payload, key)
        expires_at = datetime.fromtimestamp(exp, now.tzinfo)
        return IssuedToken(token, expires_at, int((expires_at - now).total_seconds()))

    async def issue_plugin_token(self, plugin: str, target: str, *, on_behalf_of: str | None = None) -> IssuedToken:
        """A token by which ``plugin`` calls ``target`` for an hour; ``on_behalf_of`` is a limited user token."""
        kid, key = await self.plugin_keys.current()
        now = self._clock.now()
        iat = int(now.timestamp())
        payload = {"sub": plugin, "aud": target, "iat": iat, "exp": iat + 3600}
        if on_behalf_of is not None:
            payload["obo"] = on_behalf_of
        token = _sign({"typ": PLUGIN, "alg": "ES256", "kid": kid}, payload, key)
        return IssuedToken(token, datetime.fromtimestamp(iat + 3600, now.tzinfo), 3600)

    async def verify(self, token: str, *, types: frozenset[str], audience: str | None = None) -> Claims:
        """Check signature, type, issuer, audience and expiry.

        Args:
            types: the ``typ`` values that will do.
            audience: the plugin that is being called, for plugin tokens.

        Raises:
            IllegalToken: anything at all is wrong. ``alg`` other than ES256 never reaches a key.
        """
        header = peek_header(token)
        kind, kid = header.get("typ"), header.get("kid")
        if kind not in types or header.get("alg") != "ES256" or not isinstance(kid, str) or "crit" in header:
            raise IllegalToken
        key = await (self.plugin_keys if kind == PLUGIN else self.user_keys).find(kid)
        if key is None:
            raise IllegalToken
        values = check_signature(token, key, ["ES256"])
        now = self._clock.now().timestamp()
        require_current(values, now)
        subject = values.get("sub")
        if not isinstance(subject, str) or not subject:
            raise IllegalToken
        if kind == USER and (values.get("iss") != self.issuer or AUDIENCE not in as_list(values.get("aud"))):
            raise IllegalToken
        if kind == PLUGIN and (audience is None or audience not in as_list(values.get("aud"))):
            raise IllegalToken
        return Claims(kind, subject, float(values["exp"]), values)


def check_signature(token: str, key: Any, algorithms: list[str]) -> dict[str, Any]:
    """The claims of a token whose signature holds under ``key``. Raises ``IllegalToken``."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        values = json.loads(jws.deserialize_compact(token, key, algorithms=algorithms).payload)
    except (JoseError, ValueError, TypeError):
        raise IllegalToken from None
    if not isinstance(values, dict):
        raise IllegalToken
    return values


def require_current(values: Mapping[str, Any], now: float, *, leeway_s: float = 0) -> None:
    """Raise ``IllegalToken`` unless ``exp`` is there and ahead, and ``nbf``, if there, is past."""
    exp, nbf = values.get("exp"), values.get("nbf")
    if isinstance(exp, bool) or not isinstance(exp, (int, float)) or exp + leeway_s <= now:
        raise IllegalToken
    if nbf is not None and (isinstance(nbf, bool) or not isinstance(nbf, (int, float)) or nbf - leeway_s > now):
        raise IllegalToken


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _limited_parts(kid: str, subject: str, iat: int, exp: int) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"typ": LIMITED_USER, "alg": "ES256", "kid": kid}, {"sub": subject, "iat": iat, "exp": exp}


def derive_limited_token(user_token: str) -> tuple[str, int]:
    """The limited user token inside a user token, and when it ends (seconds since 1970). Raises ``IllegalToken``."""
    header, payload = peek_header(user_token), decode_part(user_token.split(".")[1])
    try:
        parts = _limited_parts(header["kid"], payload["sub"], payload["iat"], payload["exp"])
        return f"{encode(parts[0])}.{encode(parts[1])}.{payload['uip']}", int(payload["exp"])
    except (KeyError, TypeError):
        raise IllegalToken from None
