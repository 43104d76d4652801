"""From the ref of an entity to the plan of its site, as far as somebody may see it: hidden is absent."""

from __future__ import annotations

from collections import OrderedDict
from typing import Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, UrlReader
from callboard.features.techdocs.domain import ANNOTATIONS, Places, Redirected, SitePlan, plan_site
from callboard.features.techdocs.interface import DocsPlace, SiteNotFound
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.model.predicates import Any_, HasKey, Predicate

MAX_PLANS = 2_000
MAX_HOPS = 5


class Plans:
    """Plans of visible entities. Kept by the entity's bytes, so that a page that is read again parses nothing."""

    def __init__(self, queries: CatalogQueries, readers: UrlReader, settings: TechDocsSettings) -> None:
        self._queries = queries
        self._readers = readers
        self._settings = settings
        self._known: OrderedDict[bytes, SitePlan | Redirected | None] = OrderedDict()

    async def find(self, ref: str, *, actor: Actor) -> SitePlan | Redirected | None:
        """What the entity says, other entities not followed."""
        raw = await self._queries.find_raw(ref, actor=actor)
        return None if raw is None else self.of_raw(raw)

    async def find_many(self, refs: Sequence[str], *, actor: Actor) -> dict[str, SitePlan | Redirected | None]:
        """``find`` for many; the absent and the hidden are None."""
        found = await self._queries.get_many_raw(refs, actor=actor)
        places = Places()
        return {ref: None if raw is None else self.of_raw(raw, places) for ref, raw in zip(refs, found, strict=True)}

    def of_raw(self, raw: bytes, places: Places | None = None) -> SitePlan | Redirected | None:
        """``places`` are shared by those who ask for many at a time."""
        if raw in self._known:
            self._known.move_to_end(raw)
            return self._known[raw]
        plan = plan_site(orjson.loads(raw), self._settings, self._readers, places)
        self._known[raw] = plan
        if len(self._known) > MAX_PLANS:
            self._known.popitem(last=False)
        return plan

    async def follow(self, ref: str, *, actor: Actor) -> tuple[SitePlan, str] | None:
        """The plan of the site that the entity shows, and the path in it. Each entity on the way must be visible."""
        path = ""
        for _ in range(MAX_HOPS):
            found = await self.find(ref, actor=actor)
            if not isinstance(found, Redirected):
                return None if found is None else (found, path)
            ref, path = found.target, path or found.path
        return None

    async def require(self, ref: str, *, actor: Actor) -> SitePlan:
        """Raises ``SiteNotFound``, alike for the absent and the hidden."""
        found = await self.follow(ref.lower(), actor=actor)
        if found is None:
            raise SiteNotFound(
                f"There is no documentation of {ref} that you can see. Give the entity the annotation backstage.io/techdocs-ref."
            )
        return found[0]

    async def place(self, ref: str, *, actor: Actor) -> DocsPlace | None:
        found = await self.follow(ref.lower(), actor=actor)
        return None if found is None else DocsPlace(found[0].ref, found[1])

    async def everything(self) -> dict[str, SitePlan]:
        """The plans of all sites there are, by ref."""
        from callboard.features.catalog.interface import EntityQuery

        found: dict[str, SitePlan] = {}
        places = Places()
        predicate: Predicate = Any_(tuple(HasKey(f"metadata.annotations.{name}") for name in ANNOTATIONS))
        async for chunk in self._queries.iter_raw(EntityQuery(predicate), actor=SYSTEM):
            for raw in chunk:
                plan = self.of_raw(raw, places)
                if isinstance(plan, SitePlan):
                    found[plan.ref] = plan
        for ref in self._settings.sites:
            plan = await self.find(ref, actor=SYSTEM)
            if isinstance(plan, SitePlan):
                found[ref] = plan
        return found

    async def hidden(self, refs: list[str], *, actor: Actor) -> set[str]:
        """Those of ``refs`` whose entity the actor does not see, or that is gone."""
        return set(refs) - await self._queries.visible_among(refs, actor=actor)
