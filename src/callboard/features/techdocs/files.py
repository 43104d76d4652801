"""The files of a site as a static server would have them: of published sites as they are, of live ones made when asked for."""

from __future__ import annotations

import asyncio
import posixpath
from typing import Any, Sequence

import orjson

from callboard.features.techdocs.books import Book, Books
from callboard.features.techdocs.domain import SitePlan, safe_path
from callboard.features.techdocs.interface import Asset, PageMoved, PageNotFound
from callboard.features.techdocs.published.reading import METADATA
from callboard.features.techdocs.rendering import Passage, RenderedPage, SiteAddress, Words
from callboard.features.techdocs.rest import frame
from callboard.features.techdocs.service import TechDocsService, require_page
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.types import media_type_of
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database

SEARCH_INDEX = "search/search_index.json"
WORDS = Words()
KEPT_INDEXES = 4


class StaticFiles:
    """``techdocs_metadata.json`` and all that it names."""

    def __init__(self, service: TechDocsService, books: Books, db: Database) -> None:
        self._service = service
        self._books = books
        self._db = db
        self._indexes: dict[tuple[str, str], bytes] = {}

    async def metadata(self, ref: str, *, actor: Actor) -> dict[str, Any]:
        """Raises ``SiteNotFound``, and as reading does."""
        plan, opened = await self._service.open(ref, actor=actor)
        if opened.published is not None:
            return dict((await opened.published.require(plan)).metadata)
        _, book = opened.live
        site = await self._service.site(ref, actor=actor)
        return frame.metadata(site, static_paths(book))

    async def file(self, ref: str, path: str, *, actor: Actor) -> Asset:
        """Raises ``SiteNotFound``, ``PageNotFound``."""
        plan, opened = await self._service.open(ref, actor=actor)
        plain = safe_path(path)
        if (published := opened.published) is not None:
            stored = await published.file(plan, _index(path, plain)) if plain is not None else None
            if stored is None:
                raise PageNotFound("File Not Found")
            return Asset(stored.content, media_type_of(_index(path, plain or "")), stored.etag)
        _, book = opened.live
        if plain is None:
            raise PageNotFound("File Not Found")
        return await self._live(plan, book, _index(path, plain), actor)

    async def _live(self, plan: SitePlan, book: Book, path: str, actor: Actor) -> Asset:
        etag = f'"{book.model.digest[:32]}"'
        if path == METADATA:
            content = orjson.dumps(await self.metadata(plan.ref, actor=actor))
            return Asset(content, media_type_of(path), etag)
        if path == frame.STYLE_PATH:
            return Asset(frame.STYLE.encode(), media_type_of(path), '"1"')
        if path == SEARCH_INDEX:
            return Asset(await self._search_index(plan, book), media_type_of(path), etag)
        if path.endswith(".html"):
            return await self._page(plan, book, path, etag, actor)
        file = book.model.documents.get(path)
        row = book.rows.get(file) if file is not None else None
        if row is None and "." not in posixpath.basename(path):
            return await self._page(plan, book, posixpath.join(path, "index.html"), etag, actor)
        if row is None:
            raise PageNotFound("File Not Found")
        async with self._db.read(snapshot=False) as tx:
            found = (await file_rows.read_blobs(tx, [row.hash])).get(row.hash)
        if found is None:
            raise PageNotFound("File Not Found")
        return Asset(found, media_type_of(path), f'"{row.hash[:32]}"')

    async def _page(self, plan: SitePlan, book: Book, path: str, etag: str, actor: Actor) -> Asset:
        address = path.removesuffix("index.html") if path == "index.html" or path.endswith("/index.html") else path
        try:
            found = require_page(book, address)
        except PageMoved:
            raise PageNotFound("File Not Found") from None
        root = "../" * path.count("/") or "./"
        rendered = await self._books.page_at(book, found.path, SiteAddress(root, root), WORDS)
        site = await self._service.site(plan.ref, actor=actor)
        page = self._service.page_of(plan, site, book, found, rendered)
        return Asset(frame.page_html(site, page, root).encode(), "text/html; charset=utf-8", etag)

    async def _search_index(self, plan: SitePlan, book: Book) -> bytes:
        """Of the last few sites that it was asked for: each page has a part in it."""
        key = (plan.ref, book.model.digest)
        found = self._indexes.get(key)
        if found is None:
            found = orjson.dumps(frame.search_index(await self.pages(plan.ref, book)))
            while len(self._indexes) >= KEPT_INDEXES:
                self._indexes.pop(next(iter(self._indexes)))
            self._indexes[key] = found
        return found

    async def pages(self, ref: str, book: Book) -> Sequence[tuple[str, str, Sequence[Passage]]]:
        """Every page of the site as text: (address, title, passages)."""
        found = []
        for page in book.pages():
            rendered: RenderedPage = await self._books.page(book, ref, page.path, None, WORDS)
            found.append((page.path, rendered.title, rendered.passages))
            await asyncio.sleep(0)  # others have their turn between two pages of thousands
        return found


def static_paths(book: Book) -> Sequence[str]:
    """What ``files`` of the metadata names."""
    pages = {page.document for page in book.pages()}
    found = {_index(page.path, page.path.strip("/")) for page in book.pages()}
    found |= {document for document in book.model.documents if document not in pages}
    return sorted(found | {METADATA, SEARCH_INDEX, frame.STYLE_PATH})


def _index(path: str, plain: str | None) -> str:
    """The file that a path names: ``index.html`` of a folder."""
    if not plain:
        return "index.html"
    return posixpath.join(plain, "index.html") if path.endswith("/") else plain
