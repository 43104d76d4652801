"""The cards: how well one entity is confirmed, and what needs the reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.ownership.interface import ItemPage, Standing, State
from callboard.features.ownership.pages.links import entity_href, link_of
from callboard.features.ownership.pages.lists import (
    STATUS,
    HandoverView,
    ItemView,
    field_label,
    handover_view,
    item_view,
)
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
    """``ownership/card.html``."""

    state: State
    status: Status
    state_text: str
    meaning: str
    fields: Sequence[FieldView]
    is_uniform: bool
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
        standing.state, STATUS[standing.state], t(f"ownership.state.{standing.state}"), meaning, fields, is_uniform,
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
