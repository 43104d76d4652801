"""Actions on accounts: local users and personal tokens. The CLI runs these, on a local store and over the wire alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.permissions import Permission
from callboard.kernel.settings import parse_duration

if TYPE_CHECKING:
    from callboard.kernel.auth.api_tokens import ApiTokens
    from callboard.kernel.auth.store import ApiToken, User
    from callboard.kernel.auth.users import Users

READ_USERS = Permission("user.account.read", "read", None, "See the local users.")
MANAGE_USERS = Permission("user.account.update", "update", None, "Add and change local users.")
ACCOUNT_PERMISSIONS: tuple[Permission, ...] = (READ_USERS, MANAGE_USERS)

_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
_ROLES: Mapping[str, Any] = {"type": "array", "items": _TEXT, "description": "Names of policy roles."}
_USER: Mapping[str, Any] = {"type": "object", "required": ["ref", "name", "roles", "disabled"]}
_PASSWORD = {"type": "object", "properties": {"password": _TEXT}, "additionalProperties": False}


def account_actions(users: Users, tokens: ApiTokens) -> Sequence[Action]:
    """The actions over these services, which check who may."""
    return [*_UserActions(users).actions(), *_TokenActions(tokens).actions()]


class _UserActions:
    def __init__(self, users: Users) -> None:
        self._users = users

    def actions(self) -> list[Action]:
        reading = ActionAttributes(read_only=True, idempotent=True)
        return [
            Action(
                "auth:list-users", "List local users", "Local users with their roles.", self.list_all, permission=READ_USERS,
                output_schema=_object({"users": {"type": "array", "items": _USER}}, "users"), attributes=reading,
            ),
            Action(
                "auth:create-user", "Add a local user", "Adds somebody who signs in with a name and a password.", self.create,
                input_schema=_object(
                    {"name": _TEXT, "ref": _TEXT, "email": _TEXT, "displayName": _TEXT, "roles": _ROLES}, "name"
                ),
                secrets_schema=_PASSWORD, output_schema=_USER, permission=MANAGE_USERS,
                attributes=ActionAttributes(destructive=False),
            ),
            Action(
                "auth:update-user", "Change a local user", "Changes roles, e-mail, name shown, or whether they may sign in.",
                self.update,
                input_schema=_object(
                    {"name": _TEXT, "roles": _ROLES, "email": {"type": "string"}, "displayName": {"type": "string"},
                     "disabled": {"type": "boolean"}}, "name"
                ),
                output_schema=_USER, permission=MANAGE_USERS, attributes=ActionAttributes(idempotent=True),
            ),
            Action(
                "auth:set-password", "Set a password", "Sets a local user's password; their sessions end.", self.set_password,
                input_schema=_object({"name": _TEXT}, "name"), secrets_schema={**_PASSWORD, "required": ["password"]},
                permission=MANAGE_USERS, attributes=ActionAttributes(idempotent=True),
            ),
            Action(
                "auth:delete-user", "Remove a local user", "Their sessions end and their tokens stop, for good.", self.delete,
                input_schema=_object({"name": _TEXT}, "name"), permission=MANAGE_USERS,
            ),
        ]  # fmt: skip

    async def list_all(self, context: ActionContext) -> Mapping[str, Any]:
        return {"users": [_format_user(user) for user in await self._users.list_users(actor=context.actor)]}

    async def create(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        user = await self._users.create_user(
            given["name"], password=context.secrets.get("password"), ref=given.get("ref"), email=given.get("email"),
            display_name=given.get("displayName"), roles=given.get("roles", ()), actor=context.actor,
        )  # fmt: skip
        return _format_user(user)

    async def update(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        user = await self._users.update_user(
            given["name"], roles=given.get("roles"), email=given.get("email"), display_name=given.get("displayName"),
            disabled=given.get("disabled"), actor=context.actor,
        )  # fmt: skip
        return _format_user(user)

    async def delete(self, context: ActionContext) -> Mapping[str, Any]:
        await self._users.delete_user(context.input["name"], actor=context.actor)
        return {}

    async def set_password(self, context: ActionContext) -> Mapping[str, Any]:
        await self._users.set_password(context.input["name"], context.secrets["password"], actor=context.actor)
        return {}


class _TokenActions:
    def __init__(self, tokens: ApiTokens) -> None:
        self._tokens = tokens

    def actions(self) -> list[Action]:
        return [
            Action(
                "auth:list-tokens", "List personal tokens", "Your tokens, or those of somebody else ('*': everybody).", self.list_all,
                input_schema=_object({"user": _TEXT}),
                output_schema=_object({"tokens": {"type": "array", "items": {"type": "object"}}}, "tokens"),
                attributes=ActionAttributes(read_only=True, idempotent=True),
            ),
            Action(
                "auth:create-token", "Create a personal token", "The token is shown once and cannot be had again.", self.create,
                input_schema=_object(
                    {"name": _TEXT, "user": _TEXT, "scopes": {"type": "array", "items": _TEXT},
                     "expiresIn": {"type": ["string", "null"], "description": "A duration such as 90d; null: does not expire."}},
                    "name",
                ),
                output_schema=_object({"token": {"type": "string"}, "id": {"type": "string"}}, "token", "id", more=True),
                attributes=ActionAttributes(destructive=False),
            ),
            Action(
                "auth:revoke-token", "Revoke a personal token", "The token stops working at once, for good.", self.revoke,
                input_schema=_object({"id": _TEXT}, "id"), attributes=ActionAttributes(idempotent=True),
            ),
        ]  # fmt: skip

    async def list_all(self, context: ActionContext) -> Mapping[str, Any]:
        tokens = await self._tokens.list_tokens(subject=context.input.get("user"), actor=context.actor)
        return {"tokens": [_format_token(token) for token in tokens]}

    async def create(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        expires_in: timedelta | None = timedelta(days=90)
        if "expiresIn" in given:
            try:
                expires_in = None if given["expiresIn"] is None else parse_duration(given["expiresIn"])
            except ValueError as error:
                raise InputError(str(error), field="expiresIn") from None
        token, text = await self._tokens.create_token(
            given["name"],
            subject=given.get("user"),
            scopes=given.get("scopes"),
            expires_in=expires_in,
            actor=context.actor,
        )
        return {**_format_token(token), "token": text}

    async def revoke(self, context: ActionContext) -> Mapping[str, Any]:
        return _format_token(await self._tokens.revoke_token(context.input["id"], actor=context.actor))


def _object(properties: Mapping[str, Any], *required: str, more: bool = False) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": more}


def _format_user(user: User) -> dict[str, Any]:
    return {
        "ref": user.ref, "name": user.name, "email": user.email, "displayName": user.display_name, "roles": list(user.roles),
        "disabled": user.disabled, "createdAt": user.created_at,
    }  # fmt: skip


def _format_token(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id, "user": token.subject, "name": token.name, "scopes": None if token.scopes is None else sorted(token.scopes),
        "createdAt": token.created_at, "expiresAt": token.expires_at, "lastUsedAt": token.last_used_at, "revokedAt": token.revoked_at,
    }  # fmt: skip
