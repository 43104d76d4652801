"""Pages on which something is changed with a look before: re-organisations, names, hand-overs, merging."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface.aliases import Alias
from callboard.features.ownership.merging import Duplicates, MergeField, MergePlan
from callboard.features.ownership.naming import RenamePlan
from callboard.features.ownership.pages.links import entity_href, link_of, links_of
from callboard.features.ownership.pages.lists import PATH, field_label
from callboard.features.ownership.reorganising import Plan, Wish
from callboard.features.ownership.store.names import RenameRow
from callboard.features.ownership.store.reorganisations import ReorganisationRow
from callboard.kernel.clock import parse_time
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, Status

REORGANISE, NAMES = "/ownership/reorganise", "/ownership/names"
OUTCOMES: Mapping[str, Status] = {
    "changed": "ok", "unchanged": "info", "conflict": "warn", "refused": "bad", "missing": "bad",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MoveView:
    """``way`` is text or overlay, empty where nothing would be written."""

    link: EntityLink
    field: str
    status: Status
    outcome: str
    way: str
    message: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PastView:
    """A re-organisation that was done. ``undo_path`` None: it was taken back."""

    id: str
    old: EntityLink
    new: EntityLink
    count: int
    note: str
    by: EntityLink | None
    at: Moment
    undone_at: Moment | None
    undo_path: str | None


@dataclass(frozen=True, slots=True)
class ReorganisePage:
    """``ownership/reorganise.html``. ``moves`` None: nothing was asked yet; ``count`` of them would be changed."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    wish: Wish
    groups: Sequence[tuple[str, str]]
    old: EntityLink | None
    new: EntityLink | None
    moves: Sequence[MoveView] | None
    count: int
    offered: int
    alias_refused: str
    past: Sequence[PastView]


def reorganise_page(
    wish: Wish, plan: Plan | None, past: Sequence[ReorganisationRow], *, known: Mapping[str, Any],
    groups: Sequence[tuple[str, str]], banners: Sequence[Banner], now: datetime, t: Translator,
) -> ReorganisePage:  # fmt: skip
    moves = None
    if plan is not None:
        moves = [
            MoveView(
                link_of(m.ref, known, m.title), field_label(m.field, t), OUTCOMES[m.result.outcome], m.result.outcome,
                m.result.way or "", m.result.message, m.result.outcome == "changed",
            )
            for m in plan.moves
        ]  # fmt: skip
    return ReorganisePage(
        t("ownership.reorganise.title"), (Crumb(t("ownership.title"), PATH), Crumb(t("ownership.reorganise.title"))),
        banners, wish, groups, link_of(plan.old_owner, known) if plan else None,
        link_of(plan.new_owner, known) if plan else None, moves, plan.count if plan else 0, plan.offered if plan else 0,
        plan.alias_refused if plan else "", [_past(row, known, now) for row in past],
    )  # fmt: skip


def _past(row: ReorganisationRow, known: Mapping[str, Any], now: datetime) -> PastView:
    undone = moment(parse_time(row.undone_at), now) if row.undone_at is not None else None
    return PastView(
        row.id, link_of(row.old_owner, known), link_of(row.new_owner, known), len(row.changes), row.note,
        link_of(row.applied_by, known) if row.applied_by.startswith("user:") else None,
        moment(parse_time(row.applied_at), now), undone, None if undone else f"{REORGANISE}/{row.id}/undo",
    )  # fmt: skip


# ---- names ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AliasView:
    old: str
    link: EntityLink
    reason: str
    is_merge: bool
    note: str
    at: Moment
    by: EntityLink | None


@dataclass(frozen=True, slots=True)
class RenameView:
    old: str
    link: EntityLink
    place: str
    at: Moment


@dataclass(frozen=True, slots=True)
class DuplicatesView:
    """``merge_href`` leads to the page that makes one of the first two."""

    links: Sequence[EntityLink]
    why: str
    merge_href: str


@dataclass(frozen=True, slots=True)
class NamesPage:
    """``ownership/names.html``."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    aliases: Sequence[AliasView]
    more_aliases: int
    renames: Sequence[RenameView]
    duplicates: Sequence[DuplicatesView]


SHOWN_ALIASES = 200


def names_page(
    aliases: Sequence[Alias], renames: Sequence[RenameRow], duplicates: Sequence[Duplicates], *,
    known: Mapping[str, Any], banners: Sequence[Banner], now: datetime, t: Translator,
) -> NamesPage:  # fmt: skip
    shown = [
        AliasView(
            a.old, link_of(a.new, known), t(f"ownership.alias.{a.reason}"), a.reason == "merged", a.note, moment(a.at, now),
            link_of(a.by, known) if a.by.startswith("user:") else None,
        )
        for a in aliases[:SHOWN_ALIASES]
    ]  # fmt: skip
    twins = [
        DuplicatesView(
            links_of(d.refs, known), t(f"ownership.duplicates.{d.reason}", value=d.value),
            f"{entity_href(d.refs[0], 'merge')}?other={d.refs[1]}",
        )
        for d in duplicates
    ]  # fmt: skip
    return NamesPage(
        t("ownership.names.title"), (Crumb(t("ownership.title"), PATH), Crumb(t("ownership.names.title"))), banners,
        shown, max(0, len(aliases) - SHOWN_ALIASES),
        [RenameView(r.old, link_of(r.new, known), r.place, moment(parse_time(r.noticed_at), now)) for r in renames], twins,
    )  # fmt: skip


# ---- one entity -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReferenceView:
    link: EntityLink
    types: str
    is_rewritten: bool
    message: str


@dataclass(frozen=True, slots=True)
class RenamePage:
    """``ownership/rename.html``. ``new`` is empty until a name was looked at that can be."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    link: EntityLink
    action: str
    name: str
    note: str
    new: str
    references: Sequence[ReferenceView]
    rewritten: int


def _crumbs(link: EntityLink, last: str, t: Translator) -> tuple[Crumb, ...]:
    return Crumb(t("catalog.title"), "/catalog"), Crumb(link.title, link.href), Crumb(last)


def rename_page(
    ref: str, name: str, note: str, plan: RenamePlan | None, *, known: Mapping[str, Any],
    banners: Sequence[Banner], t: Translator,
) -> RenamePage:  # fmt: skip
    link = link_of(ref, known)
    references = [
        ReferenceView(
            link_of(r.ref, known), ", ".join(_relation(type, t) for type in r.types), r.way == "rewritten", r.message
        )
        for r in (plan.references if plan else ())
    ]
    title = t("ownership.rename.title", name=link.title)
    return RenamePage(
        title, _crumbs(link, t("ownership.rename.button"), t), banners, link, entity_href(ref, "rename"), name, note,
        plan.new if plan else "", references, sum(r.is_rewritten for r in references),
    )  # fmt: skip


def _relation(type: str, t: Translator) -> str:
    id = f"catalog.relation.{type.lower()}"
    return t(id) if t.has(id) else type


@dataclass(frozen=True, slots=True)
class HandOverPage:
    """``ownership/hand_over.html``. ``source`` is where the entity comes from, empty for one that is written in the portal."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    link: EntityLink
    owner: EntityLink | None
    action: str
    new_owner: str
    note: str
    groups: Sequence[tuple[str, str]]
    source: str


def hand_over_page(
    ref: str, owner: str, new_owner: str, note: str, source: str, *, known: Mapping[str, Any], groups: Sequence[tuple[str, str]],
    banners: Sequence[Banner], t: Translator,
) -> HandOverPage:  # fmt: skip
    link = link_of(ref, known)
    return HandOverPage(
        t("ownership.hand_over.title", name=link.title), _crumbs(link, t("ownership.hand_over"), t), banners, link,
        link_of(owner, known) if owner else None, entity_href(ref, "hand-over"), new_owner, note, groups, source,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MergeFieldView:
    path: str
    label: str
    survivor: str
    other: str
    choices: Sequence[tuple[str, str]]
    choice: str


@dataclass(frozen=True, slots=True)
class MergePage:
    """``ownership/merge.html``. ``fields`` None: the other is not chosen yet."""

    title: str
    crumbs: Sequence[Crumb]
    banners: Sequence[Banner]
    link: EntityLink
    other: EntityLink | None
    other_ref: str
    action: str
    swap_href: str
    fields: Sequence[MergeFieldView] | None
    refused: str
    note: str
    options: Sequence[tuple[str, str]]


def merge_page(
    ref: str, other: str, plan: MergePlan | None, note: str, *, known: Mapping[str, Any],
    options: Sequence[tuple[str, str]], banners: Sequence[Banner], t: Translator,
) -> MergePage:  # fmt: skip
    link = link_of(ref, known)
    twin = link_of(other, known) if ":" in other else None
    return MergePage(
        t("ownership.merge.title", name=link.title), _crumbs(link, t("ownership.merge.button"), t), banners, link, twin, other,
        entity_href(ref, "merge"), f"{entity_href(other, 'merge')}?other={ref}" if twin else "",
        [_merge_field(f, t) for f in plan.fields] if plan else None, plan.refused if plan else "", note, options,
    )  # fmt: skip


def _merge_field(field: MergeField, t: Translator) -> MergeFieldView:
    choices = ["survivor", "other", *(["both"] if field.can_unite else [])]
    return MergeFieldView(
        field.path, field_label(field.path, t), _shown(field.survivor, t), _shown(field.other, t),
        [(choice, t(f"ownership.merge.{choice}")) for choice in choices], field.choice,
    )  # fmt: skip


def _shown(value: Any, t: Translator) -> str:
    if value is None:
        return t("ownership.nothing")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)[:600]
    return str(value)[:600]
