"""The list page, and the quick look-up of the palette."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any, Mapping

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.catalog.pages.links import link_to
from callboard.features.catalog.pages.listing import FACETS, ListPage, ListState, list_page, mentioned
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import Any_, HasPrefix, Predicate
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator

NAME_KEYS = ("metadata.name", "metadata.title", "spec.profile.displayname")


async def read_list(
    queries: CatalogQueries,
    state: ListState,
    *,
    actor: Actor,
    now: datetime,
    t: Translator,
    own: Mapping[str, str] = MappingProxyType({}),
) -> ListPage:
    """One page of rows with its facets.

    Service calls, whatever the size of the catalog: the rows, the kinds, the facets (one more for each facet in use, so that its
    other values show what they would add), the documents named on the page, the times of change; a count when sorting by a
    field that not everything has. ``own`` are further facets, see ``own_facets``.
    """
    page = await queries.list_raw(state.query(), actor=actor)
    entities = decode(page.items)
    kinds = await queries.facets(["kind"], state.predicate(without=("kind", "type", "lifecycle")), actor=actor)
    facets = dict(await queries.facets([*FACETS.values(), *own], state.predicate(), actor=actor))
    for name, key in {**FACETS, **{name: name for name in own}}.items():
        if state.values(name):
            facets |= await queries.facets([key], state.predicate(without=(name,)), actor=actor)
    known = await look_up(queries, mentioned(entities, facets), actor=actor)
    changed = await queries.changed_at([str(EntityRef.of(e)) for e in entities], actor=actor)
    matching = page.total or 0
    if state.leaves_out:
        matching = await queries.count(state.predicate(), actor=actor)
    return list_page(state, page, entities, kinds.get("kind", ()), facets, known, changed, matching, now, t, own)


async def find_quickly(queries: CatalogQueries, words: str, *, actor: Actor, limit: int = 8) -> list[dict[str, Any]]:
    """Entities for the command palette: those whose name or title begins with ``words``, then those that hold them."""
    needle = words.lower()[:200]
    begins = Any_(tuple(HasPrefix(key, needle) for key in NAME_KEYS))
    predicates: list[Predicate | None] = [begins, ListState(q=needle).predicate()]
    found: dict[str, Mapping[str, Any]] = {}
    for predicate in predicates:
        if len(found) < limit:
            query = EntityQuery(predicate=predicate, order=Order(BY_TITLE), limit=2 * limit, want_total=False)
            page = await queries.list_raw(query, actor=actor)
            found |= {str(EntityRef.of(e)): e for e in decode(page.items) if str(EntityRef.of(e)) not in found}
    links = [link_to(ref, entity) for ref, entity in list(found.items())[:limit]]
    return [{"title": x.title, "hint": x.ref, "href": x.href, "icon": x.icon, "hue": x.hue} for x in links]
