"""Pages of what people decided about entities of other sources, of versions to bring back, and of ways to be rid of an entity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Sequence

from callboard.features.editing.domain import DiffLine, compare
from callboard.features.editing.interface import (
    DeletedEntity,
    Editable,
    EntityOverlay,
    HiddenEntity,
    LaidField,
    Version,
)
from callboard.features.editing.pages.editor import entity_href, outside, source_of
from callboard.model.refs import EntityRef
from callboard.ui.code import format_yaml
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, Tab

MAX_SHOWN = 400
OVERLAYS, HIDDEN, DELETED = "/catalog/overlays", "/catalog/hidden", "/catalog/deleted"


@dataclass(frozen=True, slots=True)
class LaidView:
    """A field that is laid over: ``value`` and ``source`` as text, None for a field that is not there."""

    path: str
    value: str | None
    source: str | None
    base: str | None
    by: str
    at: Moment
    is_moved: bool
    is_same: bool


@dataclass(frozen=True, slots=True)
class OverlayPage:
    """``editing/overlay.html``. ``action`` takes the forms, None for whoever may only look; ``place`` is where the source is."""

    title: str
    crumbs: Sequence[Crumb]
    ref: str
    href: str
    edit_href: str | None
    action: str | None
    mark: str
    place: str
    fields: Sequence[LaidView]
    banners: Sequence[Banner]


@dataclass(frozen=True, slots=True)
class OverlayCard:
    """``editing/overlay_card.html``: on the page of an entity."""

    fields: Sequence[LaidView]
    href: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """An entity on one of the lists. ``href`` None: there is no page of it. ``action`` takes ``do`` and ``mark`` back to how it was."""

    ref: str
    title: str
    href: str | None
    about: str
    by: str
    at: Moment | None
    is_dormant: bool
    action: str | None
    mark: str
    do: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """``editing/decisions.html``: what is laid over, kept out, or was deleted. ``kind`` is one of them."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    kind: str
    rows: Sequence[DecisionRow]
    more_href: str | None


@dataclass(frozen=True, slots=True)
class VersionPage:
    """``editing/version.html``: an earlier version beside what stands. ``action`` brings it back, None for whoever may not."""

    title: str
    crumbs: Sequence[Crumb]
    ref: str
    href: str
    at: Moment
    by: str
    diff: Sequence[DiffLine]
    text: str
    action: str | None
    mark: str
    banners: Sequence[Banner] = ()


@dataclass(frozen=True, slots=True)
class RemovalPage:
    """``editing/removal.html``: ways to be rid of an entity that a source gives.

    ``returns`` are what would bring it back: (text, address). ``location`` is the registered location that it came by: (id, target,
    how many others it brings, some of them as (title, address)). ``is_configured``: it stands in the settings instead.
    """

    title: str
    crumbs: Sequence[Crumb]
    ref: str
    href: str
    action: str
    place: str
    place_href: str | None
    edit_href: str | None
    returns: Sequence[tuple[str, str | None]]
    location: tuple[str, str, int, Sequence[tuple[str, str]]] | None
    is_location: bool


def entity_crumbs(ref: str, last: str, t: Translator) -> list[Crumb]:
    return [Crumb(t("catalog.title"), "/catalog"), Crumb(EntityRef.parse(ref).name, entity_href(ref)), Crumb(last)]


def value_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else str(format_yaml(value)).strip()
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def laid_view(one: LaidField, now: datetime) -> LaidView:
    return LaidView(
        one.path, value_text(one.value), value_text(one.source), value_text(one.base), one.by, moment(one.at, now), one.is_moved,
        one.source == one.value,
    )  # fmt: skip


def overlay_page(
    found: EntityOverlay, standing: Editable | None, t: Translator, now: datetime, banners: Sequence[Banner] = ()
) -> OverlayPage:
    told = list(banners)
    if found.problem:
        told.append(Banner("bad", t("editing.laid.invalid"), [found.problem, t("editing.laid.invalid_means")]))
    if found.is_dormant:
        told.append(Banner("info", t("editing.laid.dormant"), [t("editing.laid.dormant_means")]))
    return OverlayPage(
        t("editing.laid.title", name=EntityRef.parse(found.ref).name), entity_crumbs(found.ref, t("editing.laid.tab"), t), found.ref,
        entity_href(found.ref), entity_href(found.ref, "edit") if found.may_update and standing is not None else None,
        entity_href(found.ref, "overlay") if found.may_update else None, found.mark,
        source_of(standing.giver) if standing is not None else "", [laid_view(one, now) for one in found.fields], told,
    )  # fmt: skip


def decision_tabs(kind: str, t: Translator) -> list[Tab]:
    kinds = (("overlays", OVERLAYS), ("hidden", HIDDEN), ("deleted", DELETED))
    return [Tab(id, t(f"editing.decisions.{id}"), href, id == kind) for id, href in kinds]


def decisions_page(kind: str, rows: Sequence[DecisionRow], more: str | None, t: Translator) -> DecisionsPage:
    title = t(f"editing.decisions.{kind}")
    crumbs = [Crumb(t("catalog.title"), "/catalog"), Crumb(title)]
    return DecisionsPage(title, crumbs, decision_tabs(kind, t), kind, rows, more)


def overlay_row(found: EntityOverlay, now: datetime) -> DecisionRow:
    last = max(found.fields, key=lambda one: one.at)
    return DecisionRow(
        found.ref, EntityRef.parse(found.ref).name, entity_href(found.ref, "overlay"), ", ".join(one.path for one in found.fields),
        last.by, moment(last.at, now), found.is_dormant, None, found.mark, "",
    )  # fmt: skip


def hidden_row(found: HiddenEntity, now: datetime) -> DecisionRow:
    return DecisionRow(
        found.ref, found.title, None, found.why, found.by, moment(found.at, now), found.is_dormant, HIDDEN if found.may_show else None, "", "show"
    )  # fmt: skip


def deleted_row(found: DeletedEntity, now: datetime) -> DecisionRow:
    return DecisionRow(
        found.ref, found.title, None, "", found.by, moment(found.at, now), False, DELETED if found.may_restore else None, "", "restore",
        found.text,
    )  # fmt: skip


def version_page(found: Version, t: Translator, now: datetime, banners: Sequence[Banner] = ()) -> VersionPage:
    diff = compare(found.now, found.text)
    may = found.may_restore and bool(diff)
    action = entity_href(found.ref, f"versions/{found.id}") if may else None
    return VersionPage(
        t("editing.version.title", name=EntityRef.parse(found.ref).name), entity_crumbs(found.ref, t("editing.version"), t), found.ref,
        entity_href(found.ref, "history"), moment(found.at, now), "" if found.actor.startswith("plugin:") else found.actor, diff,
        found.text, action, found.mark, banners,
    )  # fmt: skip


def removal_page(
    found: Editable,
    returns: Sequence[tuple[str, str | None]],
    location: tuple[str, str, int, Sequence[tuple[str, str]]] | None,
    t: Translator,
) -> RemovalPage:
    place = source_of(found.giver)
    name = EntityRef.parse(found.ref).name
    return RemovalPage(
        t("editing.removal.title", name=name), entity_crumbs(found.ref, t("editing.delete"), t), found.ref, entity_href(found.ref),
        entity_href(found.ref, "remove"), place, outside(place), outside(found.giver.edit_url), returns, location,
        found.ref.startswith("location:"),
    )  # fmt: skip
