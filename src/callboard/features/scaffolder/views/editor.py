"""``/create/edit``: each button posts the whole draft and the page comes back with it; nothing is stored here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Protocol, Sequence

import orjson
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from callboard.features.catalog.interface import BY_TITLE, EntityQuery, Order
from callboard.features.scaffolder.forms.entities import Offer
from callboard.features.scaffolder.interface import DryRun, TemplateSource, ValuesRefused
from callboard.features.scaffolder.language import Language
from callboard.features.scaffolder.pages import drafts
from callboard.features.scaffolder.pages.common import parse_template_ref
from callboard.features.scaffolder.pages.drafts import Draft, read_draft, read_mapping
from callboard.features.scaffolder.pages.editor import PANES, EditPage, FormPart, file_views
from callboard.features.scaffolder.pages.gallery import IS_TEMPLATE
from callboard.features.scaffolder.pages.schemas import schema_rows
from callboard.features.scaffolder.pages.trials import Answer, Trial, answer_of, sample_values, trial_of
from callboard.features.scaffolder.permissions import MANAGE_TEMPLATES
from callboard.features.scaffolder.spec import base_url_of
from callboard.features.scaffolder.templates import TemplateForms, pages_of
from callboard.features.scaffolder.views.base import PageParts
from callboard.kernel.errors import CallboardError, InputError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef
from callboard.ui.code import format_yaml
from callboard.ui.markdown import render_markdown
from callboard.ui.parts import Banner

MAX_FORM_BYTES = 8 * 1024 * 1024
"""Files of two megabytes, in base64 at worst, or an archive."""
PATH = "/create/edit"
SUGGESTED = 200


class FormView(Protocol):
    """Draws one page of a form, ``{title, description?, schema}``, with values in it; it posts nowhere."""

    async def draw(self, step: Mapping[str, Any], values: Mapping[str, Any], request: Request) -> Markup:
        """Raises ``InputError`` for a schema that cannot be drawn."""

    async def suggest(
        self,
        steps: Sequence[Mapping[str, Any]],
        index: int,
        values: Mapping[str, Any],
        sent: FormData,
        request: Request,
    ) -> Sequence[Offer]:
        """What a picker of the page ``index`` offers: ``sent`` are its name, the words, and the fields of all pages."""


class EditorViews:
    """Dependencies arrive here and nowhere else. ``form_view`` None: pages of forms are shown as their fields."""

    def __init__(
        self, parts: PageParts, forms: TemplateForms, language: Language, *, form_view: FormView | None = None
    ) -> None:
        self._parts = parts
        self._forms = forms
        self._language = language
        self._form_view = form_view

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.open, auth="page", name="create-edit"),
            Route(PATH, self.act, ("POST",), auth="page", name="create-edit-act", max_body_bytes=MAX_FORM_BYTES),
            Route(
                f"{PATH}/suggest",
                self.suggest,
                ("POST",),
                auth="page",
                name="create-edit-suggest",
                max_body_bytes=MAX_FORM_BYTES,
            ),
        ]

    async def open(self, request: Request) -> Response:
        self._parts.permissions.require(request.actor, MANAGE_TEMPLATES)
        ref = request.query_params.get("template", "").strip()
        draft, banners = await self._load(request, ref) if ref else (drafts.starter(), [])
        return await self._show(request, draft, banners=banners)

    async def act(self, request: Request) -> Response:
        self._parts.permissions.require(request.actor, MANAGE_TEMPLATES)
        form = await request.form(max_fields=3 * drafts.MAX_FILES + 50, max_part_size=2 * drafts.MAX_BYTES)
        pane = str(form.get("pane", "form"))
        pane = pane if pane in PANES else "form"
        draft = drafts.starter()
        try:
            draft = read_draft(form)
            do, _, argument = str(form.get("do", "form")).partition(":")
            if do == "open":
                draft = draft.opened(int(argument) if argument.isdecimal() and len(argument) < 4 else 0)
            elif do == "remove":
                draft = draft.without(int(argument) if argument.isdecimal() and len(argument) < 4 else 0)
            elif do == "add":
                draft = draft.with_file(str(form.get("new_path", "")))
            elif do == "download":
                headers = {"content-disposition": 'attachment; filename="template.zip"', "cache-control": "no-store"}
                return Response(drafts.to_zip(draft), media_type="application/zip", headers=headers)
            elif do == "upload":
                draft = await self._upload(form.get("archive"))
            elif do == "load":
                draft, banners = await self._load(request, str(form.get("template", "")).strip())
                return await self._show(request, draft, banners=banners)
            elif do in PANES:
                return await self._try(request, draft, do)
        except (InputError, NotAllowedError) as error:
            return await self._show(request, draft, pane=pane, banners=[Banner("bad", error.message)], status=400)
        return await self._show(request, draft, pane=pane)

    async def suggest(self, request: Request) -> Json:
        """What a picker of the preview offers: ``{"items": [{"value", "title", "note"}]}``, nothing for a template that cannot be read."""
        self._parts.permissions.require(request.actor, MANAGE_TEMPLATES)
        sent = await request.form(max_fields=5_000, max_part_size=2 * drafts.MAX_BYTES)
        page = str(sent.get("page", ""))
        if self._form_view is None or not (page.isdecimal() and len(page) < 4):
            return Json({"items": []})
        try:
            template = read_mapping(str(sent.get("file.0.text", "")), drafts.TEMPLATE)
            steps = [step_of(one) for one in pages_of(self._forms.open_template(template, actor=request.actor))]
            values = read_mapping(str(sent.get("values", "")), self._parts.t(request)("scaffolder.page.edit.values"))
            found = await self._form_view.suggest(steps, int(page), values, sent, request)
        except InputError:
            found = ()
        return Json({"items": [{"value": one.value, "title": one.title, "note": one.note} for one in found]})

    # ---- where drafts come from ------------------------------------------------------------------------------------------

    async def _upload(self, file: Any) -> Draft:
        if not isinstance(file, UploadFile) or not file.filename:
            raise InputError("Choose a zip archive with a template.yaml first.", field="archive")
        return drafts.from_zip(await file.read(drafts.MAX_ZIP_BYTES + 1))

    async def _load(self, request: Request, said: str) -> tuple[Draft, list[Banner]]:
        """A template of the catalog with the files beside it, where they can be read; without them it says why."""
        t = self._parts.t(request)
        ref = parse_template_ref(said)
        raw = await self._parts.queries.find_raw(str(ref).lower(), actor=request.actor) if ref is not None else None
        if raw is None:
            return drafts.starter(), [Banner("warn", t("scaffolder.page.edit.not_found", ref=said[:100]))]
        entity = self._forms.open_template(orjson.loads(raw), actor=request.actor)
        source: TemplateSource | None = request.portal.find_service(TemplateSource)
        base_url = base_url_of(entity)
        if source is None or not base_url:
            return drafts.of_entity(entity, ()), [Banner("info", t("scaffolder.page.edit.no_files"))]
        try:
            files = await source.read_tree(".", base_url=base_url)
            return drafts.of_entity(entity, files), []
        except CallboardError as error:
            told = Banner("warn", t("scaffolder.page.edit.no_files"), [error.message])
            return drafts.of_entity(entity, ()), [told]

    # ---- trying ------------------------------------------------------------------------------------------------------------

    async def _try(self, request: Request, draft: Draft, pane: str) -> Response:
        if pane == "run":
            return await self._run(request, draft)
        if pane == "eval":
            return await self._evaluate(request, draft)
        return await self._show(request, draft, pane="form")

    async def _run(self, request: Request, draft: Draft) -> Response:
        template = self._template(draft)
        if template is None:
            return await self._show(request, draft, pane="run", status=400)
        values = read_mapping(draft.values, self._parts.t(request)("scaffolder.page.edit.values"))
        if not draft.values.strip():
            values = sample_values(pages_of(self._forms.open_template(template, actor=request.actor)))
            draft = replace(draft, values=format_yaml(values) if values else "")
        dry = DryRun(template, values, draft.beside())
        try:
            result = await self._parts.tasks.dry_run(dry, actor=request.actor)
        except ValuesRefused as refused:
            problems = [f"{one.property.removeprefix('instance.')} {one.message}" for one in refused.problems[:20]]
            return await self._show(request, draft, pane="run", value_problems=problems, status=400)
        return await self._show(request, draft, pane="run", trial=trial_of(result, draft))

    async def _evaluate(self, request: Request, draft: Draft) -> Response:
        t = self._parts.t(request)
        try:
            context = read_mapping(draft.context, t("scaffolder.page.edit.context"))
            if not draft.context.strip():
                context = self._context(request, draft)
                draft = replace(draft, context=format_yaml(context))
        except InputError as error:
            answer = Answer("error", error.message, "", error.line or 0, error.column or 0)
            return await self._show(request, draft, pane="eval", answer=answer, status=400)
        return await self._show(request, draft, pane="eval", answer=answer_of(self._language, draft, context))

    def _context(self, request: Request, draft: Draft) -> dict[str, Any]:
        """What a step would see: the answers of the dry run, and who asks."""
        parameters = read_mapping(draft.values, self._parts.t(request)("scaffolder.page.edit.values"))
        template = self._template(draft)
        if not parameters and template is not None:
            parameters = sample_values(pages_of(template))
        user = {"ref": request.actor.subject} if request.actor.is_user else {}
        return {"parameters": parameters, "steps": {}, "user": user, "values": parameters}

    def _template(self, draft: Draft) -> dict[str, Any] | None:
        """The document of the draft; None when it cannot be read, which the page says by itself."""
        try:
            found = read_mapping(draft.template_text, drafts.TEMPLATE)
        except InputError:
            return None
        return found if isinstance(found.get("spec"), Mapping) and isinstance(found.get("metadata"), Mapping) else None

    # ---- the page ----------------------------------------------------------------------------------------------------------

    async def _show(
        self, request: Request, draft: Draft, *, pane: str = "form", banners: Sequence[Banner] = (), trial: Trial | None = None,
        value_problems: Sequence[str] = (), answer: Answer | None = None, status: int = 200,
    ) -> Response:  # fmt: skip
        t = self._parts.t(request)
        problem, line, column, form = "", 0, 0, list[FormPart]()
        try:
            template = read_mapping(draft.template_text, drafts.TEMPLATE)
            template = self._forms.open_template(template, actor=request.actor)
            if pane == "form":
                form = await self._form(request, template, draft)
        except InputError as error:
            problem, line, column = error.message, error.line or 0, error.column or 0
        page = EditPage(
            title=t("scaffolder.page.edit.title"),
            crumbs=(),
            tabs=self._parts.tabs(request, "edit"),
            draft=draft,
            files=file_views(draft),
            pane=pane,
            banners=banners,
            problem=problem,
            line=line,
            column=column,
            form=form,
            trial=trial,
            value_problems=value_problems,
            answer=answer,
            context=draft.context,
            templates=await self._known(request),
        )
        return request.render("scaffolder/edit.html", page, status, headers={"cache-control": "no-store"})

    async def _form(self, request: Request, template: Mapping[str, Any], draft: Draft) -> list[FormPart]:
        values = read_mapping(draft.values, self._parts.t(request)("scaffolder.page.edit.values"))
        parts = []
        for page in pages_of(template):
            step = step_of(page)
            title, said = page.get("title"), page.get("description")
            html = await self._form_view.draw(step, values, request) if self._form_view is not None else None
            rows = schema_rows(page) if html is None else []
            description = render_markdown(said) if isinstance(said, str) else None
            parts.append(FormPart(str(title or ""), description, html, rows))
        return parts

    async def _known(self, request: Request) -> Sequence[tuple[str, str]]:
        query = EntityQuery(IS_TEMPLATE, Order(BY_TITLE), limit=SUGGESTED, want_total=False)
        page = await self._parts.queries.list_raw(query, actor=request.actor)
        found = []
        for raw in page.items:
            entity = orjson.loads(raw)
            ref = EntityRef.of(entity)
            found.append((str(ref).lower(), str(entity["metadata"].get("title") or ref.name)))
        return found


def step_of(page: Any) -> dict[str, Any]:
    """A page of ``spec.parameters`` as pages of forms are: ``{title, schema}``. Raises ``InputError`` for what is no object."""
    if not isinstance(page, Mapping):
        raise InputError("Each page of spec.parameters must be an object.", field="spec.parameters")
    schema = {key: value for key, value in page.items() if key not in ("title", "description")}
    return {"title": page.get("title") or "", "schema": schema}
