"""What the pages of groups, users, systems, domains, templates and own kinds show beside what every entity has."""

from __future__ import annotations

from typing import Any, Final, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from callboard.features.catalog.explore.organisation import Branch, Organisation
from callboard.features.catalog.explore.pages import (
    MAX_OWNERS_IN_ADDRESS,
    Card,
    MembersPage,
    Person,
    Through,
    draw,
    field_rows,
    group_link,
    legend_of,
    owned_rows,
    template_forms,
    template_steps,
    tree_rows,
)
from callboard.features.catalog.explore.reader import ExploreReader
from callboard.features.catalog.explore.views import system_rows
from callboard.features.catalog.graph.pages import edge_names
from callboard.features.catalog.interface import EntityCard, EntityTab
from callboard.features.catalog.pages.entity import BUILT_IN, entity_links
from callboard.features.catalog.pages.links import entity_href, link_to, related, safe_href, spec_of, text
from callboard.features.catalog.pages.listing import row_of
from callboard.features.catalog.pages.relations import relation_title
from callboard.features.catalog.problems import ProblemFilter, ProblemReader
from callboard.features.catalog.views.reading import look_up
from callboard.kernel.clock import Clock
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import Negation, has_value
from callboard.model.refs import EntityRef
from callboard.ui.moments import moment
from callboard.ui.parts import LinkItem, Pager, Tab

MEMBERS: Final = 12
MEMBERS_PAGE: Final = 100
PARTS: Final = 40
RECENT: Final = 6
DANGLING: Final = 5
THEIRS: Final = 12
SYSTEMS: Final = 60


class ExploreCards:
    """Cards and a tab, by the hooks that every plugin has. Each says which kind it is for."""

    def __init__(self, reader: ExploreReader, problems: ProblemReader, kinds: KindRegistry, clock: Clock) -> None:
        self._reader = reader
        self._problems = problems
        self._kinds = kinds
        self._clock = clock

    def cards(self) -> Sequence[EntityCard]:
        def of(kind: str, id: str, render: Any, rank: int, column: Any = "main") -> EntityCard:
            return EntityCard(f"explore-{id}", f"explore.card.{id}", render, column, has_value("kind", [kind]), rank)

        return [
            of("group", "tree", self.tree, 10),
            of("group", "members", self.members, 20),
            of("group", "owned", self.owned, 30),
            of("group", "contact", self.contact, 10, "side"),
            of("group", "health", self.health, 20, "side"),
            of("user", "groups", self.groups, 10),
            of("user", "theirs", self.theirs, 20),
            of("user", "contact_user", self.contact, 5, "side"),
            of("user", "changes", self.changes, 30),
            of("system", "diagram", self.system_diagram, 10, "wide"),
            of("system", "parts", self.parts, 20),
            of("system", "askers", self.askers, 30),
            of("domain", "systems", self.systems, 10),
            of("domain", "diagram", self.domain_diagram, 20, "wide"),
            of("template", "form", self.form, 10),
            of("template", "steps", self.steps, 20),
            EntityCard(
                "explore-fields", "explore.card.fields", self.fields, "main", Negation(has_value("kind", BUILT_IN)), 10
            ),
        ]

    def tabs(self) -> Sequence[EntityTab]:
        return [EntityTab("members", "explore.card.members", self.members_tab, has_value("kind", ["group"]), 5)]

    def _render(self, request: Any, card: Card) -> Markup:
        """An empty text where there is nothing to tell: no card is shown then."""
        return Markup(bytes(request.render("catalog/explore_card.html", card).body).decode().strip())

    # ---- groups ---------------------------------------------------------------------------------------------------

    async def tree(self, entity: Any, request: Any) -> Markup:
        """The groups over it and, two levels deep, those under it."""
        organisation, ref = await self._organisation(request), str(EntityRef.of(entity))
        if ref not in organisation.groups:
            return self._render(request, Card("tree"))
        here = organisation.tree([ref], depth=2, most=80)
        for parent in organisation.way_up(ref):
            here = [Branch(organisation.groups[parent], here)]
        return self._render(request, Card("tree", tree=tree_rows(here, ref)))

    async def members(self, entity: Any, request: Any) -> Markup:
        ref = str(EntityRef.of(entity))
        organisation = await self._organisation(request)
        people, count = await self._people([ref, *organisation.below(ref)], organisation, request, MEMBERS)
        more = entity_href(ref, "members") if count > len(people) else None
        return self._render(request, Card("members", people=people, count=count, more_href=more))

    async def owned(self, entity: Any, request: Any) -> Markup:
        ref = str(EntityRef.of(entity))
        groups = (await self._organisation(request)).below(ref)
        direct = await self._reader.owned_by_kind([ref], actor=request.actor)
        below = await self._reader.owned_by_kind(groups, actor=request.actor)
        return self._render(request, Card("owned", owned=owned_rows(ref, direct, below, groups, request.translate)))

    async def contact(self, entity: Any, request: Any) -> Markup:
        profile = spec_of(entity).get("profile")
        email = text(profile.get("email")) if isinstance(profile, dict) else None
        reach = [LinkItem(email, href, "email")] if email and (href := safe_href(f"mailto:{email}")) else []
        links = sorted(entity_links(entity), key=lambda link: link.icon not in ("chat", "email"))
        return self._render(request, Card("contact", reach=[*reach, *links]))

    async def health(self, entity: Any, request: Any) -> Markup:
        """Problems of what it and the groups below own: errors, warnings, refs that nobody answers to, parts without an owner."""
        ref = str(EntityRef.of(entity))
        owners = [ref, *(await self._organisation(request)).below(ref)]
        wanted = ProblemFilter(owners=tuple(owners))
        found = await self._problems.list_by_file(wanted, limit=0, shown=0, actor=request.actor)
        dangling = await self._reader.queries.dangling(owners, actor=request.actor)
        errors, warnings = found.severities.get("error", 0), found.severities.get("warning", 0)
        unowned = await self._reader.unowned_parts(owners, actor=request.actor)
        figures = [
            ("errors", errors, "bad"), ("warnings", warnings, "warn"), ("dangling", len(dangling), "warn"),
            ("unowned", unowned, "warn"),
        ]  # fmt: skip
        shown = [(id, n, status) for id, n, status in figures if n]
        more = "/catalog/problems?" + urlencode([("owner", owner) for owner in owners[:MAX_OWNERS_IN_ADDRESS]])
        told = dangling[:DANGLING]
        known = await look_up(self._reader.queries, [relation.source for relation in told], actor=request.actor)
        t = request.translate
        names = [
            (
                link_to(r.source, known.get(r.source), known=False),
                relation_title(r.type.lower(), r.type, t),
                link_to(r.target, None),
            )
            for r in told
        ]
        has_problems = bool(errors or warnings)
        return self._render(
            request, Card("health", figures=shown, dangling=names, more_href=more if has_problems else None)
        )

    async def members_tab(self, entity: Any, request: Any) -> Markup:
        ref, query, t = str(EntityRef.of(entity)), request.query_params, request.translate
        organisation = await self._organisation(request)
        start = query.get("start", "")
        at = int(start) if start.isdecimal() and len(start) < 8 else 0
        below, is_direct = organisation.below(ref), query.get("direct") == "1"
        refs = [ref] if is_direct else [ref, *below]
        people, count = await self._people(refs, organisation, request, MEMBERS_PAGE, at)
        base = entity_href(ref, "members")

        def href(start: int, direct: bool) -> str:
            found = urlencode({**({"direct": 1} if direct else {}), **({"start": start} if start else {})})
            return base + (f"?{found}" if found else "")

        pager = None
        if count > MEMBERS_PAGE:
            following = at + MEMBERS_PAGE
            pager = Pager(
                at + 1 if people else 0, at + len(people), count,
                href(max(0, at - MEMBERS_PAGE), is_direct) if at else None, href(following, is_direct) if following < count else None,
            )  # fmt: skip
        choices = []
        if below:
            choices = [Tab("all", t("explore.members.all"), href(0, False), not is_direct),
                       Tab("direct", t("explore.members.direct"), href(0, True), is_direct)]  # fmt: skip
        page = MembersPage(people, count, pager, choices)
        return Markup(bytes(request.render("catalog/explore_members.html", page).body).decode())

    async def _organisation(self, request: Any) -> Organisation:
        return await self._reader.organisation(actor=request.actor)

    async def _people(
        self, refs: Sequence[str], organisation: Organisation, request: Any, limit: int, offset: int = 0
    ) -> tuple[list[Person], int]:
        documents, count = await self._reader.members(refs, actor=request.actor, limit=limit, offset=offset)
        wanted, people = set(refs), []
        for document in documents:
            groups = [
                organisation.groups[g]
                for g in related(document, "memberOf")
                if g in wanted and g in organisation.groups
            ]
            profile = spec_of(document).get("profile")
            email = text(profile.get("email")) if isinstance(profile, dict) else None
            people.append(
                Person(link_to(str(EntityRef.of(document)), document), [group_link(g) for g in groups[:4]], email)
            )
        return people, count

    # ---- users ----------------------------------------------------------------------------------------------------

    async def groups(self, entity: Any, request: Any) -> Markup:
        """By whom they own things: they themselves, their groups, and the groups over these."""
        ref, organisation = str(EntityRef.of(entity)), await self._organisation(request)
        owned = await self._reader.counts("relations.ownedby", None, actor=request.actor)
        rows = (
            [Through(link_to(ref, entity), [], owned.get(ref, 0), "/catalog?" + urlencode({"owner": ref}))]
            if owned.get(ref)
            else []
        )
        direct = [group for group in related(entity, "memberOf") if group in organisation.groups]
        via: dict[str, list[str]] = {group: [] for group in direct}
        for group in direct:
            for above in [group, *organisation.above(group)]:
                if above not in via:
                    below = next((c for c in organisation.groups[above].children if c in via), group)
                    via[above] = [below, *via[below]]
        for group, way in via.items():
            links = [group_link(organisation.groups[other]) for other in way]
            href = "/catalog?" + urlencode({"owner": group})
            rows.append(Through(group_link(organisation.groups[group]), links, owned.get(group, 0), href))
        return self._render(request, Card("groups", through=rows))

    async def theirs(self, entity: Any, request: Any) -> Markup:
        """What they and the groups that they are in own, the latest changes first."""
        owners = [str(EntityRef.of(entity)), *related(entity, "memberOf")]
        documents, count = await self._reader.owned_by(owners, actor=request.actor, limit=THEIRS)
        if not documents:
            return Markup()
        named = [o for d in documents for o in related(d, "ownedBy")[:1]]
        known = await look_up(self._reader.queries, named, actor=request.actor)
        rows = [row_of(document, known, None, self._clock.now()) for document in documents]
        more = "/catalog?" + urlencode([("owner", owner) for owner in owners[:MAX_OWNERS_IN_ADDRESS]])
        return self._render(
            request, Card("parts_of", rows=rows, count=count, more_href=more if count > len(rows) else None)
        )

    async def changes(self, entity: Any, request: Any) -> Markup:
        now = self._clock.now()
        found = await self._reader.queries.changes_by(str(EntityRef.of(entity)), actor=request.actor, limit=RECENT)
        known = await look_up(self._reader.queries, [change.ref for change in found], actor=request.actor)
        changes = [(link_to(c.ref, known.get(c.ref), known=False), c.change, moment(c.at, now)) for c in found]
        return self._render(request, Card("changes", changes=changes))

    # ---- systems and domains --------------------------------------------------------------------------------------

    async def system_diagram(self, entity: Any, request: Any) -> Markup:
        around = await self._reader.around_system(str(EntityRef.of(entity)), actor=request.actor)
        return await self._drawn(around, entity, request)

    async def domain_diagram(self, entity: Any, request: Any) -> Markup:
        around = await self._reader.around_domain(str(EntityRef.of(entity)), actor=request.actor)
        return await self._drawn(around, entity, request)

    async def _drawn(self, around: Any, entity: Any, request: Any) -> Markup:
        t = request.translate
        known = await look_up(self._reader.queries, list(around.graph.places), actor=request.actor)
        names = edge_names(self._reader.types, around.graph.edges, t)
        title = link_to(str(EntityRef.of(entity)), entity).title
        more = entity_href(EntityRef.of(entity), "graph")
        return self._render(
            request,
            Card(
                "diagram",
                drawing=draw(around, known, names, title, t),
                legend=legend_of(around, names),
                omitted=around.omitted,
                more_href=more,
            ),
        )

    async def askers(self, entity: Any, request: Any) -> Markup:
        """What depends on the system from outside, by how many relations."""
        around = await self._reader.around_system(str(EntityRef.of(entity)), actor=request.actor)
        shown = list(around.askers.items())[:20]
        known = await look_up(self._reader.queries, [ref for ref, _ in shown], actor=request.actor)
        askers = [(link_to(ref, known.get(ref), known=False), count) for ref, count in shown]
        return self._render(request, Card("askers", askers=askers, count=len(around.askers)))

    async def parts(self, entity: Any, request: Any) -> Markup:
        ref = str(EntityRef.of(entity))
        documents, count = await self._reader.parts_of(ref, actor=request.actor, limit=PARTS)
        known = await look_up(
            self._reader.queries, [o for d in documents for o in related(d, "ownedBy")[:1]], actor=request.actor
        )
        rows = [row_of(document, known, None, self._clock.now()) for document in documents]
        more = "/catalog?" + urlencode({"system": ref}) if count > len(rows) else None
        return self._render(request, Card("parts_of", rows=rows, count=count, more_href=more))

    async def systems(self, entity: Any, request: Any) -> Markup:
        ref = str(EntityRef.of(entity))
        land = await self._reader.landscape(actor=request.actor)
        mine = sorted(
            (s for s, home in land.homes.items() if home == ref),
            key=lambda s: link_to(s, land.systems[s]).title.lower(),
        )
        rows = await system_rows(self._reader, land, mine[:SYSTEMS], request)
        more = "/systems?" + urlencode({"domain": ref}) if len(mine) > SYSTEMS else None
        return self._render(request, Card("systems", systems=rows, count=len(mine), more_href=more))

    # ---- templates and own kinds ----------------------------------------------------------------------------------

    async def form(self, entity: Any, request: Any) -> Markup:
        return self._render(request, Card("form", forms=template_forms(entity, request.translate)))

    async def steps(self, entity: Any, request: Any) -> Markup:
        steps = template_steps(entity)
        return self._render(request, Card("steps", steps=steps, count=len(steps)))

    async def fields(self, entity: Any, request: Any) -> Markup:
        """What ``spec`` holds, by the labels of the kind's schema."""
        version = self._kinds.find_version(entity)
        schema: Any = version.schema if version is not None else {}
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        spec = properties.get("spec") if isinstance(properties, Mapping) else None
        fields = version.relation_fields if version is not None else ()
        told = frozenset(field.path for field in fields)  # the head of the page and its relations say these
        rows = field_rows(spec_of(entity), spec if isinstance(spec, dict) else {}, told)
        return self._render(request, Card("fields", fields=rows))
