"""The cards: how well one entity is confirmed, and what needs the reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.ownership.interface import Confirmed, ItemPage, Share, Standing, State
from callboard.features.ownership.pages.links import entity_href, link_of
from callboard.features.ownership.pages.lists import (
    STATUS,
    HandoverView,
    ItemView,
    ListState,
    field_label,
    handover_view,
    item_view,
)
from callboard.features.ownership.pages.shares import ShareView, share_view
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import EntityLink, Status


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field and its last confirmation. ``earlier`` is the value that was confirmed, where another one stands now."""

    label: str
    is_current: bool
    at: Moment | None
    by: EntityLink | None
    by_text: str
    earlier: str | None


@dataclass(frozen=True, slots=True)
class StandingView:
    """``ownership/card.html``. ``is_uniform``: all fields were confirmed at once, by one; ``is_never``: none ever was."""

    state: State
    status: Status
    state_text: str
    meaning: str
    fields: Sequence[FieldView]
    is_uniform: bool
    is_never: bool
    value: str
    href: str
    hand_over_href: str
    merge_href: str
    handover: HandoverView | None
    may_confirm: bool
    may_hand_over: bool
    may_answer: bool


@dataclass(frozen=True, slots=True)
class HomeView:
    """``ownership/home.html``. ``due`` and ``offered`` count all, the rows are the first of them."""

    due: int
    offered: int
    offers: Sequence[ItemView]
    items: Sequence[ItemView]


def standing_view(standing: Standing, known: Mapping[str, Any], now: datetime, t: Translator) -> StandingView:
    fields = []
    for field in standing.fields:
        is_person = field.by is not None and field.by.startswith("user:")
        fields.append(
            FieldView(
                field_label(field.field, t), field.is_current, moment(field.at, now) if field.at is not None else None,
                link_of(field.by, known) if is_person and field.by is not None else None,
                "" if is_person or field.by is None else t("ownership.by_portal"),
                None if field.is_current or field.at is None else str(field.earlier if field.earlier is not None else t("ownership.nothing")),
            )
        )  # fmt: skip
    said = {(field.at, field.by) for field in standing.fields if field.is_current}
    is_uniform = len(said) == 1 and all(field.is_current for field in standing.fields)
    if standing.trouble is not None:
        meaning = t(f"ownership.trouble.{standing.trouble}_means", owner=standing.owner)
    else:
        meaning = t(f"ownership.means.{standing.state}")
    return StandingView(
        standing.state, STATUS[standing.state], t(f"ownership.state.{standing.state}"), meaning, fields, is_uniform, all(field.at is None for field in standing.fields),
        f"{standing.ref}|{standing.mark}", entity_href(standing.ref), entity_href(standing.ref, "hand-over"),
        entity_href(standing.ref, "merge"),
        handover_view(standing.handover, known, now) if standing.handover is not None else None,
        standing.may_confirm, standing.may_hand_over, standing.may_answer,
    )  # fmt: skip


def home_view(
    found: ItemPage, offered: ItemPage, known: Mapping[str, Any], own: Sequence[str], now: datetime, t: Translator
) -> HomeView:
    return HomeView(
        found.total, offered.total, [item_view(item, known, own, now, t) for item in offered.items],
        [item_view(item, known, own, now, t) for item in found.items],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConfirmedCell:
    """A cell of lists. ``by`` is who said so last, None where that is nobody to name."""

    status: Status
    text: str
    at: Moment | None
    by: str | None


@dataclass(frozen=True, slots=True)
class CellsPage:
    """``ownership/cell.html``: all cells of a page of rows, by ref."""

    cells: Mapping[str, ConfirmedCell]


@dataclass(frozen=True, slots=True)
class OwnedLine:
    """A group that also owns something, and how much of that there is to do."""

    link: EntityLink
    open: int
    href: str


@dataclass(frozen=True, slots=True)
class OwnedView:
    """``ownership/owned.html``, on pages of groups and people. ``todo`` are (what, how many, its list); ``others`` the groups below a
    group, or those that somebody is in, with something to do.
    """

    share: ShareView
    todo: Sequence[tuple[str, Status, str]]
    others: Sequence[OwnedLine]
    more_others: int


SHOWN_OTHERS = 6


def confirmed_cell(one: Confirmed, known: Mapping[str, Any], now: datetime, t: Translator) -> ConfirmedCell:
    by = link_of(one.by, known) if one.by is not None and one.by.startswith("user:") else None
    return ConfirmedCell(
        STATUS[one.state], t(f"ownership.state.{one.state}"), moment(one.at, now) if one.at is not None else None,
        by.title if by is not None and not by.absent else None,
    )  # fmt: skip


def owned_view(
    ref: str, shares: Mapping[str, Share], offered: int, others: Sequence[str], known: Mapping[str, Any], t: Translator
) -> OwnedView:
    def href(owner: str, show: Any = "open") -> str:
        return ListState(show, "all", owner).href()

    own = shares.get(ref, Share())
    todo: list[tuple[str, Status, str]] = []
    for id, n, status, show in (
        ("overdue", own.overdue, "bad", "overdue"), ("due", own.due, "warn", "due"), ("unowned", own.unowned, "bad", "unowned"),
        ("offered", offered, "info", "offered"),
    ):  # fmt: skip
        if n:
            todo.append((t(f"ownership.owned.{id}", n=n), status, href(ref, show)))  # type: ignore[arg-type]
    lines = [
        OwnedLine(link_of(owner, known), n, href(owner))
        for owner in others
        if (share := shares.get(owner)) is not None and (n := share.due + share.overdue + share.unowned)
    ]
    lines.sort(key=lambda line: (-line.open, line.link.title.lower()))
    shown = share_view(t("ownership.overall"), own, t, href=href(ref, "all"))
    return OwnedView(shown, todo, lines[:SHOWN_OTHERS], max(0, len(lines) - SHOWN_OTHERS))
