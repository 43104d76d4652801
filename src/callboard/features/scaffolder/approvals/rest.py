"""``/api/scaffolder/v1/approvals``: what the pages do, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.scaffolder.approvals.domain import STATES, VERDICTS, Approval
from callboard.features.scaffolder.approvals.service import Approvals, require_paging
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/scaffolder/v1"
MAX_PAGE = 200
_TEXT = {"type": "string"}
_APPROVAL: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "taskId", "stepId", "title", "state", "approvers", "minimum", "decisions", "createdAt", "dueAt"],
    "properties": {
        "id": _TEXT,
        "taskId": _TEXT,
        "stepId": _TEXT,
        "title": _TEXT,
        "message": _TEXT,
        "state": {"type": "string", "enum": [*STATES]},
        "approvers": {"type": "array", "items": _TEXT},
        "minimum": {"type": "integer"},
        "decisions": {"type": "array", "items": {"type": "object"}},
        "createdAt": _TEXT,
        "dueAt": _TEXT,
    },
}
_PAGE = {
    "type": "object",
    "required": ["items", "totalItems"],
    "properties": {"items": {"type": "array", "items": _APPROVAL}, "totalItems": {"type": "integer"}},
}
_DECISION = {
    "type": "object",
    "required": ["verdict"],
    "properties": {
        "verdict": {"type": "string", "enum": [*VERDICTS]},
        "reason": {"type": "string", "description": "Required for decline."},
    },
}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
_MEANS = {
    "400": "What was given cannot be used.",
    "401": "Nobody is signed in.",
    "403": "The caller is not asked.",
    "404": "There is none for the caller.",
    "409": "It is not open any more.",
    "413": "The body is too large.",
}


class ApprovalEndpoints:
    """Handlers over ``Approvals``, which looks who may."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    async def list(self, request: Request) -> Json:
        said = request.query_params
        which = said.get("state", "open")
        if which not in ("open", "decided"):
            raise InputError("state must be open (waits for you) or decided (by you).", field="state")
        limit, offset = require_paging(said.get("limit", "50"), said.get("offset", "0"), MAX_PAGE)
        page = await self._approvals.list(is_open=which == "open", limit=limit, offset=offset, actor=request.actor)
        return Json({"items": [approval_to_wire(one) for one in page.items], "totalItems": page.total})

    async def get(self, request: Request) -> Json:
        return Json(approval_to_wire(await self._approvals.get(request.path_params["id"], actor=request.actor)))

    async def of_task(self, request: Request) -> Json:
        found = await self._approvals.list_of_task(request.path_params["taskId"], actor=request.actor)
        return Json({"items": [approval_to_wire(one) for one in found], "totalItems": len(found)})

    async def decide(self, request: Request) -> Json:
        body = await request.require_object()
        verdict, reason = body.get("verdict"), body.get("reason", "")
        if not isinstance(verdict, str) or not isinstance(reason, str):
            raise InputError("verdict and reason must be texts.", field="verdict")
        decided = await self._approvals.decide(request.path_params["id"], verdict, reason, actor=request.actor)
        return Json(approval_to_wire(decided))


def approval_to_wire(one: Approval) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": one.id,
        "taskId": one.task_id,
        "stepId": one.step_id,
        "title": one.title,
        "message": one.message,
        "templateRef": one.template_ref,
        "askedBy": one.asked_by,
        "state": one.state,
        "approvers": list(one.approvers),
        "minimum": one.minimum,
        "missing": one.missing,
        "createdAt": format_time(one.created_at),
        "dueAt": format_time(one.due_at),
        "closedAt": None if one.closed_at is None else format_time(one.closed_at),
        "decisions": [
            {"by": said.by, "verdict": said.verdict, "reason": said.reason, "at": format_time(said.at)}
            for said in one.decisions
        ],
    }
    return {name: value for name, value in told.items() if value is not None}


def approval_routes(approvals: Approvals) -> Sequence[Route]:
    own = ApprovalEndpoints(approvals)
    one = f"{PREFIX}/approvals/{{id}}"
    filters = [
        {"name": "state", "in": "query", "schema": {"type": "string", "enum": ["open", "decided"]}},
        {"name": "limit", "in": "query", "schema": _COUNT},
        {"name": "offset", "in": "query", "schema": _COUNT},
    ]
    return [
        Route(
            f"{PREFIX}/approvals",
            own.list,
            openapi=_operation("What waits for the caller, or what they decided", _PAGE, ["400"], filters),
        ),
        Route(one, own.get, openapi=_operation("One approval, with what was said", _APPROVAL, ["404"])),
        Route(
            f"{one}/decision",
            own.decide,
            ("POST",),
            openapi={
                **_operation("Approve or decline", _APPROVAL, ["400", "404", "409", "413"]),
                "requestBody": {"required": True, "content": {"application/json": {"schema": _DECISION}}},
            },
        ),
        Route(
            f"{PREFIX}/tasks/{{taskId}}/approvals",
            own.of_task,
            openapi=_operation("What the steps of a task asked for", _PAGE, ["404"]),
        ),
    ]


def _operation(
    summary: str, answer: Mapping[str, Any], errors: Sequence[str], parameters: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": summary, "content": {"application/json": {"schema": answer}}}}
    for code in sorted({"401", "403", *errors}):
        responses[code] = {"description": _MEANS[code], "content": {"application/problem+json": {"schema": {}}}}
    made: dict[str, Any] = {"summary": summary, "responses": responses}
    return {**made, "parameters": [*parameters]} if parameters else made
