"""Local users: people who sign in with a password kept here (argon2id), each acting as one user entity ref."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Sequence

from callboard.kernel.auth import store
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.passwords import Passwords, require_good_password
from callboard.kernel.auth.store import User
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.model.refs import EntityRef, RefError

if TYPE_CHECKING:
    from callboard.kernel.audit import Audit

ADMIN_ROLE = "admin"
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class UserNotFound(NotFoundError):
    """No local user by that name."""

    code = "auth.user_not_found"


class UserExists(ConflictError):
    """A local user has this name, ref or e-mail address already."""

    code = "auth.user_exists"


def require_administrator(actor: Actor) -> None:
    """Raise ``NotAllowedError`` unless ``actor`` is the portal itself or an administrator."""
    if not (actor.type == "plugin" or (actor.type == "user" and ADMIN_ROLE in actor.roles and actor.scopes is None)):
        raise NotAllowedError("Only administrators manage users. Ask one, or use the CLI on the machine of the portal.")


class Users:
    """Create, change and check local users. Writes are for administrators and the CLI, and are audited."""

    def __init__(self, db: Database, clock: Clock, audit: "Audit", *, forget: Callable[[str], None]) -> None:
        """``forget(ref)`` is called after a change, so that nothing remembered about the user stays in use."""
        self._db = db
        self._clock = clock
        self._audit = audit
        self._forget = forget
        self._passwords = Passwords()

    async def create_user(
        self,
        name: str,
        *,
        password: str | None,
        ref: str | None = None,
        email: str | None = None,
        display_name: str | None = None,
        roles: Sequence[str] = (),
        actor: Actor,
    ) -> User:
        """Add a user who signs in as ``name`` and acts as ``ref`` (``user:default/<name>`` unless given).

        ``password`` None makes a user who cannot sign in until one is set.

        Raises:
            InputError: a bad name, ref or role, or a weak password.
            UserExists: the name, ref or e-mail address is taken.
        """
        require_administrator(actor)
        name = name.strip().lower()
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be a user name: use 1 to 63 letters, digits and . _ -, beginning and ending with a letter"
                " or digit.",
                field="name",
            )
        roles = _checked_roles(roles)
        entity_ref = _user_ref(ref or f"user:default/{name}")
        if password is not None:
            require_good_password(password, name=name)
        password_hash = None if password is None else await self._passwords.hash(password)
        now = format_time(self._clock.now())
        user = User(entity_ref, name, (email or "").strip().lower() or None, display_name, roles, False, now, now)
        async with self._db.write() as tx:
            if await store.find_user(tx, ref=entity_ref) or await store.find_user(tx, name=name):
                raise UserExists(
                    f"There is a user {name} or {entity_ref} already. Change that one, or choose another name."
                )
            if user.email and await store.find_login(tx, user.email):
                raise UserExists(f"A user with the e-mail address {user.email} exists already.", field="email")
            await store.insert_user(tx, user, password_hash)
            await self._record(tx, "user-create", actor, {"user": entity_ref, "roles": list(roles)})
        return user

    async def list_users(self, *, actor: Actor) -> list[User]:
        require_administrator(actor)
        async with self._db.read() as tx:
            return await store.list_users(tx)

    async def find_by_ref(self, ref: str) -> User | None:
        """The local user who acts as ``ref``. Asked by authentication; gives nothing away to callers outside."""
        async with self._db.read() as tx:
            return await store.find_user(tx, ref=ref.lower())

    async def update_user(
        self,
        name: str,
        *,
        roles: Sequence[str] | None = None,
        email: str | None = None,
        display_name: str | None = None,
        disabled: bool | None = None,
        actor: Actor,
    ) -> User:
        """Change what is given (None leaves it). A disabled user's sessions end and their tokens stop at once."""
        require_administrator(actor)
        user = await self._get(name)
        changed = replace(
            user,
            roles=user.roles if roles is None else _checked_roles(roles),
            email=user.email if email is None else email.strip().lower() or None,
            display_name=user.display_name if display_name is None else display_name or None,
            disabled=user.disabled if disabled is None else disabled,
            updated_at=format_time(self._clock.now()),
        )
        async with self._db.write() as tx:
            await store.update_user(tx, changed)
            if changed.disabled:
                await store.delete_sessions_of(tx, user.ref)
            await self._record(tx, "user-update", actor, {"user": user.ref, "roles": list(changed.roles)})
            await store.tell_changed(tx, user.ref)
        self._forget(user.ref)
        return changed

    async def set_password(self, name: str, password: str, *, actor: Actor) -> None:
        """Set a new password; every session of the user ends. Users may set their own, administrators anybody's."""
        user = await self._get(name)
        if actor.subject != user.ref or actor.via == "token":
            require_administrator(actor)
        require_good_password(password, name=user.name)
        password_hash = await self._passwords.hash(password)
        async with self._db.write() as tx:
            await store.set_password_hash(tx, user.ref, password_hash, format_time(self._clock.now()))
            await store.delete_sessions_of(tx, user.ref)
            await self._record(tx, "user-password", actor, {"user": user.ref})
            await store.tell_changed(tx, user.ref)
        self._forget(user.ref)

    async def delete_user(self, name: str, *, actor: Actor) -> None:
        """Remove the user; their sessions end and their tokens are revoked."""
        require_administrator(actor)
        user = await self._get(name)
        now = format_time(self._clock.now())
        async with self._db.write() as tx:
            await store.delete_user(tx, user.ref)
            await store.delete_sessions_of(tx, user.ref)
            await store.revoke_tokens_of(tx, user.ref, now)
            await self._record(tx, "user-delete", actor, {"user": user.ref})
            await store.tell_changed(tx, user.ref)
        self._forget(user.ref)

    async def check_password(self, login: str, password: str) -> User | None:
        """The user whose name or e-mail address and password these are; None otherwise, after the same work."""
        async with self._db.read() as tx:
            found = await store.find_login(tx, login.strip().lower())
        user, stored = found if found is not None else (None, None)
        if not await self._passwords.verify(stored, password) or user is None or stored is None or user.disabled:
            return None
        now = format_time(self._clock.now())
        renewed = await self._passwords.hash(password) if self._passwords.is_outdated(stored) else None
        async with self._db.write() as tx:
            await store.set_signed_in(tx, user.ref, now)
            if renewed is not None:
                await store.set_password_hash(tx, user.ref, renewed, now)
        return user

    async def _get(self, name: str) -> User:
        wanted = name.strip().lower()
        async with self._db.read() as tx:
            user = await (store.find_user(tx, ref=wanted) if ":" in wanted else store.find_user(tx, name=wanted))
        if user is None:
            raise UserNotFound(f"There is no local user {wanted}. `callboard user list` shows them.")
        return user

    async def _record(self, tx: Transaction, event: str, actor: Actor, meta: dict[str, object]) -> None:
        await self._audit.record(tx, event, actor=actor, severity="medium", meta=meta)


def _user_ref(ref: str) -> str:
    try:
        parsed = EntityRef.parse(ref, default_kind="user")
    except RefError as error:
        raise InputError(str(error), field="ref") from None
    if parsed.kind.lower() != "user":
        raise InputError(f"{ref!r} is no user ref; write for example user:default/ada.", field="ref")
    return str(parsed)


def _checked_roles(roles: Sequence[str]) -> tuple[str, ...]:
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise InputError(f"{role!r} cannot be the name of a role.", field="roles")
    return tuple(dict.fromkeys(roles))
