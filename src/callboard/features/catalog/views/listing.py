"""The list page, and the quick look-up of fields that name an entity."""

from __future__ import annotations

import difflib
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Mapping, Sequence

from markupsafe import escape

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.catalog.interface.reasons import OwnershipPath
from callboard.features.catalog.pages.columns import Cell, ColumnChoice, ShownColumn, cell_of
from callboard.features.catalog.pages.links import display_title, link_to, related
from callboard.features.catalog.pages.list_state import FACETS, ListState
from callboard.features.catalog.pages.listing import ListPage, Shelf, list_page, mentioned
from callboard.features.catalog.pages.mine import groups_in, mine_text
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import Any_, HasPrefix, HasText, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator

MAX_COMPARED = 120
MISSPELT = 0.72
NAME_KEYS = ("metadata.name", "metadata.title", "spec.profile.displayname")


async def read_list(
    queries: CatalogQueries,
    state: ListState,
    request: Any,
    *,
    choice: ColumnChoice,
    shelf: Shelf | None = None,
    own: Mapping[str, str] = MappingProxyType({}),
    stars: frozenset[str] | None = None,
    paths: Mapping[str, OwnershipPath] | None = None,
    now: datetime,
    t: Translator,
) -> ListPage:
    """One page of rows with its facets.

    Service calls, whatever the size of the catalog: the rows, the kinds, the facets (one more for each facet in use, so that its
    other values show what they would add), the documents named on the page, the times of change; a count when sorting by a
    field that not everything has; one for each column of a plugin. ``own`` are further facets, see ``own_facets``; ``paths``
    None: the reader is nobody who could own anything.
    """
    actor: Actor = request.actor
    columns = choice.shown(state.columns, state.kind, t)
    page = await queries.list_raw(state.query(), actor=actor)
    entities = decode(page.items)
    refs = [str(EntityRef.of(e)) for e in entities]
    kinds = await queries.facets(["kind"], state.predicate(without=("kind", "type", "lifecycle")), actor=actor)
    facets = dict(await queries.facets([*FACETS.values(), *own], state.predicate(), actor=actor))
    for name, key in {**FACETS, **{name: name for name in own}}.items():
        if state.values(name):
            facets |= await queries.facets([key], state.predicate(without=(name,)), actor=actor)
    owned = [related(entity, "ownedBy") for entity in entities] if paths is not None else []
    through = groups_in([owner for owners in owned for owner in owners], paths or {})
    known = await look_up(queries, [*through, *mentioned(entities, facets, columns)], actor=actor)
    changed = await queries.changed_at(refs, actor=actor)
    matching = page.total or 0
    if state.leaves_out:
        matching = await queries.count(state.predicate(), actor=actor)
    given = {c.id: await c.plugin.cells(refs, request) for c in columns if c.plugin is not None}
    shown = list_page(
        state, page, entities, kinds.get("kind", ()), facets, known, changed, matching, now, t,
        columns=columns,
        cells=[_cells(columns, ref, entity, known, given) for ref, entity in zip(refs, entities, strict=True)],
        stars=stars,
        shelf=shelf,
        own=own,
    )  # fmt: skip
    if paths is None:
        return shown
    rows = [
        replace(row, mine=mine_text(owners, actor.subject, paths, known, t))
        for row, owners in zip(shown.rows, owned, strict=True)
    ]
    return replace(shown, rows=rows)


def _cells(
    columns: Sequence[ShownColumn], ref: str, entity: Any, known: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Cell]:
    cells = {c.id: cell_of(c, entity, known) for c in columns if c.key is not None}
    for id, by_ref in given.items():
        if (html := by_ref.get(ref)) is not None:
            cells[id] = Cell(html=escape(html))
    return cells


async def find_quickly(
    queries: CatalogQueries, words: str, *, actor: Actor, kinds: Sequence[str] = (), limit: int = 8
) -> list[dict[str, Any]]:
    """Entities for fields that name one: names and titles that begin with ``words``, that hold them, or that
    they are a slip of; the first by title without words. ``kinds`` (lower-cased) empty: of any kind.
    """
    needle = words.lower()[:200]
    begins = Any_(tuple(HasPrefix(key, needle) for key in NAME_KEYS))
    of_kind = has_value("kind", kinds) if kinds else None
    matching: list[Predicate | None] = [begins, ListState(q=needle).predicate()] if needle else [None]
    predicates = [conjoin(of_kind, one) for one in matching]
    found: dict[str, Mapping[str, Any]] = {}
    for predicate in predicates:
        if len(found) < limit:
            query = EntityQuery(predicate=predicate, order=Order(BY_TITLE), limit=2 * limit, want_total=False)
            page = await queries.list_raw(query, actor=actor)
            found |= {str(EntityRef.of(e)): e for e in decode(page.items) if str(EntityRef.of(e)) not in found}
    if not found:
        found = await _find_misspelt(queries, needle, of_kind, actor=actor)
    links = [link_to(ref, entity) for ref, entity in list(found.items())[:limit]]
    return [{"title": x.title, "hint": x.ref, "href": x.href, "icon": x.icon, "hue": x.hue} for x in links]


async def _find_misspelt(
    queries: CatalogQueries, needle: str, of_kind: Predicate | None, *, actor: Actor
) -> dict[str, Mapping[str, Any]]:
    """Entities that somebody may have meant, the nearest first.

    A slip (a letter too many, too few, another, or two swapped) leaves at least one of three parts of a word as it was, so
    only what holds a part is compared: at most ``MAX_COMPARED`` entities a part, at the cost of a text filter each.
    """
    if not 4 <= len(needle) <= 40:
        return {}
    third = max(2, len(needle) // 3)
    parts = dict.fromkeys((needle[:third], needle[third : 2 * third], needle[2 * third :]))
    near: dict[str, tuple[float, Mapping[str, Any]]] = {}
    for part in parts:
        if len(part) < 2:
            continue
        like = conjoin(of_kind, HasText(NAME_KEYS, part))
        query = EntityQuery(predicate=like, order=Order(BY_TITLE), limit=MAX_COMPARED, want_total=False)
        page = await queries.list_raw(query, actor=actor)
        for entity in decode(page.items):
            ref = str(EntityRef.of(entity))
            if ref not in near:
                near[ref] = (likeness(needle, display_title(entity), str(entity["metadata"]["name"])), entity)
    best = sorted((item for item in near.items() if item[1][0] >= MISSPELT), key=lambda item: -item[1][0])
    return {ref: entity for ref, (_, entity) in best}


def likeness(needle: str, *titles: str) -> float:
    """How much ``needle`` (lower-cased) looks like the nearest of the titles or a word of one, 0.0 to 1.0."""
    best = 0.0
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(needle)
    for title in titles:
        lowered = title.lower()
        for word in {lowered, lowered[: len(needle) + 1], *lowered.replace("-", " ").replace(".", " ").split()}:
            matcher.set_seq1(word)
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
                best = max(best, matcher.ratio())
    return best
