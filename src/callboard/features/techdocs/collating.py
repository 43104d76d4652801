"""Documentation for search: one scope a page, its passages by heading, asked for again when its site changes.

Source of the wire fields: Backstage, ``DefaultTechDocsCollatorFactory``.
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Mapping, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.search.interface import SearchDocument
from callboard.features.techdocs.books import Book
from callboard.features.techdocs.domain import SitePlan, docs_path, owner_of, triplet
from callboard.features.techdocs.files import WORDS
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.interface import SITE_CHANGED, SITE_REMOVED, PageMoved, PageNotFound
from callboard.features.techdocs.rendering import RenderedPage
from callboard.features.techdocs.service import TechDocsService, require_page
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
ENTITIES_CHANGED = "catalog.entities.changed"


class DocsCollator:
    """Pages of all sites, published ones and named versions left out."""

    type = "techdocs"
    title = "techdocs.search.type"
    icon = "docs"
    topics: Sequence[str] = (SITE_CHANGED, SITE_REMOVED, ENTITIES_CHANGED)

    def __init__(
        self, db: Database, service: TechDocsService, books: Any, plans: Plans, queries: CatalogQueries
    ) -> None:
        self._db = db
        self._service = service
        self._books = books
        self._plans = plans
        self._queries = queries

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """A site at a time. A revision holds the page's text, the structure of its site and what its entity is called."""
        async with self._db.read() as tx:
            rows = [site for site, version in await sites.list_with_versions(tx) if version is not None]
        for row in rows:
            found = await self._open(row.ref)
            if found is None:
                continue
            plan, book, entity = found
            shared = f"{book.model.structure[:16]}-{_mark(plan, entity)}"
            yield [(f"{row.ref}{MARK}{page.path}", f"{page.digest[:32]}-{shared}") for page in book.pages()]

    async def _open(self, ref: str) -> tuple[SitePlan, Book, Mapping[str, Any]] | None:
        """A site as it was read last: search does not wait for sources."""
        raw = await self._queries.find_raw(ref, actor=SYSTEM)
        plan = None if raw is None else self._plans.of_raw(raw)
        if raw is None or not isinstance(plan, SitePlan):
            return None
        async with self._db.read(snapshot=False) as tx:
            row = await sites.find_version(tx, ref, "")
        if row is None:
            return None
        import orjson

        try:
            return plan, await self._books.open(plan, row), orjson.loads(raw)
        except CallboardError as error:
            log.warning("documentation not found by search", site=ref, error=error.message)
            return None

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        found: dict[str, Sequence[SearchDocument]] = {}
        opened: dict[str, tuple[SitePlan, Book, Mapping[str, Any]] | None] = {}
        for scope in scopes:
            ref, _, path = scope.partition(MARK)
            if ref not in opened:
                opened[ref] = await self._open(ref)
            site = opened[ref]
            if site is None:
                continue
            try:
                page = require_page(site[1], path)
                rendered: RenderedPage = await self._books.page(site[1], ref, page.path, None, WORDS)
            except (PageNotFound, PageMoved):
                continue
            except CallboardError as error:
                log.warning("page not found by search", site=ref, page=path, error=error.message)
                continue
            if page.path == path:
                found[scope] = page_documents(site[0], site[1], site[2], rendered)
        return found

    def changed(self, event: Event) -> Sequence[str] | None:
        """A change of a site may touch any page (its title stands in all), and which scopes went only a comparison tells."""
        if event.topic == ENTITIES_CHANGED:
            return ()  # what matters of it comes as a change of the site, or with the next comparison
        if event.payload.get("version") is not None:
            return ()
        return None


def _mark(plan: SitePlan, entity: Mapping[str, Any]) -> str:
    import hashlib

    spec = entity.get("spec") or {}
    said = repr((plan.title, plan.owner, spec.get("type"), spec.get("lifecycle")))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def page_documents(
    plan: SitePlan, book: Book, entity: Mapping[str, Any], page: RenderedPage
) -> Sequence[SearchDocument]:
    """A document for each passage; the first stands for the page, too."""
    namespace, kind, name = triplet(plan.ref)
    spec = entity.get("spec") or {}
    owner = (owner_of(entity) or "").rpartition("/")[2]
    row = book.rows.get(page.file)
    parent = f"{plan.ref}{MARK}{page.path}"
    wire = {
        "path": page.path, "kind": kind, "namespace": namespace, "name": name, "entityTitle": plan.title,
        "componentType": str(spec.get("type") or "other"), "lifecycle": str(spec.get("lifecycle") or ""), "owner": owner,
    }  # fmt: skip
    fields = {
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "type": wire["componentType"],
        "lifecycle": wire["lifecycle"],
        "owner": owner,
    }
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
                fields={k: v for k, v in fields.items() if v},
                wire=wire,
                changed_at=parse_time_if(row.changed_at) if row else None,
            )  # fmt: skip
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
                fields={k: v for k, v in fields.items() if v},
                wire=wire,
            )  # fmt: skip
        )
    return found


def _tags(page: RenderedPage, entity: Mapping[str, Any]) -> Sequence[Any]:
    own = page.front_matter.get("tags")
    tags = own if isinstance(own, list) else []
    return [*tags, *((entity.get("metadata") or {}).get("tags") or [])]
