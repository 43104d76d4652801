"""The list page and its CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any, AsyncIterator

import orjson

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.catalog.pages.links import display_title, related, spec_of, text
from callboard.features.catalog.pages.listing import FACETS, ListPage, ListState, list_page, mentioned
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.auth.actor import Actor
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator

CSV_COLUMNS = (
    "ref",
    "kind",
    "namespace",
    "name",
    "title",
    "owner",
    "type",
    "lifecycle",
    "system",
    "tags",
    "description",
)


async def read_list(
    queries: CatalogQueries, state: ListState, *, actor: Actor, now: datetime, t: Translator
) -> ListPage:
    """One page of rows with its facets.

    Service calls, whatever the size of the catalog: the rows, the kinds, the facets (one more for each facet in use, so that its
    other values show what they would add), the documents named on the page, the times of change; a count when sorting by a
    field that not everything has.
    """
    page = await queries.list_raw(state.query(), actor=actor)
    entities = decode(page.items)
    kinds = await queries.facets(["kind"], state.predicate(without=("kind", "type", "lifecycle")), actor=actor)
    facets = dict(await queries.facets(list(FACETS.values()), state.predicate(), actor=actor))
    for name in FACETS:
        if state.values(name):
            facets |= await queries.facets([FACETS[name]], state.predicate(without=(name,)), actor=actor)
    known = await look_up(queries, mentioned(entities, facets), actor=actor)
    changed = await queries.changed_at([str(EntityRef.of(e)) for e in entities], actor=actor)
    matching = page.total or 0
    if state.leaves_out:
        matching = await queries.count(state.predicate(), actor=actor)
    return list_page(state, page, entities, kinds.get("kind", ()), facets, known, changed, matching, now, t)


def _cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    words = "" if value is None else str(value)
    return "'" + words if words[:1] in ("=", "+", "-", "@", "\t", "\r") else words


def csv_row(entity: Any) -> list[str]:
    spec = spec_of(entity)
    metadata, ref = entity["metadata"], EntityRef.of(entity)
    cells = (
        str(ref),
        ref.kind,
        ref.namespace,
        ref.name,
        display_title(entity),
        " ".join(related(entity, "ownedBy")),
        text(spec.get("type")),
        text(spec.get("lifecycle")),
        " ".join(related(entity, "partOf")),
        " ".join(str(tag) for tag in metadata.get("tags") or ()),
        text(metadata.get("description")),
    )
    return [_cell(c) for c in cells]


async def iter_csv(queries: CatalogQueries, state: ListState, *, actor: Actor) -> AsyncIterator[bytes]:
    """All rows of the list as CSV (RFC 4180, UTF-8), in chunks and in the list's order."""
    query = state.query()
    yield (",".join(CSV_COLUMNS) + "\r\n").encode()
    async for chunk in queries.iter_raw(EntityQuery(predicate=query.predicate, order=query.order), actor=actor):
        out = io.StringIO()
        csv.writer(out).writerows(csv_row(orjson.loads(item)) for item in chunk)
        yield out.getvalue().encode()


async def find_quickly(queries: CatalogQueries, words: str, *, actor: Actor, limit: int = 8) -> list[dict[str, Any]]:
    """Entities for the command palette: the first by name among those that hold ``words``."""
    from callboard.features.catalog.pages.links import link_to

    state = ListState(q=words[:200])
    query = EntityQuery(predicate=state.predicate(), order=Order(BY_TITLE), limit=40, want_total=False)
    links = [link_to("", e) for e in decode((await queries.list_raw(query, actor=actor)).items)]
    needle = words.lower()
    links.sort(
        key=lambda link: (
            not link.title.lower().startswith(needle),
            needle not in link.title.lower(),
            link.title.lower(),
        )
    )
    return [{"title": x.title, "hint": x.ref, "href": x.href, "icon": x.icon, "hue": x.hue} for x in links[:limit]]
