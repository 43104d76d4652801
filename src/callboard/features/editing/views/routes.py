"""Pages of editing. Every form posts and works without script; whatever was typed comes back in the answer."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import (
    BY_TITLE,
    CREATE_ENTITY,
    UPDATE_ENTITY,
    CatalogQueries,
    EntityNotFound,
    EntityQuery,
    Order,
)
from callboard.features.editing import domain, forms
from callboard.features.editing.interface import (
    Editable,
    EditConflict,
    Editing,
    GivenElsewhere,
    TextFinding,
    TextRefused,
)
from callboard.features.editing.pages.editor import (
    Mode,
    all_fields,
    choose_page,
    editor_page,
    entity_href,
    source_banners,
    source_of,
    values_name,
    wanted_options,
)
from callboard.features.editing.views.telling import DELETED, done, to_history
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.fields import differences
from callboard.model.kinds import KindRegistry, KindVersion
from callboard.model.predicates import has_value
from callboard.model.problems import format_field
from callboard.model.refs import EntityRef
from callboard.ui.code import format_yaml
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner, LinkItem
from callboard.ui.patching import patch

MAX_FORM_BYTES = 4 * 1024 * 1024
"""A text of half a MiB may take three bytes a character on its way, twice."""
SUGGESTED = 100
"""For browsers without script; with it every entity is found as one types."""
VALUES = 50


class EditingViews:
    """``/create-entity`` and ``/catalog/…/edit``. Dependencies arrive here and nowhere else."""

    def __init__(self, editing: Editing, queries: CatalogQueries, kinds: KindRegistry, messages: Messages) -> None:
        self._editing = editing
        self._queries = queries
        self._kinds = kinds
        self._messages = messages

    def routes(self) -> list[Route]:
        one = "/catalog/{namespace}/{kind}/{name}"
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route("/create-entity", self.create, auth="page", name="editing-create"),
            Route("/create-entity", self.created, name="editing-created", **post),
            Route(one + "/edit", self.edit, auth="page", name="editing-edit"),
            Route(one + "/edit", self.edited, name="editing-edited", **post),
            Route(one + "/delete", self.delete, name="editing-delete", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- a new one -----------------------------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ENTITY)
        kind, mode = request.query_params.get("kind", ""), _mode(request.query_params.get("as"))
        definition = self._kinds.find_definition(kind)
        if definition is None and mode == "form":
            return request.render("editing/choose.html", choose_page(self._kinds, self._t(request)))
        definition = definition or self._kinds.find_definition("Component") or self._kinds.definitions[0]
        text = str(format_yaml(forms.start_document(definition)))
        return await self._show(request, text, mode=mode, standing=None, mark="")

    async def created(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ENTITY)
        return await self._posted(request, None)

    # ---- one that stands -----------------------------------------------------------------------------------------------

    async def edit(self, request: Request) -> Response:
        found = await self._get(request)
        return await self._show(
            request, found.text, mode=_mode(request.query_params.get("as")), standing=found, mark=found.mark
        )

    async def edited(self, request: Request) -> Response:
        ref = _ref(request)
        found = await self._editing.find_editable(ref, actor=request.actor)
        if found is None:
            form = await request.read_form()
            if not (form.get("text") or form.get("base")):
                raise EntityNotFound(ref)
            return await self._was_deleted(request, form)
        _require_update(found)
        return await self._posted(request, found)

    async def delete(self, request: Request) -> Response:
        form = await request.read_form()
        ref = _ref(request)
        try:
            await self._editing.delete(ref, base_mark=form.get("mark") or None, actor=request.actor)
        except GivenElsewhere:
            return RedirectResponse(entity_href(str(ref), "delete"), status_code=303)
        except EditConflict as error:
            if error.theirs is None:
                return done(request, "/catalog", "gone", str(ref), way=("editing.said.bring_back", DELETED))
            t = self._t(request)
            told = Banner("warn", t("editing.delete.moved"), [t("editing.delete.moved_means")])
            return await self._show(
                request,
                error.theirs.text,
                mode="yaml",
                standing=error.theirs,
                mark=error.theirs.mark,
                banners=[told],
                status=409,
            )
        return done(
            request, "/catalog", "deleted", str(ref), detail="deleted_means", way=("editing.said.bring_back", DELETED)
        )

    async def _get(self, request: Request) -> Editable:
        ref = _ref(request)
        found = await self._editing.find_editable(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        _require_update(found)
        return found

    # ---- what was sent -------------------------------------------------------------------------------------------------

    async def _posted(self, request: Request, standing: Editable | None) -> Response:
        form = await request.read_form()
        mode, do = _mode(form.get("as")), form.get("do", "save")
        mark = form.get("mark", "")
        text, findings = self._text_of(form, mode, is_new=standing is None)
        if findings:  # the text that the form began with is not ours
            return await self._show(
                request, text, mode="yaml", standing=standing, mark=mark, findings=findings, status=400
            )
        if do in ("form", "yaml"):
            return await self._show(request, text, mode=_mode(do), standing=standing, mark=mark)
        if mode == "form" and (missing := self._missing(text, is_new=standing is None, t=self._t(request))):
            return await self._show(
                request, text, mode=mode, standing=standing, mark=mark, findings=missing, checked=True, status=400
            )
        if do == "check":
            return await self._checked(request, text, mode, standing, mark)
        try:
            ref = EntityRef.parse(standing.ref) if standing is not None else None
            saved = await self._editing.save(text, ref=ref, base_mark=mark if ref else None, actor=request.actor)
        except TextRefused as error:
            return await self._show(
                request,
                text,
                mode=mode,
                standing=standing,
                mark=mark,
                findings=error.findings,
                checked=True,
                status=400,
            )
        except EditConflict as error:
            merged = _merged(form, text, error) if mode == "form" else None
            return await (self._both(request, error, *merged) if merged else self._conflict(request, error, mode))
        except GivenElsewhere as error:
            return await self._taken(request, error, text, mode, standing, mark)
        except (InputError, LimitError, NotAllowedError) as error:
            told = [TextFinding(error.message, error.line, error.column, error.field)]
            status = 403 if isinstance(error, NotAllowedError) else 400
            return await self._show(
                request, text, mode=mode, standing=standing, mark=mark, findings=told, status=status
            )
        is_laid = standing is not None and not standing.giver.is_own and saved.outcome != "unchanged"
        return done(
            request, entity_href(saved.ref), saved.outcome, saved.ref, detail="laid" if is_laid else f"{saved.outcome}_means",
            way=to_history(saved.ref) if saved.outcome == "changed" else None,
        )  # fmt: skip

    async def _checked(self, request: Request, text: str, mode: Mode, standing: Editable | None, mark: str) -> Response:
        try:
            ref = EntityRef.parse(standing.ref) if standing is not None else None
            found = (await self._editing.judge(text, ref=ref, actor=request.actor)).findings
        except LimitError as error:
            found = [TextFinding(error.message)]
        return await self._show(
            request,
            text,
            mode=mode,
            standing=standing,
            mark=mark,
            findings=found,
            checked=True,
            status=400 if found else 200,
        )

    def _text_of(self, form: Mapping[str, str], mode: Mode, *, is_new: bool) -> tuple[str, Sequence[TextFinding]]:
        """The text that a form stands for: as typed, or the one that it began with, changed by its fields."""
        if mode == "yaml":
            return domain.clean_text(form.get("text", "")), ()
        base = domain.clean_text(form.get("base", ""))
        document, findings = domain.read_text(base)
        if document is None or document.value is None:
            return base, findings
        version = forms.version_for(self._kinds, document.value)
        if version is None:
            return base, ()
        filled = forms.fill(document.value, all_fields(version, is_new=is_new), form)
        return patch(base, document.value, differences(document.value, filled)), ()

    def _missing(self, text: str, *, is_new: bool, t: Translator) -> list[TextFinding]:
        """Required fields of the form that nobody filled in, all at once: the catalog would tell of one after the other."""
        document, _ = domain.read_text(text)
        version = forms.version_for(self._kinds, document.value) if document is not None and document.value else None
        if document is None or document.value is None or version is None:
            return []
        empty = [
            field for field in all_fields(version, is_new=is_new)
            if field.is_required and field.widget not in ("list", "links") and forms.value_of(document.value, field) == ""
        ]  # fmt: skip
        return [TextFinding(t("editing.fill_in"), field=field.id) for field in empty]

    async def _was_deleted(self, request: Request, form: Mapping[str, str]) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ENTITY)
        text, _ = self._text_of(form, _mode(form.get("as")), is_new=False)
        t = self._t(request)
        told = Banner("warn", t("editing.gone"), [t("editing.gone_means")])
        return await self._show(request, text, mode="yaml", standing=None, mark="", banners=[told], status=409)

    async def _conflict(self, request: Request, error: EditConflict, mode: Mode) -> Response:
        t, theirs = self._t(request), error.theirs
        if theirs is None:
            return await self._was_deleted(request, {"as": "yaml", "text": error.mine})
        told = Banner(
            "warn",
            t("editing.conflict"),
            [t("editing.conflict_means")],
            [LinkItem(t("editing.see_theirs"), entity_href(error.ref), "history")],
        )
        return await self._show(
            request,
            error.mine,
            mode="yaml",
            standing=theirs,
            mark=theirs.mark,
            banners=[told],
            diff_with=theirs.text,
            status=409,
        )

    async def _both(self, request: Request, error: EditConflict, text: str, fields: Sequence[str]) -> Response:
        """Two people changed different fields: the form holds what both say, and nothing is written before it was seen."""
        t, theirs = self._t(request), error.theirs
        assert theirs is not None
        see = [LinkItem(t("editing.see_theirs"), entity_href(error.ref, "history"), "history")]
        told = Banner("warn", t("editing.both", fields=", ".join(fields)), [t("editing.both_means")], see)
        return await self._show(
            request,
            text,
            mode="form",
            standing=theirs,
            mark=theirs.mark,
            banners=[told],
            diff_with=theirs.text,
            status=409,
        )

    async def _taken(
        self, request: Request, error: GivenElsewhere, text: str, mode: Mode, standing: Editable | None, mark: str
    ) -> Response:
        t = self._t(request)
        body = t("editing.taken_by", source=source_of(error.giver)) if error.giver else t("editing.taken_hidden")
        ways = [LinkItem(t("editing.open"), entity_href(error.ref), "to")] if error.giver else []
        told = Banner("warn", t("editing.taken", ref=error.ref), [body], ways)
        return await self._show(request, text, mode=mode, standing=standing, mark=mark, banners=[told], status=409)

    # ---- the page ------------------------------------------------------------------------------------------------------

    async def _show(
        self, request: Request, text: str, *, mode: Mode, standing: Editable | None, mark: str,
        findings: Sequence[TextFinding] = (), checked: bool = False, banners: Sequence[Banner] = (), diff_with: str | None = None,
        status: int = 200,
    ) -> Response:  # fmt: skip
        document, _ = domain.read_text(text)
        value: Mapping[str, Any] = document.value if document is not None and document.value is not None else {}
        version = forms.version_for(self._kinds, value)
        page = editor_page(
            text, value, self._t(request), mode=mode, version=version, standing=standing, mark=mark, base=text, findings=findings,
            checked=checked, options=await self._options(request, version, str(value.get("kind"))) if mode == "form" else {},
            banners=[*banners, *(source_banners(standing, self._t(request)) if standing is not None else ())],
            diff_with=diff_with,
        )  # fmt: skip
        return request.render("editing/editor.html", page, status)

    async def _options(
        self, request: Request, version: KindVersion | None, kind: str
    ) -> dict[str, Sequence[tuple[str, str]]]:
        """Entities to suggest, by list; each list is cut, and any ref can be typed."""
        found: dict[str, Sequence[tuple[str, str]]] = {}
        for name, kinds in wanted_options(version):
            wanted = has_value("kind", kinds) if kinds else None
            query = EntityQuery(wanted, Order(BY_TITLE), limit=SUGGESTED, want_total=False)
            page = await self._queries.list_raw(query, actor=request.actor)
            rows = []
            for raw in page.items:
                entity = orjson.loads(raw)
                ref = EntityRef.of(entity)
                rows.append((str(ref), str(entity["metadata"].get("title") or ref.name)))
            found[name] = rows
        if version is not None and (valued := [field for field in forms.spec_fields(version) if values_name(field)]):
            of_kind = has_value("kind", [kind.lower()])
            facets = await self._queries.facets([field.id for field in valued], of_kind, actor=request.actor)
            for field in valued:
                said = sorted(facets.get(field.id, ()), key=lambda value: -value.count)[:VALUES]
                found[str(values_name(field))] = [(value.value, value.value) for value in said]
        return found


def _merged(form: Mapping[str, str], mine: str, error: EditConflict) -> tuple[str, Sequence[str]] | None:
    """Their text with the fields of a form laid into it, and what they changed; None where both changed the same field."""
    if error.theirs is None:
        return None
    texts = domain.clean_text(form.get("base", "")), mine, error.theirs.text
    values = [
        found.value for text in texts if (found := domain.read_text(text)[0]) is not None and found.value is not None
    ]
    if len(values) < len(texts):
        return None
    base, ours, theirs = values
    own, other = differences(base, ours), differences(base, theirs)
    if any(a[: len(b)] == b[: len(a)] for a in own for b in other) or not other:
        return None
    return patch(texts[2], theirs, own), [format_field(path) for path in other]


def _ref(request: Request) -> EntityRef:
    return EntityRef(**request.path_params)


def _mode(said: str | None) -> Mode:
    return "yaml" if said == "yaml" else "form"


def _require_update(found: Editable) -> None:
    if not found.may_update and not found.may_delete:
        raise NotAllowedError(f"You may not change {found.ref} ({UPDATE_ENTITY.name}). Its owner may.")
