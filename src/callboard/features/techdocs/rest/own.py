"""``/api/techdocs/v1``: documentation for programs. Errors are problem+json."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Sequence

from starlette.responses import Response

from callboard.features.techdocs.domain import docs_path
from callboard.features.techdocs.interface import (
    DocsPassage,
    NavItem,
    Page,
    Problem,
    Site,
    SiteQuery,
    SiteSummary,
    TechDocs,
)
from callboard.features.techdocs.rest import documents as doc
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef

PREFIX = "/api/techdocs/v1/sites"
_ONE = f"{PREFIX}/{{namespace}}/{{kind}}/{{name}}"


def summary_wire(one: SiteSummary) -> dict[str, Any]:
    return {
        "ref": one.ref, "title": one.title, "owner": one.owner, "kind": one.kind, "pages": one.pages, "changedAt": _time(one.changed_at),
        "readAt": _time(one.read_at), "problems": one.problems, "failure": one.failure, "path": docs_path(one.ref),
    }  # fmt: skip


def problem_wire(one: Problem) -> dict[str, Any]:
    return {"code": one.code, "message": one.message, "file": one.file, "line": one.line, "isError": one.is_error}


def site_wire(site: Site) -> dict[str, Any]:
    return {
        "ref": site.ref, "title": site.title, "description": site.description, "kind": site.kind, "version": site.version,
        "etag": site.etag, "pages": site.pages, "readAt": _time(site.read_at), "sourceUrl": site.source_url, "failure": site.failure,
        "nav": [_nav(item) for item in site.nav], "problems": [problem_wire(one) for one in site.problems], "path": docs_path(site.ref),
    }  # fmt: skip


def page_wire(page: Page, passages: Sequence[DocsPassage]) -> dict[str, Any]:
    """The page as text by headings: each with the address to cite."""
    return {
        "ref": page.site.ref, "version": page.site.version, "path": page.path, "title": page.title, "file": page.file,
        "citation": docs_path(page.site.ref, page.path), "changedAt": _time(page.changed_at), "changedBy": page.changed_by,
        "sourceUrl": page.source_url, "editUrl": page.edit_url,
        "passages": [
            {
                "headings": list(one.headings), "text": one.text, "code": one.code,
                "citation": docs_path(page.site.ref, page.path, one.anchor),
            }
            for one in passages
        ],
        "problems": [problem_wire(one) for one in page.problems],
    }  # fmt: skip


def _nav(item: NavItem) -> dict[str, Any]:
    found: dict[str, Any] = {"title": item.title}
    if item.path is not None:
        found["path"] = item.path
    if item.href is not None:
        found["href"] = item.href
    if item.children:
        found["children"] = [_nav(child) for child in item.children]
    return found


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)


class TechDocsRoutes:
    """Handlers over ``TechDocs``, which asks for permission."""

    def __init__(self, docs: TechDocs) -> None:
        self._docs = docs

    async def list_sites(self, request: Request) -> Response:
        given = request.query_params
        order = given.get("order", "title")
        if order not in ("title", "changed", "problems"):
            raise InputError("order must be title, changed or problems.", field="order")
        owners = given.getlist("owner")
        query = SiteQuery(
            given.get("text", ""), [owner.lower() for owner in owners] or None, order=order,  # type: ignore[arg-type]
            limit=_number(given.get("limit"), 50, "limit"), offset=_number(given.get("offset"), 0, "offset"),
        )  # fmt: skip
        found, total = await self._docs.list_sites(query, actor=request.actor)
        return Json({"items": [summary_wire(one) for one in found], "totalItems": total})

    async def site(self, request: Request) -> Response:
        return Json(site_wire(await self._docs.site(_ref(request), version=_version(request), actor=request.actor)))

    async def page(self, request: Request) -> Response:
        path, version = request.query_params.get("path", ""), _version(request)
        page = await self._docs.page(_ref(request), path, version=version, actor=request.actor)
        passages = await self._docs.passages(_ref(request), page.path, version=version, actor=request.actor)
        return Json(page_wire(page, passages))

    async def versions(self, request: Request) -> Response:
        return Json({"versions": list(await self._docs.versions(_ref(request), actor=request.actor))})

    async def check(self, request: Request) -> Response:
        found = await self._docs.check(_ref(request), actor=request.actor)
        return Json({"problems": [problem_wire(one) for one in found]})

    async def refresh(self, request: Request) -> Response:
        return Json({"changed": await self._docs.refresh(_ref(request), actor=request.actor)})

    def routes(self) -> Sequence[Route]:
        op = doc.operation
        problems = {"type": "object", "properties": {"problems": {"type": "array", "items": doc.PROBLEM}}}
        thing = {"type": "object"}
        listed = op(
            "Sites with documentation", thing, triplet=False, query=("text", "owner", "order", "limit", "offset")
        )
        return [
            Route(PREFIX, self.list_sites, openapi=listed),
            Route(_ONE, self.site, openapi=op("A site: navigation, problems", thing, query=("version",))),
            Route(f"{_ONE}/page", self.page, openapi=op("A page as text", thing, query=("path", "version"))),
            Route(f"{_ONE}/versions", self.versions, openapi=op("Branches and tags", thing)),
            Route(f"{_ONE}/check", self.check, openapi=op("All that is wrong with a site", problems)),
            Route(
                f"{_ONE}/refresh", self.refresh, ("POST",), openapi=op("Read a site again if its source differs", thing)
            ),
        ]


def _ref(request: Request) -> str:
    given = request.path_params
    return str(EntityRef(given["kind"], given["namespace"], given["name"]))


def _version(request: Request) -> str | None:
    return request.query_params.get("version") or None


def _number(text: str | None, default: int, field: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"{field} must be a whole number.", field=field)
    return int(text)
