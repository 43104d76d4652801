"""The routes of importing's pages, and the handlers behind them.

Every form works without script: it posts, and is led on by a redirect. With script a part of the same page is fetched.
"""

from __future__ import annotations

from typing import Any, Sequence

import orjson
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import BY_TITLE, CREATE_ENTITY, CatalogQueries, EntityQuery, Order
from callboard.features.importing.interface import (
    ImportRecord,
    ImportService,
    NotReady,
    PlanChanged,
    PlannedPage,
    Proposal,
    SheetMapping,
    UndoRefused,
)
from callboard.features.importing.pages.columns import ColumnsPage, Preview, columns_page, preview_of
from callboard.features.importing.pages.frame import import_path
from callboard.features.importing.pages.plan import ENTITIES_PAGE, PlanState, plan_page
from callboard.features.importing.pages.records import (
    RECORDS_PAGE,
    done_page,
    drift_page,
    progress_page,
    start_page,
)
from callboard.features.importing.views.forms import read_mapping, read_owners, read_row
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator

FORM_ALLOWANCE_BYTES = 64 * 1024
"""What a form may have beside the file in it."""
TOO_LARGE_SLACK = 4
"""Files up to so many times the limit are read to the end and refused in words; a larger one is cut off."""
SUGGESTED_GROUPS = 200
SHOWN_CREATED = 12
DRIFT_SHOWN = 100
KINDS = ("Component", "API", "Resource", "System", "Domain", "Group")
SAMPLE = (
    ("Service", "Team", "Repository", "Depends on"),
    ("Checkout", "#payments", "acme/checkout", "Ledger"),
    ("Ledger", "#payments", "acme/ledger", ""),
    ("Shop front", "Storefront", "acme/shop", "Checkout, Search"),
    ("Search", "Storefront", "acme/search", ""),
)


class ImportViews:
    """Pages at ``/import…``. Dependencies arrive here and nowhere else."""

    def __init__(
        self, imports: ImportService, queries: CatalogQueries, *, clock: Clock, messages: Messages, max_bytes: int
    ) -> None:
        self._imports = imports
        self._queries = queries
        self._clock = clock
        self._messages = messages
        self._max_bytes = max_bytes

    def routes(self) -> list[Route]:
        one = "/import/{id}"
        largest = self._max_bytes * TOO_LARGE_SLACK + FORM_ALLOWANCE_BYTES
        posts: Sequence[tuple[str, Any, str]] = (
            ("/columns", self.choose, "choose"),
            ("/preview", self.preview, "preview"),
            ("/owners", self.owners, "owners"),
            ("/apply", self.apply, "apply"),
            ("/undo", self.undo, "undo"),
            ("/discard", self.discard, "discard"),
            ("/again", self.again, "again"),
            ("/drift", self.compare, "compare"),
        )
        gets: Sequence[tuple[str, Any, str]] = (
            ("/columns", self.columns, "columns"),
            ("/plan", self.plan, "plan"),
            ("/progress", self.progress, "progress"),
            ("/done", self.done, "done"),
            ("/drift", self.drift, "drift"),
        )
        return [
            Route("/import", self.start, auth="page", name="import"),
            Route("/import", self.upload, ("POST",), auth="page", name="import-upload", max_body_bytes=largest),
            Route("/import/example.csv", self.example, auth="page", name="import-example"),
            Route(one, self.show, auth="page", name="import-one"),
            *(Route(one + path, handler, auth="page", name=f"import-{name}") for path, handler, name in gets),
            *(
                Route(one + path, handler, ("POST",), auth="page", name=f"import-{name}")
                for path, handler, name in posts
            ),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- the file ------------------------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Response:
        return await self._start(request)

    async def _start(self, request: Request, *, error: str = "", status: int = 200) -> Response:
        said = request.query_params.get("start", "")
        offset = int(said) if said.isdecimal() and len(said) < 7 else 0
        found = await self._imports.list_imports(limit=RECORDS_PAGE, offset=offset, actor=request.actor)
        page = start_page(
            found,
            self._t(request),
            now=self._clock.now(),
            offset=offset,
            max_bytes=self._max_bytes,
            sample=SAMPLE,
            error=error,
        )
        return request.render("importing/start.html", page, status)

    async def upload(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ENTITY)
        file = (await request.form()).get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            t = self._t(request)
            return await self._start(request, error=t("importing.no_file"), status=400)
        content = await file.read()
        try:
            record = await self._imports.upload(content, file.filename[:200], actor=request.actor)
        except (InputError, LimitError) as error:
            return await self._start(request, error=error.message, status=400 if isinstance(error, InputError) else 413)
        return _to(record.id, "columns")

    async def example(self, request: Request) -> Response:
        text = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in SAMPLE) + "\r\n"
        headers = {"content-disposition": 'attachment; filename="example.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def show(self, request: Request) -> Response:
        """The page for the stage at which the import is."""
        record = await self._get(request)
        return _to(record.id, _page_for(record))

    # ---- columns -------------------------------------------------------------------------------------------------------

    async def columns(self, request: Request) -> Response:
        record = await self._get(request)
        if record.stage not in ("draft", "planned", "failed"):
            return _to(record.id, _page_for(record))
        sheet = request.query_params.get("sheet") or None
        proposal = await self._imports.propose(record.id, sheet=sheet, actor=request.actor)
        preview = await self._preview(
            request, record, proposal, proposal.mapping, read_row(request.query_params, proposal.rows)
        )
        page = await self._columns_page(request, record, proposal, proposal.mapping, preview)
        return request.render("importing/columns.html", page)

    async def choose(self, request: Request) -> Response:
        """Keep what was chosen, and go on as the button says: to the plan, or back with another row of the preview."""
        record, form = await self._get(request), await request.read_form()
        proposal = await self._imports.propose(record.id, sheet=form.get("sheet") or None, actor=request.actor)
        mapping, source = read_mapping(form, proposal.guesses, proposal.mapping), form.get("source") or None
        try:
            await self._imports.choose(
                record.id, sheet=proposal.sheet, mapping=mapping, source=source, actor=request.actor
            )
            if form.get("do") != "plan":
                return _to(record.id, "columns", row=read_row(form, proposal.rows))
            record = await self._imports.plan(record.id, actor=request.actor)
        except NotReady:
            return _to(record.id)
        except InputError as error:
            preview = await self._preview(request, record, proposal, mapping, 0)
            page = await self._columns_page(
                request,
                record,
                proposal,
                mapping,
                preview,
                error=error.message,
                field=error.field or "",
                source=source or "",
            )
            return request.render("importing/columns.html", page, 400)
        return _to(record.id, _page_for(record))

    async def preview(self, request: Request) -> Response:
        """The preview alone, for each change of a field; what is chosen is kept, so that a reload loses nothing."""
        record, form = await self._get(request), await request.read_form()
        proposal = await self._imports.propose(record.id, sheet=form.get("sheet") or None, actor=request.actor)
        mapping, row = read_mapping(form, proposal.guesses, proposal.mapping), read_row(form, proposal.rows)
        try:
            await self._imports.choose(
                record.id, sheet=proposal.sheet, mapping=mapping, source=form.get("source") or None, actor=request.actor
            )
        except InputError as error:
            preview = preview_of(record, row, (), self._t(request), rows=proposal.rows, error=error.message)
        else:
            preview = await self._preview(request, record, proposal, mapping, row)
        return request.render("importing/preview.html", preview)

    async def _preview(
        self, request: Request, record: ImportRecord, proposal: Proposal, mapping: SheetMapping, row: int
    ) -> Preview:
        planned: Sequence[Any] = ()
        error = ""
        try:
            planned = await self._imports.preview(
                record.id, sheet=proposal.sheet, mapping=mapping, first=row, limit=1, actor=request.actor
            )
        except InputError as refused:
            error = refused.message
        return preview_of(record, row, planned, self._t(request), rows=proposal.rows, error=error)

    async def _columns_page(
        self,
        request: Request,
        record: ImportRecord,
        proposal: Proposal,
        mapping: SheetMapping,
        preview: Preview,
        *,
        error: str = "",
        field: str = "",
        source: str = "",
    ) -> ColumnsPage:
        sources = await self._imports.list_sources(actor=request.actor)
        return columns_page(
            record, proposal, preview, self._t(request),
            mapping=mapping, sources=sources, source=source or (record.source if record.updates else "new"),
            groups=await self._groups(request, ("group",)), kinds=KINDS, error=error, error_field=field,
        )  # fmt: skip

    async def _groups(self, request: Request, kinds: Sequence[str]) -> Sequence[str]:
        """Refs to suggest as owners, by title."""
        query = EntityQuery(has_value("kind", kinds), Order(BY_TITLE), limit=SUGGESTED_GROUPS, want_total=False)
        found = await self._queries.list_raw(query, actor=request.actor)
        return [str(EntityRef.of(orjson.loads(item))) for item in found.items]

    # ---- the plan ------------------------------------------------------------------------------------------------------

    async def plan(self, request: Request) -> Response:
        return await self._plan(request, has_moved="moved" in request.query_params)

    async def _plan(self, request: Request, *, has_moved: bool = False, error: str = "", status: int = 200) -> Response:
        record = await self._get(request)
        try:
            summary = await self._imports.get_summary(record.id, actor=request.actor)
        except NotReady:
            if record.stage == "planned":
                raise
            return _to(record.id, _page_for(record))
        state = PlanState.parse(request.query_params, summary)
        found = PlannedPage((), 0)
        if state.action is not None:
            found = await self._imports.list_planned(
                record.id, action=state.action, q=state.q, limit=ENTITIES_PAGE, offset=state.offset, actor=request.actor
            )
        is_choosing = state.show == "owners" and record.stage == "planned"
        page = plan_page(
            record, summary, state, found.entities, found.total, self._t(request),
            people=await self._groups(request, ("group", "user")) if is_choosing else (), has_moved=has_moved, error=error,
        )  # fmt: skip
        return request.render("importing/plan.html", page, status)

    async def owners(self, request: Request) -> Response:
        """Whom owners mean, by a person's word; then everything is planned again."""
        record, form = await self._get(request), await request.read_form()
        try:
            summary = await self._imports.get_summary(record.id, actor=request.actor)
            mapping = read_owners(form, summary.owners, record.mapping)
            await self._imports.choose(record.id, sheet=record.sheet, mapping=mapping, actor=request.actor)
            record = await self._imports.plan(record.id, actor=request.actor)
        except NotReady:
            return _to(record.id)
        except InputError as error:
            return await self._plan(request, error=error.message, status=400)
        page = _page_for(record)
        return _to(record.id, page, show="owners") if page == "plan" else _to(record.id, page)

    async def apply(self, request: Request) -> Response:
        id, form = request.path_params["id"], await request.read_form()
        keep = form.get("leaving") == "keep"
        try:
            record = await self._imports.apply(
                id, digest=form.get("digest", ""), leaving="keep" if keep else "remove", actor=request.actor
            )
        except PlanChanged:
            record = await self._imports.plan(id, actor=request.actor)
            page = _page_for(record)
            return _to(id, page, moved=1) if page == "plan" else _to(id, page)
        except NotAllowedError as error:
            return await self._plan(request, error=error.message, status=403)
        except NotReady:
            return _to(id)
        return _to(id, _page_for(record))

    async def progress(self, request: Request) -> Response:
        """Asked again and again; once the job is over it leads on."""
        record = await self._get(request)
        page = _page_for(record)
        if page != "progress":
            target = import_path(record.id, page)
            return Response(headers={"hx-redirect": target}) if request.is_fragment else RedirectResponse(target, 303)
        return request.render("importing/progress.html", progress_page(record, self._t(request)))

    # ---- afterwards ----------------------------------------------------------------------------------------------------

    async def done(self, request: Request) -> Response:
        return await self._done(request)

    async def _done(self, request: Request, *, error: str = "", status: int = 200) -> Response:
        record = await self._get(request)
        if record.stage not in ("applied", "undone"):
            return _to(record.id, _page_for(record))
        summary = await self._imports.get_summary(record.id, actor=request.actor)
        created = PlannedPage((), 0)
        if record.stage == "applied":
            created = await self._imports.list_planned(
                record.id, action="create", limit=SHOWN_CREATED, actor=request.actor
            )
        page = done_page(record, summary, created.entities, self._t(request), now=self._clock.now(), error=error)
        return request.render("importing/done.html", page, status)

    async def undo(self, request: Request) -> Response:
        try:
            record = await self._imports.undo(request.path_params["id"], actor=request.actor)
        except UndoRefused as error:
            return await self._done(request, error=error.message, status=409)
        except NotAllowedError as error:
            return await self._done(request, error=error.message, status=403)
        except NotReady:
            return _to(request.path_params["id"])
        return _to(record.id, "done")

    async def discard(self, request: Request) -> Response:
        await self._imports.discard(request.path_params["id"], actor=request.actor)
        return RedirectResponse("/import", status_code=303)

    async def again(self, request: Request) -> Response:
        """A new draft over the same upload: for another tab, or to plan the same one against the catalog of now."""
        id, form = request.path_params["id"], await request.read_form()
        record = await self._imports.start_again(id, sheet=form.get("sheet") or None, actor=request.actor)
        if form.get("do") == "plan":
            record = await self._imports.plan(record.id, actor=request.actor)
        return _to(record.id, _page_for(record))

    async def drift(self, request: Request) -> Response:
        """What was last found; who looks for the first time has it worked out."""
        record = await self._get(request)
        try:
            state = await self._imports.get_drift(record.id, limit=DRIFT_SHOWN, actor=request.actor)
            if state.state == "none":
                state = await self._imports.compute_drift(record.id, limit=DRIFT_SHOWN, actor=request.actor)
        except NotReady:
            return _to(record.id)
        return request.render(
            "importing/drift.html", drift_page(record, state, self._t(request), now=self._clock.now())
        )

    async def compare(self, request: Request) -> Response:
        """Have sheet and catalog compared anew."""
        id = request.path_params["id"]
        try:
            await self._imports.compute_drift(id, actor=request.actor)
        except NotReady:
            return _to(id)
        return _to(id, "drift")

    async def _get(self, request: Request) -> ImportRecord:
        return await self._imports.get_import(request.path_params["id"], actor=request.actor)


def _page_for(record: ImportRecord) -> str:
    """The page that an import at this stage is worked on."""
    return {
        "draft": "columns", "failed": "columns", "planning": "progress", "applying": "progress", "planned": "plan",
        "applied": "done", "undone": "done",
    }[record.stage]  # fmt: skip


def _to(id: str, page: str = "", /, **query: str | int) -> Response:
    return RedirectResponse(import_path(id, page, **query), status_code=303)
