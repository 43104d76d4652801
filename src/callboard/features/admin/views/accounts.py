"""People who sign in with a password kept here, and everybody's tokens. For administrators; the kernel checks it again."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from callboard.features.admin.pages.accounts import TokenRow, TokensPage, UserForm, UserPage, UserRow, UsersPage
from callboard.features.admin.pages.frame import cut, frame, page_number
from callboard.kernel.auth.store import ApiToken, User
from callboard.kernel.auth.users import UserExists, UserNotFound, require_administrator
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

MAX_FORM_BYTES = 16 * 1024
STATES = ("works", "expired", "revoked")
_DONE = ("created", "saved", "password", "deleted", "revoked")


class AccountViews:
    """``/admin/users…`` and ``/admin/tokens…``. Forms post, and are led on by a redirect that says what was done."""

    def __init__(self, portal: Any, messages: Messages) -> None:
        self._portal = portal
        self._users = portal.auth.users
        self._tokens = portal.auth.api_tokens
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        one = "/admin/users/{name}"
        return [
            Route("/admin/users", self.users, auth="page", name="admin-users"),
            Route("/admin/users", self.create, name="admin-users-create", **post),
            Route(one, self.user, auth="page", name="admin-user"),
            Route(one, self.update, name="admin-user-update", **post),
            Route(one + "/password", self.password, name="admin-user-password", **post),
            Route(one + "/delete", self.delete, name="admin-user-delete", **post),
            Route("/admin/tokens", self.tokens, auth="page", name="admin-tokens"),
            Route("/admin/tokens/{id}/revoke", self.revoke, name="admin-token-revoke", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    def _frame(self, section: str, request: Request, *, last: str = "") -> Any:
        t, done = self._t(request), request.query_params.get("done")
        banners = [Banner("ok", t(f"admin.done.{done}"))] if done in _DONE else []
        return frame(section, request.actor, self._portal.permissions, t, last=last, banners=banners)

    # ---- people ------------------------------------------------------------------------------------------------------

    async def users(self, request: Request) -> Response:
        return await self._list(request, UserForm())

    async def _list(self, request: Request, form: UserForm) -> Response:
        q = request.query_params.get("q", "").strip()[:100]
        found = await self._users.list_users(actor=request.actor)
        if q:
            word = q.lower()
            found = [
                u for u in found if word in f"{u.name} {u.ref} {u.display_name} {u.email} {' '.join(u.roles)}".lower()
            ]
        part, pager = cut(found, page_number(request.query_params), "/admin/users", {"q": q})
        head = self._frame("users", request)
        page = UsersPage(
            head, head.title, [_user_row(user, request) for user in part], pager, q, form, bool(found) or not q
        )
        return request.render(
            "admin/users.html", page, 400 if form.error else 200, headers={"cache-control": "no-store"}
        )

    async def create(self, request: Request) -> Response:
        form = await request.read_form()
        typed = _typed(form)
        try:
            user = await self._users.create_user(
                typed.name, password=form.get("password") or None, ref=typed.ref or None, email=typed.email or None,
                display_name=typed.display_name or None, roles=_roles(typed.roles), actor=request.actor,
            )  # fmt: skip
        except (InputError, UserExists) as error:
            return await self._list(request, _with_error(typed, error, "name"))
        return Redirect(f"/admin/users/{quote(user.name)}?done=created")

    async def _find(self, request: Request) -> User:
        require_administrator(request.actor)
        name = request.path_params["name"].lower()
        for user in await self._users.list_users(actor=request.actor):
            if user.name == name:
                return user
        raise UserNotFound(self._t(request)("admin.user.none", name=name))

    async def user(self, request: Request) -> Response:
        return await self._one(request, await self._find(request))

    async def _one(
        self, request: Request, user: User, *, form: UserForm | None = None, password_error: str = ""
    ) -> Response:
        head = self._frame("users", request, last=user.display_name or user.name)
        now = format_time(self._portal.clock.now())
        tokens = await self._tokens.list_tokens(subject=user.ref, actor=request.actor)
        shown = form or UserForm(user.name, user.display_name or "", user.email or "", " ".join(user.roles), user.ref)
        page = UserPage(
            head, head.title, _user_row(user, request), shown, user.ref == request.actor.subject,
            sum(_state(token, now) == "works" for token in tokens), password_error,
        )  # fmt: skip
        wrong = bool(password_error or shown.error)
        return request.render("admin/user.html", page, 400 if wrong else 200, headers={"cache-control": "no-store"})

    async def update(self, request: Request) -> Response:
        user, form = await self._find(request), await request.read_form()
        typed = _typed(form)
        is_self = user.ref == request.actor.subject
        roles = _roles(typed.roles)
        disabled = form.get("disabled") == "1"
        if is_self and (disabled or "admin" not in roles):  # nobody locks the last door behind themselves by a slip
            error = self._t(request)("admin.user.not_self")
            return await self._one(request, user, form=_with_error(typed, InputError(error), "roles"))
        try:
            await self._users.update_user(
                user.name, roles=roles, email=typed.email, display_name=typed.display_name, disabled=disabled,
                actor=request.actor,
            )  # fmt: skip
        except (InputError, UserExists) as error:
            return await self._one(request, user, form=_with_error(typed, error, "email"))
        return Redirect(f"/admin/users/{quote(user.name)}?done=saved")

    async def password(self, request: Request) -> Response:
        user, form = await self._find(request), await request.read_form()
        if form.get("password", "") != form.get("again", ""):
            return await self._one(request, user, password_error=self._t(request)("admin.user.again"))
        try:
            await self._users.set_password(user.name, form.get("password", ""), actor=request.actor)
        except InputError as error:
            return await self._one(request, user, password_error=error.message)
        return Redirect(f"/admin/users/{quote(user.name)}?done=password")

    async def delete(self, request: Request) -> Response:
        user = await self._find(request)
        if user.ref == request.actor.subject:
            raise NotAllowedError(self._t(request)("admin.user.not_self"))
        await self._users.delete_user(user.name, actor=request.actor)
        return Redirect("/admin/users?done=deleted")

    # ---- tokens ------------------------------------------------------------------------------------------------------

    async def tokens(self, request: Request) -> Response:
        query, t = request.query_params, self._t(request)
        q, state = query.get("q", "").strip()[:100], query.get("state", "works")
        state = state if state in STATES else "works"
        now = format_time(self._portal.clock.now())
        found = await self._tokens.list_tokens(subject="*", actor=request.actor)
        if q:
            found = [token for token in found if q.lower() in f"{token.subject} {token.name} {token.id}".lower()]
        by_state: dict[str, list[ApiToken]] = {name: [] for name in STATES}
        for token in found:
            by_state[_state(token, now)].append(token)
        choices = [
            (name, t(f"admin.token.{name}"), f"/admin/tokens?{urlencode({'state': name, **({'q': q} if q else {})})}", len(rows), name == state)
            for name, rows in by_state.items()
        ]  # fmt: skip
        part, pager = cut(by_state[state], page_number(query), "/admin/tokens", {"state": state, "q": q})
        head = self._frame("tokens", request)
        rows = [_token_row(token, now, request) for token in part]
        return request.render("admin/tokens.html", TokensPage(head, head.title, rows, pager, choices, q, state))

    async def revoke(self, request: Request) -> Response:
        require_administrator(request.actor)
        await self._tokens.revoke_token(request.path_params["id"], actor=request.actor)
        return Redirect("/admin/tokens?done=revoked")


def _typed(form: dict[str, str]) -> UserForm:
    def said(name: str, limit: int = 200) -> str:
        return form.get(name, "").strip()[:limit]

    return UserForm(said("name", 63), said("display_name"), said("email"), said("roles", 500), said("ref", 250))


def _with_error(form: UserForm, error: Any, field: str) -> UserForm:
    known = ("name", "display_name", "email", "roles", "ref", "password")
    place = error.field if getattr(error, "field", None) in known else field
    return UserForm(form.name, form.display_name, form.email, form.roles, form.ref, error.message, place)


def _roles(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _user_row(user: User, request: Request) -> UserRow:
    return UserRow(
        user.name, f"/admin/users/{quote(user.name)}", user.ref, _entity_href(user.ref), user.display_name or "",
        user.email or "", user.roles, user.disabled,
        request.moment(parse_time(user.last_sign_in_at)) if user.last_sign_in_at else None,
        request.moment(parse_time(user.created_at)),
    )  # fmt: skip


def _token_row(token: ApiToken, now: str, request: Request) -> TokenRow:
    return TokenRow(
        token.id, token.name, token.subject, _entity_href(token.subject),
        sorted(token.scopes) if token.scopes is not None else (), _state(token, now),
        request.moment(parse_time(token.created_at)),
        request.moment(parse_time(token.last_used_at)) if token.last_used_at else None,
        request.moment(parse_time(token.expires_at)) if token.expires_at else None,
    )  # fmt: skip


def _state(token: ApiToken, now: str) -> str:
    if token.revoked_at:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "works"


def _entity_href(ref: str) -> str:
    parsed = EntityRef.parse(ref, default_kind="user")
    return f"/catalog/{quote(parsed.namespace)}/{quote(parsed.kind)}/{quote(parsed.name)}"
