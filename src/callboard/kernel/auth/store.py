"""All the SQL of users, sessions, personal tokens, signing keys and user info. Takes an open transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

from callboard.kernel.db.interface import Row, Transaction

CHANNEL = "callboard_auth"
"""Tells the other replicas whom to forget: a subject, or ``session:`` and the mark of one; nothing means everybody."""
SESSION = "session:"


async def tell_changed(tx: Transaction, what: str) -> None:
    """Once committed, no replica answers from memory for this subject or session (on SQLite: this process)."""
    await tx.notify(CHANNEL, what)


@dataclass(frozen=True, slots=True)
class User:
    """A local user. ``ref`` is the entity ref they act as, ``name`` what they type to sign in (lower-cased)."""

    ref: str
    name: str
    email: str | None = None
    display_name: str | None = None
    roles: tuple[str, ...] = ()
    disabled: bool = False
    created_at: str = ""
    updated_at: str = ""
    last_sign_in_at: str | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    id_hash: str
    user_ref: str
    provider: str
    created_at: str
    expires_at: str
    last_seen_at: str
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A personal token as listed: never the secret. Times are ISO text in UTC, ``scopes`` None means no limit."""

    id: str
    subject: str
    name: str
    scopes: frozenset[str] | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


_USER = "ref, name, email, display_name, roles, disabled, created_at, updated_at, last_sign_in_at"
_SESSION = "id_hash, user_ref, provider, created_at, expires_at, last_seen_at, user_agent"
_TOKEN = "id, subject, name, scopes, created_at, expires_at, last_used_at, revoked_at"


def _user(row: Row) -> User:
    return User(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), bool(row[5]), row[6], row[7], row[8])


def _token(row: Row) -> ApiToken:
    scopes = None if row[3] is None else frozenset(json.loads(row[3]))
    return ApiToken(row[0], row[1], row[2], scopes, row[4], row[5], row[6], row[7])


# ---- users ------------------------------------------------------------------------------------------------------------


async def insert_user(tx: Transaction, user: User, password_hash: str | None) -> None:
    await tx.execute(
        "INSERT INTO kernel_user (ref, name, email, display_name, password_hash, roles, disabled, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        user.ref, user.name, user.email, user.display_name, password_hash, json.dumps(list(user.roles)),
        int(user.disabled), user.created_at, user.updated_at,
    )  # fmt: skip


async def find_user(tx: Transaction, *, ref: str | None = None, name: str | None = None) -> User | None:
    column, value = ("ref", ref) if ref is not None else ("name", name)
    row = await tx.fetch_one(f"SELECT {_USER} FROM kernel_user WHERE {column} = $1", value)
    return None if row is None else _user(row)


async def find_login(tx: Transaction, login: str) -> tuple[User, str | None] | None:
    """The user with this name or e-mail address, and the password hash."""
    row = await tx.fetch_one(
        f"SELECT {_USER}, password_hash FROM kernel_user WHERE name = $1 OR email = $1 ORDER BY name = $1 DESC", login
    )
    return None if row is None else (_user(row), row[9])


async def list_users(tx: Transaction) -> list[User]:
    return [_user(row) for row in await tx.fetch_all(f"SELECT {_USER} FROM kernel_user ORDER BY name")]


async def update_user(tx: Transaction, user: User) -> int:
    return await tx.execute(
        "UPDATE kernel_user SET email = $2, display_name = $3, roles = $4, disabled = $5, updated_at = $6 WHERE ref = $1",
        user.ref, user.email, user.display_name, json.dumps(list(user.roles)), int(user.disabled), user.updated_at,
    )  # fmt: skip


async def set_password_hash(tx: Transaction, ref: str, password_hash: str, now: str) -> int:
    return await tx.execute(
        "UPDATE kernel_user SET password_hash = $2, updated_at = $3 WHERE ref = $1", ref, password_hash, now
    )


async def set_signed_in(tx: Transaction, ref: str, now: str) -> None:
    await tx.execute("UPDATE kernel_user SET last_sign_in_at = $2 WHERE ref = $1", ref, now)


async def delete_user(tx: Transaction, ref: str) -> int:
    return await tx.execute("DELETE FROM kernel_user WHERE ref = $1", ref)


# ---- sessions ---------------------------------------------------------------------------------------------------------


async def insert_session(tx: Transaction, session: SessionRow) -> None:
    await tx.execute(
        f"INSERT INTO kernel_session ({_SESSION}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        session.id_hash, session.user_ref, session.provider, session.created_at, session.expires_at,
        session.last_seen_at, session.user_agent,
    )  # fmt: skip


async def find_session(tx: Transaction, id_hash: str) -> SessionRow | None:
    row = await tx.fetch_one(f"SELECT {_SESSION} FROM kernel_session WHERE id_hash = $1", id_hash)
    return None if row is None else SessionRow(*row)


async def list_sessions(tx: Transaction, user_ref: str) -> list[SessionRow]:
    sql = f"SELECT {_SESSION} FROM kernel_session WHERE user_ref = $1 ORDER BY created_at DESC"
    return [SessionRow(*row) for row in await tx.fetch_all(sql, user_ref)]


async def touch_session(tx: Transaction, id_hash: str, seen_at: str, expires_at: str) -> None:
    await tx.execute(
        "UPDATE kernel_session SET last_seen_at = $2, expires_at = $3 WHERE id_hash = $1", id_hash, seen_at, expires_at
    )


async def delete_session(tx: Transaction, id_hash: str) -> int:
    return await tx.execute("DELETE FROM kernel_session WHERE id_hash = $1", id_hash)


async def delete_session_of(tx: Transaction, user_ref: str, id_hash: str) -> int:
    return await tx.execute("DELETE FROM kernel_session WHERE user_ref = $1 AND id_hash = $2", user_ref, id_hash)


async def delete_sessions_of(tx: Transaction, user_ref: str) -> int:
    return await tx.execute("DELETE FROM kernel_session WHERE user_ref = $1", user_ref)


async def delete_expired_sessions(tx: Transaction, now: str) -> int:
    return await tx.execute("DELETE FROM kernel_session WHERE expires_at <= $1", now)


# ---- personal tokens --------------------------------------------------------------------------------------------------


async def insert_token(tx: Transaction, token: ApiToken, token_hash: str) -> None:
    scopes = None if token.scopes is None else json.dumps(sorted(token.scopes))
    await tx.execute(
        "INSERT INTO kernel_api_token (id, token_hash, subject, name, scopes, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        token.id, token_hash, token.subject, token.name, scopes, token.created_at, token.expires_at,
    )  # fmt: skip


async def find_token(tx: Transaction, id: str) -> tuple[ApiToken, str] | None:
    """The token with this id, and the hash of its secret."""
    row = await tx.fetch_one(f"SELECT {_TOKEN}, token_hash FROM kernel_api_token WHERE id = $1", id)
    return None if row is None else (_token(row), row[8])


async def list_tokens(tx: Transaction, subject: str | None) -> list[ApiToken]:
    """Newest first; of everybody when ``subject`` is None."""
    where, args = ("", ()) if subject is None else (" WHERE subject = $1", (subject,))
    return [
        _token(row)
        for row in await tx.fetch_all(
            f"SELECT {_TOKEN} FROM kernel_api_token{where} ORDER BY created_at DESC, id", *args
        )
    ]


async def touch_token(tx: Transaction, id: str, now: str) -> None:
    await tx.execute("UPDATE kernel_api_token SET last_used_at = $2 WHERE id = $1", id, now)


async def revoke_token(tx: Transaction, id: str, now: str) -> int:
    return await tx.execute("UPDATE kernel_api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", id, now)


async def revoke_tokens_of(tx: Transaction, subject: str, now: str) -> int:
    return await tx.execute(
        "UPDATE kernel_api_token SET revoked_at = $2 WHERE subject = $1 AND revoked_at IS NULL", subject, now
    )


# ---- signing keys and user info ---------------------------------------------------------------------------------------


async def insert_key(tx: Transaction, kid: str, plugin: str, jwk: str, created_at: str, retire_at: str) -> None:
    await tx.execute(
        "INSERT INTO kernel_signing_key (kid, plugin, private_jwk, created_at, retire_at) VALUES ($1, $2, $3, $4, $5)",
        kid, plugin, jwk, created_at, retire_at,
    )  # fmt: skip


async def list_keys(tx: Transaction, plugin: str, now: str) -> Sequence[Row]:
    """(kid, JWK as JSON, created_at, retire_at) of those not retired, newest first."""
    return await tx.fetch_all(
        "SELECT kid, private_jwk, created_at, retire_at FROM kernel_signing_key"
        " WHERE plugin = $1 AND retire_at > $2 ORDER BY created_at DESC, kid",
        plugin, now,
    )  # fmt: skip


async def delete_retired_keys(tx: Transaction, now: str) -> int:
    return await tx.execute("DELETE FROM kernel_signing_key WHERE retire_at <= $1", now)


async def put_userinfo(tx: Transaction, user_ref: str, claims: dict[str, Any], now: str) -> None:
    await tx.execute(
        "INSERT INTO kernel_userinfo (user_ref, claims, updated_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (user_ref) DO UPDATE SET claims = excluded.claims, updated_at = excluded.updated_at",
        user_ref, json.dumps(claims), now,
    )  # fmt: skip


async def find_userinfo(tx: Transaction, user_ref: str) -> dict[str, Any] | None:
    text = await tx.fetch_value("SELECT claims FROM kernel_userinfo WHERE user_ref = $1", user_ref)
    return None if text is None else json.loads(text)
