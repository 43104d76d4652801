"""Pages of people and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.admin.pages.frame import Frame
from callboard.ui.moments import Moment
from callboard.ui.parts import Pager


@dataclass(frozen=True, slots=True)
class UserRow:
    """A local user. ``entity_href`` leads to the page of the entity that they act as."""

    name: str
    href: str
    ref: str
    entity_href: str
    display_name: str
    email: str
    roles: Sequence[str]
    is_disabled: bool
    signed_in: Moment | None
    created: Moment


@dataclass(frozen=True, slots=True)
class UserForm:
    """What was typed, and what is wrong with it: ``error`` belongs to ``field``."""

    name: str = ""
    display_name: str = ""
    email: str = ""
    roles: str = ""
    ref: str = ""
    error: str = ""
    field: str = ""

    def error_of(self, field: str) -> str | None:
        return self.error if self.error and self.field == field else None


@dataclass(frozen=True, slots=True)
class UsersPage:
    """``admin/users.html``."""

    frame: Frame
    title: str
    users: Sequence[UserRow]
    pager: Pager
    q: str
    form: UserForm
    has_local: bool


@dataclass(frozen=True, slots=True)
class UserPage:
    """``admin/user.html``. ``is_self``: one does not lock or remove oneself. ``tokens`` counts those that still work."""

    frame: Frame
    title: str
    user: UserRow
    form: UserForm
    is_self: bool
    tokens: int
    password_error: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """``state``: works, expired or revoked."""

    id: str
    name: str
    subject: str
    subject_href: str
    scopes: Sequence[str]
    state: str
    created: Moment
    last_used: Moment | None
    expires: Moment | None


@dataclass(frozen=True, slots=True)
class TokensPage:
    """``admin/tokens.html``. ``choices`` are (state, title, href, count, current)."""

    frame: Frame
    title: str
    tokens: Sequence[TokenRow]
    pager: Pager
    choices: Sequence[tuple[str, str, str, int, bool]]
    q: str
    state: str
