"""``/settings/preferences``, ``/keyboard`` and ``/api/ui/v1/preferences``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping, Sequence

from starlette.responses import Response

from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json, Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages
from callboard.ui.parts import Crumb
from callboard.ui.preferences import Preference, Preferences
from callboard.ui.shortcuts import SHORTCUTS, Shortcut

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PATH = "/settings/preferences"
API = "/api/ui/v1/preferences"


@dataclass(frozen=True, slots=True)
class PreferencesPage:
    """``preferences.html``. ``chosen`` is by id; ``is_kept`` False for guests, who are told to sign in."""

    title: str
    crumbs: Sequence[Crumb]
    offered: Sequence[Preference]
    chosen: Mapping[str, bool]
    is_kept: bool
    was_saved: bool


@dataclass(frozen=True, slots=True)
class KeyboardPage:
    """``keyboard.html``: all keys there are, by where they work."""

    title: str
    crumbs: Sequence[Crumb]
    everywhere: Sequence[Shortcut]
    lists: Sequence[Shortcut]
    here: Sequence[Shortcut]


class PreferenceViews:
    """Choices as a form and as JSON; both go through ``Preferences``."""

    def __init__(self, preferences: Preferences, messages: Messages) -> None:
        self._preferences = preferences
        self._messages = messages

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.show, auth="page", name="preferences"),
            Route(PATH, self.save, ("POST",), auth="page", name="preferences-save"),
            Route("/keyboard", self.keyboard, auth="page", name="keyboard"),
            Route(API, self.get, openapi={"summary": "What you switched on and off", "responses": _ANSWERS}),
            Route(API, self.put, ("PUT",), openapi={"summary": "Switch on or off", "requestBody": _BODY, "responses": _ANSWERS}),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        t = self._messages.translator(request.locale)
        page = PreferencesPage(
            title=t("preferences.title"),
            crumbs=(Crumb(t("preferences.title")),),
            offered=self._preferences.offered,
            chosen=await self._preferences.list(request.actor),
            is_kept=self._preferences.is_kept_for(request.actor),
            was_saved="saved" in request.query_params,
        )
        return request.render("preferences.html", page)

    async def save(self, request: Request) -> Response:
        form = await request.read_form()
        chosen = {one.id: form.get(one.id) == "on" for one in self._preferences.offered}
        await self._preferences.set(chosen, actor=request.actor)
        return Redirect(f"{PATH}?saved=1")

    async def keyboard(self, request: Request) -> Response:
        t = self._messages.translator(request.locale)

        def of(where: str) -> list[Shortcut]:
            return [one for one in SHORTCUTS if one.where == where]

        title = t("shell.shortcuts")
        page = KeyboardPage(title, (Crumb(title),), of("everywhere"), of("lists"), of("here"))
        return request.render("keyboard.html", page)

    async def get(self, request: Request) -> Response:
        return Json(await self._preferences.list(request.actor))

    async def put(self, request: Request) -> Response:
        body = await request.require_object()
        for id, value in body.items():
            if not isinstance(value, bool):
                raise InputError(f"{id} must be true or false.", field=id)
        await self._preferences.set(body, actor=request.actor)
        return Json(await self._preferences.list(request.actor))


_SHAPE = {"type": "object", "additionalProperties": {"type": "boolean"}}
_BODY = {"required": True, "content": {"application/json": {"schema": _SHAPE}}}
_ANSWERS = {
    "200": {"description": "Every choice, by id", "content": {"application/json": {"schema": _SHAPE}}},
    "400": {"description": "There is no such preference, or it is neither true nor false"},
    "403": {"description": "Guests and services have none"},
}
