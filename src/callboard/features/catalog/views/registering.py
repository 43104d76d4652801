"""``/catalog/locations``: the registered locations, and registering another after a look at what it would bring."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import (
    CREATE_LOCATION,
    DELETE_LOCATION,
    CatalogCommands,
    CatalogQueries,
    LocationExists,
)
from callboard.features.catalog.interface.registering import Registrations
from callboard.features.catalog.pages.registering import (
    LOCATIONS,
    NEW,
    PAGE,
    SHOWN,
    location_href,
    location_page,
    locations_page,
    new_href,
    new_page,
    refs_of_look,
)
from callboard.features.catalog.views.reading import look_up
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.refs import MAX_ADDRESS_LENGTH, EntityRef, LocationRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner, LinkItem

MAX_AT_ONCE = 50
"""Descriptors of a repository that are registered by one form."""


class RegistrationViews:
    """Pages and forms. Every form posts and works without script."""

    def __init__(
        self,
        registrations: Registrations,
        commands: CatalogCommands,
        queries: CatalogQueries,
        *,
        clock: Clock,
        messages: Messages,
    ) -> None:
        self._registrations = registrations
        self._commands = commands
        self._queries = queries
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        one = LOCATIONS + "/{id}"
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page"}
        return [
            Route(LOCATIONS, self.list, auth="page", name="catalog-locations"),
            Route(NEW, self.new, auth="page", name="catalog-location-new"),
            Route(NEW, self.register, name="catalog-location-register", **post),
            Route(one, self.show, auth="page", name="catalog-location"),
            Route(one, self.change, name="catalog-location-change", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def list(self, request: Request) -> Response:
        said = request.query_params
        q, start = said.get("q", "").strip()[:MAX_ADDRESS_LENGTH], said.get("start", "")
        offset = int(start) if start.isdecimal() and len(start) < 7 else 0
        states, total = await self._registrations.list_states(limit=PAGE, offset=offset, words=q, actor=request.actor)
        page = locations_page(
            states, total, self._t(request), now=self._clock.now(), q=q, start=offset,
            may_create=_may(request, CREATE_LOCATION),
        )  # fmt: skip
        return request.render("catalog/locations.html", page)

    async def show(self, request: Request) -> Response:
        return await self._show(request)

    async def _show(self, request: Request, banners: tuple[Banner, ...] = (), status: int = 200) -> Response:
        look = await self._registrations.look(request.path_params["id"], limit=SHOWN, actor=request.actor)
        known = await look_up(self._queries, refs_of_look(look), actor=request.actor)
        t = self._t(request)
        if "refreshed" in request.query_params:
            banners = (Banner("ok", t("catalog.refreshed"), [t("catalog.refreshed_means")]),)
        elif "registered" in request.query_params:
            banners = (Banner("ok", t("catalog.location.registered"), [t("catalog.location.registered_means")]),)
        page = location_page(
            look, known, t, now=self._clock.now(), may_delete=_may(request, DELETE_LOCATION), banners=banners
        )
        return request.render("catalog/location.html", page, status)

    async def change(self, request: Request) -> Response:
        """``do=refresh`` or ``do=remove``."""
        form = await request.read_form()
        id = request.path_params["id"]
        location = await self._commands.get_location(id, actor=request.actor)
        if form.get("do") == "remove":
            await self._commands.delete_location(id, actor=request.actor)
            return RedirectResponse(LOCATIONS, status_code=303)
        if form.get("do") != "refresh":
            raise InputError("Say what to do: refresh or remove.", field="do")
        await self._commands.refresh(EntityRef.parse(location.entity_ref), actor=request.actor)
        return RedirectResponse(f"{location_href(id)}?refreshed=1", status_code=303)

    # ---- a new one -----------------------------------------------------------------------------------------------------

    async def new(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_LOCATION)
        target = request.query_params.get("target", "").strip()
        if not target:
            return request.render("catalog/location_new.html", new_page(self._t(request)))
        return await self._preview(request, target)

    async def _preview(self, request: Request, target: str, *, error: str | None = None, status: int = 200) -> Response:
        t = self._t(request)
        try:
            preview = await self._registrations.preview(target, actor=request.actor)
        except (InputError, LimitError) as refused:
            page = new_page(t, target=target, error=refused.message)
            return request.render("catalog/location_new.html", page, 400)
        refs = [entity.ref for file in preview.files for entity in file.entities if entity.ref]
        known = await look_up(self._queries, refs, actor=request.actor)
        ways = [LinkItem(t("catalog.location.way.create"), "/create-entity", "create")]
        plugins = request.portal.plugins
        if plugins.has("proposals"):
            href = new_href(target).replace(NEW, "/proposals/new", 1)
            ways.insert(0, LinkItem(t("catalog.location.way.propose"), href, "search"))
        if plugins.has("importing"):
            ways.append(LinkItem(t("catalog.location.way.import"), "/import", "sheet"))
        if not plugins.has("editing"):
            ways = [way for way in ways if way.href != "/create-entity"]
        page = new_page(t, target=target, preview=preview, error=error, known=known, ways=ways)
        return request.render("catalog/location_new.html", page, status)

    async def register(self, request: Request) -> Response:
        """Register ``target``: one address, or several that were chosen."""
        form = await request.form()
        targets = [value.strip() for value in form.getlist("target") if isinstance(value, str) and value.strip()]
        if not targets or len(targets) > MAX_AT_ONCE:
            raise InputError(f"Choose between 1 and {MAX_AT_ONCE} addresses.", field="target")
        made = []
        for target in targets:
            try:
                location = LocationRef("url", target)
                made.append(await self._commands.create_location(location, on_conflict="reject", actor=request.actor))
            except LocationExists:
                if len(targets) == 1:
                    return await self._preview(
                        request, target, error=self._t(request)("catalog.location.exists"), status=409
                    )
            except InputError as error:
                return await self._preview(request, target, error=error.message, status=400)
        if len(made) == 1:
            return RedirectResponse(f"{location_href(made[0].id)}?registered=1", status_code=303)
        return RedirectResponse(LOCATIONS, status_code=303)


def _may(request: Request, permission: Any) -> bool:
    if request.portal.settings.get_bool("catalog.readonly", False):
        return False
    return bool(request.portal.permissions.decide(request.actor, permission).result != "DENY")
