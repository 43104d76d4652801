"""Views of overlays, of what is kept out or was deleted, of earlier versions, and of ways to be rid of an entity."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

import orjson
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import (
    BY_TITLE,
    DELETE_ENTITY,
    DELETE_LOCATION,
    CatalogCommands,
    CatalogQueries,
    EntityNotFound,
    EntityQuery,
    Location,
    LocationNotFound,
    Order,
)
from callboard.features.editing.interface import Editable, EditConflict, Editing, GivenElsewhere, TextRefused
from callboard.features.editing.pages import laid
from callboard.features.editing.pages.editor import entity_href, is_giver_ref
from callboard.features.editing.views.telling import done, to_history
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import All, Negation, has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner, LinkItem

ORIGIN = "metadata.annotations.backstage.io/managed-by-origin-location"
PAGE = 50
NAMED = 12
MAX_FORM_BYTES = 64 * 1024


class DecisionViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(
        self, editing: Editing, queries: CatalogQueries, commands: CatalogCommands, messages: Messages
    ) -> None:
        self._editing = editing
        self._queries = queries
        self._commands = commands
        self._messages = messages

    def routes(self) -> list[Route]:
        one = "/catalog/{namespace}/{kind}/{name}"
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(laid.OVERLAYS, self.overlays, auth="page", name="editing-overlays"),
            Route(laid.HIDDEN, self.hidden, auth="page", name="editing-hidden"),
            Route(laid.HIDDEN, self.show, name="editing-show", **post),
            Route(laid.DELETED, self.deleted, auth="page", name="editing-deleted"),
            Route(laid.DELETED, self.restore_deleted, name="editing-restore-deleted", **post),
            Route(one + "/overlay", self.overlay, auth="page", name="editing-overlay"),
            Route(one + "/overlay", self.overlay_changed, name="editing-overlay-changed", **post),
            Route(one + "/delete", self.removal, auth="page", name="editing-removal"),
            Route(one + "/remove", self.removed, name="editing-removed", **post),
            Route(one + "/versions/{id}", self.version, auth="page", name="editing-version"),
            Route(one + "/versions/{id}", self.restored, name="editing-restored", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- what is laid over one entity ----------------------------------------------------------------------------------

    async def overlay(self, request: Request) -> Response:
        return await self._show_overlay(request)

    async def _show_overlay(self, request: Request, banners: Sequence[Banner] = (), status: int = 200) -> Response:
        ref = _ref(request)
        found = await self._editing.find_overlay(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        standing = await self._editing.find_editable(ref, actor=request.actor)
        page = laid.overlay_page(found, standing, self._t(request), request.portal.clock.now(), banners)
        return request.render("editing/overlay.html", page, status)

    async def overlay_changed(self, request: Request) -> Response:
        """``do`` is ``clear``, or ``take:<path>`` or ``keep:<path>``."""
        ref, t = _ref(request), self._t(request)
        form = await request.read_form()
        do, _, path = form.get("do", "").partition(":")
        found = await self._editing.find_overlay(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        fields = {one.path: one.value for one in found.fields}
        if do not in ("clear", "take", "keep"):
            raise InputError("Say what to do with the field: take, keep or clear.", field="do")
        if do == "clear":
            fields = {}
        elif do == "take":
            fields.pop(path, None)
        try:
            await self._editing.set_overlay(
                ref, fields, base_mark=form.get("mark", ""), actor=request.actor, kept=[path] if do == "keep" and path in fields else ()
            )  # fmt: skip
        except EditConflict:
            told = Banner("warn", t("editing.laid.moved"), [t("editing.laid.moved_means")])
            return await self._show_overlay(request, [told], 409)
        except TextRefused as error:
            return await self._show_overlay(request, [Banner("bad", t("editing.laid.refused"), [error.message])], 400)
        to = (
            laid.OVERLAYS if found.is_dormant else entity_href(str(ref), "overlay") if fields else entity_href(str(ref))
        )
        return done(request, to, f"laid_{do}", str(ref), field=path)

    async def card(self, entity: Mapping[str, Any], request: Request) -> Markup:
        """On the page of an entity, what of it the portal says instead of its source."""
        ref = EntityRef.of(entity)
        found = await self._editing.find_overlay(ref, actor=request.actor)
        now = request.portal.clock.now()
        fields = [laid.laid_view(one, now) for one in found.fields] if found is not None else []
        page = laid.OverlayCard(fields, entity_href(str(ref), "overlay"))
        return Markup(bytes(request.render("editing/overlay_card.html", page).body).decode())

    # ---- lists ---------------------------------------------------------------------------------------------------------

    async def overlays(self, request: Request) -> Response:
        after = request.query_params.get("after", "")
        found = await self._editing.list_overlays(actor=request.actor, after=after, limit=PAGE + 1)
        now = request.portal.clock.now()
        return self._list(request, "overlays", [laid.overlay_row(one, now) for one in found], "after")

    async def hidden(self, request: Request) -> Response:
        after = request.query_params.get("after", "")
        found = await self._editing.list_hidden(actor=request.actor, after=after, limit=PAGE + 1)
        now = request.portal.clock.now()
        return self._list(request, "hidden", [laid.hidden_row(one, now) for one in found], "after")

    async def deleted(self, request: Request) -> Response:
        said = request.query_params.get("before", "")
        before = int(said) if said.isdecimal() and len(said) < 19 else None
        found = await self._editing.list_deleted(actor=request.actor, before=before, limit=PAGE + 1)
        now = request.portal.clock.now()
        more = f"{laid.DELETED}?before={found[PAGE - 1].id}" if len(found) > PAGE else None
        return self._list(request, "deleted", [laid.deleted_row(one, now) for one in found], "before", more)

    def _list(
        self, request: Request, kind: str, rows: Sequence[laid.DecisionRow], key: str, more: str | None = None
    ) -> Response:
        if key == "after" and len(rows) > PAGE:
            more = f"/catalog/{kind}?" + urlencode({"after": rows[PAGE - 1].ref})
        return request.render("editing/decisions.html", laid.decisions_page(kind, rows[:PAGE], more, self._t(request)))

    async def show(self, request: Request) -> Response:
        ref = EntityRef.parse((await request.read_form()).get("ref", ""))
        await self._editing.show(ref, actor=request.actor)
        found = await self._queries.find_raw(str(ref), actor=request.actor)
        to = entity_href(str(ref)) if found is not None else laid.HIDDEN
        return done(request, to, "shown", str(ref), detail="" if found is not None else "shown_later")

    async def restore_deleted(self, request: Request) -> Response:
        ref = EntityRef.parse((await request.read_form()).get("ref", ""))
        saved = await self._editing.restore_deleted(ref, actor=request.actor)
        return done(request, entity_href(saved.ref), "brought_back", saved.ref)

    # ---- being rid of an entity ----------------------------------------------------------------------------------------

    async def removal(self, request: Request) -> Response:
        found = await self._get(request)
        if found.giver.is_own:
            return RedirectResponse(entity_href(found.ref, "edit"), status_code=303)
        location = await self._location_of(found, request)
        page = laid.removal_page(found, await self._returns(found, request), location, self._t(request))
        return request.render("editing/removal.html", page)

    async def _get(self, request: Request) -> Editable:
        ref = _ref(request)
        found = await self._editing.find_editable(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        if not found.may_delete:
            raise NotAllowedError(f"You may not delete {ref} ({DELETE_ENTITY.name}). Its owner may.")
        return found

    async def _returns(self, found: Editable, request: Request) -> list[tuple[str, str | None]]:
        refs = [name for name in found.giver.names if is_giver_ref(name)]
        raws = await self._queries.get_many_raw(refs, actor=request.actor) if refs else []
        titles = {}
        for ref, raw in zip(refs, raws, strict=True):
            if raw is not None:
                entity = orjson.loads(raw)
                target = (entity.get("spec") or {}).get("target")
                titles[ref] = str(entity["metadata"].get("title") or target or ref)
        return [(titles.get(name, name), entity_href(name) if name in titles else None) for name in found.giver.names]

    async def _find_location(self, ref: EntityRef, request: Request) -> Location | None:
        """The registered location that it came by, where the actor may remove it."""
        if request.portal.permissions.decide(request.actor, DELETE_LOCATION).result != "ALLOW":
            return None
        try:
            return await self._commands.get_location_by_entity(ref, actor=request.actor)
        except LocationNotFound:
            return None

    async def _location_of(
        self, found: Editable, request: Request
    ) -> tuple[str, str, int, Sequence[tuple[str, str]]] | None:
        location = await self._find_location(EntityRef.parse(found.ref), request)
        if location is None:
            return None
        others = All(
            (
                has_value(ORIGIN, [f"{location.type}:{location.target}"]),
                Negation(has_value("kind", ["location"])),
            )
        )
        page = await self._queries.list_raw(EntityQuery(others, Order(BY_TITLE), limit=NAMED + 1), actor=request.actor)
        named = []
        for raw in page.items:
            entity = orjson.loads(raw)
            ref = EntityRef.of(entity)
            if str(ref) != found.ref:
                named.append((str(entity["metadata"].get("title") or ref.name), entity_href(str(ref))))
        count = (page.total or 0) - (0 if found.ref.startswith("location:") else 1)
        return location.id, location.target, max(count, len(named)), named[:NAMED]

    async def removed(self, request: Request) -> Response:
        """``do`` is ``hide`` or ``location``."""
        found = await self._get(request)
        form = await request.read_form()
        ref = EntityRef.parse(found.ref)
        match form.get("do"):
            case "hide":
                await self._editing.hide(ref, why=form.get("why", ""), actor=request.actor)
                return done(request, laid.HIDDEN, "hidden", str(ref), detail="hidden_means")
            case "location":
                location = await self._find_location(ref, request)
                if location is None or location.id != form.get("location"):
                    raise LocationNotFound("It does not come by this location any more. Look again what brings it in.")
                await self._commands.delete_location(location.id, actor=request.actor)
                return done(
                    request, "/catalog", "location_gone", str(ref), detail="location_gone_means", target=location.target
                )
        raise InputError("Say what to do: hide or location.", field="do")

    # ---- versions ------------------------------------------------------------------------------------------------------

    async def version(self, request: Request) -> Response:
        return await self._show_version(request)

    async def _show_version(self, request: Request, banners: Sequence[Banner] = (), status: int = 200) -> Response:
        ref, t = _ref(request), self._t(request)
        found = await self._editing.find_version(ref, _id(request), actor=request.actor)
        if found is None:
            raise NotFoundError(t("editing.version.unknown"))
        return request.render(
            "editing/version.html", laid.version_page(found, t, request.portal.clock.now(), banners), status
        )

    async def restored(self, request: Request) -> Response:
        ref, t = _ref(request), self._t(request)
        form = await request.read_form()
        try:
            await self._editing.restore(ref, _id(request), base_mark=form.get("mark", ""), actor=request.actor)
        except EditConflict:
            ways = [LinkItem(t("editing.see_theirs"), entity_href(str(ref), "history"), "history")]
            told = Banner("warn", t("editing.conflict"), [t("editing.version.moved")], ways)
            return await self._show_version(request, [told], 409)
        except (TextRefused, GivenElsewhere) as error:
            return await self._show_version(
                request, [Banner("bad", t("editing.version.refused"), [error.message])], 400
            )
        return done(request, entity_href(str(ref)), "restored", str(ref), way=to_history(str(ref)))


def _ref(request: Request) -> EntityRef:
    return EntityRef(*(request.path_params[part] for part in ("kind", "namespace", "name")))


def _id(request: Request) -> int:
    said = request.path_params["id"]
    if not said.isdecimal() or len(said) > 18:
        raise NotFoundError("A version is named by its number.")
    return int(said)
