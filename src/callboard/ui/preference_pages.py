"""``/settings/preferences``, ``/keyboard`` and ``/api/ui/v1/preferences``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from starlette.responses import Response

from callboard.kernel.errors import InputError
from callboard.kernel.web.cookies import remember_choices
from callboard.kernel.web.responses import Json, Redirect
from callboard.kernel.web.routing import Route
from callboard.kernel.web.shell import NavItem
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Crumb
from callboard.ui.preferences import CHOICES, THEMES, Preference, Preferences
from callboard.ui.shortcuts import SHORTCUTS, Shortcut

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PATH = "/settings/preferences"
API = "/api/ui/v1/preferences"


@dataclass(frozen=True, slots=True)
class PreferencesPage:
    """``preferences.html``. ``chosen`` is by id; ``is_kept`` False for guests, who are told to sign in.

    The choices are (value, words), the value "" for what nobody chose. ``error`` belongs to ``error_field``.
    """

    title: str
    crumbs: Sequence[Crumb]
    themes: Sequence[tuple[str, str]]
    locales: Sequence[tuple[str, str]]
    start_pages: Sequence[tuple[str, str]]
    offered: Sequence[Preference]
    chosen: Mapping[str, bool | str]
    is_kept: bool
    was_saved: bool
    error: str = ""
    error_field: str = ""


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

    def __init__(
        self, preferences: Preferences, messages: Messages, start_pages: Callable[[Any], Sequence[NavItem]]
    ) -> None:
        self._preferences = preferences
        self._messages = messages
        self._start_pages = start_pages

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.show, auth="page", name="preferences"),
            Route(PATH, self.save, ("POST",), auth="page", name="preferences-save"),
            Route("/keyboard", self.keyboard, auth="page", name="keyboard"),
            Route(API, self.get, openapi={"summary": "What you chose: switches by id, and theme, locale and start_page (\"\": no choice)", "responses": _ANSWERS}),
            Route(API, self.put, ("PUT",), openapi={"summary": "Choose; what is left out stays", "requestBody": _BODY, "responses": _ANSWERS}),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        chosen = await self._preferences.list(request.actor)
        return self._page(request, chosen, was_saved="saved" in request.query_params)

    async def save(self, request: Request) -> Response:
        """A box that is not in the form is not ticked; a choice that is not in it stays."""
        form = await request.read_form()
        chosen: dict[str, bool | str] = {one.id: form.get(one.id) == "on" for one in self._preferences.offered}
        if request.is_own_user:
            chosen.update({key: form[key] for key in CHOICES if key in form})
        try:
            await self._preferences.set(chosen, actor=request.actor)
        except InputError as error:
            return self._page(request, await self._preferences.list(request.actor) | chosen, error=error)
        response = Redirect(f"{PATH}?saved=1", headers={"cache-control": "no-store"})
        if request.is_own_user:
            remember_choices(response, request.portal.auth.settings, await self._preferences.list(request.actor))
        return response

    def _page(
        self, request: Request, chosen: Mapping[str, bool | str], *, was_saved: bool = False, error: InputError | None = None
    ) -> Response:  # fmt: skip
        t = self._messages.translator(request.locale)
        page = PreferencesPage(
            title=t("preferences.title"),
            crumbs=(Crumb(t("preferences.title")),),
            themes=[(one, t(f"preferences.theme.{one or 'system'}")) for one in ("", *THEMES)],
            locales=[("", t("preferences.locale.browser")), *((one, _language(one, t)) for one in request.locales)],
            start_pages=[
                ("", t("preferences.start.home")),
                *((item.path, t.title(item.title)) for item in self._start_pages(request.actor)),
            ],
            offered=self._preferences.offered,
            chosen=chosen,
            is_kept=self._preferences.is_kept_for(request.actor),
            was_saved=was_saved,
            error=error.message if error else "",
            error_field=(error.field or "") if error else "",
        )
        return request.render("preferences.html", page, 400 if error else 200, headers={"cache-control": "no-store"})

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
        await self._preferences.set(body, actor=request.actor)
        return Json(await self._preferences.list(request.actor))


def _language(locale: str, t: Translator) -> str:
    """The language by its own name; its code where no catalogue says one."""
    return t(f"language.{locale}") if t.has(f"language.{locale}") else locale


_SHAPE = {"type": "object", "additionalProperties": {"type": ["boolean", "string"]}}
_BODY = {"required": True, "content": {"application/json": {"schema": _SHAPE}}}
_ANSWERS = {
    "200": {"description": "Every choice, by id", "content": {"application/json": {"schema": _SHAPE}}},
    "400": {"description": "There is no such preference, or this is not among its values"},
    "403": {"description": "Guests and services have none"},
}
