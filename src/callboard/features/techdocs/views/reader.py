"""The reader: a page of a site, its search, its versions, and what it says when there is no such page."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from callboard.features.catalog.interface import EntityTab
from callboard.features.techdocs.domain import ANNOTATIONS, TECHDOCS_REF, docs_path
from callboard.features.techdocs.interface import Page, PageMoved, PageNotFound, SiteNotFound
from callboard.features.techdocs.pages.hosts import issue_url, line_url
from callboard.features.techdocs.pages.reading import (
    SHOWN_PROBLEMS,
    MissingPage,
    ReaderPage,
    UnreadablePage,
    VersionsPage,
    broken_of,
    feedback_view,
    minutes_of,
    page_href,
    problem_line,
    readable_html,
    toc_of,
)
from callboard.features.techdocs.reading.feedback import MAX_TEXT
from callboard.features.techdocs.views.base import Views, path_of, ref_of, version_of
from callboard.features.techdocs.views.searching import search_site
from callboard.kernel.errors import (
    CallboardError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.web.notices import Notice, leave_notice
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.model.predicates import All, Any_, HasKey, Predicate, has_value
from callboard.model.refs import EntityRef
from callboard.ui.parts import Banner, Crumb, LinkItem

UNREADABLE = (UnavailableError, InputError, LimitError, NotAllowedError, NotFoundError)
"""Why a site may not be readable: told on a page of its own, with what to do."""
_ONE = "/docs/{namespace}/{kind}/{name}"


class ReaderViews(Views):
    """Addresses are Backstage's: ``/docs/<namespace>/<kind>/<name>/<path>``."""

    def routes(self) -> list[Route]:
        tab = "/catalog/{namespace}/{kind}/{name}/docs/{path:path}"
        return [
            Route(_ONE, self.show, auth="page", name="docs-site"),
            Route(f"{_ONE}/{{path:path}}", self.show, auth="page", name="docs-page"),
            Route(_ONE, self.answered, methods=("POST",), auth="page", name="docs-site-feedback"),
            Route(f"{_ONE}/{{path:path}}", self.answered, methods=("POST",), auth="page", name="docs-page-feedback"),
            Route(tab, self.from_tab, auth="page", name="docs-tab-page"),
        ]

    def tabs(self) -> list[EntityTab]:
        return [EntityTab("docs", "techdocs.tab", self.tab, self.shown(), 15)]

    def shown(self) -> Predicate:
        """True of entities that say that they have documentation, or of which the settings do."""
        named: list[Predicate] = [HasKey(f"metadata.annotations.{name}") for name in ANNOTATIONS]
        for text in self._r.settings.sites:
            ref = EntityRef.parse(text)
            parts = (("kind", ref.kind), ("metadata.namespace", ref.namespace), ("metadata.name", ref.name))
            named.append(All(tuple(has_value(key, [value.lower()]) for key, value in parts)))
        return Any_(tuple(named))

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def show(self, request: Request) -> Response:
        ref, version = ref_of(request), version_of(request)
        asked = path_of(request)
        place = await self._docs.find_docs(ref, actor=request.actor)
        if place is None:
            raise SiteNotFound(self.say(request, "techdocs.site_not_found", ref=ref))
        if place.ref != ref:  # the entity shows the site of another
            return Redirect(page_href(place.ref, asked or place.path, version), 302)
        try:
            if request.query_params.get("q", "").strip():
                return await search_site(self, ref, version, request)
            if "versions" in request.query_params:
                return await self._versions(ref, asked, version, request)
            if "raw" in request.query_params:
                return await self._raw(ref, asked, version, request)
            return await self._page(ref, asked, version, request)
        except PageMoved as moved:
            target = moved.target
            if target.startswith(
                ("http://", "https://")
            ):  # shown, not followed: an address of the portal leads nowhere else
                return await self._missing(ref, asked, version, moved, request)
            path, _, anchor = target.partition("#")
            return Redirect(page_href(ref, path, version) + (f"#{quote(anchor)}" if anchor else ""), 302)
        except SiteNotFound:
            raise
        except PageNotFound as error:
            return await self._missing(ref, asked, version, error, request)
        except UNREADABLE as error:
            return await self._unreadable(ref, version, error, request)

    async def _page(self, ref: str, asked: str, version: str | None, request: Request) -> Response:
        page = await self._docs.page(ref, asked, version=version, locale=request.locale, actor=request.actor)
        if page.path != asked:
            return Redirect(page_href(ref, page.path, version), 302)
        if version is None and self.keeps(request):
            self._r.visits.note(request.actor.subject, page.site.ref, page.path, page.title)
        return request.render("techdocs/page.html", await self._reader(page, request))

    async def tab(self, entity: Mapping[str, Any], request: Request) -> Markup:
        """The first page of the entity's site, in its tab; links lead on into the reader."""
        ref = str(EntityRef.of(entity)).lower()
        place = await self._docs.find_docs(ref, actor=request.actor)
        if place is None:
            return self._part(request, "techdocs/tab_none.html", ref)
        try:
            page = await self._docs.page(place.ref, place.path, locale=request.locale, actor=request.actor)
        except UNREADABLE as error:
            return self._part(
                request, "techdocs/tab_unreadable.html", await self._reason(place.ref, None, error, request)
            )
        return self._part(request, "techdocs/tab.html", await self._reader(page, request, is_tab=True))

    def _part(self, request: Request, template: str, page: Any) -> Markup:
        return Markup(bytes(request.render(template, page).body).decode())

    async def from_tab(self, request: Request) -> Response:
        """Backstage's addresses below the tab of an entity."""
        return Redirect(page_href(ref_of(request), path_of(request), version_of(request)), 302)

    async def _reader(self, page: Page, request: Request, *, is_tab: bool = False) -> ReaderPage:
        t, site, hosts = self.t(request), page.site, self._r.settings.hosts
        ref, version = site.ref, site.version
        banners = []
        if version is not None:
            default = LinkItem(t("techdocs.version.default"), page_href(ref, page.path), "to")
            banners.append(Banner("info", t("techdocs.version.other", version=version), (), [default]))
        is_home = page.path == ""
        frame, document = await self.frame(
            site, request, path=page.path, title=None if is_home else page.title, banners=banners, is_tab=is_tab
        )
        address = page_href(ref, page.path, version)
        may_care = document is not None and self._r.feedback.may_read_of(document, request.actor)
        problems = [
            problem_line(one, line_url(page.source_url if one.file == page.file else None, one.line, hosts))
            for one in (page.problems if may_care else ())
        ]
        here = str(request.base_url).rstrip("/") + address
        body = t("techdocs.report.body", page=page.title, address=here, file=page.file)
        feedback = None
        if version is None:
            own = await self._r.feedback.find_own(ref, page.path, actor=request.actor)
            tally = await self._r.feedback.tally(ref, page.path, actor=request.actor) if may_care else None
            feedback = feedback_view(
                address, own, self._r.feedback.may_give(request.actor), "thanks" in request.query_params, tally,
                f"/docs/feedback?site={quote(ref)}",
            )  # fmt: skip
        has_title = any(one.level == 1 for one in page.toc)
        return ReaderPage(
            title=page.title if is_home or page.title == site.title else f"{page.title} · {site.title}", frame=frame,
            html=readable_html(str(page.html), t("techdocs.table")), has_title=has_title, toc=toc_of(page.toc),
            previous=_linked(page.previous, ref, version), next=_linked(page.next, ref, version), address=address,
            changed=None if page.changed_at is None or page.changed_by is None else request.moment(page.changed_at),
            changed_by=page.changed_by, minutes=minutes_of(str(page.html)), edit_href=page.edit_url, source_href=page.source_url,
            raw_href=page_href(ref, page.path, version, raw="1") if site.kind == "live" else "",
            report_href=issue_url(page.source_url or page.edit_url, t("techdocs.report.subject", page=page.title), body, hosts),
            broken=broken_of(page), problems=problems[:SHOWN_PROBLEMS],
            problems_href=f"/docs/problems?site={quote(ref)}" if may_care else None, feedback=feedback, uses=page.uses,
            crumbs=frame.crumbs,
        )  # fmt: skip

    # ---- beside reading ----------------------------------------------------------------------------------------------

    async def _raw(self, ref: str, asked: str, version: str | None, request: Request) -> Response:
        """The page as it was written."""
        page = await self._docs.page(ref, asked, version=version, actor=request.actor)
        _, opened = await self._r.parts.service.open(ref, version, actor=request.actor)
        found = None if opened.book is None else opened.book.model.pages.get(page.path)
        if found is None:
            raise NotFoundError(self.say(request, "techdocs.no_source"))
        asset = await self._docs.asset(ref, found.document, version=version, actor=request.actor)
        headers = {"etag": asset.etag, "cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
        return Response(asset.content, 200, headers, media_type="text/plain; charset=utf-8")

    async def _versions(self, ref: str, asked: str, version: str | None, request: Request) -> Response:
        t = self.t(request)
        site = await self._docs.site(ref, actor=request.actor)
        failure = None
        names: list[str] = []
        try:
            names = list(await self._docs.versions(ref, actor=request.actor))
        except CallboardError as error:
            failure = error.message
        title = t("techdocs.versions.title")
        frame, _ = await self.frame(site, request, path=None, title=title)
        default = page_href(ref, asked)
        rows = [(name, page_href(ref, asked, name), name == version) for name in names]
        page = VersionsPage(title, frame, rows, docs_path(ref, asked), default, failure, frame.crumbs)
        return request.render("techdocs/versions.html", page)

    async def _missing(
        self, ref: str, asked: str, version: str | None, error: PageNotFound, request: Request
    ) -> Response:
        site = await self._docs.site(ref, version=version, actor=request.actor)
        if not site.pages:  # nothing can be there: what is wrong with the site says more than that a page is missing
            said = next((one.message for one in site.problems if one.is_error), self.say(request, "techdocs.no_pages"))
            return await self._unreadable(ref, version, NotFoundError(said), request)
        title = self.say(request, "techdocs.missing.title")
        frame, _ = await self.frame(site, request, path=None, title=title)
        suggestions = [(name, page_href(ref, path, version)) for name, path in error.suggestions]
        if isinstance(error, PageMoved):
            suggestions = [(error.target, error.target)]
        default = page_href(ref, asked) if version is not None else None
        page = MissingPage(title, frame, asked, suggestions, default, frame.crumbs)
        return request.render("techdocs/missing.html", page, 404)

    async def _reason(self, ref: str, version: str | None, error: CallboardError, request: Request) -> UnreadablePage:
        entity, owner, document = await self.who(ref, request)
        annotations = ((document or {}).get("metadata") or {}).get("annotations") or {}
        said = annotations.get(TECHDOCS_REF)
        crumbs = [Crumb(self.say(request, "techdocs.title"), "/docs"), Crumb(entity.title)]
        retry = page_href(ref, path_of(request), version)
        return UnreadablePage(entity.title, entity, owner, error.message, said, retry, version, crumbs)

    async def _unreadable(self, ref: str, version: str | None, error: CallboardError, request: Request) -> Response:
        status = 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, InputError) and version else 503
        page = await self._reason(ref, version, error, request)
        return request.render("techdocs/unreadable.html", page, status)

    # ---- what readers say --------------------------------------------------------------------------------------------

    async def answered(self, request: Request) -> Response:
        ref, path = ref_of(request), path_of(request)
        form = await request.read_form()
        said = form.get("helpful", "")
        service, actor = self._r.feedback, request.actor
        if said == "withdraw":
            await service.withdraw(ref, path, actor=actor, request=request)
            return Redirect(page_href(ref, path) + "#feedback")
        if said not in ("yes", "no"):
            raise InputError(self.say(request, "techdocs.feedback.which"), field="helpful")
        text = form.get("text", "")[: MAX_TEXT + 1]
        await service.give(
            ref, path, is_helpful=said == "yes", reason=form.get("reason", ""), text=text, actor=actor, request=request
        )
        if "text" not in form:  # the first click: the page asks why
            return Redirect(page_href(ref, path) + "#feedback")
        return leave_notice(request, Redirect(page_href(ref, path)), Notice("techdocs.feedback.thanks"))


def _linked(near: tuple[str, str] | None, ref: str, version: str | None) -> tuple[str, str] | None:
    return None if near is None else (near[0], page_href(ref, near[1], version))
