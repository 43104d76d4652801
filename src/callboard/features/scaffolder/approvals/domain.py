"""What an approval is, and what decisions come to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Mapping, Sequence

from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.settings import parse_duration
from callboard.model.refs import EntityRef, RefError

ApprovalState = Literal["open", "approved", "declined", "expired", "withdrawn"]
STATES: tuple[ApprovalState, ...] = ("open", "approved", "declined", "expired", "withdrawn")
"""``withdrawn``: the task ended while it waited."""

Verdict = Literal["approve", "decline"]
VERDICTS: tuple[Verdict, ...] = ("approve", "decline")
MAX_REASON = 2000
MAX_MESSAGE = 10_000
MAX_APPROVERS = 50
LONGEST = timedelta(days=365)
SHORTEST = timedelta(minutes=1)


class ApprovalNotFound(NotFoundError):
    """No approval of that id is visible to the caller."""

    code = "scaffolder.approval_not_found"


class ApprovalClosed(ConflictError):
    """It was decided, ran out, or its task has ended."""

    code = "scaffolder.approval_closed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said. ``by`` is their ref."""

    by: str
    verdict: Verdict
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """What a step wants. ``approvers`` are refs of users and groups; ``reminder`` None: nobody is reminded."""

    approvers: Sequence[str]
    message: str
    minimum: int
    timeout: timedelta
    reminder: timedelta | None
    allows_starter: bool


def approval_href(id: str) -> str:
    """The page where it is decided."""
    return f"/create/approvals/{id}"


@dataclass(frozen=True, slots=True)
class Approval:
    """One that waits, or waited. ``asked_by`` is who started the task, None when no user did. ``was_told``: the step has read how it
    ended; another try of the task asks anew.
    """

    id: str
    task_id: str
    step_id: str
    title: str
    message: str
    template_ref: str | None
    asked_by: str | None
    approvers: Sequence[str]
    minimum: int
    allows_starter: bool
    state: ApprovalState
    created_at: datetime
    due_at: datetime
    reminder: timedelta | None = None
    remind_at: datetime | None = None
    closed_at: datetime | None = None
    was_told: bool = False
    decisions: Sequence[Decision] = ()

    @property
    def approvals(self) -> int:
        return sum(one.verdict == "approve" for one in self.decisions)

    @property
    def missing(self) -> int:
        """How many more must agree."""
        return max(0, self.minimum - self.approvals)

    @property
    def next_at(self) -> datetime:
        """When there is something to do if nobody decides."""
        return self.due_at if self.remind_at is None else min(self.due_at, self.remind_at)


def may_decide(approval: Approval, subject: str, ownership: frozenset[str]) -> bool:
    """Whether somebody is asked: named, or of a group that is. Whoever started the task is not, unless the template says so."""
    if approval.asked_by == subject and not approval.allows_starter:
        return False
    return not ownership.isdisjoint(approval.approvers)


def state_after(decisions: Sequence[Decision], minimum: int) -> ApprovalState:
    """One no is a no; enough yes is a yes."""
    if any(one.verdict == "decline" for one in decisions):
        return "declined"
    return "approved" if sum(one.verdict == "approve" for one in decisions) >= minimum else "open"


def read_ask(input: Mapping[str, Any]) -> Ask:
    """The input of the action, its schema checked. Raises ``InputError`` with the field."""
    approvers = []
    for index, text in enumerate(input["approvers"]):
        try:
            ref = EntityRef.parse(str(text).strip().lower(), default_kind="group")
        except RefError as error:
            raise InputError(f"approvers[{index}]: {error}", field=f"approvers[{index}]") from None
        if ref.kind not in ("group", "user"):
            raise InputError(f"{ref} cannot approve: name groups and users.", field=f"approvers[{index}]")
        approvers.append(str(ref))
    reminder = input.get("reminder")
    return Ask(
        approvers=list(dict.fromkeys(approvers)),
        message=str(input.get("message") or "").strip()[:MAX_MESSAGE],
        minimum=input.get("minimum", 1),
        timeout=_duration(input.get("timeout", "7d"), "timeout"),
        reminder=None if reminder is None else _duration(reminder, "reminder"),
        allows_starter=bool(input.get("allowStarter", False)),
    )


def check_reason(verdict: str, reason: str) -> tuple[Verdict, str]:
    """Raises ``InputError``: no such verdict, a no without a reason, or too long a one."""
    reason = reason.strip()
    if verdict == "decline" and not reason:
        raise InputError("Say why: whoever started it reads the reason.", field="reason")
    if len(reason) > MAX_REASON:
        raise InputError(f"The reason may have {MAX_REASON:,} characters.", field="reason")
    match verdict:
        case "approve" | "decline":
            return verdict, reason
    raise InputError("Say approve or decline.", field="verdict")


def _duration(value: Any, field: str) -> timedelta:
    try:
        found = parse_duration(value)
    except ValueError as error:
        raise InputError(f"{field}: {error}", field=field) from None
    if not SHORTEST <= found <= LONGEST:
        raise InputError(f"{field} must be between a minute and a year.", field=field)
    return found
