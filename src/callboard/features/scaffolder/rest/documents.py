"""OpenAPI operations of the routes."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}
_SECRETS = {"type": "object", "additionalProperties": _TEXT, "description": "Names to texts; never told again."}
_STATES = ["open", "processing", "completed", "failed", "cancelled"]
STATUS = {"type": "string", "enum": _STATES}
_ERROR = {
    "type": "object",
    "required": ["error", "request", "response"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["name", "message"],
            "properties": {"name": _TEXT, "message": _TEXT},
        },
        "request": _OBJECT,
        "response": _OBJECT,
    },
}
_PROBLEMS = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "property", "message", "name", "stack"],
                "properties": {"path": {"type": "array"}, "property": _TEXT, "message": _TEXT, "stack": _TEXT},
            },
        }
    },
}
_MEANS = {
    "400": "What was given cannot be used.",
    "401": "Nobody is signed in.",
    "403": "The caller may not.",
    "404": "There is none, or none for the caller.",
    "409": "The task has not ended.",
    "413": "The body is too large.",
    "503": "Something that is needed does not answer.",
}
TASK = {
    "type": "object",
    "required": ["id", "spec", "status", "createdAt"],
    "properties": {
        "id": _TEXT,
        "spec": _OBJECT,
        "status": STATUS,
        "createdAt": _TEXT,
        "lastHeartbeatAt": _TEXT,
        "createdBy": _TEXT,
    },
}
EVENT = {
    "type": "object",
    "required": ["id", "taskId", "body", "type", "createdAt"],
    "properties": {
        "id": {"type": "integer"},
        "taskId": _TEXT,
        "body": {"type": "object", "required": ["message"], "properties": {"message": _TEXT}},
        "type": {"type": "string", "enum": ["log", "completion", "cancelled", "recovered"]},
        "createdAt": _TEXT,
        "isTaskRecoverable": {"type": "boolean"},
    },
}
_FILE_IN = {
    "type": "object",
    "required": ["path", "base64Content"],
    "properties": {"path": _TEXT, "base64Content": _TEXT, "executable": {"type": "boolean"}},
}
_FILE_OUT = {**_FILE_IN, "required": ["path", "executable", "base64Content"]}
_LOG = {"type": "array", "items": {"type": "object", "required": ["body"], "properties": {"body": _OBJECT}}}
NEW_TASK = {
    "type": "object",
    "required": ["templateRef", "values"],
    "properties": {"templateRef": _TEXT, "values": _OBJECT, "secrets": _SECRETS},
}
DRY_RUN = {
    "type": "object",
    "required": ["template", "values"],
    "properties": {
        "template": _OBJECT,
        "values": _OBJECT,
        "secrets": _SECRETS,
        "directoryContents": {"type": "array", "items": _FILE_IN},
    },
}
AUTOCOMPLETE = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": _TEXT, "context": {"type": "object", "additionalProperties": _TEXT}},
}
RETRY = {"type": "object", "properties": {"secrets": _SECRETS}}
_ID_AND_STATUS = {"type": "object", "required": ["status"], "properties": {"status": STATUS}}
CREATED = {"type": "object", "required": ["id"], "properties": {"id": _TEXT}}
FORM = {
    "type": "object",
    "required": ["title", "steps"],
    "properties": {
        "title": _TEXT,
        "description": _TEXT,
        "presentation": _OBJECT,
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["title", "schema"],
                "properties": {"title": _TEXT, "description": _TEXT, "schema": _OBJECT},
            },
        },
        "formDecorators": {"type": "array", "items": _OBJECT},
    },
}
ACTIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": _TEXT, "description": _TEXT, "examples": {"type": "array"}, "schema": _OBJECT},
    },
}
TASKS = {
    "type": "object",
    "required": ["tasks", "totalTasks"],
    "properties": {"tasks": {"type": "array", "items": TASK}, "totalTasks": {"type": "integer"}},
}
DRY_RUN_RESULT = {
    "type": "object",
    "required": ["log", "directoryContents", "output", "steps"],
    "properties": {
        "log": _LOG,
        "directoryContents": {"type": "array", "items": _FILE_OUT},
        "output": _OBJECT,
        "steps": {"type": "array", "items": {"type": "object", "required": ["id", "name", "action"]}},
    },
}
RESULTS = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "results": {
            "type": "array",
            "items": {"type": "object", "required": ["id"], "properties": {"id": _TEXT, "title": _TEXT}},
        }
    },
}
EXTENSIONS = {
    "type": "object",
    "required": ["filters", "globals"],
    "properties": {"filters": _OBJECT, "globals": _OBJECT},
}
CANCELLED = _ID_AND_STATUS
_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}


def _query(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _many(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


AFTER = _query("after", _COUNT, "Only events with a greater id; the completion comes in any case.")
TASK_FILTERS = [
    _query("createdBy", _many(_TEXT), "Refs of who started them; may be repeated."),
    _query("status", _many(STATUS), "May be repeated."),
    _query("templateRef", _many(_TEXT), "Refs of templates; may be repeated."),
    _query("limit", _COUNT, "At most so many; 1,000 at most, and without it."),
    _query("offset", _COUNT, "Leave out so many first."),
    _query(
        "order",
        _many({"type": "string", "pattern": "^(asc|desc):(created_at|status|created_by)$"}),
        "As desc:created_at, which holds without it; may be repeated.",
    ),
]


def operation(
    summary: str,
    answer: Mapping[str, Any] | None,
    *,
    status: str = "200",
    body: Mapping[str, Any] | None = None,
    body_required: bool = True,
    parameters: Sequence[Mapping[str, Any]] = (),
    errors: Sequence[str] = (),
    media: str = "application/json",
    problems: bool = False,
) -> dict[str, Any]:
    """``errors`` beside 401, 403 and 503, which every route may give; ``problems``: 400 may also tell of values one by one."""
    shown = answer if answer is not None else _TEXT
    responses: dict[str, Any] = {status: {"description": summary, "content": {media: {"schema": shown}}}}
    for code in sorted({"401", "403", "503", *errors}):
        schema: Mapping[str, Any] = {"anyOf": [_ERROR, _PROBLEMS]} if problems and code == "400" else _ERROR
        responses[code] = {"description": _MEANS[code], "content": {"application/json": {"schema": schema}}}
    made: dict[str, Any] = {"summary": summary, "responses": responses}
    if parameters:
        made["parameters"] = [dict(one) for one in parameters]
    if body is not None:
        made["requestBody"] = {"required": body_required, "content": {"application/json": {"schema": body}}}
    return made
