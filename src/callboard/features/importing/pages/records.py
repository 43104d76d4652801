"""Where an import begins, where it waits, what it left behind, and what has drifted since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Sequence
from urllib.parse import urlencode

from callboard.features.importing.interface import (
    Drift,
    DriftState,
    ImportPage,
    ImportRecord,
    PlannedEntity,
    PlanSummary,
)
from callboard.features.importing.pages.entities import PlannedView, planned_view
from callboard.features.importing.pages.frame import (
    Head,
    counts_text,
    crumbs_of,
    head_of,
    import_path,
    kind_link,
    person_of,
    ref_link,
    stage_status,
    steps_of,
)
from callboard.ui.environment import entity_path
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, Pager, Step

RECORDS_PAGE = 10
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordView:
    """An import in the list. ``sheet`` is empty where the file has one tab; ``at`` is when it came to this ``stage``."""

    href: str
    filename: str
    sheet: str
    stage: str
    status: str
    summary: str
    at: Moment
    by: str
    by_href: str
    can_undo: bool
    undo_path: str
    drift_href: str | None
    discard_path: str | None


@dataclass(frozen=True, slots=True)
class StartPage:
    """``importing/start.html``. ``sample`` is a table of what works: a head and rows. ``max_bytes`` is what a file may have."""

    title: str
    crumbs: Sequence[Crumb]
    steps: Sequence[Step]
    banners: Sequence[Banner]
    max_bytes: int
    size: str
    sample: Sequence[Sequence[str]]
    records: Sequence[RecordView]
    count: int
    pager: Pager | None


@dataclass(frozen=True, slots=True)
class ProgressPage:
    """``importing/progress.html``: a job is at it. ``total`` 0 is not known yet."""

    title: str
    crumbs: Sequence[Crumb]
    steps: Sequence[Step]
    head: Head
    href: str
    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class DonePage:
    """``importing/done.html``: applied, or undone again (``is_undone``).

    ``kinds`` lead to lists of what came; ``first`` are some of it. ``tabs`` are other tabs of the file: (name, rows). ``drift_href`` is
    None once the upload is gone.
    """

    title: str
    crumbs: Sequence[Crumb]
    steps: Sequence[Step]
    head: Head
    banners: Sequence[Banner]
    is_undone: bool
    heading: str
    summary: str
    at: Moment
    by: str
    by_href: str
    kinds: Sequence[tuple[EntityLink, int]]
    first: Sequence[EntityLink]
    more: int
    can_undo: bool
    undo_refusal: str
    undo_path: str
    undo_means: str
    again_path: str | None
    drift_href: str | None
    plan_href: str
    tabs: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class DriftGroup:
    """Entities that differ in one way."""

    id: str
    title: str
    means: str
    entities: Sequence[PlannedView]


@dataclass(frozen=True, slots=True)
class DriftWaiting:
    """A job is comparing: ``done`` of ``total`` rows, 0 for not known yet."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class DriftPage:
    """``importing/drift.html``. ``unlisted`` are too many to show.

    ``checked`` is when what is shown was worked out, None before the first time; ``waiting`` says how far a job is that works
    it out now. ``again_path`` posts to a new plan from the same upload, ``anew_path`` has the two compared again.
    """

    title: str
    crumbs: Sequence[Crumb]
    head: Head
    banners: Sequence[Banner]
    checked: Moment | None
    waiting: DriftWaiting | None
    total: int
    groups: Sequence[DriftGroup]
    unnamed: Sequence[EntityLink]
    unlisted: int
    href: str
    anew_path: str
    back_href: str
    again_path: str


def start_page(
    found: ImportPage,
    t: Translator,
    *,
    now: datetime,
    offset: int,
    max_bytes: int,
    sample: Sequence[Sequence[str]],
    error: str = "",
) -> StartPage:
    last = offset + len(found.items)
    pager = None
    if offset or last < found.total:
        before = max(0, offset - RECORDS_PAGE)
        pager = Pager(
            first=offset + 1 if found.items else 0,
            last=last if found.items else 0,
            total=found.total,
            previous_href=("/import?" + urlencode({"start": before}) if before else "/import") if offset else None,
            next_href="/import?" + urlencode({"start": last}) if last < found.total else None,
        )
    return StartPage(
        title=t("importing.title"),
        crumbs=(Crumb(t("importing.title")),),
        steps=steps_of("file", t),
        banners=[Banner("bad", t("importing.unreadable"), [error])] if error else (),
        max_bytes=max_bytes,
        size=t("importing.mib", n=max_bytes // MIB),
        sample=sample,
        records=[record_view(record, t, now) for record in found.items],
        count=found.total,
        pager=pager,
    )


def record_view(record: ImportRecord, t: Translator, now: datetime) -> RecordView:
    at, by = _last(record)
    is_open = record.stage in ("draft", "planned", "failed")
    said = counts_text(record.counts, t, is_done=record.stage in ("applied", "undone"))
    if record.stage in ("draft", "failed", "planning") or not record.counts:
        said = t("importing.data_rows", n=record.rows)
    return RecordView(
        href=import_path(record.id),
        filename=record.filename,
        sheet=record.sheet if len(record.sheets) > 1 else "",
        stage=t(f"importing.stage.{record.stage}"),
        status=stage_status(record.stage),
        summary=said,
        at=moment(at, now),
        by=person_of(by),
        by_href=entity_path(by),
        can_undo=record.can_undo,
        undo_path=import_path(record.id, "undo"),
        drift_href=import_path(record.id, "drift") if record.stage == "applied" and record.expires_at > now else None,
        discard_path=import_path(record.id, "discard") if is_open else None,
    )


def progress_page(record: ImportRecord, t: Translator) -> ProgressPage:
    progress = record.progress
    step = progress.step if progress else "writing" if record.stage == "applying" else "reading"
    return ProgressPage(
        title=record.filename,
        crumbs=crumbs_of(record, t),
        steps=steps_of("done" if record.stage == "applying" else "plan", t),
        head=head_of(record),
        href=import_path(record.id, "progress"),
        step=t(f"importing.progress.{step}"),
        done=progress.done if progress else 0,
        total=progress.total if progress else 0,
    )


def done_page(
    record: ImportRecord,
    summary: PlanSummary,
    created: Sequence[PlannedEntity],
    t: Translator,
    *,
    now: datetime,
    error: str = "",
) -> DonePage:
    """``created`` are some of what was created, for links."""
    is_undone = record.stage == "undone"
    at, by = _last(record)
    writes = record.counts.get("create", 0) + record.counts.get("change", 0)
    has_upload = record.expires_at > now
    others = [(info.name, info.rows) for info in record.sheets if info.name != record.sheet] if has_upload else []
    views = [planned_view(entity, t).link for entity in created]
    return DonePage(
        title=record.filename,
        crumbs=crumbs_of(record, t),
        steps=steps_of("done", t, record),
        head=head_of(record),
        banners=[Banner("bad", t("importing.not_undone"), [error])] if error else (),
        is_undone=is_undone,
        heading=t("importing.undone", file=record.filename) if is_undone else t("importing.done", n=writes),
        summary=counts_text(record.counts, t),
        at=moment(at, now),
        by=person_of(by),
        by_href=entity_path(by),
        kinds=[(kind_link(kind, t), n) for kind, n in summary.kinds.items()],
        first=views,
        more=max(0, record.counts.get("create", 0) - len(views)),
        can_undo=record.can_undo,
        undo_refusal=record.undo_refusal,
        undo_path=import_path(record.id, "undo"),
        undo_means=t("importing.undo_means", n=writes),
        again_path=import_path(record.id, "again") if has_upload else None,
        drift_href=import_path(record.id, "drift") if has_upload and not is_undone else None,
        plan_href=import_path(record.id, "plan"),
        tabs=others,
    )


def drift_page(record: ImportRecord, state: DriftState, t: Translator, *, now: datetime) -> DriftPage:
    drift = state.drift or Drift(now, (), (), 0)
    progress = state.progress
    groups = []
    for action in ("create", "change", "conflict", "rejected"):
        found = [planned_view(entity, t) for entity in drift.differing if entity.action == action]
        if found:
            groups.append(
                DriftGroup(action, t(f"importing.drift.{action}"), t(f"importing.drift.{action}_means"), found)
            )
    shown = sum(len(group.entities) for group in groups) + len(drift.unnamed)
    return DriftPage(
        title=t("importing.drift.title", file=record.filename),
        crumbs=(
            Crumb(t("importing.title"), "/import"),
            Crumb(record.filename, import_path(record.id)),
            Crumb(t("importing.drift.short")),
        ),
        head=head_of(record),
        banners=[Banner("bad", t("importing.drift.failed"), [state.error])] if state.state == "failed" else (),
        checked=moment(drift.checked_at, now) if state.drift is not None else None,
        waiting=None if progress is None else DriftWaiting(progress.done, progress.total),
        total=drift.total,
        groups=groups,
        unnamed=[ref_link(ref) for ref in drift.unnamed],
        unlisted=max(0, drift.total - shown),
        href=import_path(record.id, "drift"),
        anew_path=import_path(record.id, "drift"),
        back_href=import_path(record.id),
        again_path=import_path(record.id, "again"),
    )


def _last(record: ImportRecord) -> tuple[datetime, str]:
    """When the last step was taken, and by whom."""
    if record.stage == "undone" and record.undone_at is not None:
        return record.undone_at, record.undone_by
    if record.stage == "applied" and record.applied_at is not None:
        return record.applied_at, record.applied_by
    return record.created_at, record.created_by
