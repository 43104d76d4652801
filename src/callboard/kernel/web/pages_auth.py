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
    """``auth/tokens.html``. The form posts ``name``, ``expires_days`` and any number of ``scopes`` to ``/settings/tokens``.

    ``created`` is the text of the token just made: shown on this page and never again. ``error`` belongs to the form,
    whose fields had the values ``name`` and ``expires_days``. Revoking posts to ``/settings/tokens/<id>/delete``.
    """

    title: str
    tokens: Sequence[TokenRow]
    created: str | None = None
    error: str | None = None
    name: str = ""
    expires_days: str = ""
    crumbs: Sequence[Any] = ()
