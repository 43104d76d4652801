"""Sign-in, sign-out and personal tokens as pages. Every form works without JavaScript."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Sequence

from starlette.responses import Response

from callboard.kernel.auth.providers import SignInAttempt, SignInFailed
from callboard.kernel.auth.service import Auth
from callboard.kernel.auth.store import ApiToken
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.user_settings import BUCKET, START_PAGE, UserSettings
from callboard.kernel.web.cookies import clear_cookie, remember_choices, set_cookie
from callboard.kernel.web.errors import status_of
from callboard.kernel.web.pages_auth import ProviderButton, SignInPage, TokenRow, TokensPage
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route

MAX_FORM_BYTES = 16 * 1024
_NO_STORE = {"cache-control": "no-store"}


class AuthViews:
    """Pages at ``/sign-in``, ``/sign-out`` and ``/settings/tokens``."""

    def __init__(self, auth: Auth, values: UserSettings) -> None:
        self._auth = auth
        self._values = values

    def routes(self) -> Sequence[Route]:
        small = MAX_FORM_BYTES
        return [
            Route("/sign-in", self.show_sign_in, auth="public", name="sign-in"),
            Route("/sign-in", self.sign_in, ("POST",), auth="public", name="sign-in-post", max_body_bytes=small),
            Route(
                "/sign-in/{provider}",
                self.sign_in_by,
                ("POST",),
                auth="public",
                name="sign-in-by",
                max_body_bytes=small,
            ),
            Route("/sign-out", self.sign_out, ("POST",), auth="public", name="sign-out", max_body_bytes=small),
            Route("/settings/tokens", self.show_tokens, auth="page", name="tokens"),
            Route(
                "/settings/tokens",
                self.create_token,
                ("POST",),
                auth="page",
                name="tokens-create",
                max_body_bytes=small,
            ),
            Route("/settings/tokens/{id}/delete", self.revoke_token, ("POST",), auth="page", name="tokens-revoke"),
        ]

    # ---- signing in and out ------------------------------------------------------------------------------------------

    async def show_sign_in(self, request: Request) -> Response:
        target = safe_next(request.query_params.get("next"))
        if request.actor.via == "session" and not self._auth.is_guest(request.actor):
            return Redirect(target)
        return self._page(request, target)

    async def sign_in(self, request: Request) -> Response:
        fields = await request.read_form()
        given = {"username": fields.get("user", ""), "password": fields.get("password", "")}
        return await self._begin(request, "local", given, fields)

    async def sign_in_by(self, request: Request) -> Response:
        provider = self._auth.get_provider(request.path_params["provider"])
        fields = await request.read_form()
        if provider.start_url is not None:
            return Redirect(provider.start_url)
        return await self._begin(request, provider.id, fields, fields)

    async def _begin(self, request: Request, provider: str, given: dict[str, str], fields: dict[str, str]) -> Response:
        target = safe_next(fields.get("next"))
        attempt = SignInAttempt(given, request.client.host if request.client else None)
        try:
            signed_in = await self._auth.sign_in(
                provider,
                attempt,
                replaces=self._auth.session_id_of(request.scope),
                user_agent=request.headers.get("user-agent"),
            )
        except (SignInFailed, LimitError) as error:
            words = "sign_in.wrong" if isinstance(error, SignInFailed) else "sign_in.too_often"
            said = _say(request, words, error.message)
            return self._page(request, target, error=said, user=given.get("username", ""), status=status_of(error))
        chosen = await self._choices(signed_in.actor.subject)
        start = chosen.get(START_PAGE)
        response = Redirect(safe_next(start) if target == "/" and isinstance(start, str) else target, headers=_NO_STORE)
        remember_choices(response, self._auth.settings, chosen)
        longest = int(self._auth.settings.session_longest.total_seconds())
        set_cookie(response, self._auth.settings, self._auth.cookie_name, signed_in.session_id, max_age_s=longest)
        return response

    async def _choices(self, user_ref: str) -> dict[str, Any]:
        """What the user set for themselves; nothing for guests, who share one account."""
        if user_ref == self._auth.settings.guest.ref:
            return {}
        return await self._values.list_bucket(user_ref, BUCKET)

    async def sign_out(self, request: Request) -> Response:
        session_id = self._auth.session_id_of(request.scope)
        if session_id is not None:
            await self._auth.sign_out(session_id)
        response = Redirect("/sign-in", headers={**_NO_STORE, "clear-site-data": '"cache"'})
        clear_cookie(response, self._auth.settings, self._auth.cookie_name)
        return response

    def _page(
        self, request: Request, target: str, *, error: str | None = None, user: str = "", status: int = 200
    ) -> Response:
        others = [p for p in self._auth.providers if p.id not in ("local", "guest")]
        page = SignInPage(
            title=_say(request, "shell.sign_in", "Sign in"),
            next=target,
            providers=[ProviderButton(p.id, p.title, f"/sign-in/{p.id}") for p in others],
            password_allowed="local" in self._auth.settings.providers,
            guest_allowed=self._auth.settings.guest.provider,
            error=error,
            user=user,
        )
        return request.render("auth/sign_in.html", page, status, headers=_NO_STORE)

    # ---- personal tokens ---------------------------------------------------------------------------------------------

    async def show_tokens(self, request: Request) -> Response:
        return await self._tokens(request)

    async def create_token(self, request: Request) -> Response:
        self._require_person(request)
        form = await request.form()
        name, days = str(form.get("name", "")), str(form.get("expires_days", ""))
        scopes = [scope for scope in form.getlist("scopes") if isinstance(scope, str) and scope]
        access = str(form.get("access") or ("some" if scopes else "all"))
        wanted = {"read": ["read"], "all": None}.get(access, scopes)
        try:
            if days and not (days.isascii() and days.isdigit() and len(days) < 5):
                raise InputError("A token lasts from one minute to 366 days.", field="expires_in")
            lifetime = timedelta(days=int(days)) if days else timedelta(days=90)
            _, text = await self._auth.api_tokens.create_token(
                name, scopes=wanted, expires_in=lifetime, actor=request.actor
            )
        except InputError as error:
            typed = {"name": name, "expires_days": days, "access": access, "scopes": scopes}
            return await self._tokens(request, error=error.message, error_field=error.field, status=400, **typed)
        return await self._tokens(request, created=text)

    async def revoke_token(self, request: Request) -> Response:
        self._require_person(request)
        await self._auth.api_tokens.revoke_token(request.path_params["id"], actor=request.actor)
        return Redirect("/settings/tokens")

    async def _tokens(self, request: Request, *, status: int = 200, **fields: Any) -> Response:
        self._require_person(request)
        tokens = await self._auth.api_tokens.list_tokens(actor=request.actor)
        rows = [self._row(request, token) for token in tokens if token.revoked_at is None]
        may = [
            (permission.name, permission.description)
            for permission in request.portal.permissions.permissions
            if request.portal.permissions.decide(request.actor, permission).result != "DENY"
        ]
        page = TokensPage(title=_say(request, "tokens.title", "Access tokens"), tokens=rows, permissions=may, **fields)
        return request.render("auth/tokens.html", page, status, headers=_NO_STORE)

    def _row(self, request: Request, token: ApiToken) -> TokenRow:
        def moment(time: str | None) -> Any:
            return None if time is None else request.moment(parse_time(time))

        return TokenRow(
            token.id, token.name, sorted(token.scopes or ()), moment(token.created_at), moment(token.last_used_at),
            moment(token.expires_at),
        )  # fmt: skip

    def _require_person(self, request: Request) -> None:
        if not request.actor.is_user or self._auth.is_guest(request.actor):
            raise NotAllowedError("Guests have no tokens of their own. Sign in first.")


def _say(request: Request, id: str, default: str) -> str:
    """The message ``id``, or ``default`` where no catalogue has it."""
    try:
        said = request.translate(id)
    except LookupError:
        return default
    return default if said == id else said
