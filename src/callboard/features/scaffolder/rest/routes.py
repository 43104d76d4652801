"""``/api/scaffolder/v2``: Backstage's routes over ``Tasks`` and ``Templates``, which ask for permission."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import orjson

from callboard.features.scaffolder.interface import Autocomplete, DryRunResult, Tasks, Templates, ValuesRefused
from callboard.features.scaffolder.rest import documents as doc
from callboard.features.scaffolder.rest import reading, wire
from callboard.features.scaffolder.rest.auditing import ReadAudit
from callboard.features.scaffolder.rest.stream import LONG_POLL_S, sse_chunks, unless_stopped
from callboard.kernel.errors import InputError
from callboard.kernel.web.errors import ToldError, backstage_body
from callboard.kernel.web.responses import Json, JsonBytes
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef, RefError

if TYPE_CHECKING:
    from starlette.responses import Response

    from callboard.kernel.actions import ActionRegistry
    from callboard.kernel.web.request import Request

PREFIX = "/api/scaffolder/v2"
MIB = 1024 * 1024
MAX_TASK_BYTES = MIB
MAX_DRY_RUN_BYTES = 10 * MIB
MAX_AUTOCOMPLETE_BYTES = 64 * 1024


class TaskEndpoints:
    """Handlers of the routes. ``extensions`` gives the answer of ``templating-extensions``."""

    def __init__(self, portal: Any, extensions: Callable[[], Mapping[str, Any]]) -> None:
        self._portal = portal
        self._tasks: Tasks = portal.service(Tasks)
        self._templates: Templates = portal.service(Templates)
        self._extensions = extensions

    @cached_property
    def _autocomplete(self) -> Mapping[tuple[str, str], Autocomplete]:
        found = self._portal.plugins.collect("register_autocomplete", portal=self._portal)
        return {(one.provider, one.resource): one for one in found}

    # ---- templates ---------------------------------------------------------------------------------------------------

    async def parameter_schema(self, request: Request) -> Response:
        parts = request.path_params
        try:
            ref = EntityRef(parts["kind"].lower(), parts["namespace"].lower(), parts["name"].lower())
        except RefError as error:
            raise InputError(str(error)) from None
        return Json(wire.form_to_wire(await self._templates.find_form(ref, actor=request.actor)))

    async def actions(self, request: Request) -> Response:
        actions: ActionRegistry = self._portal.actions
        return Json([wire.action_to_wire(one) for one in actions.list(request.actor, with_workspace=True)])

    async def templating_extensions(self, request: Request) -> Response:
        return Json(self._extensions())

    async def autocomplete(self, request: Request) -> Response:
        provider, resource = request.path_params["provider"], request.path_params["resource"]
        token, context = reading.read_autocomplete(await request.require_object())
        found = self._autocomplete.get((provider, resource))
        if found is None:
            known = sorted({one for one, _ in self._autocomplete})
            if provider in known:
                resources = ", ".join(sorted(name for one, name in self._autocomplete if one == provider))
                raise InputError(f"Unsupported resource: {resource}. {provider} has {resources}.", field="resource")
            raise InputError(f"Unsupported provider: {provider}", field="provider")
        return Json({"results": [dict(row) for row in await found.complete(token, context)]})

    # ---- tasks -------------------------------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        new = reading.read_new_task(await request.require_object())
        try:
            return Json({"id": await self._tasks.create(new, actor=request.actor)}, 201)
        except ValuesRefused as refused:
            return told_problems(refused)

    async def list(self, request: Request) -> Response:
        page = await self._tasks.list(reading.read_task_query(request), actor=request.actor)
        return Json({"tasks": [wire.task_to_wire(task) for task in page.tasks], "totalTasks": page.total})

    async def get(self, request: Request) -> Response:
        return Json(wire.task_to_wire(await self._tasks.settle(_id(request), actor=request.actor)))

    async def cancel(self, request: Request) -> Response:
        await self._tasks.cancel(_id(request), actor=request.actor)
        return Json({"status": "cancelled"})

    async def retry(self, request: Request) -> Response:
        secrets = reading.read_secrets(await request.require_object())
        await self._tasks.retry(_id(request), secrets=secrets, actor=request.actor)
        return Json({"id": _id(request)}, 201)

    async def event_stream(self, request: Request) -> Response:
        from starlette.responses import StreamingResponse

        id, actor, after = _id(request), request.actor, reading.read_after(request)
        first = await self._tasks.events(id, after=after, actor=actor)
        chunks = sse_chunks(self._tasks, id, first, after, actor=actor, stopping=self._portal.stopping)
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        return StreamingResponse(chunks, 200, headers, media_type="text/event-stream")

    async def events(self, request: Request) -> Response:
        """As soon as there is one; none after half a minute."""
        waiting = self._tasks.wait_events(
            _id(request), after=reading.read_after(request), timeout_s=LONG_POLL_S, actor=request.actor
        )
        found = await unless_stopped(waiting, self._portal.stopping)
        return Json([wire.event_to_wire(event) for event in found or ()], etag=False)

    async def dry_run(self, request: Request) -> Response:
        try:
            dry = reading.read_dry_run(await request.require_object())
            result = await self._tasks.dry_run(dry, actor=request.actor)
        except ValuesRefused as refused:
            return told_problems(refused)
        if result.error is not None:
            return _told_failure(result, request)
        return Json(wire.dry_run_to_wire(result))


def told_problems(refused: ValuesRefused) -> JsonBytes:
    """400 in the words of JSON Schema."""
    return Json({"errors": [wire.problem_to_wire(problem) for problem in refused.problems]}, 400)


def _told_failure(result: DryRunResult, request: Request) -> JsonBytes:
    """400 as Backstage tells an error, with the log and the files until there."""
    assert result.error is not None
    told = ToldError(400, result.error["name"], result.error["message"], "scaffolder.dry_run")
    body = orjson.loads(backstage_body(told, request.scope))
    return Json({**body, **wire.dry_run_to_wire(result)}, 400)


def task_routes(portal: Any, extensions: Callable[[], Mapping[str, Any]]) -> Sequence[Route]:
    """All routes below ``/api/scaffolder/v2``. ``extensions`` gives the answer of ``templating-extensions``."""
    own = TaskEndpoints(portal, extensions)
    read: ReadAudit = portal.service(ReadAudit)
    one = f"{PREFIX}/tasks/{{taskId}}"

    def get(path: str, handler: Any, described: Mapping[str, Any], **more: Any) -> Route:
        return Route(path, handler, openapi=described, **more)

    def post(path: str, handler: Any, described: Mapping[str, Any], most: int | None = None) -> Route:
        return Route(path, handler, ("POST",), openapi=described, max_body_bytes=most)

    return [
        get(f"{PREFIX}/templates/{{namespace}}/{{kind}}/{{name}}/parameter-schema", read.of(own.parameter_schema, "template-parameter-schema"),
            doc.operation("What a template asks", doc.FORM, errors=["400", "404"])),
        get(f"{PREFIX}/actions", read.of(own.actions, "action-fetch"), doc.operation("Actions that steps may use", doc.ACTIONS)),
        get(f"{PREFIX}/templating-extensions", own.templating_extensions,
            doc.operation("Filters and globals beside the built-in ones", doc.EXTENSIONS)),
        post(f"{PREFIX}/autocomplete/{{provider}}/{{resource}}", own.autocomplete,
             doc.operation("Suggestions of a source host", doc.RESULTS, body=doc.AUTOCOMPLETE, errors=["400", "413"]),
             MAX_AUTOCOMPLETE_BYTES),
        post(f"{PREFIX}/dry-run", own.dry_run,
             doc.operation("Try a template without effect", doc.DRY_RUN_RESULT, body=doc.DRY_RUN,
                           errors=["400", "413"], problems=True), MAX_DRY_RUN_BYTES),
        get(f"{PREFIX}/tasks", read.of(own.list, "task", "list"),
            doc.operation("Tasks, newest first", doc.TASKS, parameters=doc.TASK_FILTERS, errors=["400"])),
        post(f"{PREFIX}/tasks", own.create,
             doc.operation("Run a template", doc.CREATED, status="201", body=doc.NEW_TASK,
                           errors=["400", "404", "413"], problems=True), MAX_TASK_BYTES),
        get(one, read.of(own.get, "task", "get"), doc.operation("A task", doc.TASK, errors=["404"])),
        post(f"{one}/cancel", own.cancel,
             doc.operation("Ask for the end of a task", doc.CANCELLED, errors=["404", "413"])),
        post(f"{one}/retry", own.retry,
             doc.operation("Run what has not ended, again", doc.CREATED, status="201", body=doc.RETRY,
                           body_required=False, errors=["400", "404", "409", "413"])),
        get(f"{one}/eventstream", read.of(own.event_stream, "task", "stream"),
            doc.operation("Events as they come (server-sent events)", None, parameters=[doc.AFTER],
                          errors=["400", "404"], media="text/event-stream")),
        get(f"{one}/events", read.of(own.events, "task", "events"),
            doc.operation("Events, as soon as there is one", {"type": "array", "items": doc.EVENT},
                          parameters=[doc.AFTER], errors=["400", "404"])),
    ]  # fmt: skip


def _id(request: Request) -> str:
    return str(request.path_params["taskId"])


__all__ = ["TaskEndpoints", "task_routes", "told_problems"]
