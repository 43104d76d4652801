"""The home page: a few bounded questions, whatever the size of the catalog, and only for the cards that are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import escape

from callboard.features.catalog.interface import BY_CHANGE, BY_TITLE, CatalogQueries, EntityQuery, HomeCard, Order
from callboard.features.catalog.interface.personal import PUBLISH_VIEW, SavedViews, Stars
from callboard.features.catalog.pages.columns import ColumnChoice
from callboard.features.catalog.pages.home import HomeItem, HomePage, PlacedCard, RecentChange
from callboard.features.catalog.pages.links import kind_rank, kind_title, link_to, links_of, related, spec_of, text
from callboard.features.catalog.pages.listing import KindChoice, row_of
from callboard.features.catalog.pages.problems import file_view, named_in
from callboard.features.catalog.personal.arrangement import COLUMNS, Arrangements, ColumnName, HomeOrder, Role, arrange
from callboard.features.catalog.personal.visits import Visits
from callboard.features.catalog.problems import ProblemFilter, ProblemList, ProblemReader
from callboard.features.catalog.views.reading import decode, look_up, own_refs
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import moment

CHANGED_ROWS = 8
OWN_ROWS = 10
STAR_ROWS = 10
VISIT_ROWS = 6
AROUND_ROWS = 8
AROUND_STARS = 100
"""Of so many stars, the latest, it is told when they changed."""
NEEDS_FILES = 3
PROBLEM_FILES = 4
PROBLEMS_OF_FILE = 2
_NOTHING = ProblemList((), 0, 0)
_FOR_OWNERS = frozenset(("needs", "mine", "around"))
_FOR_KEEPERS = frozenset(("starred", "visited"))


@dataclass(frozen=True, slots=True)
class Personal:
    """What the catalog's pages ask of what people keep."""

    saved: SavedViews
    stars: Stars
    visits: Visits
    choice: ColumnChoice
    home: HomeReader


@dataclass(frozen=True, slots=True)
class HomeReader:
    """What the home page is made from."""

    queries: CatalogQueries
    problems: ProblemReader
    stars: Stars
    visits: Visits
    arrangements: Arrangements
    cards: Sequence[HomeCard]

    async def order(self, request: Any) -> HomeOrder:
        """How the page lies for whoever asks."""
        offered = [(card.id, card.column) for card in sorted(self.cards, key=lambda card: card.rank)]
        return arrange(await self.arrangements.find(request.actor), role_of(request), offered)

    async def read(self, request: Any, *, now: datetime, t: Translator) -> HomePage:
        """Service calls: kinds, and one or two for each card that is shown; one for all entities that these name."""
        queries, actor, own = self.queries, request.actor, own_refs(request)
        order = await self.order(request)
        keeps = self.stars.is_kept_for(actor)
        shown = {
            name: [id for id in ids if (own or id not in _FOR_OWNERS) and (keeps or id not in _FOR_KEEPERS)]
            for name, ids in order.shown.items()
        }
        wanted = {id for ids in shown.values() for id in ids}
        facets = await queries.facets(["kind"], actor=actor)
        is_empty = all(v.value.lower() == "location" for v in facets.get("kind", ()))
        changes = await queries.list_changes(actor=actor, limit=CHANGED_ROWS) if "changed" in wanted else ()
        files = PROBLEM_FILES if is_empty or "attention" in wanted else 0
        found = _NOTHING
        if files or own:
            found = await self.problems.list_by_file(
                ProblemFilter(), limit=files, shown=PROBLEMS_OF_FILE, own=own, actor=actor
            )
        needs, owned, owned_count = _NOTHING, [], 0
        if found.own_total and "needs" in wanted:
            needs = await self.problems.list_by_file(
                ProblemFilter(owners=tuple(sorted(own))), limit=NEEDS_FILES, shown=PROBLEMS_OF_FILE, actor=actor
            )
        if "mine" in wanted:
            query = EntityQuery(has_value("relations.ownedby", sorted(own)), Order(BY_TITLE), limit=OWN_ROWS)
            page = await queries.list_raw(query, actor=actor)
            owned, owned_count = decode(page.items), page.total or 0
        stars = list(reversed(await self.stars.list(actor=actor))) if wanted & {"starred", "around"} else []
        lately, often = await self.visits.list(actor=actor, limit=VISIT_ROWS) if "visited" in wanted else ((), ())
        around = await self._around(stars, own, request) if "around" in wanted else {}
        groups = sorted(ref for ref in own if ref.startswith("group:"))[:6]
        named = [c.ref.lower() for c in changes] + named_in(found) + named_in(needs) + groups
        named += [*stars[: 2 * STAR_ROWS], *lately, *often, *around]
        named += [r for e in owned for r in [*related(e, "ownedBy")[:2], *related(e, "partOf")[:2]]]
        known = await look_up(queries, named, actor=actor)
        kinds = sorted(facets.get("kind", ()), key=lambda v: (kind_rank(v.value), -v.count))

        def items(refs: Sequence[str], times: Mapping[str, datetime] | None = None) -> list[HomeItem]:
            """Those that are there and may be seen."""
            return [_item(ref, known[ref], (times or {}).get(ref), now) for ref in refs if known.get(ref)]

        is_arranging = keeps and "arrange" in request.query_params
        return HomePage(
            title=t("home.title"),
            crumbs=(),
            greeting=actor.display_name if own else None,
            groups=links_of([g for g in groups if known.get(g)], known),
            is_empty=is_empty,
            kinds=[_kind(v, t) for v in kinds],
            columns=await self._placed(shown, request, t),
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
            starred=items(stars[: 2 * STAR_ROWS])[:STAR_ROWS],
            starred_count=len(stars),
            lately=items(lately),
            often=items(often),
            around=items(list(around), around),
            hidden=self._hidden(order, own, keeps, t) if is_arranging else (),
            may_arrange=keeps,
            is_arranging=is_arranging,
            is_own_order=order.is_own,
        )

    async def _around(self, stars: Sequence[str], own: frozenset[str], request: Any) -> dict[str, datetime]:
        """What changed last of what is starred or owned, and when; the latest first."""
        query = EntityQuery(
            has_value("relations.ownedby", sorted(own)), Order(BY_CHANGE, "desc"), limit=AROUND_ROWS, want_total=False
        )
        page = await self.queries.list_raw(query, actor=request.actor)
        refs = [str(EntityRef.of(e)) for e in decode(page.items)]
        refs = list(dict.fromkeys([*refs, *stars[:AROUND_STARS]]))
        times = await self.queries.changed_at(refs, actor=request.actor)
        dated = [(ref, at) for ref, at in zip(refs, times, strict=True) if at is not None]
        return dict(sorted(dated, key=lambda pair: pair[1], reverse=True)[:AROUND_ROWS])

    async def _placed(
        self, shown: Mapping[ColumnName, Sequence[str]], request: Any, t: Translator
    ) -> Mapping[ColumnName, Sequence[PlacedCard]]:
        """Cards in their places; those of plugins that have nothing to show this time are left out."""
        plugins = {card.id: card for card in self.cards}
        out: dict[ColumnName, list[PlacedCard]] = {name: [] for name in COLUMNS}
        for name in COLUMNS:
            for id in shown[name]:
                card = plugins.get(id)
                if card is None:
                    out[name].append(PlacedCard(id, t(f"home.card.{id}")))
                elif (body := await card.render(request)) is not None:
                    out[name].append(PlacedCard(id, t.title(card.title), escape(body)))
        return out

    def _hidden(self, order: HomeOrder, own: frozenset[str], keeps: bool, t: Translator) -> list[PlacedCard]:
        titles = {card.id: t.title(card.title) for card in self.cards}
        ids = [id for ids in order.columns.values() for id in ids if id in order.hidden]
        ids = [id for id in ids if (own or id not in _FOR_OWNERS) and (keeps or id not in _FOR_KEEPERS)]
        return [PlacedCard(id, titles.get(id) or t(f"home.card.{id}")) for id in ids]


def role_of(request: Any) -> Role:
    """Whose usual home page somebody gets."""
    if not own_refs(request):
        return "guest"
    return "admin" if request.portal.permissions.decide(request.actor, PUBLISH_VIEW).result == "ALLOW" else "member"


def _kind(value: Any, t: Translator) -> KindChoice:
    mark = kind_mark(value.value)
    href = "/catalog?" + urlencode({"kind": value.value.lower()})
    return KindChoice(kind_title(value.value, t), value.count, href, mark.icon, mark.hue, False)


def _item(ref: str, entity: Any, at: datetime | None, now: datetime) -> HomeItem:
    said = text(spec_of(entity).get("type")) or ""
    return HomeItem(link_to(ref, entity), said, moment(at, now) if at else None)
