"""Lists of what somebody has to look at: to confirm, offered, disputed, without owner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import AbstractSet, Any, Literal, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.ownership.domain import OWNER
from callboard.features.ownership.interface import (
    TROUBLES,
    Handover,
    Item,
    ItemPage,
    ListQuery,
    Share,
    State,
    Suggestion,
    Summary,
)
from callboard.features.ownership.pages.links import link_of
from callboard.features.ownership.pages.shares import ShareView, TrendView, share_view, trend_view
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, Pager, Status, Tab

PATH, GONE = "/ownership", "/ownership/gone"
PAGE = 50
_REFS = ("user:", "group:", "system:", "domain:", "component:", "api:", "resource:")
SHOWN_OWNERS = 12
MAX_TEXT = 200
Show = Literal["open", "due", "overdue", "confirmed", "unowned", "offered", "disputed", "all"]
SHOWS: tuple[Show, ...] = ("open", "offered", "disputed", "confirmed", "unowned", "all")
STATUS: Mapping[State, Status] = {"confirmed": "ok", "due": "warn", "overdue": "bad", "unowned": "bad"}


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address of the list says. ``who``: mine or everybody's, unless ``owner`` names one."""

    show: Show = "open"
    who: Literal["mine", "all"] = "mine"
    owner: str = ""
    kind: str = ""
    q: str = ""
    page: int = 1

    @classmethod
    def parse(cls, params: Any, *, may_own: bool) -> ListState:
        """What it does not understand is left out."""
        show = next((s for s in (*SHOWS, "due", "overdue") if s == params.get("show")), "open")
        page = params.get("page", "")
        return cls(
            show,  # type: ignore[arg-type]
            "mine" if may_own and params.get("who") != "all" else "all",
            params.get("owner", "").strip().lower()[:MAX_TEXT],
            params.get("kind", "").strip().lower()[:MAX_TEXT],
            params.get("q", "").strip()[:MAX_TEXT],
            max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
        )

    def href(self, **changes: Any) -> str:
        state = replace(self, **{"page": 1, **changes})
        pairs: list[tuple[str, str]] = [
            ("show", state.show if state.show != "open" else ""),
            ("who", "all" if state.who == "all" else ""),
        ]
        pairs += [("owner", state.owner), ("kind", state.kind), ("q", state.q)]
        pairs += [("page", str(state.page) if state.page > 1 else "")]
        given = [(name, value) for name, value in pairs if value]
        return PATH + ("?" + urlencode(given) if given else "")

    def query(self, own: Sequence[str]) -> ListQuery:
        owners = [self.owner] if self.owner else own if self.who == "mine" else None
        return ListQuery(
            owners, self.show, kind=self.kind or None, text=self.q, limit=PAGE, offset=(self.page - 1) * PAGE
        )


@dataclass(frozen=True, slots=True)
class HandoverView:
    """``from_`` and ``to`` are the owners, ``by`` is who asked."""

    id: str
    state: str
    from_: EntityLink | None
    to: EntityLink
    by: EntityLink | None
    note: str
    answer: str
    at: Moment


@dataclass(frozen=True, slots=True)
class ItemView:
    """A row. ``value`` is what a form sends to confirm it as it is seen; ``facts`` are (label, value) of what is confirmed."""

    link: EntityLink
    owner: EntityLink | None
    state: State
    status: Status
    state_text: str
    due: Moment
    facts: Sequence[tuple[str, str]]
    value: str
    trouble: str
    handover: HandoverView | None
    may_answer: bool
    may_confirm: bool


@dataclass(frozen=True, slots=True)
class ToConfirmPage:
    """``ownership/list.html``. ``may_own``: the reader is somebody who may have something to confirm."""

    title: str
    crumbs: Sequence[Crumb]
    state: ListState
    banners: Sequence[Banner]
    whose: Sequence[Tab]
    choices: Sequence[Tab]
    items: Sequence[ItemView]
    pager: Pager
    overall: ShareView
    kinds: Sequence[ShareView]
    owners: Sequence[ShareView]
    more_owners: int
    trend: TrendView | None
    owner: EntityLink | None
    back: str
    may_own: bool
    groups: Sequence[tuple[str, str]]


def handover_view(handover: Handover, known: Mapping[str, Any], now: datetime) -> HandoverView:
    by = link_of(handover.asked_by, known) if handover.asked_by.startswith("user:") else None
    return HandoverView(
        handover.id, handover.state, link_of(handover.owner, known) if handover.owner else None,
        link_of(handover.new_owner, known), by, handover.note, handover.answer,
        moment(handover.answered_at or handover.asked_at, now),
    )  # fmt: skip


def named_in(items: Sequence[Item]) -> list[str]:
    """Refs whose documents the page needs."""
    refs = [ref for item in items for ref in (item.ref, item.owner) if ref]
    for item in items:
        if item.handover is not None:
            refs += [
                ref for ref in (item.handover.new_owner, item.handover.owner, item.handover.asked_by) if ":" in ref
            ]
    return list(dict.fromkeys(refs))


def item_view(
    item: Item, known: Mapping[str, Any], own: Sequence[str], now: datetime, t: Translator, *, may_confirm: bool = True
) -> ItemView:
    facts = [
        (field_label(path, t), _text(value))
        for path, value in item.fields.items()
        if path != OWNER and value not in (None, "")
    ]
    handover = handover_view(item.handover, known, now) if item.handover is not None else None
    return ItemView(
        link_of(item.ref, known, item.title), link_of(item.owner, known) if item.owner else None, item.state,
        STATUS[item.state], t(f"ownership.state.{item.state}"), moment(item.due_at, now), facts, f"{item.ref}|{item.mark}",
        t(f"ownership.trouble.{item.trouble}") if item.trouble else "", handover,
        item.handover is not None and item.handover.state == "asked" and item.handover.new_owner in own, may_confirm,
    )  # fmt: skip


def field_label(path: str, t: Translator) -> str:
    """``spec.lifecycle`` as a label."""
    id = f"ownership.field.{path.lower()}"
    return t(id) if t.has(id) else path.rpartition(".")[2]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def to_confirm_page(
    found: ItemPage,
    state: ListState,
    summary: Summary,
    *,
    known: Mapping[str, Any],
    own: Sequence[str],
    groups: Sequence[tuple[str, str]],
    confirmable: AbstractSet[str],
    banners: Sequence[Banner],
    now: datetime,
    t: Translator,
) -> ToConfirmPage:
    """``confirmable``: refs of the items that the reader may confirm; the others are only shown."""
    may_own = bool(own)
    whose = []
    if may_own:
        whose = [
            Tab(
                "mine",
                t("ownership.who.mine"),
                state.href(who="mine", owner=""),
                state.who == "mine" and not state.owner,
            ),
            Tab("all", t("ownership.who.all"), state.href(who="all", owner=""), state.who == "all" and not state.owner),
        ]
    choices = [Tab(show, t(f"ownership.show.{show}"), state.href(show=show), state.show == show) for show in SHOWS]
    offset = (state.page - 1) * PAGE
    last = offset + len(found.items)
    pager = Pager(
        offset + 1 if found.items else 0, last if found.items else 0, found.total,
        state.href(page=state.page - 1) if state.page > 1 else None,
        state.href(page=state.page + 1) if last < found.total else None,
    )  # fmt: skip
    owners = [pair for pair in summary.owners if pair[0]]
    return ToConfirmPage(
        title=t("ownership.title"),
        crumbs=(Crumb(t("ownership.title")),),
        state=state,
        banners=banners,
        whose=whose,
        choices=choices,
        items=[item_view(item, known, own, now, t, may_confirm=item.ref in confirmable) for item in found.items],
        pager=pager,
        overall=share_view(t("ownership.overall"), summary.all, t),
        kinds=[_kind_share(kind, share, state, t) for kind, share in summary.kinds],
        owners=[_owner_share(owner, share, known, t) for owner, share in owners[:SHOWN_OWNERS]],
        more_owners=max(0, len(owners) - SHOWN_OWNERS),
        trend=trend_view(summary.trend),
        owner=link_of(state.owner, known) if ":" in state.owner else None,
        back=state.href(page=state.page),
        may_own=may_own,
        groups=groups,
    )


def _kind_share(kind: str, share: Share, state: ListState, t: Translator) -> ShareView:
    id = f"catalog.kind.{kind}"
    return share_view(t(id) if t.has(id) else kind, share, t, href=state.href(kind="" if state.kind == kind else kind))


def _owner_share(owner: str, share: Share, known: Mapping[str, Any], t: Translator) -> ShareView:
    link = link_of(owner, known)
    return share_view(link.title, share, t, link=link, href=ListState(who="all", owner=owner).href())


# ---- without owner --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SuggestionView:
    owner: str
    link: EntityLink
    reason: str


@dataclass(frozen=True, slots=True)
class GoneRow:
    """``chosen`` is the owner in the row's box; ``outcome`` and ``message`` are of a preview, else empty."""

    item: ItemView
    suggestions: Sequence[SuggestionView]
    chosen: str
    outcome: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class GonePage:
    """``ownership/gone.html``. ``is_preview``: the rows are those that were chosen, with what would become of each."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    choices: Sequence[Tab]
    rows: Sequence[GoneRow]
    pager: Pager | None
    groups: Sequence[tuple[str, str]]
    trouble: str
    q: str
    note: str
    is_preview: bool
    count: int


def gone_href(trouble: str = "", q: str = "", page: int = 1) -> str:
    given = [(n, v) for n, v in (("trouble", trouble), ("q", q), ("page", str(page) if page > 1 else "")) if v]
    return GONE + ("?" + urlencode(given) if given else "")


def gone_row(
    item: Item,
    suggestions: Sequence[Suggestion],
    known: Mapping[str, Any],
    now: datetime,
    t: Translator,
    *,
    chosen: str | None = None,
    outcome: str = "",
    message: str = "",
) -> GoneRow:
    views = [
        SuggestionView(
            s.owner,
            link_of(s.owner, known),
            t(f"ownership.reason.{s.reason}", **{name: _called(text, known) for name, text in s.arguments.items()}),
        )
        for s in suggestions
    ]
    usual = suggestions[0].owner if suggestions and suggestions[0].confidence >= 0.75 else ""
    return GoneRow(item_view(item, known, (), now, t), views, usual if chosen is None else chosen, outcome, message)


def _called(text: str, known: Mapping[str, Any]) -> str:
    """What people call the entity of a ref; any other text as it is."""
    return link_of(text, known).title if text.startswith(_REFS) else text


def gone_choices(trouble: str, q: str, t: Translator) -> list[Tab]:
    every = [Tab("all", t("ownership.trouble.all"), gone_href("", q), not trouble)]
    return every + [Tab(one, t(f"ownership.trouble.{one}"), gone_href(one, q), trouble == one) for one in TROUBLES]
