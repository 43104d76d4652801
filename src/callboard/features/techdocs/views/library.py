"""``/docs``: all sites, with what somebody read lately; what is wrong in them; what readers said. And cards elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Mapping, Sequence
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.responses import Response

from callboard.features.catalog.interface import EntityCard, HomeCard
from callboard.features.catalog.interface.links import link_to
from callboard.features.techdocs.domain import docs_path
from callboard.features.techdocs.links import file_links
from callboard.features.techdocs.pages.hosts import line_url
from callboard.features.techdocs.pages.library import (
    ORDERS,
    PATH,
    SHOWS,
    SIZE,
    CardPage,
    FeedbackPage,
    HomeCardPage,
    LibraryPage,
    LibraryState,
    ProblemsPage,
    ReadLink,
    SiteProblems,
    SiteRow,
    cares_of,
    feedback_row,
    pager_of,
)
from callboard.features.techdocs.pages.reading import page_href, problem_line
from callboard.features.techdocs.reading.library import Line, Shelf
from callboard.features.techdocs.reading.store import Check
from callboard.features.techdocs.views.base import Views, number_of
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route
from callboard.model.predicates import Predicate
from callboard.model.refs import EntityRef, RefError
from callboard.ui.parts import Crumb, Tab

RECENT = 6
PROBLEM_SITES = 20
PROBLEM_LINES = 30
ALL_LINES = 200


class LibraryViews(Views):
    """Dependencies arrive here and nowhere else."""

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.home, auth="page", name="docs"),
            Route(f"{PATH}/problems", self.problems, auth="page", name="docs-problems"),
            Route(f"{PATH}/feedback", self.feedback, auth="page", name="docs-feedback"),
            Route(f"{PATH}/feedback/{{id}}", self.done, methods=("POST",), auth="page", name="docs-feedback-done"),
        ]

    # ---- the library -------------------------------------------------------------------------------------------------

    async def home(self, request: Request) -> Response:
        t, own = self.t(request), self.own_refs(request)
        state = _state(request, bool(own))
        everything = await self._r.library.lines(state.order, actor=request.actor)
        titles = await self.titles({one.owner for one in everything}, request)
        found = [
            one
            for one in everything
            if (state.show != "mine" or one.owner in own) and (not state.owner or one.owner == state.owner)
        ]
        if state.q or state.show == "care":
            found = await self._looked_through(found, state, titles, request)
        number = min(state.page, max(1, -(-len(found) // SIZE)))
        refs = [one.ref for one in found[(number - 1) * SIZE : number * SIZE]]
        shelves = {one.ref: one for one in await self._r.library.list(refs, actor=request.actor)}
        shown = [shelves[ref] for ref in refs if ref in shelves]
        checks = await self._r.checks.list(refs)
        entities = await self.look_up([*refs, *(one.owner for one in shown)], request)
        made = [self._row(one, checks.get(one.ref), entities, request) for one in shown]
        is_front = number == 1 and not state.is_filtered
        recent = await self._recent(request, RECENT) if is_front else []
        changed = await self._changed(request) if is_front else []
        tabs = [
            Tab(show, t(f"techdocs.show.{show}"), state.href(show=show), show == state.show)
            for show in SHOWS
            if show != "mine" or own
        ]
        heads = [
            (order, t(f"techdocs.column.{order}"), state.href(order=order), state.order == order) for order in ORDERS
        ]
        page = LibraryPage(
            t("techdocs.title"), state, tabs, _choices(titles), made,
            pager_of(lambda n: state.href(page=n), number, SIZE, len(made), len(found)), len(found), len(everything), recent, changed,
            heads, await self._r.feedback.count_open(actor=request.actor),
            unread=sum(one.pages is None and one.failure is None for one in shown),
        )  # fmt: skip
        return request.render("techdocs/home.html", page)

    async def _looked_through(
        self, lines: Sequence[Line], state: LibraryState, titles: Mapping[str, Any], request: Request
    ) -> list[Line]:
        """Those that hold the words that were asked for, or that somebody has to look after: this needs all of each."""
        shelves = {one.ref: one for one in await self._r.library.list(actor=request.actor)}
        checks = await self._r.checks.list() if state.show == "care" else {}
        words = state.q.lower().split()
        return [
            line
            for line in lines
            if (one := shelves.get(line.ref)) is not None
            and one.holds(words)
            and (state.show != "care" or self._cares(one, checks.get(one.ref), titles, request))
        ]

    def _cares(self, one: Shelf, check: Check | None, owners: Mapping[str, Any], request: Request) -> Sequence[Any]:
        gone = one.owner is not None and owners.get(one.owner) is None
        after = self._r.settings.stale_after
        old_before = None if after is None else format_time(self._r.clock.now() - after)
        return cares_of(one, check, gone, old_before, self.t(request))

    def _row(self, one: Shelf, check: Check | None, entities: Mapping[str, Any], request: Request) -> SiteRow:
        return SiteRow(
            one.title, docs_path(one.ref), link_to(one.ref, entities.get(one.ref)),
            link_to(one.owner, entities.get(one.owner)) if one.owner else None, one.pages,
            request.moment(parse_time(one.changed_at)) if one.changed_at else None, self._cares(one, check, entities, request),
        )  # fmt: skip

    async def _changed(self, request: Request) -> list[ReadLink]:
        return [
            ReadLink(one.title, docs_path(one.ref), "", request.moment(parse_time(one.changed_at)))
            for one in await self._r.library.newest(RECENT, actor=request.actor)
            if one.changed_at
        ]

    async def _recent(self, request: Request, limit: int) -> list[ReadLink]:
        if not self.keeps(request):
            return []
        visits = await self._r.visits.list(limit, actor=request.actor)
        refs = tuple({one.ref for one in visits})
        if not refs:
            return []
        known = await self._r.library.list(refs, actor=request.actor)
        titles = {one.ref: one.title for one in known}
        return [
            ReadLink(one.title, page_href(one.ref, one.path), titles.get(one.ref, ""), request.moment(one.at))
            for one in visits
        ]

    # ---- what is wrong -----------------------------------------------------------------------------------------------

    async def problems(self, request: Request) -> Response:
        t, given, own = self.t(request), request.query_params, self.own_refs(request)
        title = t("techdocs.problems.title")
        crumbs = [Crumb(t("techdocs.title"), PATH), Crumb(title)]
        if given.get("site"):
            return await self._site_problems(request, crumbs)
        everything = await self._r.library.lines("problems", actor=request.actor)
        titles = await self.titles({one.owner for one in everything}, request)
        chosen = given.get("owner", "").strip().lower()
        is_owner = any(one.owner in own for one in everything)  # who owns none wants to see others rather than nothing
        whose = "all" if given.get("who", "" if is_owner else "all") == "all" or not own else "mine"
        mine = [one for one in everything if (one.owner == chosen if chosen else whose == "all" or one.owner in own)]
        wanting = [one for one in mine if one.wants_care]
        number = min(number_of(given.get("page", "")), max(1, -(-len(wanting) // PROBLEM_SITES)))
        refs = [one.ref for one in wanting[(number - 1) * PROBLEM_SITES : number * PROBLEM_SITES]]
        shelves = {one.ref: one for one in await self._r.library.list(refs, actor=request.actor)}
        shown = [shelves[ref] for ref in refs if ref in shelves]
        # What cannot be read cannot be checked: it is when it was read again.
        checks = await self._r.checks.find_visible(refs, ask=[one.ref for one in shown if one.failure is None])
        entities = await self.look_up([chosen, *refs, *(one.owner for one in shown)], request)
        sites = [await self._found(one, checks.get(one.ref), entities, request, PROBLEM_LINES, 0) for one in shown]

        def href(page: int) -> str:
            asked = {"owner": chosen} if chosen else {"who": whose}
            return f"{PATH}/problems?{urlencode({**asked, 'page': str(page)})}"

        tabs = [
            Tab(who, t(f"techdocs.problems.{who}"), f"{PATH}/problems?who={who}", who == whose and not chosen)
            for who in (("mine", "all") if own else ("all",))
        ]
        page = ProblemsPage(
            title, tabs, link_to(chosen, entities.get(chosen)) if chosen else None, _choices(titles), chosen, sites,
            len(mine) - len(wanting), pager_of(href, number, PROBLEM_SITES, len(shown), len(wanting)), False, crumbs,
        )  # fmt: skip
        return request.render("techdocs/problems.html", page)

    async def _site_problems(self, request: Request, crumbs: Sequence[Crumb]) -> Response:
        t = self.t(request)
        ref = _ref(request.query_params["site"])
        found = await self._r.library.list([ref], actor=request.actor)
        if not found:
            # It raises where there is none, and follows to another entity's; what was published stands in no list.
            site = await self._docs.site(ref, actor=request.actor)
            found = await self._r.library.list([site.ref], actor=request.actor)
        one = found[0] if found else Shelf(site.ref, site.title, site.description, None, None, site.pages, None)
        number = number_of(request.query_params.get("page", ""))
        entities = await self.look_up([one.ref, one.owner], request)
        check = await self._r.checks.find(one.ref, actor=request.actor, ask=one.failure is None)
        made = await self._found(one, check, entities, request, ALL_LINES, (number - 1) * ALL_LINES)
        total = made.errors + made.warnings

        def href(page: int) -> str:
            return f"{PATH}/problems?{urlencode({'site': one.ref, 'page': str(page)})}"

        crumbs = [crumbs[0], Crumb(crumbs[1].title, f"{PATH}/problems"), Crumb(one.title)]
        pager = pager_of(href, number, ALL_LINES, len(made.lines), total) if total > ALL_LINES else None
        title = t("techdocs.problems.of", site=one.title)
        page = ProblemsPage(title, (), None, (), "", [made], 0, pager, True, crumbs)
        return request.render("techdocs/problems.html", page)

    async def _found(
        self, one: Shelf, check: Check | None, entities: Mapping[str, Any], request: Request, limit: int, offset: int
    ) -> SiteProblems:
        hosts = self._r.settings.hosts
        found = list(check.problems) if check is not None else []
        plan = None
        if found:  # only then is there a line of a file to lead to
            with suppress(CallboardError):
                plan = await self._r.parts.plans.require(one.ref, actor=request.actor)
        lines = []
        for problem in found[offset : offset + limit]:
            source = file_links(plan, problem.file, None, hosts)[0] if plan is not None and problem.file else None
            lines.append(problem_line(problem, line_url(source, problem.line, hosts)))
        errors, warnings = (check.errors, check.warnings) if check is not None else (0, 0)
        return SiteProblems(
            link_to(one.ref, entities.get(one.ref)), one.title, docs_path(one.ref), f"{PATH}/problems?site={quote(one.ref)}",
            link_to(one.owner, entities.get(one.owner)) if one.owner else None,
            "failed" if check is None and one.failure else "waiting" if check is None else "checked", errors, warnings, lines,
            max(0, errors + warnings - offset - len(lines)), request.moment(check.at) if check else None, one.failure,
        )  # fmt: skip

    # ---- what readers said -------------------------------------------------------------------------------------------

    async def feedback(self, request: Request) -> Response:
        t, given = self.t(request), request.query_params
        show = "all" if given.get("show") == "all" else "open"
        site = _ref(given["site"]) if given.get("site") else None
        number = number_of(given.get("page", ""))
        found, total = await self._r.feedback.list(
            site, only_open=show == "open", limit=SIZE, offset=(number - 1) * SIZE, actor=request.actor
        )
        known = await self._r.library.list(list({one.ref for one in found}), actor=request.actor)
        titles = {one.ref: one.title for one in known}
        people = await self.look_up([*(one.person for one in found), site], request)

        def href(page: int = 1, what: str = show) -> str:
            asked = {**({"site": site} if site else {}), "show": what, **({"page": str(page)} if page > 1 else {})}
            return f"{PATH}/feedback?{urlencode(asked)}"

        tabs = [Tab(one, t(f"techdocs.feedback.{one}"), href(what=one), one == show) for one in ("open", "all")]
        title = t("techdocs.feedback.title")
        page = FeedbackPage(
            title, tabs, link_to(site, people.get(site)) if site else None,
            [feedback_row(one, people, titles, request.moment(one.at), t) for one in found],
            pager_of(href, number, SIZE, len(found), total), href(number), [Crumb(t("techdocs.title"), PATH), Crumb(title)],
        )  # fmt: skip
        return request.render("techdocs/feedback.html", page)

    async def done(self, request: Request) -> Response:
        form = await request.read_form()
        done = form.get("do") != "reopen"
        await self._r.feedback.set_done(request.path_params["id"], done, actor=request.actor, request=request)
        return Redirect(safe_next(form.get("back"), f"{PATH}/feedback"))

    # ---- elsewhere ---------------------------------------------------------------------------------------------------

    def entity_card(self, shown: Predicate) -> EntityCard:
        return EntityCard("docs", "techdocs.title", self._card, "side", shown, 15)

    def home_card(self) -> HomeCard:
        return HomeCard("docs", "techdocs.card.read", self._home_card, "side", 30)

    async def _card(self, entity: Mapping[str, Any], request: Request) -> Markup | str:
        place = await self._docs.find_docs(str(EntityRef.of(entity)).lower(), actor=request.actor)
        if place is None:
            return ""
        found = await self._r.library.list([place.ref], actor=request.actor)
        href = page_href(place.ref, place.path)
        if not found:
            return self._part(
                request, "techdocs/card.html", CardPage(self.say(request, "techdocs.card.open"), href, None, None, ())
            )
        one = found[0]
        checks = await self._r.checks.list([one.ref])
        owners = await self.look_up([one.owner], request)
        page = CardPage(
            one.title, href, one.pages, request.moment(parse_time(one.changed_at)) if one.changed_at else None,
            self._cares(one, checks.get(one.ref), owners, request),
        )  # fmt: skip
        return self._part(request, "techdocs/card.html", page)

    async def _home_card(self, request: Request) -> Markup | None:
        recent = await self._recent(request, RECENT)
        return self._part(request, "techdocs/home_card.html", HomeCardPage(recent)) if recent else None

    def _part(self, request: Request, template: str, page: Any) -> Markup:
        return Markup(bytes(request.render(template, page).body).decode())


def _state(request: Request, may_own: bool) -> LibraryState:
    given = request.query_params
    show = given.get("show", "all")
    order = given.get("order", "title")
    return LibraryState(
        given.get("q", "").strip()[:200], show if show in SHOWS and (show != "mine" or may_own) else "all",
        given.get("owner", "").strip().lower()[:300], order if order in ORDERS else "title", number_of(given.get("page", "")),
    )  # fmt: skip


def _choices(owners: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Owners to choose from: (ref, title)."""
    named = [(ref, link_to(ref, None).title if title is None else title) for ref, title in owners.items()]
    return sorted(named, key=lambda pair: (pair[1].lower(), pair[0]))


def _ref(text: str) -> str:
    try:
        return str(EntityRef.parse(text, default_kind="component")).lower()
    except RefError as error:
        raise InputError(str(error), field="site") from None
