"""What the pages of approvals see. No queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.approvals.domain import Approval, ApprovalState
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Pager, Status, Tab

PATH = "/create/approvals"
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
    missing: int


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """The list. ``view`` is ``open`` or ``decided``."""

    title: str
    view: str
    tabs: Sequence[Tab]
    rows: Sequence[ApprovalRow]
    pager: Pager


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What somebody said. ``href`` leads to them."""

    name: str
    href: str
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
    id: str
    message: str
    state: ApprovalState
    status: Status
    asked_by: tuple[str, str] | None
    template: tuple[str, str] | None
    task_href: str | None
    approvers: Sequence[tuple[str, str]]
    minimum: int
    missing: int
    at: Moment
    due: str
    decisions: Sequence[DecisionRow]
    answers: Sequence[tuple[str, str]]
    may_decide: bool
    is_own: bool
    said: str
    action: str
    reason: str = ""
    error: str = ""


def approvals_page(
    view: str, items: Sequence[Approval], total: int, *, limit: int, offset: int, subject: str, now: datetime, t: Translator
) -> ApprovalsPage:  # fmt: skip
    tabs = [
        Tab(name, t(f"scaffolder.approve.view.{name}"), f"{PATH}?view={name}", current=name == view)
        for name in ("open", "decided")
    ]
    last = offset + len(items)
    pager = Pager(
        offset + 1 if items else 0,
        last,
        total,
        f"{PATH}?view={view}&offset={max(0, offset - limit)}" if offset else None,
        f"{PATH}?view={view}&offset={last}" if last < total else None,
    )
    rows = [_row(one, subject, now) for one in items]
    return ApprovalsPage(t("scaffolder.approve.title"), view, tabs, rows, pager)


def _row(one: Approval, subject: str, now: datetime) -> ApprovalRow:
    return ApprovalRow(
        title=one.title, about=one.message.partition("\n")[0][:200], href=f"{PATH}/{one.id}", state=one.state,
        status=_MARKS[one.state], asked_by=short_name(one.asked_by) if one.asked_by else "", at=moment(one.created_at, now),
        due=moment(one.due_at, now), said=_said(one, subject), missing=one.missing,
    )  # fmt: skip


def approval_page(
    one: Approval, *, task: Any, may_decide: bool, subject: str, now: datetime, reason: str = "", error: str = ""
) -> ApprovalPage:
    """``task`` is None for those who may not see it."""
    answers = task.spec.get("parameters") or {} if task is not None else {}
    return ApprovalPage(
        title=one.title, id=one.id, message=one.message, state=one.state, status=_MARKS[one.state],
        asked_by=_link(one.asked_by), template=_link(one.template_ref),
        task_href=None if task is None else f"/create/tasks/{one.task_id}",
        approvers=[link for ref in one.approvers if (link := _link(ref)) is not None], minimum=one.minimum, missing=one.missing,
        at=moment(one.created_at, now), due=moment(one.due_at, now).exact,
        decisions=[
            DecisionRow(
                short_name(said.by), _href(said.by), said.verdict, "ok" if said.verdict == "approve" else "bad",
                said.reason, moment(said.at, now),
            )
            for said in one.decisions
        ],
        answers=[(name, _shown(value)) for name, value in answers.items()], may_decide=may_decide,
        is_own=one.asked_by == subject, said=_said(one, subject), action=f"{PATH}/{one.id}", reason=reason, error=error,
    )  # fmt: skip


def short_name(ref: str) -> str:
    """The name of a ref, with its namespace where that is not the default one."""
    try:
        parsed = EntityRef.parse(ref)
    except RefError:
        return ref
    return parsed.name if parsed.namespace == "default" else f"{parsed.namespace}/{parsed.name}"


def _link(ref: str | None) -> tuple[str, str] | None:
    return None if not ref else (short_name(ref), _href(ref))


def _href(ref: str) -> str:
    try:
        parsed = EntityRef.parse(ref)
    except RefError:
        return "/catalog"
    return f"/catalog/{parsed.namespace}/{parsed.kind}/{parsed.name}"


def _said(one: Approval, subject: str) -> str:
    return next((said.verdict for said in one.decisions if said.by == subject), "")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value[:500]
    import orjson

    return orjson.dumps(value).decode()[:500]
