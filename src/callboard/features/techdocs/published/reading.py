"""Published sites as ``TechDocs`` gives them: pages, files and navigation of what ``mkdocs`` made."""

from __future__ import annotations

import asyncio
import posixpath
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson
from markupsafe import Markup

from callboard.features.techdocs.books import ASSETS
from callboard.features.techdocs.domain import SitePlan, docs_path, safe_path, triplet
from callboard.features.techdocs.interface import (
    Asset,
    DocsPassage,
    NavItem,
    Page,
    PageNotFound,
    Site,
    SiteNotFound,
)
from callboard.features.techdocs.published.stores import ObjectStore, StoredObject
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.features.techdocs.types import media_type_of
from callboard.kernel.clock import Clock
from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger

if TYPE_CHECKING:
    from callboard.features.techdocs.published.extracting import PublishedPage

log = get_logger(__name__)

METADATA = "techdocs_metadata.json"
CHECK_AFTER_S = 60.0
MAX_PAGES = 500
MAX_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Published:
    """The metadata of a published site. ``etag`` differs when something else was published."""

    metadata: Mapping[str, Any]
    etag: str
    looked_at: float

    @property
    def files(self) -> Sequence[str]:
        found = self.metadata.get("files")
        return [str(path) for path in found] if isinstance(found, list) else []

    @property
    def is_dated(self) -> bool:
        """Whether it says when it was built."""
        return self.built_at.timestamp() > 0

    @property
    def built_at(self) -> datetime:
        try:
            return datetime.fromtimestamp(float(self.metadata.get("build_timestamp") or 0) / 1000, UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(0, UTC)


class KeptFiles:
    """Files as they were published, for ``ttl`` from their reading; None keeps nothing. Least recently read go first."""

    def __init__(self, clock: Clock, ttl: timedelta | None) -> None:
        self._clock = clock
        self._ttl_s = None if ttl is None else ttl.total_seconds()
        self._files: OrderedDict[tuple[str, str, str], tuple[float, StoredObject]] = OrderedDict()
        self._bytes = 0

    def find(self, key: tuple[str, str, str]) -> StoredObject | None:
        until, file = self._files.get(key, (float("-inf"), None))
        if file is None or self._clock.monotonic() >= until:
            return None
        self._files.move_to_end(key)
        return file

    def keep(self, key: tuple[str, str, str], file: StoredObject) -> None:
        if self._ttl_s is None or len(file.content) > MAX_KEPT_BYTES // 8:
            return
        if (old := self._files.pop(key, None)) is not None:
            self._bytes -= len(old[1].content)
        self._files[key] = self._clock.monotonic() + self._ttl_s, file
        self._bytes += len(file.content)
        while self._bytes > MAX_KEPT_BYTES:
            _, (_, oldest) = self._files.popitem(last=False)
            self._bytes -= len(oldest.content)


class PublishedSites:
    """What lies in a store in Backstage's layout. Metadata is asked again after a minute; pages are kept until it differs."""

    def __init__(self, store: ObjectStore, clock: Clock, settings: TechDocsSettings) -> None:
        self.store = store
        self._clock = clock
        self._settings = settings
        self._known: dict[str, Published | None] = {}
        self._looked: dict[str, float] = {}
        self._pages: OrderedDict[tuple[str, str, str], PublishedPage] = OrderedDict()
        self._kept = KeptFiles(clock, settings.cache_ttl)

    def prefix(self, plan: SitePlan) -> str:
        """Where a site lies."""
        return plan.written if self._settings.keeps_case and plan.written else "/".join(triplet(plan.ref))

    async def has(self, plan: SitePlan) -> bool:
        return await self.find(plan) is not None

    async def find(self, plan: SitePlan) -> Published | None:
        """The metadata; None when nothing is published. While the store is down, what was there; else raises as it does."""
        ref, now = plan.ref, self._clock.monotonic()
        if ref in self._known and now - self._looked[ref] < CHECK_AFTER_S:
            return self._known[ref]
        try:
            found = await self._look(plan, now)
        except CallboardError as error:
            if self._known.get(ref) is None:
                raise
            log.info("published documentation not looked at", site=ref, error=error.message)
            found = self._known[ref]
        self._known[ref], self._looked[ref] = found, now
        return found

    async def _look(self, plan: SitePlan, now: float) -> Published | None:
        stored = await self.store.find(f"{self.prefix(plan)}/{METADATA}")
        if stored is None:
            return None
        try:
            metadata = orjson.loads(stored.content)
        except orjson.JSONDecodeError:
            metadata = {}
        return Published(metadata if isinstance(metadata, dict) else {}, stored.etag, now)

    async def refresh(self, plan: SitePlan) -> bool:
        """Look again; whether something else is published now."""
        before = self._known.get(plan.ref)
        self._looked[plan.ref] = float("-inf")
        after = await self.find(plan)
        return (before.etag if before else None) != (after.etag if after else None)

    async def require(self, plan: SitePlan) -> Published:
        found = await self.find(plan)
        if found is None:
            raise SiteNotFound(f"No documentation of {plan.ref} is published any more.")
        return found

    async def file(self, plan: SitePlan, path: str) -> StoredObject | None:
        """A file as it was published."""
        plain = safe_path(path)
        if not plain:
            return None
        known = self._known.get(plan.ref)
        key = (plan.ref, known.etag if known else "", plain)
        if (kept := self._kept.find(key)) is not None:
            return kept
        found = await self.store.find(f"{self.prefix(plan)}/{plain}")
        if found is not None and known is not None:
            self._kept.keep(key, found)
        return found

    async def list_files(self, plan: SitePlan) -> frozenset[str]:
        """All that lies there, for metadata that does not say it."""
        prefix = f"{self.prefix(plan)}/"
        return frozenset(path.removeprefix(prefix) for path in await self.store.list(prefix))

    # ---- as TechDocs gives it ----------------------------------------------------------------------------------------

    async def site(self, plan: SitePlan) -> Site:
        found = await self.require(plan)
        first = await self._find_page(plan, found, "")
        nav: Sequence[NavItem] = first[1].nav if first is not None else ()
        return Site(
            ref=plan.ref, title=str(found.metadata.get("site_name") or plan.title),
            description=str(found.metadata.get("site_description") or plan.description), kind="published", version=None,
            etag=found.etag.strip('"'), nav=nav, pages=sum(path.endswith(".html") for path in found.files) or 1,
            read_at=found.built_at,
        )  # fmt: skip

    async def page(self, plan: SitePlan, path: str) -> Page:
        published = await self.require(plan)
        found = await self._find_page(plan, published, path)
        if found is None:
            raise PageNotFound(f"The published documentation has no page {path!r}.")
        file, page = found
        site = await self.site(plan)
        address = file.removesuffix("index.html")
        order = list(_flat(site.nav))
        at = next((index for index, item in enumerate(order) if item[1] == address), None)
        return Page(
            site=site, path=address, file=file, title=page.title, html=Markup(page.html), toc=page.toc,
            previous=order[at - 1] if at else None, next=order[at + 1] if at is not None and at + 1 < len(order) else None,
            changed_at=published.built_at,
        )  # fmt: skip

    async def passages(self, plan: SitePlan, path: str) -> Sequence[DocsPassage]:
        found = await self._find_page(plan, await self.require(plan), path)
        if found is None:
            raise PageNotFound(f"The published documentation has no page {path!r}.")
        return found[1].passages

    async def asset(self, plan: SitePlan, path: str) -> Asset:
        await self.require(plan)
        stored = await self.file(plan, path)
        if stored is None:
            raise PageNotFound(f"The published documentation has no file {path!r}.")
        return Asset(stored.content, media_type_of(path), stored.etag)

    async def _find_page(self, plan: SitePlan, published: Published, path: str) -> tuple[str, PublishedPage] | None:
        from callboard.features.techdocs.published.extracting import (
            extract,  # with an HTML parser that a start need not load
        )

        plain, ref = safe_path(path), plan.ref
        if plain is None:
            return None
        for file in candidates(plain):
            key = (ref, published.etag, file)
            if (page := self._pages.get(key)) is not None:
                return file, page
            stored = await self.file(plan, file)
            if stored is None:
                continue
            page = await asyncio.to_thread(
                extract,
                stored.content.decode("utf-8", "replace"),
                file,
                lambda to: docs_path(ref) + f"/{to}",
                lambda to: f"{ASSETS}/{'/'.join(triplet(ref))}/{to}",
            )
            self._pages[key] = page
            if len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
            return file, page
        return None


def candidates(path: str) -> Sequence[str]:
    if not path:
        return ("index.html",)
    if path.endswith(".html"):
        return (path,)
    return (posixpath.join(path, "index.html"), f"{path}.html")


def _flat(nav: Sequence[NavItem]) -> Sequence[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item in nav:
        if item.path is not None:
            found.append((item.title, item.path))
        found += _flat(item.children)
    return found
