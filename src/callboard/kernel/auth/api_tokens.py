"""Personal API tokens: ``cb_<id>_<secret>``, shown once, kept as a hash, limited by scope and expiry.

Scopes: ``read`` (permissions that read), ``write`` (all), or globs of permission names (``catalog.entity.*``).
None means all that the owner may do. A token never gives more than its owner has.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Callable, Iterable

from callboard.kernel.auth import store
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.store import ApiToken
from callboard.kernel.auth.users import ADMIN_ROLE
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError

if TYPE_CHECKING:
    from callboard.kernel.audit import Audit

PREFIX = "cb_"
LONGEST = timedelta(days=366)
USED_EVERY = timedelta(minutes=1)
_SCOPE = re.compile(r"read|write|[a-z0-9*?-]+(\.[a-z0-9*?-]+)*")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class TokenNotFound(NotFoundError):
    """The caller has no token with this id."""

    code = "auth.token_not_found"


class ApiTokens:
    """Create, list, revoke, check. Everybody manages their own; administrators see and revoke all."""

    def __init__(self, db: Database, clock: Clock, audit: "Audit", *, forget: Callable[[str], None]) -> None:
        """``forget(subject)`` is called after a revocation, so that no remembered answer outlives the token."""
        self._db = db
        self._clock = clock
        self._audit = audit
        self._forget = forget

    async def create_token(
        self,
        name: str,
        *,
        subject: str | None = None,
        scopes: Iterable[str] | None = None,
        expires_in: timedelta | None = timedelta(days=90),
        actor: Actor,
    ) -> tuple[ApiToken, str]:
        """A new token of ``actor`` (or, for administrators, of ``subject``), and its text, which cannot be had again.

        ``expires_in`` None makes one that does not expire; otherwise 1 minute to 366 days.

        Raises:
            InputError: an empty name, an unreadable scope, an expiry out of range.
            NotAllowedError: a token may not make tokens; only administrators make them for others.
        """
        owner = (subject or actor.subject).lower()
        _require_may_manage(actor, owner)
        name = name.strip()
        if not name or len(name) > 100:
            raise InputError("Name the token, in at most 100 characters, so that you know it again.", field="name")
        wanted = None if scopes is None else frozenset(scopes)
        for scope in wanted or ():
            if not _SCOPE.fullmatch(scope):
                raise InputError(
                    f"{scope!r} is no scope: use read, write, or a permission such as catalog.entity.*.", field="scopes"
                )
        if wanted is not None and not wanted:
            raise InputError("Give at least one scope, or none at all for everything you may do.", field="scopes")
        if expires_in is not None and not timedelta(minutes=1) <= expires_in <= LONGEST:
            raise InputError("A token lasts from one minute to 366 days.", field="expires_in")
        id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        text = f"{PREFIX}{id}_{''.join(secrets.choice(_ALPHABET) for _ in range(40))}"
        now = self._clock.now()
        token = ApiToken(
            id, owner, name, wanted, format_time(now), None if expires_in is None else format_time(now + expires_in), None, None
        )  # fmt: skip
        async with self._db.write() as tx:
            await store.insert_token(tx, token, _hash(text))
            meta = {"token": id, "subject": owner, "scopes": None if wanted is None else sorted(wanted)}
            await self._audit.record(tx, "token-create", actor=actor, severity="medium", meta=meta)
        return token, text

    async def list_tokens(self, *, subject: str | None = None, actor: Actor) -> list[ApiToken]:
        """The actor's own, newest first, revoked ones too; ``subject`` "*" lists everybody's (administrators)."""
        owner = actor.subject if subject is None else subject.lower()
        _require_may_manage(actor, owner)
        async with self._db.read() as tx:
            return await store.list_tokens(tx, None if owner == "*" else owner)

    async def revoke_token(self, id: str, *, actor: Actor) -> ApiToken:
        """Stop a token for good. Raises ``TokenNotFound`` also for one of somebody else."""
        async with self._db.write() as tx:
            found = await store.find_token(tx, id)
            if found is None or (found[0].subject != actor.subject and not _is_administrator(actor)):
                raise TokenNotFound(f"You have no token {id}.")
            _require_may_manage(actor, found[0].subject)
            now = format_time(self._clock.now())
            if await store.revoke_token(tx, id, now):
                meta = {"token": id, "subject": found[0].subject}
                await self._audit.record(tx, "token-revoke", actor=actor, severity="medium", meta=meta)
                await store.tell_changed(tx, found[0].subject)
        self._forget(found[0].subject)
        return replace(found[0], revoked_at=found[0].revoked_at or now)

    async def find_valid(self, text: str) -> tuple[ApiToken, datetime | None] | None:
        """The token whose text this is and when it ends, if it is neither revoked nor expired."""
        id, _, secret = text.removeprefix(PREFIX).partition("_")
        if not secret:
            return None
        async with self._db.read() as tx:
            found = await store.find_token(tx, id)
        if found is None or not hmac.compare_digest(found[1], _hash(text)):
            return None
        token, now = found[0], self._clock.now()
        end = None if token.expires_at is None else parse_time(token.expires_at)
        if token.revoked_at is not None or (end is not None and end <= now):
            return None
        if token.last_used_at is None or now - parse_time(token.last_used_at) >= USED_EVERY:
            async with self._db.write() as tx:
                await store.touch_token(tx, id, format_time(now))
        return token, end


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_administrator(actor: Actor) -> bool:
    return actor.type == "plugin" or (actor.type == "user" and ADMIN_ROLE in actor.roles)


def _require_may_manage(actor: Actor, owner: str) -> None:
    if actor.via == "token":
        raise NotAllowedError("A personal token cannot manage tokens. Sign in and do it in the browser.")
    if actor.subject == owner and actor.type == "user":
        return
    if not _is_administrator(actor):
        raise NotAllowedError("You can manage your own tokens only.")
