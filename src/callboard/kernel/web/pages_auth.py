"""What the templates of sign-in and of personal tokens may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence


@dataclass(frozen=True, slots=True)
class ProviderButton:
    """A way to sign in with one press. ``action`` takes a POST with ``csrf_token`` and ``next``; ``title`` names it."""

    id: str
    title: str
    action: str


@dataclass(frozen=True, slots=True)
class SignInPage:
    """``auth/sign_in.html``. The form posts ``user``, ``password``, ``next`` and ``csrf_token`` to ``/sign-in``.

    ``error`` says what went wrong the last time, ``user`` is what was typed then, ``next`` the path to go on to.
    ``password_allowed``: local users may sign in; ``guest_allowed``: so may guests (POST ``/sign-in/guest``).
    """

    title: str
    next: str
    providers: Sequence[ProviderButton]
    password_allowed: bool
    guest_allowed: bool
    error: str | None = None
    user: str = ""
    crumbs: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A personal token that still works. ``last_used`` and ``expires`` are moments as templates draw them, or None."""

    id: str
    name: str
    scopes: Sequence[str]
    created: Any
    last_used: Any
    expires: Any


@dataclass(frozen=True, slots=True)
class TokensPage:
    """``auth/tokens.html``. The form posts ``name``, ``expires_days``, ``access`` (read, all or some) and, for some, any number
    of ``scopes`` to ``/settings/tokens``.

    ``created`` is the text of the token just made: shown on this page and never again. ``error`` belongs to the field
    ``error_field`` (name, expires_in or scopes) of the form, whose fields had the values ``name``, ``expires_days``, ``access``
    and ``scopes``. ``permissions`` are those that a token may be limited to: (name, description). ``lifetimes`` are the days
    to choose from. Revoking posts to ``/settings/tokens/<id>/delete``.
    """

    title: str
    tokens: Sequence[TokenRow]
    permissions: Sequence[tuple[str, str]] = ()
    lifetimes: Sequence[int] = (7, 30, 90, 180, 365)
    created: str | None = None
    error: str | None = None
    error_field: str | None = None
    name: str = ""
    expires_days: str = "90"
    access: str = "read"
    scopes: Sequence[str] = ()
    crumbs: Sequence[Any] = ()
