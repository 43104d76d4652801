"""External access: services that call with a token agreed outside, as ``backend.auth.externalAccess`` says.

Source: Backstage 1.55, types ``static`` (a token of at least 8 characters), ``legacy`` (HS256 under a shared base64
secret, ``sub`` ``backstage-server``) and ``jwks`` (signed by somebody whose keys are published). ``accessRestrictions``
limit a token to plugins, permissions and actions. A subject is always ``external:<subject>`` here, so that no
configured text can read as a user or a plugin.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping

from callboard.kernel.auth.actor import AccessRestriction, Actor
from callboard.kernel.auth.tokens import IllegalToken, as_list, check_signature, peek_header, require_current
from callboard.kernel.clock import Clock
from callboard.kernel.errors import CallboardError, UnavailableError

if TYPE_CHECKING:
    from callboard.kernel.http_client import HttpClient
    from callboard.kernel.settings import Settings

MIN_TOKEN = 8
_ACTIONS = frozenset(("create", "read", "update", "delete"))
_JWKS_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_JWKS_TTL_S = 600.0
_JWKS_RETRY_S = 30.0
_LEGACY_LIFETIME_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ExternalActor:
    """Who the token speaks for, and when that ends (seconds since 1970, None for never)."""

    actor: Actor
    expires_at: float | None


@dataclass(slots=True)
class _Legacy:
    key: Any
    actor: Actor


@dataclass(slots=True)
class _Jwks:
    url: str
    issuers: frozenset[str]
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    prefix: str
    restrictions: tuple[AccessRestriction, ...]
    keys: dict[str, Any] = field(default_factory=dict)
    fetched_at: float | None = None
    failed_at: float | None = None


class ExternalAccess:
    """All configured tokens. Built once; ``find_static`` answers without waiting."""

    def __init__(self, settings: "Settings", clock: Clock, http: "HttpClient | None" = None) -> None:
        """Raises ``SettingsError`` (with file and line) for entries that cannot be used."""
        self._clock = clock
        self._http = http
        self._static: dict[bytes, Actor] = {}
        self._legacy: list[_Legacy] = []
        self._jwks: list[_Jwks] = []
        for entry in settings.sections("backend.auth.externalAccess"):
            self._add(entry)

    @property
    def actors(self) -> list[Actor]:
        """The services with a subject of their own; that of a JWT from published keys is known when it comes."""
        return [*self._static.values(), *(legacy.actor for legacy in self._legacy)]

    def find_static(self, token: str) -> Actor | None:
        """The service that this static token belongs to. Tokens are compared by their SHA-256."""
        return self._static.get(hashlib.sha256(token.encode()).digest())

    async def find_signed(self, token: str) -> ExternalActor | None:
        """The service that signed this JWT, by a legacy secret or published keys; None when it is nobody known.

        Raises ``UnavailableError`` if the keys that might settle it cannot be fetched.
        """
        header = peek_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256":
            return self._find_legacy(token)
        unreachable: CallboardError | None = None
        for issuer in self._jwks:
            if algorithm not in issuer.algorithms:
                continue
            try:
                found = await self._check_jwks(issuer, token, header)
            except UnavailableError as error:
                unreachable = error
                continue
            if found is not None:
                return found
        if unreachable is not None:
            raise unreachable
        return None

    # ---- settings ----------------------------------------------------------------------------------------------------

    def _add(self, entry: "Settings") -> None:
        kind = entry.get_str("type")
        restrictions = _restrictions(entry)
        options = entry.section("options")
        if kind == "static":
            token = options.get_str("token")
            if len(token) < MIN_TOKEN:
                raise options.error("token", f"An access token needs at least {MIN_TOKEN} characters.")
            digest = hashlib.sha256(token.encode()).digest()
            if digest in self._static:
                raise options.error("token", "The same access token is configured twice; each needs its own.")
            self._static[digest] = _actor(_subject(options, "subject"), restrictions, "static")
        elif kind == "legacy":
            try:
                secret = base64.b64decode(options.get_str("secret"), validate=True)
            except (binascii.Error, ValueError):
                raise options.error("secret", "A legacy secret is base64.") from None
            if len(secret) < 16:
                raise options.error("secret", "A legacy secret holds at least 16 bytes (24 characters of base64).")
            from joserfc.jwk import OctKey

            self._legacy.append(
                _Legacy(OctKey.import_key(secret), _actor(_subject(options, "subject"), restrictions, "jwt"))
            )
        elif kind == "jwks":
            self._jwks.append(_jwks(options, restrictions))
        else:
            raise entry.error("type", f"Unknown type of external access {kind!r}; use static, legacy or jwks.")

    # ---- checking ----------------------------------------------------------------------------------------------------

    def _find_legacy(self, token: str) -> ExternalActor | None:
        now = self._clock.now().timestamp()
        for legacy in self._legacy:
            try:
                values = check_signature(token, legacy.key, ["HS256"])
                require_current(values, now)
            except IllegalToken:
                continue
            if values.get("sub") != "backstage-server" or values["exp"] > now + _LEGACY_LIFETIME_S:
                continue
            return ExternalActor(legacy.actor, float(values["exp"]))
        return None

    async def _check_jwks(self, issuer: _Jwks, token: str, header: Mapping[str, Any]) -> ExternalActor | None:
        kid = header.get("kid")
        if not isinstance(kid, str):
            return None
        key = await self._find_key(issuer, kid)
        if key is None:
            return None
        try:
            values = check_signature(token, key, [str(header["alg"])])
            require_current(values, self._clock.now().timestamp())
        except IllegalToken:
            return None
        subject = values.get("sub")
        if not isinstance(subject, str) or not subject:
            return None
        if issuer.issuers and values.get("iss") not in issuer.issuers:
            return None
        if issuer.audiences and issuer.audiences.isdisjoint(
            a for a in as_list(values.get("aud")) if isinstance(a, str)
        ):
            return None
        actor = _actor(f"external:{issuer.prefix}{subject}", issuer.restrictions, "jwt")
        return ExternalActor(actor, float(values["exp"]))

    async def _find_key(self, issuer: _Jwks, kid: str) -> Any | None:
        now = self._clock.monotonic()
        age = None if issuer.fetched_at is None else now - issuer.fetched_at
        key = issuer.keys.get(kid)
        if key is not None and age is not None and age < _JWKS_TTL_S:
            return key
        if key is None and age is not None and age < _JWKS_RETRY_S:
            return None  # unknown, and looked up a moment ago: made-up ids must not become requests
        if issuer.failed_at is not None and now - issuer.failed_at < _JWKS_RETRY_S:
            if key is not None:
                return key
            raise UnavailableError(f"The keys at {issuer.url} cannot be fetched; try again in half a minute.")
        try:
            await self._fetch(issuer)
        except CallboardError:
            issuer.failed_at = now
            if key is None:
                raise UnavailableError(
                    f"The keys at {issuer.url} cannot be fetched; try again in half a minute."
                ) from None
            return key
        return issuer.keys.get(kid)

    async def _fetch(self, issuer: _Jwks) -> None:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if self._http is None:
            raise UnavailableError("No HTTP client to fetch keys with.")
        response = await self._http.get(issuer.url, headers={"accept": "application/json"}, max_bytes=200_000)
        if response.status != 200:
            raise UnavailableError(f"{issuer.url} answered {response.status}.")
        try:
            listed = response.json()["keys"]
            keys = {}
            for jwk in listed:
                if jwk.get("kty") not in ("RSA", "EC", "OKP") or not jwk.get("kid") or jwk.get("use", "sig") != "sig":
                    continue  # symmetric keys have no place in a published set
                keys[str(jwk["kid"])] = KeySet.import_key_set({"keys": [jwk]}).keys[0]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnavailableError(f"{issuer.url} gave no readable key set.") from error
        issuer.keys, issuer.fetched_at, issuer.failed_at = keys, self._clock.monotonic(), None


def _words(options: "Settings", key: str) -> tuple[str, ...]:
    """A text with spaces or commas between its parts, or a list."""
    value = options.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(re.split(r"[\s,]+", value.strip()))
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise options.error(key, f"{key} must be text or a list of texts.")


def _subject(options: "Settings", key: str) -> str:
    subject = options.get_str(key)
    if not subject or re.search(r"\s", subject):
        raise options.error(key, "A subject is text without spaces.")
    return f"external:{subject.removeprefix('external:')}"


def _actor(subject: str, restrictions: tuple[AccessRestriction, ...], via: Any) -> Actor:
    return Actor(type="service", subject=subject, restrictions=restrictions, via=via)


def _jwks(options: "Settings", restrictions: tuple[AccessRestriction, ...]) -> _Jwks:
    url = options.get_str("url")
    if not re.match(r"https?://", url):
        raise options.error("url", "url must be an http or https address.")
    algorithms = _words(options, "algorithm")
    for algorithm in algorithms:
        if algorithm not in _JWKS_ALGORITHMS:
            raise options.error("algorithm", f"{algorithm} cannot be used; choose among {', '.join(_JWKS_ALGORITHMS)}.")
    prefix = options.get_str("subjectPrefix", None)
    return _Jwks(
        url=url,
        issuers=frozenset(_words(options, "issuer")),
        audiences=frozenset(_words(options, "audience")),
        algorithms=algorithms or _JWKS_ALGORITHMS,
        prefix=f"{prefix}:" if prefix else "",
        restrictions=restrictions,
    )


def _restrictions(entry: "Settings") -> tuple[AccessRestriction, ...]:
    found = []
    for section in entry.sections("accessRestrictions"):
        plugin = section.get_str("plugin")
        attribute = section.section("permissionAttribute")
        actions = frozenset(_words(attribute, "action"))
        if wrong := actions - _ACTIONS:
            raise attribute.error("action", f"Unknown action {min(wrong)!r}; use create, read, update or delete.")
        found.append(AccessRestriction(plugin, frozenset(_words(section, "permission")), actions))
    if entry.has("accessRestrictions") and not found:
        raise entry.error("accessRestrictions", "An empty list would allow nothing; name a plugin, or leave it out.")
    return tuple(found)
