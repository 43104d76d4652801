"""Pages of updates: what a template made, and the update of one entity. Every form posts and works without script."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

import orjson
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import EntityCard, EntityTab
from callboard.features.scaffolder.permissions import MANAGE_TEMPLATES
from callboard.features.scaffolder.updates import pages
from callboard.features.scaffolder.updates.interface import Made, NotMade, TemplateUpdates
from callboard.features.scaffolder.updates.parts import UpdateParts
from callboard.features.scaffolder.updates.places import PlaceUnknown
from callboard.features.scaffolder.updates.updating import AnswersMissing
from callboard.kernel.errors import CallboardError, NotAllowedError, NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

ANSWER = "answer."
MAX_ANSWERS = 100
MAX_FORM_BYTES = 256 * 1024


class UpdateViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, updates: TemplateUpdates, parts: UpdateParts, messages: Messages) -> None:
        self._updates = updates
        self._parts = parts
        self._messages = messages

    def routes(self) -> list[Route]:
        one = "/catalog/{namespace}/{kind}/{name}"
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(one + "/made", self.fleet, auth="page", name="updates-fleet"),
            Route(one + "/made", self.look, name="updates-look", **post),
            Route(one + "/template-update", self.update, auth="page", name="updates-update"),
            Route(one + "/template-update", self.updated, name="updates-open", **post),
            Route(one + "/template-update/place", self.place_named, name="updates-place", **post),
        ]

    def tabs(self) -> Sequence[EntityTab]:
        return [EntityTab("made", "scaffolder.update.made_from", self.fleet_tab, has_value("kind", ["template"]), 60)]

    def cards(self) -> Sequence[EntityCard]:
        return [EntityCard("template", "scaffolder.update.card", self.card, "side", None, 70)]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- what a template made ------------------------------------------------------------------------------------------

    async def fleet(self, request: Request) -> Response:
        return request.render("updates/fleet.html", await self._fleet(_ref(request), request))

    async def fleet_tab(self, entity: Mapping[str, Any], request: Request) -> Markup:
        page = await self._fleet(str(EntityRef.of(entity)).lower(), request)
        return _markup(request, "updates/tab.html", page)

    async def _fleet(self, ref: str, request: Request) -> pages.FleetPage:
        only = request.query_params.get("only") == "behind"
        said = request.query_params.get("start", "0")
        start = int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0
        found = await self._updates.list_fleet(
            ref, only_behind=only, limit=pages.PAGE, offset=start, actor=request.actor
        )
        known = await self._known(found.items, request, ref)
        return pages.fleet_page(found, known, self._t(request), self._parts.clock.now(), only_behind=only, start=start)

    async def _known(self, items: Sequence[Made], request: Request, *more: str) -> pages.Known:
        refs = sorted({*pages.refs_of(items), *more})
        raws = await self._parts.queries.get_many_raw(refs, actor=request.actor)
        return {ref: orjson.loads(raw) for ref, raw in zip(refs, raws, strict=True) if raw is not None}

    async def look(self, request: Request) -> Response:
        await request.read_form()
        ref = _ref(request)
        await self._updates.look(ref, actor=request.actor)
        return RedirectResponse(pages.fleet_href(ref), status_code=303)

    # ---- one entity ----------------------------------------------------------------------------------------------------

    async def card(self, entity: Mapping[str, Any], request: Request) -> Markup | str:
        made = await self._updates.find_made(str(EntityRef.of(entity)).lower(), actor=request.actor)
        if made is None:
            return ""
        known = await self._known([made], request)
        view = pages.made_view(made, known, self._t(request), self._parts.clock.now())
        return _markup(request, "updates/card.html", view)

    async def update(self, request: Request) -> Response:
        return await self._show(request, _answers(request.query_params))

    async def _show(
        self, request: Request, answers: Mapping[str, str], banners: Sequence[Banner] = (), status: int = 200
    ) -> Response:
        ref, t, now = _ref(request), self._t(request), self._parts.clock.now()
        made = await self._updates.find_made(ref, actor=request.actor)
        if made is None:
            raise NotMade(f"No run of a template is recorded for {ref}.")
        known = await self._known([made], request)
        try:
            preview = await self._updates.preview(ref, answers=answers or None, actor=request.actor)
        except AnswersMissing as error:
            told = Banner("info", t("scaffolder.update.questions"), [t("scaffolder.update.questions_means")])
            page = pages.refused_page(made, known, t, now, told, questions=error.names, answers=answers)
            return request.render("updates/update.html", page, status)
        except PlaceUnknown as error:
            told = Banner("warn", t("scaffolder.update.no_place"), [t("scaffolder.update.no_place_means")])
            place = error.suggested if await self._may_name_place(ref, request) else None
            page = pages.refused_page(made, known, t, now, told, place=place, answers=answers)
            page = replace(page, banners=[*banners, told])
            return request.render("updates/update.html", page, status if status != 200 else 409)
        except NotMade:
            raise
        except CallboardError as error:
            told = Banner("bad", t("scaffolder.update.cannot"), [error.message])
            code = status if status != 200 else 404 if isinstance(error, NotFoundError) else 409
            return request.render(
                "updates/update.html", pages.refused_page(made, known, t, now, told, answers=answers), code
            )
        entity = await self._parts.find_entity(ref, request.actor)
        may = entity is not None and self._parts.may_update(entity, request.actor)
        page = pages.update_page(preview, known, t, now, may_open=may, answers=answers, banners=banners)
        return request.render("updates/update.html", page, status)

    async def _may_name_place(self, ref: str, request: Request) -> bool:
        entity = await self._parts.find_entity(ref, request.actor)
        manages = self._parts.permissions.decide(request.actor, MANAGE_TEMPLATES).result == "ALLOW"
        return manages and entity is not None and self._parts.may_update(entity, request.actor)

    async def place_named(self, request: Request) -> Response:
        form, ref, t = await request.read_form(), _ref(request), self._t(request)
        try:
            await self._updates.name_place(ref, form.get("contents", ""), actor=request.actor)
        except (NotMade, NotAllowedError):
            raise
        except CallboardError as error:
            return await self._show(request, {}, [Banner("bad", t("scaffolder.update.cannot"), [error.message])], 409)
        return RedirectResponse(pages.entity_href(ref, "template-update"), status_code=303)

    async def updated(self, request: Request) -> Response:
        form, ref, t = await request.read_form(), _ref(request), self._t(request)
        answers = _answers(form)
        try:
            await self._updates.open(
                ref,
                branch=form.get("branch", "").strip(),
                answers=answers or None,
                mark=form.get("mark", ""),
                actor=request.actor,
            )
        except (NotMade, NotAllowedError):
            raise
        except CallboardError as error:
            return await self._show(
                request, answers, [Banner("bad", t("scaffolder.update.cannot"), [error.message])], 409
            )
        return RedirectResponse(pages.entity_href(ref), status_code=303)


def _markup(request: Request, template: str, page: Any) -> Markup:
    return Markup(bytes(request.render(template, page).body).decode())


def _ref(request: Request) -> str:
    return str(EntityRef(**request.path_params)).lower()


def _answers(given: Mapping[str, str]) -> dict[str, str]:
    """Answers to new questions: fields ``answer.<name>``. Empty ones are none."""
    found = {name[len(ANSWER) :]: value for name, value in given.items() if name.startswith(ANSWER) and value}
    return dict(list(found.items())[:MAX_ANSWERS])
