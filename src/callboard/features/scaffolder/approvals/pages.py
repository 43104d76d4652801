"""What the pages of approvals see. No queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface.links import link_to
from callboard.features.scaffolder.approvals.domain import Approval, ApprovalState
from callboard.features.scaffolder.interface import Task
from callboard.features.scaffolder.pages.answers import answer_rows
from callboard.features.scaffolder.pages.common import APPROVALS, task_href
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Crumb, EntityLink, Pager, Status, Tab

Known = Mapping[str, Mapping[str, Any]]
_MARKS: Mapping[ApprovalState, Status] = {
    "open": "info", "approved": "ok", "declined": "bad", "expired": "warn", "withdrawn": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A row of the list. ``about`` is the first line of the message; ``said`` what the reader decided: ``approve``, ``decline`` or ""."""

    title: str
    about: str
    href: str
    state: ApprovalState
    status: Status
    asked_by: str
    at: Moment
    due: Moment
    said: str


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """The list. ``view`` is ``open`` or ``decided``, ``views`` are (word, address, chosen); ``pager`` is there where one page does not hold all."""

    title: str
    view: str
    tabs: Sequence[Tab]
    views: Sequence[tuple[str, str, bool]]
    rows: Sequence[ApprovalRow]
    total: int
    pager: Pager | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What somebody said."""

    by: EntityLink
    verdict: str
    status: Status
    reason: str
    at: Moment


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """One approval. ``task_href`` and ``answers`` (name and value) are there for those who may see the task; ``may_decide``: the form
    is shown, with ``error`` and the ``reason`` as it was typed.
    """

    title: str
    crumbs: Sequence[Crumb]
    id: str
    message: str
    state: ApprovalState
    status: Status
    asked_by: EntityLink | None
    template: EntityLink | None
    task_href: str | None
    approvers: Sequence[EntityLink]
    minimum: int
    missing: int
    at: Moment
    due: Moment
    decisions: Sequence[DecisionRow]
    answers: Sequence[tuple[str, str]]
    may_decide: bool
    is_own: bool
    said: str
    action: str
    reason: str = ""
    error: str = ""


def refs_of(*items: Approval) -> list[str | None]:
    """Whom and what pages of them name, to look up."""
    said = [[one.asked_by, one.template_ref, *one.approvers, *(a.by for a in one.decisions)] for one in items]
    return [ref for refs in said for ref in refs]


def approvals_page(
    view: str, items: Sequence[Approval], total: int, known: Known, *, tabs: Sequence[Tab] = (), limit: int, offset: int,
    subject: str, now: datetime, t: Translator,
) -> ApprovalsPage:  # fmt: skip
    """``known`` are the documents of what is named, by lower-cased ref, as far as the reader may see them."""
    views = [
        (t(f"scaffolder.approve.view.{name}"), f"{APPROVALS}?view={name}", name == view) for name in ("open", "decided")
    ]
    last = offset + len(items)
    before = f"{APPROVALS}?view={view}&offset={max(0, offset - limit)}" if offset else None
    after = f"{APPROVALS}?view={view}&offset={last}" if last < total else None
    pager = Pager(offset + 1 if items else 0, last, total, before, after) if before or after else None
    rows = [_row(one, known, subject, now) for one in items]
    return ApprovalsPage(t("scaffolder.approve.title"), view, tabs, views, rows, total, pager)


def _row(one: Approval, known: Known, subject: str, now: datetime) -> ApprovalRow:
    by = _link(one.asked_by, known)
    return ApprovalRow(
        title=one.title, about=one.message.partition("\n")[0][:200], href=f"{APPROVALS}/{one.id}", state=one.state,
        status=_MARKS[one.state], asked_by=by.title if by is not None else "", at=moment(one.created_at, now),
        due=moment(one.due_at, now), said=_said(one, subject),
    )  # fmt: skip


def approval_page(
    one: Approval, known: Known, t: Translator, *, task: Task | None, may_decide: bool, subject: str, now: datetime,
    reason: str = "", error: str = "",
) -> ApprovalPage:  # fmt: skip
    """``task`` is None for those who may not see it."""
    template = known.get((one.template_ref or "").lower())
    return ApprovalPage(
        title=one.title, crumbs=(Crumb(t("scaffolder.approve.title"), APPROVALS), Crumb(one.title)), id=one.id, message=one.message,
        state=one.state, status=_MARKS[one.state], asked_by=_link(one.asked_by, known), template=_link(one.template_ref, known),
        task_href=None if task is None else task_href(one.task_id),
        approvers=[link_to(ref, known.get(ref.lower())) for ref in one.approvers], minimum=one.minimum, missing=one.missing,
        at=moment(one.created_at, now), due=moment(one.due_at, now),
        decisions=[
            DecisionRow(
                link_to(said.by, known.get(said.by.lower())), said.verdict, "ok" if said.verdict == "approve" else "bad",
                said.reason, moment(said.at, now),
            )
            for said in one.decisions
        ],
        answers=answer_rows(task.spec, template, t) if task is not None else (), may_decide=may_decide,
        is_own=one.asked_by == subject, said=_said(one, subject), action=f"{APPROVALS}/{one.id}", reason=reason, error=error,
    )  # fmt: skip


def _link(ref: str | None, known: Known) -> EntityLink | None:
    return link_to(ref, known.get(ref.lower())) if ref else None


def _said(one: Approval, subject: str) -> str:
    return next((said.verdict for said in one.decisions if said.by == subject), "")
