"""Pages below ``/settings``. Plain forms that post and redirect."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from callboard.features.settings.pages import ProfilePage, SessionLine, SessionsPage, place_of
from callboard.features.settings.service import PersonalSettings
from callboard.kernel.auth.sessions import hash_id
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator

PROFILE, SESSIONS = "/settings", "/settings/sessions"
MAX_FORM_BYTES = 16 * 1024
_NO_STORE = {"cache-control": "no-store"}


class SettingsViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, service: PersonalSettings, messages: Messages) -> None:
        self._service = service
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(PROFILE, self.profile, auth="page", name="settings"),
            Route(SESSIONS, self.sessions, auth="page", name="settings-sessions"),
            Route(f"{SESSIONS}/end", self.end, name="settings-sessions-end", **post),
            Route("/settings/password", self.change_password, name="settings-password", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def profile(self, request: Request) -> Response:
        found = await self._service.get_profile(actor=request.actor)
        is_guest = request.portal.auth.is_guest(request.actor)
        t = self._t(request)
        page = ProfilePage(t("settings.profile"), found, found.groups, is_guest)
        return request.render("settings/profile.html", page, headers=_NO_STORE)

    # ---- sessions ------------------------------------------------------------------------------------------------------

    async def sessions(self, request: Request) -> Response:
        return await self._sessions(request, ended="ended" in request.query_params)

    async def end(self, request: Request) -> Response:
        """One session, or with ``do=others`` all but this one."""
        form, auth = await request.read_form(), request.portal.auth
        here = auth.session_id_of(request.scope)
        if form.get("do") == "others":
            await self._service.end_other_sessions(here, actor=request.actor)
        else:
            await self._service.end_session(form.get("mark", ""), actor=request.actor)
        return Redirect(f"{SESSIONS}?ended")

    async def change_password(self, request: Request) -> Response:
        form = await request.read_form()
        try:
            await self._service.change_password(
                form.get("current", ""), form.get("new", ""), form.get("again", ""), actor=request.actor
            )
        except InputError as error:
            return await self._sessions(request, error=error)
        return Redirect(f"/sign-in?next={SESSIONS}", headers=_NO_STORE)

    async def _sessions(self, request: Request, *, ended: bool = False, error: InputError | None = None) -> Response:
        t = self._t(request)
        here = request.portal.auth.session_id_of(request.scope)
        mine = None if here is None else hash_id(here)
        lines = [
            SessionLine(
                row.id_hash, place_of(row.user_agent, t), row.provider, request.moment(parse_time(row.created_at)),
                request.moment(parse_time(row.last_seen_at)), row.id_hash == mine,
            )
            for row in await self._service.list_sessions(actor=request.actor)
        ]  # fmt: skip
        profile = await self._service.get_profile(actor=request.actor)
        page = SessionsPage(
            t("settings.sessions"), lines, bool(profile.login) and request.actor.via == "session", ended,
            error.message if error else "", (error.field or "current") if error else "",
        )  # fmt: skip
        return request.render("settings/sessions.html", page, 400 if error else 200, headers=_NO_STORE)
