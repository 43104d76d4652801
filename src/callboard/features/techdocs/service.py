"""``TechDocs``: reading documentation, with the entity's readability asked first, each time."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Callable, Mapping, Sequence

from markupsafe import Markup

from callboard.features.techdocs import links
from callboard.features.techdocs.books import Book, Books
from callboard.features.techdocs.checking import check_book
from callboard.features.techdocs.domain import SitePlan, safe_path
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.interface import (
    Asset,
    DocsPassage,
    DocsPlace,
    Page,
    PageMoved,
    PageNotFound,
    Problem,
    Site,
    SiteNotFound,
    SiteQuery,
    SiteSummary,
)
from callboard.features.techdocs.keeping import NOT_PUBLISHED, SiteKeeper, problems_of
from callboard.features.techdocs.published.reading import PublishedSites
from callboard.features.techdocs.rendering import RenderedPage, SitePage, Words
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.features.techdocs.sources.authors import Authors
from callboard.features.techdocs.sources.versions import VersionLists
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.sites import SiteRow, VersionRow
from callboard.features.techdocs.types import media_type_of
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, parse_time, parse_time_if
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError
from callboard.model.urls import Hosts

MAX_LIMIT = 500
MAX_VERSION = 250
MAX_COMPARED = 1_000
"""Addresses that are compared letter by letter with one that is not there: 75 ms."""
REFRESH_PATIENCE_S = 5.0
"""People may have a source elsewhere asked again at most this often; jobs and webhooks as they need."""
_WORDS = (
    "permalink",
    "link_broken",
    "anchor_broken",
    "image_missing",
    "image_refused",
    "frame_refused",
    "diagram",
    "done",
    "to_do",
    "too_slow",
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A site: published, or a version that was read with what was made of it."""

    published: PublishedSites | None = None
    row: VersionRow | None = None
    book: Book | None = None

    @property
    def live(self) -> tuple[VersionRow, Book]:
        assert self.row is not None
        assert self.book is not None
        return self.row, self.book


class TechDocsService:
    """``TechDocs`` of one portal."""

    def __init__(
        self, *, db: Database, clock: Clock, plans: Plans, keeper: SiteKeeper, books: Books, versions: VersionLists, authors: Authors,
        published: PublishedSites | None, settings: TechDocsSettings, hosts: Hosts, translator: Callable[[str], Callable[..., str]],
    ) -> None:  # fmt: skip
        """``translator`` gives for a locale what turns a message id into words."""
        self._db = db
        self._clock = clock
        self._plans = plans
        self._keeper = keeper
        self._books = books
        self._versions = versions
        self._authors = authors
        self._published = published
        self._settings = settings
        self._hosts = hosts
        self._translator = translator
        self._words: dict[str, Words] = {}

    # ---- the library -------------------------------------------------------------------------------------------------

    async def list_sites(self, query: SiteQuery, *, actor: Actor) -> tuple[Sequence[SiteSummary], int]:
        if not 1 <= query.limit <= MAX_LIMIT or query.offset < 0:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}, offset at least 0.", field="limit")
        async with self._db.read() as tx:
            rows = await sites.list_with_versions(tx)
        found = [_summary(site, version) for site, version in rows if _is_asked(site, query)]
        hidden = await self._plans.hidden([one.ref for one in found], actor=actor)
        found = [one for one in found if one.ref not in hidden]
        found.sort(key=_ORDERS[query.order])
        return found[query.offset : query.offset + query.limit], len(found)

    async def find_docs(self, ref: str, *, actor: Actor) -> DocsPlace | None:
        return await self._plans.place(ref, actor=actor)

    # ---- one site ----------------------------------------------------------------------------------------------------

    async def site(self, ref: str, *, version: str | None = None, actor: Actor) -> Site:
        plan, opened = await self.open(ref, version, actor=actor)
        if opened.published is not None:
            return await opened.published.site(plan)
        return await self._site(plan, *opened.live, version)

    async def open(self, ref: str, version: str | None = None, *, actor: Actor) -> tuple[SitePlan, Opened]:
        """The plan, and where its site is. Raises ``SiteNotFound``."""
        plan = await self._plans.require(ref, actor=actor)
        if (published := await self._published_of(plan, version)) is not None:
            return plan, Opened(published)
        if self._settings.is_external and version is None:
            raise SiteNotFound(NOT_PUBLISHED.format(ref=plan.ref))
        row = await self._keeper.current(plan, _version(version))
        book = await self._books.open(plan, row)
        if version is None and book.model.config.needs_build and self._published and await self._published.has(plan):
            return plan, Opened(self._published)  # its plugins run only in a build, and there is one
        return plan, Opened(None, row, book)

    async def _published_of(self, plan: SitePlan, version: str | None) -> PublishedSites | None:
        """Published sites come first where nothing else is built, or where the entity says nothing that can be read."""
        if self._published is None or version is not None:
            return None
        if (self._settings.is_external or not plan.mounts) and await self._published.has(plan):
            return self._published
        return None

    async def _site(self, plan: SitePlan, row: VersionRow, book: Book, version: str | None) -> Site:
        async with self._db.read(snapshot=False) as tx:
            known = await sites.find_site(tx, plan.ref)
        return Site(
            ref=plan.ref, title=book.model.title, description=book.model.description, kind="live", version=version,
            etag=f"{row.digest[:32]}-{book.model.structure[:16]}", nav=book.model.nav, pages=len(book.model.pages),
            read_at=parse_time(row.read_at), source_url=plan.source_url, problems=(*problems_of(row), *book.model.problems),
            failure=known.failure if known is not None and not version else None,
        )  # fmt: skip

    async def page(self, ref: str, path: str, *, version: str | None = None, locale: str = "en", actor: Actor) -> Page:
        plan, opened = await self.open(ref, version, actor=actor)
        if opened.published is not None:
            return await opened.published.page(plan, path)
        row, book = opened.live
        found = require_page(book, path)
        rendered = await self._books.page(book, plan.ref, found.path, version, self._words_of(locale))
        self._authors.begin(plan, row, book, found.file)
        site = await self._site(plan, row, book, version)
        return self.page_of(plan, site, book, found, rendered)

    def page_of(self, plan: SitePlan, site: Site, book: Book, found: SitePage, rendered: RenderedPage) -> Page:
        file = book.rows.get(found.file)
        before, after = book.model.neighbours(found.path)
        source_url, edit_url = links.file_links(plan, found.file, site.version, self._hosts)
        return Page(
            site=site, path=found.path, file=found.file, title=rendered.title, html=Markup(rendered.html), toc=rendered.toc,
            previous=(before.title, before.path) if before else None, next=(after.title, after.path) if after else None,
            changed_at=parse_time_if(file.changed_at) if file else None, changed_by=file.changed_by if file else None,
            edit_url=rendered.edit_url or edit_url, source_url=source_url, front_matter=rendered.front_matter,
            problems=rendered.problems, uses=rendered.uses,
        )  # fmt: skip

    async def passages(self, ref: str, path: str, *, version: str | None = None, actor: Actor) -> Sequence[DocsPassage]:
        plan, opened = await self.open(ref, version, actor=actor)
        if opened.published is not None:
            return await opened.published.passages(plan, path)
        _, book = opened.live
        found = require_page(book, path)
        rendered = await self._books.page(book, plan.ref, found.path, version, self._words_of("en"))
        return [DocsPassage(one.anchor, one.headings, one.text, one.code) for one in rendered.passages]

    async def asset(self, ref: str, path: str, *, version: str | None = None, actor: Actor) -> Asset:
        plan, opened = await self.open(ref, version, actor=actor)
        if opened.published is not None:
            return await opened.published.asset(plan, path)
        _, book = opened.live
        wanted = safe_path(path)
        file = None if wanted is None else book.model.documents.get(wanted)
        row = None if file is None else book.rows.get(file)
        if row is None:
            raise PageNotFound(f"There is no file {path} in the documentation of {plan.ref}.")
        async with self._db.read(snapshot=False) as tx:
            content = (await file_rows.read_blobs(tx, [row.hash])).get(row.hash)
        if content is None:
            raise PageNotFound(f"The file {path} of {plan.ref} changed just now. Try again.")
        return Asset(content, media_type_of(row.path), f'"{row.hash[:32]}"')

    async def versions(self, ref: str, *, actor: Actor) -> Sequence[str]:
        plan = await self._plans.require(ref, actor=actor)
        return await self._versions.list(plan)

    async def refresh(self, ref: str, *, actor: Actor) -> bool:
        plan = await self._plans.require(ref, actor=actor)
        return await self._keeper.refresh(plan, patience_s=REFRESH_PATIENCE_S)

    async def check(self, ref: str, *, actor: Actor) -> Sequence[Problem]:
        plan, opened = await self.open(ref, actor=actor)
        if opened.published is not None:
            from callboard.features.techdocs.published.checking import check_published

            return await check_published(opened.published, plan, self._clock.now(), self._settings.stale_after)
        row, book = opened.live
        found = await self._books.check(book)
        return check_book(book, [*problems_of(row), *found], self._clock.now(), self._settings.stale_after)

    def _words_of(self, locale: str) -> Words:
        if locale not in self._words:
            t = self._translator(locale)
            self._words[locale] = Words(**{name: _template(t, f"techdocs.render.{name}") for name in _WORDS})
        return self._words[locale]


def require_page(book: Book, path: str) -> SitePage:
    """Raises ``PageMoved``, and ``PageNotFound`` with pages that look like it."""
    wanted = safe_path(path)
    if wanted is not None:
        wanted += "/" if path.endswith("/") and wanted else ""
        if (found := book.model.find_page(wanted)) is not None:
            return found
        if (target := book.model.find_redirect(wanted)) is not None:
            raise PageMoved(f"{path} has moved to {target}.", target)
    raise PageNotFound(f"The documentation has no page {path!r}.", suggest(book, path))


def suggest(book: Book, path: str, limit: int = 5) -> Sequence[tuple[str, str]]:
    """(title, path) of pages whose address or title is like ``path``."""
    wanted = path.strip("/").lower()[:200]
    last = wanted.rpartition("/")[2].removesuffix(".html").removesuffix(".md")
    scored = []
    for page in list(book.model.pages.values())[:5_000]:
        own = page.path.strip("/").lower()
        if last and (last == own.rpartition("/")[2] or last.replace("-", " ") in page.title.lower()):
            scored.append((2.0, page))
    close = difflib.get_close_matches(
        wanted, [p.strip("/").lower() for p in list(book.model.pages)[:MAX_COMPARED]], n=limit, cutoff=0.6
    )
    found = [page for _, page in scored]
    found += [page for page in book.model.pages.values() if page.path.strip("/").lower() in close and page not in found]
    return [(page.title, page.path) for page in found[:limit]]


def _version(version: str | None) -> str | None:
    if version is not None and (not version or len(version) > MAX_VERSION or version.startswith("-")):
        raise InputError("A version is the name of a branch or tag, or a commit.", field="version")
    return version


def _template(t: Callable[..., str], id: str) -> str:
    return t(id, target="{target}", reason="{reason}")


def _summary(site: SiteRow, version: VersionRow | None) -> SiteSummary:
    return SiteSummary(
        ref=site.ref, title=site.title, owner=site.owner, kind="published" if site.kind == "published" else "live",
        pages=version.pages if version else None, changed_at=parse_time_if(version.changed_at) if version else None,
        read_at=parse_time_if(version.read_at) if version else None, problems=version.problems if version else None,
        failure=site.failure,
    )  # fmt: skip


def _is_asked(site: SiteRow, query: SiteQuery) -> bool:
    if query.owners is not None and site.owner not in query.owners:
        return False
    if query.refs is not None and site.ref not in query.refs:
        return False
    text = query.text.strip().lower()
    return not text or all(word in f"{site.title} {site.ref} {site.description}".lower() for word in text.split())


_NEVER = datetime.min.replace(tzinfo=UTC)
_ORDERS: Mapping[str, Callable[[SiteSummary], Any]] = {
    "title": lambda one: (one.title.lower(), one.ref),
    "changed": lambda one: (-(one.changed_at or _NEVER).timestamp() if one.changed_at else 0.0, one.title.lower()),
    "problems": lambda one: (one.failure is None, -(one.problems or 0), one.title.lower()),
}
