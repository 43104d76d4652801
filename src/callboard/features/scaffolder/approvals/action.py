"""The action ``callboard:approve``: a step that waits for people."""

from __future__ import annotations

import uuid
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.scaffolder.approvals.domain import MAX_APPROVERS, Approval, Ask, approval_href, read_ask
from callboard.features.scaffolder.approvals.service import Approvals
from callboard.features.scaffolder.interface import StepWaits
from callboard.kernel.actions import Action, ActionAttributes, ActionContext, StepRun
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.errors import ConflictError, InputError

_DRAFT = "http://json-schema.org/draft-07/schema#"
_DURATION: Mapping[str, Any] = {
    "type": ["string", "object"],
    "description": "As 3d, PT12H or {hours: 12}; between a minute and a year.",
}
MAX_ROUNDS = 100
INPUT: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "approvers": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": MAX_APPROVERS,
            "description": "Refs of groups, whose members are asked, and of users.",
        },
        "message": {"type": "string", "description": "What they are asked, as text."},
        "minimum": {
            "type": "integer",
            "minimum": 1,
            "maximum": 50,
            "default": 1,
            "description": "How many must agree.",
        },
        "timeout": {**_DURATION, "default": "7d", "title": "The step fails when nobody has decided by then"},
        "reminder": {**_DURATION, "title": "Those who have not decided are told again, that often"},
        "allowStarter": {
            "type": "boolean",
            "default": False,
            "description": "Whoever started the task may approve it, too.",
        },
    },
    "required": ["approvers"],
    "additionalProperties": False,
}
OUTPUT: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "examples": [True]},
        "approvedBy": {"type": "array", "items": {"type": "string"}},
        "decisions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("by", "verdict", "reason", "at")},
            },
        },
    },
}
_EXAMPLES = (
    {
        "description": "Ask the platform team before anything is made",
        "input": {
            "approvers": ["group:default/platform"],
            "message": "${{ user.ref }} wants the repository ${{ parameters.name }}.",
            "timeout": "3d",
            "reminder": "1d",
        },
    },
    {
        "description": "Two of two groups must agree",
        "input": {"approvers": ["group:default/security", "group:default/finance"], "minimum": 2},
    },
)


class Approving:
    """The handler."""

    def __init__(self, approvals: Approvals, queries: CatalogQueries, clock: Clock) -> None:
        self._approvals = approvals
        self._queries = queries
        self._clock = clock

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        ask = read_ask(context.input)
        if context.dry_run:
            await self._check(ask, context.actor)
            context.log(f"Would wait for {_people(ask)}.")
            return {"approved": True, "approvedBy": [], "decisions": []}
        step = context.step
        if step is None:
            raise InputError("Approvals are asked for by steps of templates only.")
        one = await self._current(step, ask, context.actor)
        if one.state == "open":
            context.log(f"Waiting for {_people(ask)}: {approval_href(one.id)}")
            raise StepWaits
        for said in one.decisions:
            verb = "approved" if said.verdict == "approve" else "declined"
            context.log(f"{said.by} {verb}{f': {said.reason}' if said.reason else ''}")
        if one.state != "approved":
            await self._approvals.note_told(one.id)
            raise ConflictError(_why_not(one))
        return {
            "approved": True,
            "approvedBy": [said.by for said in one.decisions if said.verdict == "approve"],
            "decisions": [
                {"by": said.by, "verdict": said.verdict, "reason": said.reason, "at": format_time(said.at)}
                for said in one.decisions
            ],
        }

    async def _current(self, step: StepRun, ask: Ask, actor: Actor) -> Approval:
        """What this step asked last; asked anew when an earlier try failed by the answer."""
        for turn in range(1, MAX_ROUNDS + 1):
            # The id is kept before anything is asked: whoever runs the step again asks under the same one.
            id: str = await step.checkpoint(f"approval.{turn}", _new_id)
            one = await self._approvals.ask(await self._new(id, step, ask, actor), actor=actor)
            if one.state in ("approved", "open") or not one.was_told:
                return one
        raise ConflictError(f"It was asked {MAX_ROUNDS} times. Start a task anew.")

    async def _new(self, id: str, step: StepRun, ask: Ask, actor: Actor) -> Approval:
        await self._check(ask, actor)
        now, template = self._clock.now(), step.template
        metadata = (template.get("entity") or {}).get("metadata") or {}
        name = metadata.get("title") or metadata.get("name")
        return Approval(
            id=id, task_id=step.task_id, step_id=step.step_id, title=f"{name}: {step.title}" if name else step.title,
            message=ask.message, template_ref=template.get("entityRef"), asked_by=step.user.get("ref"), approvers=ask.approvers,
            minimum=ask.minimum, allows_starter=ask.allows_starter, state="open", created_at=now, due_at=now + ask.timeout,
            reminder=ask.reminder, remind_at=None if ask.reminder is None else now + ask.reminder,
        )  # fmt: skip

    async def _check(self, ask: Ask, actor: Actor) -> None:
        raws = await self._queries.get_many_raw(ask.approvers, actor=actor)
        for ref, raw in zip(ask.approvers, raws, strict=True):
            if raw is None:
                raise InputError(f"No {ref} is in the catalog, or none that you may see.", field="approvers")


async def _new_id() -> str:
    return uuid.uuid4().hex


def _people(ask: Ask) -> str:
    return f"{ask.minimum} of {', '.join(ask.approvers)}"


def _why_not(one: Approval) -> str:
    if one.state == "declined":
        said = next(said for said in one.decisions if said.verdict == "decline")
        return f"Declined by {said.by}: {said.reason}"
    if one.state == "expired":
        return f"Nobody decided in time: {', '.join(one.approvers)} had until {format_time(one.due_at)}."
    return "The approval was withdrawn."


def approve_action(approvals: Approvals, queries: CatalogQueries, clock: Clock) -> Sequence[Action]:
    return [
        Action(
            "callboard:approve", "Wait for an approval",
            "Waits until members of groups, or users, approve; fails when one declines or time runs out. Nothing is held meanwhile.",
            Approving(approvals, queries, clock).run, INPUT, OUTPUT, attributes=ActionAttributes(destructive=False),
            supports_dry_run=True, examples=_EXAMPLES,
        )
    ]  # fmt: skip
