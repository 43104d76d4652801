"""The third step: what an import would do, entity by entity, before anything is written. Read afterwards, what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from callboard.features.importing.interface import (
    ACTIONS,
    Action,
    ImportRecord,
    OwnerMatch,
    PlannedEntity,
    PlanSummary,
)
from callboard.features.importing.pages.entities import PlannedView, planned_view
from callboard.features.importing.pages.frame import (
    Head,
    confidence_of,
    crumbs_of,
    head_of,
    import_path,
    kind_link,
    ref_link,
    steps_of,
)
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, EntityLink, LinkItem, Pager, Status, Step, Tab
from callboard.ui.wording import in_words

ENTITIES_PAGE = 25
LINES_PAGE = 100
OTHER_VIEWS = ("owners", "skipped", "leaving")
_ORDER: tuple[Action, ...] = ("create", "change", "conflict", "rejected", "unchanged")


@dataclass(frozen=True, slots=True)
class PlanState:
    """What of the plan is shown, as its address has it. ``show`` is an action or one of ``OTHER_VIEWS``."""

    show: str
    q: str = ""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str], summary: PlanSummary) -> PlanState:
        """What ``query`` says that cannot be is left aside; without ``show`` it is the first action that something has."""
        get = query.get
        show = get("show", "")
        if show not in (*ACTIONS, *OTHER_VIEWS):
            show = next((action for action in _ORDER if summary.counts.get(action)), "create")
        page = get("page", "1")
        return cls(show, get("q", "").strip()[:200], int(page) if page.isdecimal() and 0 < len(page) < 7 else 1)

    @property
    def action(self) -> Action | None:
        return next((action for action in ACTIONS if action == self.show), None)

    @property
    def offset(self) -> int:
        return (max(self.page, 1) - 1) * (ENTITIES_PAGE if self.action else LINES_PAGE)


@dataclass(frozen=True, slots=True)
class OwnerView:
    """An owner as the sheet says it, and whom it was taken for. ``index`` counts all owners of the plan from 0.

    ``chosen`` is a person's word for it, as a ref or ``new``; empty where matching decided.
    """

    index: int
    said: str
    link: EntityLink
    is_new: bool
    confidence: str
    status: Status
    reason: str
    rows: str
    chosen: str


@dataclass(frozen=True, slots=True)
class SumLine:
    """A number of the summary with what it counts. ``status`` is the mark before it, empty for none.

    ``kinds`` say how it divides: (link to all of a kind, number).
    """

    status: str
    number: int
    text: str
    kinds: Sequence[tuple[EntityLink, int]] = ()


@dataclass(frozen=True, slots=True)
class PlanPage:
    """``importing/plan.html``.

    ``apply_label`` is empty where nothing is left to write; ``writes`` counts entities that would be. ``is_open``: it can still
    be applied or changed. ``is_same``: the catalog says all of it already. ``rows_line`` says that every row is accounted for. Of ``entities``, ``owners``, ``skipped`` and ``leaving``
    only what ``state.show`` asks for is filled. ``people`` are refs to pick another owner from.
    """

    title: str
    crumbs: Sequence[Crumb]
    steps: Sequence[Step]
    head: Head
    state: PlanState
    digest: str
    banners: Sequence[Banner]
    sums: Sequence[SumLine]
    rows_line: str
    has_all_rows: bool
    is_open: bool
    is_same: bool
    apply_label: str
    leaving_count: int
    tabs: Sequence[Tab]
    entities: Sequence[PlannedView]
    owners: Sequence[OwnerView]
    skipped: Sequence[tuple[str, str, str]]
    leaving: Sequence[EntityLink]
    pager: Pager
    people: Sequence[str]
    notes: Sequence[str]


def plan_page(
    record: ImportRecord,
    summary: PlanSummary,
    state: PlanState,
    planned: Sequence[PlannedEntity],
    total: int,
    t: Translator,
    *,
    people: Sequence[str] = (),
    has_moved: bool = False,
    error: str = "",
) -> PlanPage:
    """``planned`` and ``total`` are those of ``state.action``; ``has_moved``: the plan was made again, as the catalog had changed."""
    is_open = record.stage == "planned"
    counts = summary.counts
    lines: Sequence[object] = {
        "owners": summary.owners, "skipped": summary.skipped, "leaving": summary.leaving,
    }.get(state.show, ())  # fmt: skip
    size = ENTITIES_PAGE if state.action else LINES_PAGE
    total = total if state.action else len(lines)
    cut = slice(state.offset, state.offset + LINES_PAGE)
    shown = state.show
    count = len(planned) if state.action else len(lines[cut])
    writes = counts.get("create", 0) + counts.get("change", 0)
    return PlanPage(
        title=record.filename,
        crumbs=crumbs_of(record, t),
        steps=steps_of("plan" if is_open else "done", t, record),
        head=head_of(record),
        state=state,
        digest=summary.digest,
        banners=_banners(record, summary, t, has_moved=has_moved, error=error),
        sums=_sums(summary, t),
        rows_line=_rows_line(summary, t),
        has_all_rows=summary.rows_taken == summary.rows,
        is_open=is_open,
        is_same=not writes and counts.get("unchanged", 0) > 0,
        apply_label=_apply_label(writes, len(summary.leaving), t) if is_open else "",
        leaving_count=len(summary.leaving),
        tabs=_tabs(record, summary, state, t),
        entities=[planned_view(entity, t, is_applied=record.stage == "applied") for entity in planned],
        owners=[
            _owner(state.offset + n, match, record.mapping.owner_refs, t) for n, match in enumerate(summary.owners[cut])
        ]
        if shown == "owners"
        else (),
        skipped=[(str(s.number), s.text, s.reason) for s in summary.skipped[cut]] if shown == "skipped" else (),
        leaving=[ref_link(ref) for ref in summary.leaving[cut]] if shown == "leaving" else (),
        pager=_pager(record, state, count, total, size),
        people=people,
        notes=summary.notes,
    )


def owner_key(said: str) -> str:
    """What a mapping's ``owner_refs`` know an owner by."""
    return said.strip().casefold()


def plan_href(record: ImportRecord, state: PlanState, page: int = 1) -> str:
    return import_path(record.id, "plan", show=state.show, q=state.q, page=page if page > 1 else 0)


def _apply_label(writes: int, leaving: int, t: Translator) -> str:
    if writes:
        return t("importing.apply", n=writes)
    return t("importing.apply_leaving", n=leaving) if leaving else ""


def _sums(summary: PlanSummary, t: Translator) -> Sequence[SumLine]:
    status = {"create": "ok", "change": "info", "unchanged": "unknown", "conflict": "warn", "rejected": "bad"}
    lines = [
        SumLine(
            status[action], summary.counts[action], t(f"importing.sum.{action}", n=summary.counts[action]),
            [(kind_link(kind, t), n) for kind, n in summary.kinds.items()] if action == "create" else (),
        )
        for action in ACTIONS
        if summary.counts.get(action)
    ]  # fmt: skip
    if summary.leaving:
        lines.append(SumLine("warn", len(summary.leaving), t("importing.sum.leaving", n=len(summary.leaving))))
    if found := len({match.ref for match in summary.owners if not match.is_new}):
        lines.append(SumLine("", found, t("importing.sum.owners_found", n=found)))
    return lines


def _rows_line(summary: PlanSummary, t: Translator) -> str:
    if summary.rows_taken == summary.rows:
        return t("importing.all_rows", n=summary.rows)
    return t("importing.some_rows", n=summary.rows, taken=summary.rows_taken)


def _banners(
    record: ImportRecord, summary: PlanSummary, t: Translator, *, has_moved: bool, error: str
) -> Sequence[Banner]:
    def see(show: str) -> Sequence[LinkItem]:
        return [LinkItem(t("importing.see"), import_path(record.id, "plan", show=show), "next")]

    banners = []
    if error:
        banners.append(Banner("bad", t("importing.not_applied"), [error]))
    if has_moved:
        banners.append(Banner("info", t("importing.moved"), [t("importing.moved_means")]))
    if record.stage != "planned":
        return banners
    if rows := summary.rows_rejected:
        means = [t("importing.rejected_means")]
        banners.append(Banner("bad", t("importing.rejected", n=rows), means, see("rejected")))
    if rows := summary.rows_conflicting:
        means = [t("importing.conflicts_means")]
        banners.append(Banner("warn", t("importing.conflicts", n=rows), means, see("conflict")))
    if not any(summary.counts.get(action) for action in ("create", "change")) and not summary.leaving:
        same = summary.counts.get("unchanged", 0)
        words = "importing.nothing_new" if same else "importing.nothing_at_all"
        banners.append(Banner("ok" if same else "warn", t(words), [t(f"{words}_means")]))
    return banners


def _tabs(record: ImportRecord, summary: PlanSummary, state: PlanState, t: Translator) -> Sequence[Tab]:
    counted: list[tuple[str, int]] = [(action, summary.counts.get(action, 0)) for action in _ORDER]
    counted += [("owners", len(summary.owners)), ("leaving", len(summary.leaving)), ("skipped", len(summary.skipped))]
    return [
        Tab(
            show, t(f"importing.tab.{show}"), import_path(record.id, "plan", show=show), show == state.show, n,
            bad=show == "rejected",
        )
        for show, n in counted
        if n or show == state.show
    ]  # fmt: skip


def _owner(index: int, match: OwnerMatch, chosen: Mapping[str, str], t: Translator) -> OwnerView:
    word, status = confidence_of(match.confidence)
    return OwnerView(
        index=index,
        said=match.said,
        link=ref_link(match.ref),
        is_new=match.is_new,
        confidence=t(f"importing.confidence.{word}"),
        status=status,
        reason=in_words(t, match.reason),
        rows=t("importing.of_rows", n=match.rows),
        chosen=chosen.get(owner_key(match.said), ""),
    )


def _pager(record: ImportRecord, state: PlanState, count: int, total: int, size: int) -> Pager:
    first = state.offset + 1 if count else 0
    last = state.offset + count if count else 0
    return Pager(
        first=first,
        last=last,
        total=total,
        previous_href=plan_href(record, state, state.page - 1) if state.page > 1 else None,
        next_href=plan_href(record, state, state.page + 1) if count and last < total else None,
    )
