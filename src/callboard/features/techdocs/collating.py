"""Documentation for search: one scope a page, its passages by heading, asked for again when its site changes.

Source of the wire fields: Backstage, ``DefaultTechDocsCollatorFactory``.
"""

from __future__ import annotations

import hashlib
import html
import re
import time
from typing import Any, AsyncIterator, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.search.interface import Extent, SearchDocument
from callboard.features.techdocs.books import Book, Books
from callboard.features.techdocs.domain import SitePlan, docs_path, owner_of, triplet
from callboard.features.techdocs.files import SEARCH_INDEX, WORDS
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.interface import PAGES_CHANGED, SITE_REMOVED
from callboard.features.techdocs.keeping import SiteKeeper
from callboard.features.techdocs.published.noting import is_published
from callboard.features.techdocs.published.reading import Published, PublishedSites
from callboard.features.techdocs.rendering import ID_PREFIX, RenderedPage
from callboard.features.techdocs.store import pages as page_rows
from callboard.features.techdocs.store import sites
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError
from callboard.kernel.events import Event
from callboard.kernel.logs import get_logger

log = get_logger(__name__)
MARK = "\n"
"""Between the ref of a site and the path of a page in a scope; neither has line breaks."""
WHOLE = "*"
"""In the place of a path: a published site as a whole."""
BATCH = 200
READ_FOR_S = 120.0
"""How long a command waits for sites to be read; what is left is read the next time."""
SHAPE = 2
"""Of the documents made of a page; after a change of it all pages are indexed again."""
_TAG = re.compile(r"<[^>]*>")


class DocsCollator:
    """Pages of all sites; named versions are left out. Of a published site one scope is the whole."""

    type = "techdocs"
    title = "techdocs.search.type"
    icon = "docs"
    topics: Sequence[str] = (PAGES_CHANGED, SITE_REMOVED)

    def __init__(
        self, db: Database, books: Books, published: PublishedSites | None, queries: CatalogQueries, plans: Plans,
        keeper: SiteKeeper | None = None,
    ) -> None:  # fmt: skip
        """``keeper`` None: sites come from a publisher alone."""
        self._db = db
        self._books = books
        self._published = published
        self._queries = queries
        self._plans = plans
        self._keeper = keeper

    async def read_sources(self) -> Sequence[str]:
        """Read the sites that were never read or may have changed since."""
        if self._keeper is None:
            return []
        problems: list[str] = []
        until = time.monotonic() + READ_FOR_S
        for ref, plan in sorted((await self._plans.everything()).items()):
            if time.monotonic() > until:
                problems.append(
                    f"Not all documentation was read in {READ_FOR_S:g} s. Search again, or start the portal, which reads the rest."
                )
                break
            try:
                row = await self._keeper.catch_up(plan)
                if row is None or row.pages is not None:
                    continue
                if not (await self._books.open(plan, row)).model.pages:
                    problems.append(
                        f"The documentation of {ref} has no pages: there is no Markdown where it should be (docs, unless docsDir or mkdocs.yml says where)."
                    )
            except CallboardError as error:
                if await self._find_published(plan) is None:
                    problems.append(f"The documentation of {ref} cannot be read: {error.message}")
        return problems

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """A site at a time. A revision holds the page's text, and what its site and entity are called. Nothing is read for it."""
        async with self._db.read() as tx:
            rows = [site for site, _ in await sites.list_with_versions(tx)]
            pages = await page_rows.list_all(tx)
        by_site: dict[str, list[tuple[str, str]]] = {}
        for ref, path, revision in pages:
            by_site.setdefault(ref, []).append((path, revision))
        for number in range(0, len(rows), BATCH):
            refs = [row.ref for row in rows[number : number + BATCH]]
            raws = await self._queries.get_many_raw(refs, actor=SYSTEM)
            for ref, raw in zip(refs, raws, strict=True):
                plan = None if raw is None else self._plans.of_raw(raw)
                if raw is None or not isinstance(plan, SitePlan):
                    continue
                mark = _mark(plan, orjson.loads(raw))
                if ref in by_site:
                    yield [(f"{ref}{MARK}{path}", f"{revision}-{mark}") for path, revision in by_site[ref]]
                elif (published := await self._find_published(plan)) is not None:
                    yield [(f"{ref}{MARK}{WHOLE}", f"{published.etag}-{mark}")]

    async def extent(self) -> Extent:
        """Pages, and sites that were not read for the first time. Sites that come from a publisher whole are not counted."""
        async with self._db.read(snapshot=False) as tx:
            return Extent(await page_rows.count(tx), 0 if self._keeper is None else await sites.count_unread(tx))

    async def _find_published(self, plan: SitePlan) -> Published | None:
        try:
            return None if self._published is None else await self._published.find(plan)
        except CallboardError as error:
            log.warning("published documentation not found by search", site=plan.ref, error=error.message)
            return None

    async def _open(self, ref: str) -> tuple[SitePlan, Book | None, Mapping[str, Any]] | None:
        """A site as it was read last: search does not wait for sources. No book for a published one."""
        raw = await self._queries.find_raw(ref, actor=SYSTEM)
        plan = None if raw is None else self._plans.of_raw(raw)
        if raw is None or not isinstance(plan, SitePlan):
            return None
        async with self._db.read(snapshot=False) as tx:
            row = await sites.find_version(tx, ref, "")
        book = None if row is None or is_published(row) else await self._books.open(plan, row)
        return plan, book, orjson.loads(raw)

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        found: dict[str, Sequence[SearchDocument]] = {}
        opened: dict[str, tuple[SitePlan, Book | None, Mapping[str, Any]] | None] = {}
        for scope in scopes:
            ref, _, path = scope.partition(MARK)
            try:
                if ref not in opened:
                    opened[ref] = await self._open(ref)
                site = opened[ref]
                if site is None:
                    continue
                documents = await self._documents(site, path)
            except CallboardError as error:
                log.warning("documentation not found by search", site=ref, page=path, error=error.message)
                continue
            if documents:
                found[scope] = documents
        return found

    async def _documents(
        self, site: tuple[SitePlan, Book | None, Mapping[str, Any]], path: str
    ) -> Sequence[SearchDocument]:
        plan, book, entity = site
        if path == WHOLE:
            stored = None if self._published is None else await self._published.file(plan, SEARCH_INDEX)
            return [] if stored is None else published_documents(plan, entity, stored.content)
        if book is None or path not in book.model.pages:
            return []
        return page_documents(plan, book, entity, await self._books.page(book, plan.ref, path, None, WORDS))

    def changed(self, event: Event) -> Sequence[str] | None:
        paths = [*(event.payload.get("changed") or ()), *(event.payload.get("removed") or ())]
        if event.topic != PAGES_CHANGED or "changed" not in event.payload:
            return None
        return [f"{event.payload['ref']}{MARK}{path}" for path in paths]


def _mark(plan: SitePlan, entity: Mapping[str, Any]) -> str:
    spec = entity.get("spec") or {}
    tags = (entity.get("metadata") or {}).get("tags")
    said = repr((SHAPE, plan.title, plan.owner, spec.get("type"), spec.get("lifecycle"), tags))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _shared(plan: SitePlan, entity: Mapping[str, Any], path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What all documents of a page say: (wire, fields)."""
    namespace, kind, name = triplet(plan.ref)
    spec = entity.get("spec") or {}
    owner = owner_of(entity) or ""
    wire = {
        "path": path, "kind": kind, "namespace": namespace, "name": name, "entityTitle": plan.title,
        "componentType": str(spec.get("type") or "other"), "lifecycle": str(spec.get("lifecycle") or ""), "owner": owner.rpartition("/")[2],
    }  # fmt: skip
    fields = {  # as those of the entity itself, so that both are counted and chosen together
        "kind": str(entity.get("kind") or kind),
        "namespace": namespace,
        "name": name,
        "type": wire["componentType"],
        "lifecycle": wire["lifecycle"],
        "owner": owner,
    }
    return wire, {key: value for key, value in fields.items() if value}


def published_documents(plan: SitePlan, entity: Mapping[str, Any], index: bytes) -> Sequence[SearchDocument]:
    """Of the search index that mkdocs wrote: an entry for each page and section. Its texts hold HTML."""
    try:
        rows = orjson.loads(index).get("docs")
    except (orjson.JSONDecodeError, AttributeError):
        return []
    titles: dict[str, str] = {}
    found = []
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        location = str(row.get("location") or "") if isinstance(row, Mapping) else None
        if location is None:
            continue
        path, _, anchor = location.partition("#")
        title = html.unescape(_TAG.sub("", str(row.get("title") or "")))
        page = titles.setdefault(path, title)
        wire, fields = _shared(plan, entity, path)
        anchor = f"{ID_PREFIX}{anchor}" if anchor else ""
        found.append(
            SearchDocument(
                id=f"{plan.ref}{MARK}{location}{MARK}{number}",
                title=page,
                location=docs_path(plan.ref, path, anchor),
                text=html.unescape(_TAG.sub(" ", str(row.get("text") or ""))),
                headings=[title] if anchor else [],
                resource=plan.ref,
                parent=f"{plan.ref}{MARK}{path}",
                anchor=anchor,
                fields=fields,
                wire=wire,
            )
        )
    return found


def page_documents(
    plan: SitePlan, book: Book, entity: Mapping[str, Any], page: RenderedPage
) -> Sequence[SearchDocument]:
    """A document for each passage; the first stands for the page, too."""
    row = book.rows.get(page.file)
    parent = f"{plan.ref}{MARK}{page.path}"
    wire, fields = _shared(plan, entity, page.path)
    fields["file"] = page.file
    keywords = [book.model.title, plan.title, *(str(tag) for tag in _tags(page, entity))]
    stem = page.file.rpartition("/")[2].partition(".")[0].replace("-", " ").replace("_", " ")
    found = []
    for number, passage in enumerate(page.passages):
        text = passage.text if not passage.code else f"{passage.text}\n{passage.code}".strip()
        found.append(
            SearchDocument(
                id=f"{parent}{MARK}{number}",
                title=page.title,
                location=docs_path(plan.ref, page.path, passage.anchor),
                text=text,
                names=[stem] if number == 0 and stem.lower() != page.title.lower() else [],
                headings=[heading for heading in passage.headings if heading != page.title],
                keywords=keywords if number == 0 else [],
                resource=plan.ref,
                parent=parent,
                anchor=passage.anchor,
                fields=fields,
                wire=wire,
                changed_at=parse_time_if(row.changed_at) if row else None,
            )
        )
    if not found:
        found.append(
            SearchDocument(
                id=f"{parent}{MARK}0",
                title=page.title,
                location=docs_path(plan.ref, page.path),
                keywords=keywords,
                resource=plan.ref,
                parent=parent,
                fields=fields,
                wire=wire,
            )
        )
    return found


def _tags(page: RenderedPage, entity: Mapping[str, Any]) -> Sequence[Any]:
    own = page.front_matter.get("tags")
    tags = own if isinstance(own, list) else []
    return [*tags, *((entity.get("metadata") or {}).get("tags") or [])]
