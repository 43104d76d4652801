"""What requests of the wire ask for, checked. Everything here raises ``InputError`` with the field."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Literal, Mapping, cast, get_args

from callboard.features.scaffolder.interface import DryRun, NewTask, TaskQuery, TaskState
from callboard.kernel.errors import InputError
from callboard.kernel.read_file import TreeFile

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

MAX_PAGE = 1000
MAX_FILES = 5000
STATES: tuple[TaskState, ...] = get_args(TaskState)
_ORDERS: Mapping[str, Literal["created_at", "state", "created_by"]] = {
    "created_at": "created_at",
    "status": "state",
    "created_by": "created_by",
}


def read_task_query(request: Request) -> TaskQuery:
    """``createdBy``, ``status`` and ``order`` may be repeated; ``order`` reads ``asc:created_at``. Newest first without it."""
    said = request.query_params
    states = said.getlist("status")
    for state in states:
        if state not in STATES:
            raise InputError(f"status must be one of {', '.join(STATES)}, not {state!r}.", field="status")
    order = tuple(_read_order(text) for text in said.getlist("order")) or (("created_at", "desc"),)
    limit = _read_number(said.get("limit"), "limit")
    return TaskQuery(
        created_by=[ref.lower() for ref in said.getlist("createdBy")],
        states=cast("list[TaskState]", states),
        template_refs=[ref.lower() for ref in said.getlist("templateRef")],
        order=order,
        limit=MAX_PAGE if limit is None else min(limit, MAX_PAGE),
        offset=_read_number(said.get("offset"), "offset") or 0,
    )


def _read_order(text: str) -> tuple[Literal["created_at", "state", "created_by"], Literal["asc", "desc"]]:
    direction, _, field = text.partition(":")
    if direction not in ("asc", "desc") or field not in _ORDERS:
        raise InputError(f"order must read asc: or desc: and one of {', '.join(_ORDERS)}, not {text!r}.", field="order")
    return _ORDERS[field], cast('Literal["asc", "desc"]', direction)


def _read_number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError(f"{name} must be a whole number, not {text[:40]!r}.", field=name)
    return int(text)


def read_after(request: Request) -> int | None:
    """``after``, or the event that a browser saw last before its connection broke."""
    said = request.query_params.get("after")
    if said is not None:
        return _read_number(said, "after")
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None


def read_new_task(body: Mapping[str, Any]) -> NewTask:
    ref = body.get("templateRef")
    if not isinstance(ref, str) or not ref:
        raise InputError("templateRef must name a template.", field="templateRef")
    return NewTask(ref, read_object(body, "values"), read_secrets(body))


def read_object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InputError(f"{name} must be an object.", field=name)
    return value


def read_secrets(body: Mapping[str, Any]) -> Mapping[str, str]:
    said = body.get("secrets")
    if said is None:
        return {}
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise InputError("secrets must map names to texts.", field="secrets")
    return said


def read_dry_run(body: Mapping[str, Any]) -> DryRun:
    """``{template, values, secrets?, directoryContents: [{path, base64Content}]}``."""
    rows = body.get("directoryContents", [])
    if not isinstance(rows, list):
        raise InputError("directoryContents must be a list of {path, base64Content}.", field="directoryContents")
    if len(rows) > MAX_FILES:
        raise InputError(f"directoryContents may have {MAX_FILES:,} files.", field="directoryContents")
    files = [_read_file(row, index) for index, row in enumerate(rows)]
    return DryRun(read_object(body, "template"), read_object(body, "values"), files, read_secrets(body))


def _read_file(row: Any, index: int) -> TreeFile:
    where = f"directoryContents[{index}]"
    path = row.get("path") if isinstance(row, dict) else None
    content = row.get("base64Content") if isinstance(row, dict) else None
    if not isinstance(path, str) or not path or not isinstance(content, str):
        raise InputError(f"{where} must have path and base64Content, both texts.", field=where)
    if "\0" in path or not path.isprintable() or len(path) > 1000:
        raise InputError(f"{where}.path cannot be the path of a file.", field=f"{where}.path")
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{where}.base64Content is not base64.", field=f"{where}.base64Content") from None
    return TreeFile(path, decoded, mode=0o755 if row.get("executable") is True else 0o644)


def read_autocomplete(body: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """Token and context."""
    token, context = body.get("token"), body.get("context", {})
    if not isinstance(token, str):
        raise InputError("token must be text.", field="token")
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise InputError("context must map names to texts.", field="context")
    return token, context
