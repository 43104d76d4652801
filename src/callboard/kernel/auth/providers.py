"""Ways to sign in. Each is a ``SignInProvider``; local users and guests are built in, others come by plugins.

A provider proves who somebody is. It makes no session and grants nothing: ``Auth.sign_in`` does that for all alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Protocol, Sequence

from callboard.kernel.auth.settings import GuestRule
from callboard.kernel.auth.throttle import SignInThrottle
from callboard.kernel.auth.users import Users
from callboard.kernel.errors import AuthenticationError

SIGN_IN_FAILED = "Name or password is wrong."


class SignInFailed(AuthenticationError):
    """The proof does not hold. The message does not say which part of it."""

    code = "auth.sign_in_failed"


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """What arrived: form fields or query parameters, and from where (``client`` is an IP address or None)."""

    fields: Mapping[str, str]
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody turned out to be. ``profile`` has ``email``, ``displayName`` and ``picture`` as far as known.

    ``ownership`` adds refs to those that the catalog knows.
    """

    user_ref: str
    profile: Mapping[str, str] = field(default_factory=dict)
    ownership: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SignInField:
    """One input of a provider's form. ``type`` and ``autocomplete`` as in HTML; ``label`` is a message key."""

    name: str
    label: str
    type: str = "text"
    autocomplete: str = "off"


class SignInProvider(Protocol):
    """``id`` is the word in ``auth.providers`` and in ``/api/auth/<id>/…``; ``title`` is a message key.

    ``start_url`` is set by providers that send people elsewhere first; those have no ``form``.
    """

    id: str
    title: str
    form: Sequence[SignInField]
    start_url: str | None

    async def sign_in(self, attempt: SignInAttempt) -> Identity:
        """Raises ``SignInFailed``, or ``LimitError`` after too many failures."""

    async def refresh(self, attempt: SignInAttempt) -> Identity | None:
        """Who is signed in by this provider without asking again (``/api/auth/<id>/refresh``); None when nobody is."""


class LocalProvider:
    """Name or e-mail address, and a password."""

    id = "local"
    title = "auth.provider.local"
    form: Sequence[SignInField] = (
        SignInField("username", "auth.field.username", "text", "username"),
        SignInField("password", "auth.field.password", "password", "current-password"),
    )
    start_url: str | None = None

    def __init__(self, users: Users, throttle: SignInThrottle) -> None:
        self._users = users
        self._throttle = throttle

    async def sign_in(self, attempt: SignInAttempt) -> Identity:
        login = attempt.fields.get("username", "").strip().lower()
        keys = (f"user:{login}", f"client:{attempt.client}")
        self._throttle.require_free(*keys)
        user = await self._users.check_password(login, attempt.fields.get("password", ""))
        if user is None:
            self._throttle.failed(*keys)
            raise SignInFailed(SIGN_IN_FAILED)
        self._throttle.succeeded(keys[0])
        profile = {"email": user.email, "displayName": user.display_name}
        return Identity(user.ref, {key: value for key, value in profile.items() if value})

    async def refresh(self, attempt: SignInAttempt) -> Identity | None:
        return None


class GuestProvider:
    """Everybody who asks is the guest."""

    id = "guest"
    title = "auth.provider.guest"
    form: Sequence[SignInField] = ()
    start_url: str | None = None

    def __init__(self, rule: GuestRule) -> None:
        self._identity = Identity(rule.ref, {}, rule.ownership)

    async def sign_in(self, attempt: SignInAttempt) -> Identity:
        return self._identity

    async def refresh(self, attempt: SignInAttempt) -> Any:
        return self._identity
