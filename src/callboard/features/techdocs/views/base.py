"""What the views of documentation share: who asks, entities as links, the frame around every page of a site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.links import link_to
from callboard.features.techdocs.domain import docs_path, owner_of
from callboard.features.techdocs.interface import Site, TechDocs
from callboard.features.techdocs.pages.reading import Frame, nav_nodes, page_href, trail, version_links
from callboard.features.techdocs.reading.checks import SiteChecks
from callboard.features.techdocs.reading.feedback import FeedbackService
from callboard.features.techdocs.reading.library import Library
from callboard.features.techdocs.reading.visits import Visits
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.kernel.clock import Clock
from callboard.kernel.web.request import Request
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner, Crumb, EntityLink

LOOKED_UP_AT_ONCE = 500
MAX_TITLES = 2_000


@dataclass(frozen=True, slots=True)
class ReadingParts:
    """What the views are built from. ``parts`` are ``TechDocsParts``; ``portal`` is asked for search when somebody searches."""

    docs: TechDocs
    parts: Any
    queries: CatalogQueries
    messages: Messages
    feedback: FeedbackService
    visits: Visits
    checks: SiteChecks
    library: Library
    settings: TechDocsSettings
    clock: Clock
    portal: Any


class Views:
    """Base of the view classes."""

    def __init__(self, reading: ReadingParts) -> None:
        self._r = reading
        self._docs = reading.docs
        self._titles: dict[bytes, str] = {}

    def t(self, request: Request) -> Translator:
        return self._r.messages.translator(request.locale)

    def say(self, request: Request, id: str, **arguments: Any) -> str:
        """One message for this reader."""
        return self.t(request)(id, **arguments)

    def keeps(self, request: Request) -> bool:
        """Whether somebody asks who has things of their own: guests share one account, but in a demo that is everybody's."""
        return request.actor.is_user and not self.shares_account(request)

    def shares_account(self, request: Request) -> bool:
        return bool(request.portal.auth.is_guest(request.actor)) and not request.portal.demo

    def own_refs(self, request: Request) -> tuple[str, ...]:
        """The refs by which somebody owns things, sorted."""
        return tuple(sorted(request.actor.ownership)) if self.keeps(request) else ()

    async def look_up(self, refs: Sequence[str | None], request: Request) -> dict[str, Mapping[str, Any] | None]:
        """Documents by ref; None for the absent and the hidden."""
        wanted = list(dict.fromkeys(ref for ref in refs if ref))
        found: dict[str, Mapping[str, Any] | None] = {}
        for start in range(0, len(wanted), LOOKED_UP_AT_ONCE):
            some = wanted[start : start + LOOKED_UP_AT_ONCE]
            raws = await self._r.queries.get_many_raw(some, actor=request.actor)
            found |= {ref: None if raw is None else orjson.loads(raw) for ref, raw in zip(some, raws, strict=True)}
        return found

    async def titles(self, refs: Iterable[str | None], request: Request) -> dict[str, str | None]:
        """What entities are called, by ref; None for the absent and the hidden. A document is taken apart once, not for each page."""
        wanted = list({ref for ref in refs if ref})
        raws = await self._r.queries.get_many_raw(wanted, actor=request.actor)
        found: dict[str, str | None] = {}
        for ref, raw in zip(wanted, raws, strict=True):
            title = None if raw is None else self._titles.get(raw)
            if raw is not None and title is None:
                if len(self._titles) >= MAX_TITLES:
                    self._titles.clear()
                title = self._titles[raw] = link_to(ref, orjson.loads(raw)).title
            found[ref] = title
        return found

    async def who(self, ref: str, request: Request) -> tuple[EntityLink, EntityLink | None, Mapping[str, Any] | None]:
        """The entity and its owner as links, and its document."""
        entity = (await self.look_up([ref], request)).get(ref)
        owner = owner_of(entity) if entity else None
        known = await self.look_up([owner], request)
        return link_to(ref, entity), link_to(owner, known.get(owner)) if owner else None, entity

    async def frame(
        self, site: Site, request: Request, *, path: str | None, title: str | None, q: str = "", banners: Sequence[Banner] = (),
        is_tab: bool = False,
    ) -> tuple[Frame, Mapping[str, Any] | None]:  # fmt: skip
        """The frame of a page of the site, and the document of its entity. ``title`` is the page's, the last crumb."""
        t = self.t(request)
        entity, owner, document = await self.who(site.ref, request)
        home = page_href(site.ref, "", site.version)
        crumbs = [Crumb(t("techdocs.title"), "/docs"), Crumb(site.title, home if title else None)]
        if title:
            crumbs += [Crumb(one) for one in (trail(site.nav, path) if path is not None else ())]
            crumbs.append(Crumb(title))
        shown = list(banners)
        if site.failure:
            body = [t("techdocs.stale_copy.text"), site.failure]
            shown.append(Banner("warn", t("techdocs.stale_copy.title"), body))
        plan = await self._r.parts.plans.require(site.ref, actor=request.actor)
        has_versions = site.kind == "live" and bool(plan.mounts) and plan.mounts[0].source.kind == "tree"
        names = self._r.parts.versions.at_hand(plan) if has_versions else ()
        frame = Frame(
            site.title, home, entity, owner, nav_nodes(site.nav, site.ref, path, site.version), crumbs, docs_path(site.ref),
            site.version, page_href(site.ref, path or "", site.version, versions="1") if has_versions else None,
            version_links(names, site.ref, path or "", site.version) if has_versions else (), page_href(site.ref, path or ""), q, shown,
            is_tab,
        )  # fmt: skip
        return frame, document


def ref_of(request: Request) -> str:
    """The ref in the address, in lower case."""
    params = request.path_params
    return str(EntityRef(params["kind"], params["namespace"], params["name"])).lower()


def path_of(request: Request) -> str:
    """The page in the address; the slash at its end belongs to it, whatever routes make of it."""
    path = str(request.path_params.get("path", "")).strip("/")
    return f"{path}/" if path and request.url.path.endswith("/") else path


def version_of(request: Request) -> str | None:
    return request.query_params.get("version", "").strip() or None


def number_of(text: str, default: int = 1) -> int:
    """A page number from a query; what is none is ``default``."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else default
