"""The home page: a few bounded questions, whatever the size of the catalog."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Sequence
from urllib.parse import urlencode

from markupsafe import escape

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, HomeCard, Order
from callboard.features.catalog.pages.entity import RenderedCard
from callboard.features.catalog.pages.home import HomePage, RecentChange
from callboard.features.catalog.pages.links import kind_rank, kind_title, link_to, links_of, related
from callboard.features.catalog.pages.listing import KindChoice, row_of
from callboard.features.catalog.pages.problems import file_view, named_in
from callboard.features.catalog.problems import ProblemFilter, ProblemList, ProblemReader
from callboard.features.catalog.views.reading import decode, look_up, own_refs
from callboard.model.predicates import has_value
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import moment

CHANGED_ROWS = 8
OWN_ROWS = 10
NEEDS_FILES = 3
PROBLEM_FILES = 4
PROBLEMS_OF_FILE = 2
_NOTHING = ProblemList((), 0, 0)


async def read_home(
    queries: CatalogQueries,
    problems: ProblemReader,
    request: Any,
    *,
    cards: Sequence[HomeCard] = (),
    now: datetime,
    t: Translator,
) -> HomePage:
    """Service calls: kinds, changes, problems, own problems and own entities, and one for all that these name."""
    actor, own = request.actor, own_refs(request)
    facets = await queries.facets(["kind"], actor=actor)
    changes = await queries.list_changes(actor=actor, limit=CHANGED_ROWS)
    is_empty = all(v.value.lower() == "location" for v in facets.get("kind", ()))
    shown = 0 if own and not is_empty else PROBLEM_FILES
    found = await problems.list_by_file(ProblemFilter(), limit=shown, shown=PROBLEMS_OF_FILE, own=own, actor=actor)
    needs, owned, owned_count = _NOTHING, [], 0
    if own:
        if found.own_total:
            wanted = ProblemFilter(owners=tuple(sorted(own)))
            needs = await problems.list_by_file(wanted, limit=NEEDS_FILES, shown=PROBLEMS_OF_FILE, actor=actor)
        query = EntityQuery(has_value("relations.ownedby", sorted(own)), Order(BY_TITLE), limit=OWN_ROWS)
        page = await queries.list_raw(query, actor=actor)
        owned, owned_count = decode(page.items), page.total or 0
    groups = sorted(ref for ref in own if ref.startswith("group:"))[:6]
    named = [c.ref.lower() for c in changes] + named_in(found) + named_in(needs) + groups
    named += [r for e in owned for r in [*related(e, "ownedBy")[:2], *related(e, "partOf")[:2]]]
    known = await look_up(queries, named, actor=actor)
    kinds = sorted(facets.get("kind", ()), key=lambda v: (kind_rank(v.value), -v.count))
    return HomePage(
        title=t("home.title"),
        crumbs=(),
        greeting=actor.display_name if own else None,
        groups=links_of([g for g in groups if known.get(g)], known),
        is_empty=is_empty,
        kinds=[
            KindChoice(
                kind_title(v.value, t),
                v.count,
                "/catalog?" + urlencode({"kind": v.value.lower()}),
                m.icon,
                m.hue,
                False,
            )
            for v in kinds
            if (m := kind_mark(v.value))
        ],
        changes=[
            RecentChange(link_to(c.ref, known.get(c.ref.lower()), known=False), c.change, moment(c.at, now))
            for c in changes
        ],
        problems=[file_view(file, known, now, t) for file in found.files],
        problem_count=found.total,
        needs=[file_view(file, known, now, t) for file in needs.files] if own else None,
        needs_count=found.own_total,
        mine=[row_of(e, known, None, now) for e in owned] if own else None,
        mine_count=owned_count,
        mine_href="/catalog?" + urlencode([("owner", o) for o in sorted(own)]) if own else None,
        cards=await _rendered(cards, request, t),
    )


async def _rendered(cards: Sequence[HomeCard], request: Any, t: Translator) -> dict[str, list[RenderedCard]]:
    """Plugins' cards by column; those that have nothing to show this time are left out."""
    out: dict[str, list[RenderedCard]] = {"top": [], "main": [], "side": []}
    for card in sorted(cards, key=lambda card: card.rank):
        body = await card.render(request)
        if body is not None:
            out[card.column].append(RenderedCard(card.id, t.title(card.title), escape(body)))
    return out
