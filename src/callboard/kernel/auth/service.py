"""From credentials to an actor: the one place that every request passes.

Answers are kept, keyed by the header that brought the credentials, for at most ``REMEMBER_S`` seconds (static tokens:
for good) and never past their expiry. What is revoked is forgotten at once, here and (told by the database) in other replicas;
within ``REMEMBER_S`` where nobody could be told: another process on the same SQLite file, an outage. While somebody's ownership refs may have changed (``OwnershipResolver.revision``) they are asked anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping
from urllib.parse import urlsplit

from callboard.kernel.auth import store
from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.kernel.auth.api_tokens import PREFIX, ApiTokens
from callboard.kernel.auth.external import ExternalAccess
from callboard.kernel.auth.ownership import CachedOwnership, OwnershipResolver, OwnRefOnly
from callboard.kernel.auth.providers import (
    GuestProvider,
    Identity,
    LocalProvider,
    SignInAttempt,
    SignInFailed,
    SignInProvider,
)  # fmt: skip
from callboard.kernel.auth.sessions import COOKIE, SECURE_COOKIE, Sessions, hash_id
from callboard.kernel.auth.settings import AuthSettings, is_loopback, read_auth_settings
from callboard.kernel.auth.throttle import SignInThrottle
from callboard.kernel.auth.tokens import LIMITED_USER, PLUGIN, USER, IllegalToken, IssuedToken, Tokens, peek_header
from callboard.kernel.auth.users import Users
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import AuthenticationError, NotFoundError

if TYPE_CHECKING:
    from callboard.kernel.audit import Audit
    from callboard.kernel.http_client import HttpClient
    from callboard.kernel.settings import Settings

REMEMBER_S = 15.0
REMEMBER_COUNT = 20_000
LIMITED_COOKIE = "backstage-auth"
_BEARER = re.compile(rb"(?i)bearer[ ]+([^ ]+)[ ]*")
_PLUGIN_PATH = re.compile(r"/api/([^/]+)")


class MissingCredentials(AuthenticationError):
    """Nothing that could say who is asking. The message is Backstage's."""

    code = "auth.missing_credentials"

    def __init__(self) -> None:
        super().__init__("Missing credentials")


class UnknownProvider(NotFoundError):
    """No sign-in provider has this id. The message is Backstage's."""

    code = "auth.unknown_provider"

    def __init__(self, id: str) -> None:
        super().__init__(f"Unknown auth provider '{id}'")


@dataclass(slots=True)
class _Known:
    """A remembered answer. ``until`` is in seconds since 1970; ``revision`` None where ownership plays no part."""

    actor: Actor
    until: float
    revision: int | None
    user_ref: str | None = None
    mark: str | None = None
    extra: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun. ``session_id`` goes into the cookie and nowhere else."""

    actor: Actor
    session_id: str


class Auth:
    """Authentication, sign-in and everything that backs them. One a portal (``portal.auth``)."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        settings: "Settings",
        audit: "Audit",
        http: "HttpClient | None" = None,
        demo: bool = False,
        ownership: OwnershipResolver | None = None,
        providers: Iterable[SignInProvider] = (),
    ) -> None:
        """``providers`` are further ones, offered where ``auth.providers`` names their id.

        Raises ``SettingsError`` or ``InputError`` for settings that cannot be used.
        """
        self.db = db
        self._clock = clock
        self._audit = audit
        self.settings: AuthSettings = read_auth_settings(settings, demo=demo)
        self.tokens = Tokens(db, clock, issuer=self.settings.issuer, lifetime=self.settings.token_lifetime)
        self.sessions = Sessions(db, clock, idle=self.settings.session_idle, longest=self.settings.session_longest)
        self.users = Users(db, clock, audit, forget=self.forget)
        self.api_tokens = ApiTokens(db, clock, audit, forget=self.forget)
        self.external = ExternalAccess(settings, clock, http)
        self._ownership = CachedOwnership(ownership or OwnRefOnly())
        self._providers: dict[str, SignInProvider] = {}
        local = LocalProvider(self.users, SignInThrottle(clock))
        built_in: tuple[SignInProvider, ...] = (local, GuestProvider(self.settings.guest))
        for provider in (*built_in, *providers):
            self.add_provider(provider)
        guest = self.settings.guest
        self._guest = Actor(type="user", subject=guest.ref, ownership=guest.ownership, via="none")
        self._hosts = frozenset(
            h for url in (self.settings.base_url, settings.get_str("app.baseUrl", "")) if (h := urlsplit(url).hostname)
        )
        self.cookie_name = SECURE_COOKIE if self.settings.secure_cookies else COOKIE
        self._cookie = re.compile(
            rb"(?:^|;\s*)" + re.escape(self.cookie_name).encode() + rb"=([A-Za-z0-9_-]{20,100})(?=;|$)"
        )
        self._limited_cookie = re.compile(rb"(?:^|;\s*)" + LIMITED_COOKIE.encode() + rb"=([A-Za-z0-9_.-]+)(?=;|$)")
        self._unlisten: Callable[[], None] | None = None
        self._bearers: dict[bytes, _Known] = {}
        self._cookies: dict[bytes, _Known] = {}

    # ---- wiring ------------------------------------------------------------------------------------------------------

    def set_ownership(self, resolver: OwnershipResolver) -> None:
        """Ask ``resolver`` from now on; the feature that knows groups is built after identity."""
        self._ownership = CachedOwnership(resolver)
        self._bearers.clear()
        self._cookies.clear()

    def add_provider(self, provider: SignInProvider) -> None:
        """Offer ``provider`` if the settings name it; others are left out."""
        if provider.id in self.settings.providers:
            self._providers[provider.id] = provider

    @property
    def providers(self) -> list[SignInProvider]:
        """Those that people may choose from, in the order of the settings."""
        return [self._providers[id] for id in self.settings.providers if id in self._providers]

    def get_provider(self, id: str) -> SignInProvider:
        """Raises ``UnknownProvider``."""
        provider = self._providers.get(id)
        if provider is None:
            raise UnknownProvider(id)
        return provider

    @property
    def guest_allowed(self) -> bool:
        """Whether guests may come in at all, with or without asking."""
        return self.settings.guest.ambient or self.settings.guest.provider

    def is_guest(self, actor: Actor) -> bool:
        return actor.type == "user" and actor.subject == self.settings.guest.ref

    # ---- the quick way -----------------------------------------------------------------------------------------------

    def find(self, scope: Mapping[str, Any]) -> Actor | None:
        """The actor of a request whose credentials were seen before; None means ask ``authenticate``. Takes microseconds."""
        cookie = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                return self._recall(self._bearers.get(value))
            if name == b"cookie":
                cookie = value
        return None if cookie is None else self._recall(self._cookies.get(cookie))

    def _recall(self, known: _Known | None) -> Actor | None:
        if known is None or (known.revision is not None and known.revision != self._ownership.revision()):
            return None
        if known.until is not _FOREVER and known.until <= self._clock.now().timestamp():
            return None
        return known.actor

    # ---- the full way ------------------------------------------------------------------------------------------------

    async def authenticate(self, scope: Mapping[str, Any], *, limited: bool = False) -> Actor:
        """Who makes this request.

        Args:
            scope: an ASGI HTTP scope; ``headers``, ``client`` and ``path`` are looked at.
            limited: whether a limited user token will do (as bearer or in the cookie ``backstage-auth``); files only.

        Returns:
            ``ANONYMOUS`` where nothing was offered and guests do not come in by themselves.

        Raises:
            AuthenticationError: something was offered and does not hold. A session that is over counts as nothing.
        """
        authorization = cookie = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"cookie":
                cookie = value if cookie is None else cookie + b"; " + value
        if authorization is not None:
            match = _BEARER.fullmatch(authorization)
            if match is None:
                raise MissingCredentials
            return await self._bearer(authorization, match[1].decode("latin-1"), scope, limited)
        if cookie is not None:
            found = await self._session(cookie)
            if found is None and limited and (match := self._limited_cookie.search(cookie)):
                found = await self._limited(match[1].decode())
            if found is not None:
                return found
        return self._guest if self._admits_guest(scope) else ANONYMOUS

    async def _bearer(self, header: bytes, token: str, scope: Mapping[str, Any], limited: bool) -> Actor:
        known = self._bearers.get(header)
        if known is not None:
            actor = await self._renew(known)
            if actor is not None:
                return actor
        static = self.external.find_static(token)
        if static is not None:
            self._remember(self._bearers, header, _Known(static, _FOREVER, None))
            return static
        if token.startswith(PREFIX):
            return await self._personal(header, token)
        kind = _kind(token)
        if kind == USER:
            return await self._user_jwt(header, token)
        if kind == LIMITED_USER and limited:
            return await self._limited(token)
        if kind == PLUGIN:
            return await self._plugin_jwt(token, str(scope["path"]))
        if kind is not None and kind != LIMITED_USER:
            found = await self.external.find_signed(token)
            if found is not None:
                self._remember(self._bearers, header, _Known(found.actor, self._until(found.expires_at), None))
                return found.actor
        raise IllegalToken

    async def _renew(self, known: _Known) -> Actor | None:
        """The remembered actor, with ownership asked anew if it may have changed; None once the time is over."""
        if known.until is not _FOREVER and known.until <= self._clock.now().timestamp():
            return None
        if known.revision is not None and known.user_ref is not None:
            revision = self._ownership.revision()
            if known.revision != revision:
                ownership = await self._owned_by(known.user_ref, known.extra)
                if ownership != known.actor.ownership:
                    known.actor = replace(known.actor, ownership=ownership)
                known.revision = revision
        return known.actor

    async def _personal(self, header: bytes, token: str) -> Actor:
        found = await self.api_tokens.find_valid(token)
        if found is None:
            raise IllegalToken
        row, end = found
        revision = self._ownership.revision()
        actor = await self._user(row.subject, via="token")
        actor = replace(actor, scopes=row.scopes)
        until = self._until(None if end is None else end.timestamp())
        self._remember(self._bearers, header, _Known(actor, until, revision, row.subject))
        return actor

    async def _user_jwt(self, header: bytes, token: str) -> Actor:
        claims = await self.tokens.verify(token, types=frozenset((USER,)))
        revision = self._ownership.revision()
        actor = await self._user(claims.subject, via="jwt")
        extra = self._extra(claims.subject)
        self._remember(
            self._bearers, header, _Known(actor, self._until(claims.expires_at), revision, claims.subject, extra=extra)
        )
        return actor

    async def _limited(self, token: str) -> Actor:
        claims = await self.tokens.verify(token, types=frozenset((LIMITED_USER,)))
        return await self._user(claims.subject, via="jwt")

    async def _plugin_jwt(self, token: str, path: str) -> Actor:
        match = _PLUGIN_PATH.match(path)
        claims = await self.tokens.verify(token, types=frozenset((PLUGIN,)), audience=match[1] if match else None)
        on_behalf_of = None
        if isinstance(obo := claims.values.get("obo"), str):
            on_behalf_of = (await self.tokens.verify(obo, types=frozenset((LIMITED_USER,)))).subject
        return Actor(type="plugin", subject=f"plugin:{claims.subject}", via="jwt", on_behalf_of=on_behalf_of)

    async def _session(self, cookie: bytes) -> Actor | None:
        known = self._cookies.get(cookie)
        if known is not None:
            actor = await self._renew(known)
            if actor is not None:
                return actor
        match = self._cookie.search(cookie)
        if match is None:
            return None
        session_id = match[1].decode()
        row = await self.sessions.find_session(session_id)
        if row is None:
            return None
        if row.provider not in self._providers:
            return None  # that way of signing in was switched off since
        revision = self._ownership.revision()
        extra = self._extra(row.user_ref) if row.provider == "guest" else frozenset()
        try:
            actor = await self._user(row.user_ref, via="session", extra=extra)
        except IllegalToken:
            return None
        mark = hash_id(session_id)
        self._remember(self._cookies, cookie, _Known(actor, self._until(None), revision, row.user_ref, mark, extra))
        return actor

    async def _user(self, ref: str, *, via: Any, extra: frozenset[str] | None = None) -> Actor:
        """The user as they are now: roles and name of the local user, ownership of the catalog."""
        local = await self.users.find_by_ref(ref)
        if local is not None and local.disabled:
            raise IllegalToken
        ownership = await self._owned_by(ref, self._extra(ref) if extra is None else extra)
        if local is None:
            return Actor(type="user", subject=ref, ownership=ownership, via=via)
        return Actor(
            type="user", subject=ref, ownership=ownership, roles=frozenset(local.roles), display_name=local.display_name, via=via
        )  # fmt: skip

    def _extra(self, ref: str) -> frozenset[str]:
        guest = self.settings.guest
        return guest.ownership if ref == guest.ref and self.guest_allowed else frozenset()

    async def _owned_by(self, ref: str, extra: frozenset[str]) -> frozenset[str]:
        owned = await self._ownership.ownership_of(ref)
        return owned if extra <= owned else owned | extra

    def _admits_guest(self, scope: Mapping[str, Any]) -> bool:
        """Whether the request comes in as a guest without asking: from this machine, by one of its names.

        The name keeps out pages elsewhere that made their own host name point here (DNS rebinding).
        """
        guest = self.settings.guest
        if not guest.ambient:
            return False
        if not guest.loopback_only:
            return True
        client = scope.get("client")
        if client is not None and client[0] and not is_loopback(client[0]):
            return False
        host = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name in _FORWARDED:
                return False
        name = _host_name(host.decode("latin-1"))
        return is_loopback(name) or name in self._hosts

    # ---- signing in and out ------------------------------------------------------------------------------------------

    async def sign_in(
        self, provider_id: str, attempt: SignInAttempt, *, replaces: str | None = None, user_agent: str | None = None
    ) -> SignedIn:
        """Begin a session. ``replaces`` is the session id that the browser had, which ends.

        Raises ``UnknownProvider``, ``SignInFailed``, or ``LimitError`` after too many failures.
        """
        provider = self.get_provider(provider_id)
        try:
            identity = await provider.sign_in(attempt)
        except SignInFailed:
            meta = {"provider": provider_id, "name": attempt.fields.get("username", "")[:100]}
            await self._audit.record(None, "sign-in", actor=ANONYMOUS, severity="medium", meta=meta, status="failed")
            raise
        await self.remember_identity(identity)
        if replaces is not None:
            await self.sign_out(replaces)
        session_id = await self.sessions.create_session(identity.user_ref, provider=provider_id, user_agent=user_agent)
        actor = await self._user(identity.user_ref, via="session", extra=identity.ownership)
        await self._audit.record(None, "sign-in", actor=actor, severity="low", meta={"provider": provider_id})
        return SignedIn(actor, session_id)

    async def sign_out(self, session_id: str) -> None:
        """End the session; whatever it was remembered under is forgotten."""
        await self.sessions.delete_session(session_id)
        self.forget_session(hash_id(session_id))

    def session_id_of(self, scope: Mapping[str, Any]) -> str | None:
        """The session id in the cookie, whether or not it holds."""
        for name, value in scope["headers"]:
            if name == b"cookie" and (match := self._cookie.search(value)):
                return match[1].decode()
        return None

    async def remember_identity(self, identity: Identity) -> frozenset[str]:
        """Store what the sign-in showed, for ``/v1/userinfo``; the user's ownership refs."""
        ownership = await self._owned_by(identity.user_ref, identity.ownership)
        claims = {"sub": identity.user_ref, "ent": _ordered(identity.user_ref, ownership)}
        async with self.db.write() as tx:
            await store.put_userinfo(tx, identity.user_ref, claims, format_time(self._clock.now()))
        return ownership

    async def find_userinfo(self, user_ref: str) -> dict[str, Any] | None:
        """``{"sub", "ent"}`` as of the last sign-in; None if there was none."""
        async with self.db.read() as tx:
            return await store.find_userinfo(tx, user_ref)

    async def issue_user_token(self, identity: Identity) -> tuple[IssuedToken, list[str]]:
        """A user token for somebody who has just proved who they are, and their ownership refs, their own first."""
        refs = _ordered(identity.user_ref, await self.remember_identity(identity))
        claims = {"ent": refs} if self.settings.ownership_in_tokens else None
        return await self.tokens.issue_user_token(identity.user_ref, claims=claims), refs

    async def actor_of(self, user_ref: str) -> Actor:
        """The user with this ref, for work done in their name. Raises ``AuthenticationError`` if they are disabled."""
        return await self._user(user_ref.lower(), via="internal")

    def forget(self, subject: str) -> None:
        """Drop what is remembered about ``subject``: their password, roles or tokens changed."""
        for known in (self._bearers, self._cookies):
            for key in [k for k, entry in known.items() if entry.user_ref == subject]:
                del known[key]

    def listen(self) -> None:
        """Hear of changes that other replicas make. Until then, and during an outage, ``REMEMBER_S`` is the limit."""
        if self._unlisten is None:
            self._unlisten = self.db.listen(store.CHANNEL, self._heard)

    def stop(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def _heard(self, what: str) -> None:
        if not what:
            for key in [key for key, known in self._bearers.items() if known.user_ref is not None]:
                del self._bearers[key]
            self._cookies.clear()
        elif what.startswith(store.SESSION):
            self.forget_session(what.removeprefix(store.SESSION))
        else:
            self.forget(what)

    def forget_session(self, mark: str) -> None:
        """Drop what is remembered of a session that has ended."""
        for cookie in [c for c, known in self._cookies.items() if known.mark == mark]:
            del self._cookies[cookie]

    # ---- memory ------------------------------------------------------------------------------------------------------

    def _until(self, expires_at: float | None) -> float:
        limit = self._clock.now().timestamp() + REMEMBER_S
        return limit if expires_at is None else min(limit, expires_at)

    def _remember(self, where: dict[bytes, _Known], key: bytes, known: _Known) -> None:
        if len(where) >= REMEMBER_COUNT:
            for old in list(where)[: REMEMBER_COUNT // 2]:
                del where[old]
        where[key] = known


_FOREVER = float("inf")
_FORWARDED = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host"))


def _kind(token: str) -> str | None:
    """The ``typ`` of a JWT's header, "" where it has none, None for what is no JWT."""
    if token.count(".") != 2:
        return None
    try:
        return str(peek_header(token).get("typ") or "")
    except IllegalToken:
        return None


def _host_name(host: str) -> str:
    """The name in a Host header, lower-cased, without port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _ordered(user_ref: str, ownership: frozenset[str]) -> list[str]:
    return [user_ref, *sorted(ownership - {user_ref})]
