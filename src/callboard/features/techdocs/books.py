"""Sites put together from what was read, and their pages, each rendered once: in memory, then in the database, then for real."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Awaitable, Callable, Mapping, Sequence, TypeVar

from callboard.features.techdocs.codec import dump_page, load_page
from callboard.features.techdocs.domain import SitePlan, docs_path, triplet
from callboard.features.techdocs.interface import PAGES_CHANGED, NavItem, Problem
from callboard.features.techdocs.rendering import (
    LinkRules,
    MemoryFiles,
    RenderedPage,
    RenderOptions,
    RenderTask,
    SiteAddress,
    SiteDefaults,
    SiteModel,
    SitePage,
    Words,
)
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import pages as page_rows
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.files import FileRow
from callboard.features.techdocs.store.sites import VersionRow
from callboard.features.techdocs.workers.pool import TooSlow, Workers
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.events import Events
from callboard.kernel.periodic import Together

ASSETS = "/docs-assets"
"""Where files of sites are served for pages of this portal."""
MAX_BOOKS_BYTES = 64 * 1024 * 1024
BOOK_BYTES = 128 * 1024
"""What a site takes beside the texts of its pages: thousands of small ones count, too."""
MAX_PAGES_BYTES = 32 * 1024 * 1024
MAX_TOLD = 500
MAX_TEXT_BYTES = 2 * 1024 * 1024
CHECK_S = 0.1
"""So long a check may take for each page: ten times what one needs."""
TEXTS_AT_A_TIME = 1_000
FLUSH_AFTER_S = 0.3
SLOW_FOR_S = 60.0
"""How long what was given up is not tried again."""
MAX_TOO_SLOW = 1_000
BINARY = re.compile(
    r"\.(?:png|jpe?g|gif|webp|avif|bmp|ico|tiff?|svg|pdf|zip|gz|tgz|tar|7z|woff2?|ttf|otf|eot|mp3|mp4|m4a|webm|ogg|mov|docx?|xlsx?|pptx?|jar"
    r"|exe|so|dll|bin)$",
    re.IGNORECASE,
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Book:
    """A version of a site, ready to be read. ``rows`` by path; ``texts`` are the files that pages may be made of.

    Of ``rows`` only who changed a file is learned later.
    """

    model: SiteModel
    texts: MemoryFiles
    rows: dict[str, FileRow]
    size: int

    def pages(self) -> Sequence[SitePage]:
        return tuple(self.model.pages.values())


class Books:
    """Site models by version and plan, rendered pages by the key of all that goes into them."""

    def __init__(
        self, db: Database, clock: Clock, events: Events, workers: Workers, settings: TechDocsSettings
    ) -> None:
        self._events = events
        self._db = db
        self._clock = clock
        self._workers = workers
        self._settings = settings
        self._books: OrderedDict[tuple[str, str], Book] = OrderedDict()
        self._book_bytes = 0
        self._pages: OrderedDict[str, RenderedPage] = OrderedDict()
        self._page_bytes = 0
        self._single: dict[Any, asyncio.Task[Any]] = {}
        self._too_slow: dict[Any, tuple[float, TooSlow]] = {}
        self._new: dict[str, bytes] = {}
        self._used: set[str] = set()
        self._writing = Together(self.flush, FLUSH_AFTER_S, name="techdocs rendered pages")

    async def open(self, plan: SitePlan, row: VersionRow) -> Book:
        """Raises ``UnavailableError`` where the site cannot be put together in time."""
        key = (row.id + row.digest, plan.digest)
        if (found := self._books.get(key)) is not None and row.pages is not None:
            self._books.move_to_end(key)
            return found
        return await self._once(("book", *key), lambda: self._open(key, plan, row))

    async def _open(self, key: tuple[str, str], plan: SitePlan, row: VersionRow) -> Book:
        """One that is still known from an earlier time, when the site was as it is again, is told of like any other."""
        book = self._books.get(key) or await self._build(key, plan, row)
        if row.pages is None:
            problems = [*book.model.problems, *(p for p in row.meta.get("problems", ()) if p.get("is_error"))]
            async with self._db.write() as tx:
                await sites.note_counts(tx, row.id, row.digest, len(book.model.pages), len(problems))
                if not row.name:
                    await self._note_pages(tx, row, book)
        return book

    async def _build(self, key: tuple[str, str], plan: SitePlan, row: VersionRow) -> Book:
        async with self._db.read() as tx:
            rows = await file_rows.list_files(tx, row.id)
            wanted = await asyncio.to_thread(_texts_of, rows)
            contents: dict[str, bytes] = {}
            for start in range(0, len(wanted), TEXTS_AT_A_TIME):
                some = wanted[start : start + TEXTS_AT_A_TIME]
                blobs = await file_rows.read_blobs(tx, (file.hash for file in some))
                contents |= {file.path: blobs.get(file.hash, b"") for file in some}
        # The map of the site needs every path, but of pictures only that they are there.
        everything = {file.path: contents.get(file.path, b"") for file in rows}
        defaults = self.defaults(plan, str(row.meta.get("docs_dir") or "docs"))
        timeout_s = max(30.0, self._settings.timeout.total_seconds() * 3)
        model: SiteModel = await self._bounded(
            key, lambda: self._workers.run("site", everything, defaults, timeout_s=timeout_s, turn=plan.ref)
        )
        model = with_sections(model, [(name, title) for name, title, _ in row.meta.get("sections", ())])
        book = Book(model, MemoryFiles(contents), {file.path: file for file in rows}, sum(map(len, contents.values())))
        self._books[key] = book
        self._book_bytes += BOOK_BYTES + book.size
        while len(self._books) > 1 and self._book_bytes > MAX_BOOKS_BYTES:
            _, gone = self._books.popitem(last=False)
            self._book_bytes -= BOOK_BYTES + gone.size
        return book

    async def _note_pages(self, tx: Transaction, row: VersionRow, book: Book) -> None:
        """Which pages differ from those before: only now is it known what pages the files make."""
        latest = await sites.lock_version(tx, row.ref, row.name)
        if latest is None or latest.digest != row.digest:
            return  # something newer was read meanwhile, and is told when it is put together
        before = await page_rows.list_pages(tx, row.ref)
        changed, removed = await asyncio.to_thread(_differing, before, book)
        if not changed and not removed:
            return
        await page_rows.write_changes(tx, row.ref, changed, removed)
        payload: dict[str, Any] = {"ref": row.ref}
        if len(changed) + len(removed) <= MAX_TOLD:
            payload |= {"changed": sorted(changed), "removed": sorted(removed)}
        await self._events.publish(tx, PAGES_CHANGED, payload)

    def defaults(self, plan: SitePlan, docs_dir: str) -> SiteDefaults:
        given = plan.settings.links
        rules = LinkRules(absolute_base=given.absolute_base)
        if given.prefixes is not None:
            rules = replace(rules, prefixes=dict(given.prefixes))
        if given.suffixes is not None:
            rules = replace(rules, suffixes=dict(given.suffixes))
        options = RenderOptions(
            allowed_plugins=self._settings.plugins, allowed_keys=self._settings.keys, iframe_hosts=self._settings.iframe_hosts,
            image_hosts=self._settings.image_hosts, kroki_url=self._settings.kroki_url,
        )  # fmt: skip
        return SiteDefaults(plan.title, plan.description, docs_dir=docs_dir, links=rules, options=options)

    async def page(self, book: Book, ref: str, path: str, version: str | None, words: Words) -> RenderedPage:
        """Raises ``KeyError`` for a path that is no page's."""
        return await self.page_at(book, path, address_of(ref, version), words)

    async def page_at(self, book: Book, path: str, address: SiteAddress, words: Words) -> RenderedPage:
        """``page`` with other addresses in it."""
        from callboard.features.techdocs.rendering.render import prepare

        task = prepare(book.model, path, book.texts, address, words)
        if (found := self._pages.get(task.key)) is not None:
            self._pages.move_to_end(task.key)
            return found
        return await self._once(("page", task.key), lambda: self._find_or_render(task, book.model.digest))

    async def _find_or_render(self, task: RenderTask, turn: str) -> RenderedPage:
        async with self._db.read(snapshot=False) as tx:
            stored = await file_rows.find_rendered(tx, task.key)
        if stored is not None:
            page = load_page(stored)
            self._used.add(task.key)
        else:
            try:
                timeout_s = self._settings.timeout.total_seconds()
                page = await self._bounded(
                    task.key, lambda: self._workers.run("page", task, timeout_s=timeout_s, turn=turn)
                )
            except TooSlow as error:
                return plain_page(task, error.message)
            self._new[task.key] = await asyncio.to_thread(dump_page, page)
        self._remember(task.key, page)
        self._writing.ask()
        return page

    async def _bounded(self, key: Any, work: Callable[[], Awaitable[T]]) -> T:
        """``work``, unless it took too long a moment ago: what is asked for again and again must not fill the pool."""
        ended = self._too_slow.get(key)
        if ended is not None and self._clock.monotonic() - ended[0] < SLOW_FOR_S:
            raise ended[1]
        try:
            return await work()
        except TooSlow as error:
            if len(self._too_slow) >= MAX_TOO_SLOW:
                self._too_slow.clear()
            self._too_slow[key] = self._clock.monotonic(), error
            raise

    def _remember(self, key: str, page: RenderedPage) -> None:
        if key in self._pages:
            return
        self._pages[key] = page
        self._page_bytes += len(page.html)
        while self._page_bytes > MAX_PAGES_BYTES:
            _, oldest = self._pages.popitem(last=False)
            self._page_bytes -= len(oldest.html)

    async def check(self, book: Book) -> Sequence[Problem]:
        """All that is wrong with the site: every page is rendered for it."""
        timeout_s = max(120.0, self._settings.timeout.total_seconds(), len(book.model.pages) * CHECK_S)
        contents = {path: book.texts.read(path) for path in book.texts.paths()}
        everything = {path: contents.get(path, b"") for path in book.rows}
        found: Sequence[Problem] = await self._workers.run_apart("check", book.model, everything, timeout_s=timeout_s)
        return found

    async def flush(self) -> None:
        """Pages are written together: whoever reads one need not wait for it, and SQLite writes once."""
        new, self._new = self._new, {}
        used, self._used = self._used, set()
        if not new and not used:
            return
        async with self._db.write() as tx:
            now = format_time(self._clock.now())
            if new:
                await file_rows.put_rendered(tx, new, now)
            if used:
                await file_rows.note_rendered_used(tx, used, now)

    async def trim(self) -> None:
        """Forget what is beyond the bounds: rendered pages, and contents that nobody names any more."""
        async with self._db.write() as tx:
            await file_rows.trim_rendered(tx, self._settings.cache_bytes)
            await file_rows.delete_blobs(tx, format_time(self._clock.now() - timedelta(hours=1)))

    async def close(self) -> None:
        await self._writing.close()

    async def _once(self, key: Any, work: Callable[[], Awaitable[T]]) -> T:
        """``work`` once, however many ask for it at a time; who goes away does not end it for the others."""
        running: asyncio.Task[T] | None = self._single.get(key)
        if running is None:
            running = asyncio.ensure_future(work())
            assert running is not None
            self._single[key] = running
            running.add_done_callback(lambda _: self._single.pop(key, None))
        return await asyncio.shield(running)


def _texts_of(rows: Sequence[FileRow]) -> list[FileRow]:
    return [file for file in rows if file.size <= MAX_TEXT_BYTES and not BINARY.search(file.path)]


def _differing(before: Mapping[str, tuple[str, str]], book: Book) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Pages that are new or others than before, and paths of those that are gone."""
    now = revisions_of(book)
    changed = {path: page for path, page in now.items() if before.get(path) != page}
    return changed, [path for path in before if path not in now]


def revisions_of(book: Book) -> dict[str, tuple[str, str]]:
    """Path to (title, revision) of every page. Text files that are no pages may be included by any."""
    pages = {page.file for page in book.pages()}
    texts = sorted((path, row.hash) for path, row in book.rows.items() if path not in pages and not BINARY.search(path))
    shared = hashlib.sha256(repr((book.model.title, texts)).encode()).hexdigest()[:16]
    return {page.path: (page.title, f"{page.digest[:32]}-{shared}") for page in book.pages()}


def address_of(ref: str, version: str | None) -> SiteAddress:
    """Where pages of this portal and their files are."""
    from urllib.parse import quote

    query = f"?version={quote(version, safe='')}" if version else ""
    return SiteAddress(docs_path(ref) + "/", f"{ASSETS}/{'/'.join(triplet(ref))}/", query)


def with_sections(model: SiteModel, sections: Sequence[tuple[str, str]]) -> SiteModel:
    """Typed folders stand under their own headings, at the end of the navigation."""
    if not sections:
        return model
    nav = list(model.nav)
    pages = dict(model.pages)
    for name, title in sections:
        prefix = f"{name}/"
        inside = [page for page in model.pages.values() if page.document.startswith(prefix)]
        if not inside:
            continue
        nav = [item for item in nav if not _is_only(item, {page.path for page in inside})]
        nav.append(NavItem(title, children=tuple(NavItem(page.title, page.path) for page in inside)))
        for page in inside:  # last in reading order, too
            del pages[page.path]
            pages[page.path] = replace(page, in_nav=True)
    return replace(model, nav=tuple(nav), pages=pages)


def _is_only(item: NavItem, paths: set[str]) -> bool:
    """Whether the entry holds nothing but these pages."""
    if item.children:
        return item.path is None and all(_is_only(child, paths) for child in item.children)
    return item.path in paths


def plain_page(task: RenderTask, reason: str) -> RenderedPage:
    """The text as it was written, where rendering was ended."""
    from markupsafe import escape

    text = task.texts.get(task.page.file, b"").decode("utf-8", "replace")
    said = task.words.too_slow.format(reason=reason)
    html = f'<p class="docs-refused">{escape(said)}</p><pre>{escape(text[:500_000])}</pre>'
    problem = Problem("refused", said, task.page.file)
    return RenderedPage(
        task.page.path, task.page.file, task.page.title, html, (), (problem,), frozenset(), (), (), failed=True
    )
