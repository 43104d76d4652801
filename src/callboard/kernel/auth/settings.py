"""Settings of identity, read once: who may come in, for how long, and whether guests are welcome."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from callboard.kernel.errors import InputError
from callboard.kernel.settings import Setting

if TYPE_CHECKING:
    from callboard.kernel.settings import Settings

GUEST_REF = "user:development/guest"

SETTINGS: tuple[Setting, ...] = (
    Setting("auth.environment", "text", "development", None, "Which block of a provider's settings is read."),
    Setting("auth.providers", "object", None, None, "Sign-in providers by id; local users only, when absent."),
    Setting("auth.providers.local", "object", None, None, "Keep sign-in by local users beside other providers."),
    Setting("auth.providers.guest", "object", None, None, "Allow guests; beyond loopback only with the next key."),
    Setting(
        "auth.providers.guest.dangerouslyAllowOutsideDevelopment", "flag", False, None,
        "Allow guests when the portal listens beyond loopback.",
    ),
    Setting("auth.providers.guest.userEntityRef", "text", GUEST_REF, None, "The user that guests act as."),
    Setting("auth.providers.guest.ownershipEntityRefs", "list", None, None, "What guests own; their own ref by default."),
    Setting("auth.backstageTokenExpiration", "duration", "1h", None, "How long a user token lasts, 10 minutes to 24 hours."),
    Setting("auth.omitIdentityTokenOwnershipClaim", "flag", True, None, "false puts ownership refs into user tokens (ent)."),
    Setting("auth.session.idleTimeout", "duration", "7d", None, "How long a browser session lasts without use."),
    Setting("auth.session.maxAge", "duration", "30d", None, "How long a browser session lasts at all."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GuestRule:
    """How guests come in. ``ambient``: everybody without credentials is one; ``provider``: they may sign in as one."""

    ambient: bool
    provider: bool
    ref: str = GUEST_REF
    ownership: frozenset[str] = frozenset((GUEST_REF,))
    loopback_only: bool = True
    """Ambient guests must come from this machine, by a name of this machine."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Everything identity needs. ``providers`` are the ids that people may choose from."""

    base_url: str
    issuer: str
    secure_cookies: bool
    providers: tuple[str, ...]
    guest: GuestRule
    token_lifetime: timedelta
    ownership_in_tokens: bool
    session_idle: timedelta
    session_longest: timedelta


def listens_on_loopback(settings: "Settings") -> bool:
    """Whether only this machine can connect: ``backend.listen`` names a loopback address, or there is no settings file."""
    return is_loopback(listen_host(settings))


def listen_host(settings: "Settings") -> str:
    """The host part of ``backend.listen``; every address if a settings file leaves it out, as Backstage does."""
    default = "" if settings.has_file else "127.0.0.1"
    listen = settings.get("backend.listen")
    if isinstance(listen, dict):
        return str(listen.get("host") or default)
    if isinstance(listen, str):
        host = listen.rpartition(":")[0]
        return host.strip("[]") or default
    return default


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or address without port) is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_auth_settings(settings: "Settings", *, demo: bool = False) -> AuthSettings:
    """Raises ``SettingsError`` for values out of range, ``InputError`` for a demo that strangers could reach."""
    base_url = settings.get_str("backend.baseUrl", "http://localhost:7007").rstrip("/")
    public_url = settings.get_str("app.baseUrl", base_url)
    lifetime: timedelta = settings.get_duration("auth.backstageTokenExpiration", timedelta(hours=1))
    if not timedelta(minutes=10) <= lifetime <= timedelta(hours=24):
        raise settings.error("auth.backstageTokenExpiration", "A user token lasts from 10 minutes to 24 hours.")
    guest = guest_rule(settings, demo=demo)
    return AuthSettings(
        base_url=base_url,
        issuer=f"{base_url}/api/auth",
        secure_cookies=urlsplit(public_url).scheme == "https",
        providers=_provider_ids(settings, guest),
        guest=guest,
        token_lifetime=lifetime,
        ownership_in_tokens=not settings.get_bool("auth.omitIdentityTokenOwnershipClaim", True),
        session_idle=settings.get_duration("auth.session.idleTimeout", timedelta(days=7)),
        session_longest=settings.get_duration("auth.session.maxAge", timedelta(days=30)),
    )


def guest_rule(settings: "Settings", *, demo: bool) -> GuestRule:
    """Who may enter as a guest, by how the portal was started and where it listens.

    Raises:
        InputError: ``--demo`` on an address that others can reach, without guests allowed by name.
    """
    loopback = listens_on_loopback(settings)
    named = "guest" in _providers(settings)
    options = _guest_options(settings)
    beyond = named and options.get("dangerouslyAllowOutsideDevelopment") is True
    ref = str(options.get("userEntityRef") or GUEST_REF).lower()
    owned = frozenset(str(r).lower() for r in options.get("ownershipEntityRefs") or ()) or frozenset((ref,))
    if demo:
        if not (loopback or beyond):
            raise InputError(
                "A demo lets everybody in, so it listens on this machine only. Use --host 127.0.0.1, or set"
                " auth.providers.guest.dangerouslyAllowOutsideDevelopment: true.",
                field="backend.listen",
            )
        return GuestRule(True, True, ref, owned, loopback_only=not beyond)
    if settings.get_bool("backend.auth.dangerouslyDisableDefaultAuthPolicy", False):
        return GuestRule(True, True, ref, owned, loopback_only=False)
    if not settings.has_file:
        return GuestRule(loopback, loopback, ref, owned)
    return GuestRule(False, named and (loopback or beyond), ref, owned)


def _providers(settings: "Settings") -> dict[str, Any]:
    providers = settings.get("auth.providers")
    return providers if isinstance(providers, dict) else {}


def _guest_options(settings: "Settings") -> dict[str, Any]:
    """Backstage reads ``auth.providers.guest`` and, inside it, the block of ``auth.environment``."""
    options = _providers(settings).get("guest")
    if not isinstance(options, dict):
        return {}
    block = options.get(settings.get_str("auth.environment", "development"))
    return {**options, **block} if isinstance(block, dict) else options


def _provider_ids(settings: "Settings", guest: GuestRule) -> tuple[str, ...]:
    named = [id for id in _providers(settings) if id != "guest"]
    ids = named or (["local"] if "guest" not in _providers(settings) else [])
    return (*ids, *(["guest"] if guest.provider else []))
