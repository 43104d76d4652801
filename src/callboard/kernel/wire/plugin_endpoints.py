"""What every plugin has below ``/api/<plugin>/.backstage`` and ``/.well-known``. Source: Backstage 1.55, recorded answers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any, Sequence

from starlette.responses import Response

from callboard.kernel.actions import ActionNotFound, format_action
from callboard.kernel.auth.service import LIMITED_COOKIE
from callboard.kernel.auth.tokens import IllegalToken, derive_limited_token
from callboard.kernel.clock import format_time
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.permissions import Permission
from callboard.kernel.web.cookies import clear_cookie
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.credentials import require_user
from callboard.kernel.wire.permission import apply_conditions, metadata_of

RUN_TASKS = Permission("portal.task.update", "update", None, "Start a scheduled task out of turn, or cancel it.")
TASK_PERMISSIONS: tuple[Permission, ...] = (RUN_TASKS,)


def plugin_routes(portal: Any, plugins: Sequence[str]) -> list[Route]:
    """The routes that each of ``plugins`` has."""
    endpoints = _Endpoints(portal)
    routes: list[Route] = []
    for plugin in plugins:
        base = f"/api/{plugin}"
        bound = partial(partial, plugin=plugin)
        actions, tasks = f"{base}/.backstage/actions", f"{base}/.backstage/scheduler/v1/tasks"
        routes += [
            Route(f"{base}/.backstage/auth/v1/jwks.json", endpoints.jwks, auth="public"),
            Route(f"{base}/.backstage/auth/v1/cookie", endpoints.set_cookie),
            Route(f"{base}/.backstage/auth/v1/cookie", endpoints.clear_cookie, ("DELETE",), auth="public", csrf=False),
            Route(f"{base}/.well-known/backstage/permissions/metadata", bound(endpoints.metadata)),
            Route(f"{base}/.well-known/backstage/permissions/apply-conditions", endpoints.apply, ("POST",)),
            Route(f"{actions}/v1/actions", bound(endpoints.list_actions)),
            Route(f"{actions}/v1/actions/{{id}}/invoke", bound(endpoints.invoke_v1), ("POST",)),
            Route(f"{actions}/v2/actions/{{id}}/invoke", bound(endpoints.invoke_v2), ("POST",)),
            Route(tasks, bound(endpoints.list_tasks)),
            Route(f"{tasks}/{{id}}/trigger", bound(endpoints.trigger), ("POST",)),
            Route(f"{tasks}/{{id}}/cancel", bound(endpoints.cancel), ("POST",)),
        ]
    return routes


class _Endpoints:
    def __init__(self, portal: Any) -> None:
        self._portal = portal

    # ---- tokens ------------------------------------------------------------------------------------------------------

    async def jwks(self, request: Request) -> Response:
        return Json({"keys": await self._portal.auth.tokens.plugin_keys.public_keys()})

    async def set_cookie(self, request: Request) -> Response:
        """Puts the limited user token into a cookie, for files that a page loads (images of docs)."""
        require_user(request.actor)
        token, expires = await self._limited_token(request)
        expires_at = datetime.fromtimestamp(expires, UTC)
        response = Json({"expiresAt": format_time(expires_at)}, headers={"cache-control": "no-store"})
        secure = "; Secure" if self._portal.auth.settings.secure_cookies else ""
        date = format_datetime(expires_at, usegmt=True)
        cookie = f"{LIMITED_COOKIE}={token}; Path=/; Expires={date}; HttpOnly{secure}; Priority=High; SameSite=Lax"
        response.headers.append("set-cookie", cookie)
        return response

    async def _limited_token(self, request: Request) -> tuple[str, int]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                return derive_limited_token(token.strip())
            except IllegalToken:
                pass  # a personal token: the user is known all the same
        issued = await self._portal.auth.tokens.issue_user_token(request.actor.subject)
        return derive_limited_token(issued.token)

    async def clear_cookie(self, request: Request) -> Response:
        response = Empty(204)
        clear_cookie(response, self._portal.auth.settings, LIMITED_COOKIE)
        return response

    # ---- permissions -------------------------------------------------------------------------------------------------

    async def metadata(self, request: Request, *, plugin: str) -> Response:
        return Json(metadata_of(self._portal, plugin))

    async def apply(self, request: Request) -> Response:
        return await apply_conditions(self._portal, request)

    # ---- actions -----------------------------------------------------------------------------------------------------

    async def list_actions(self, request: Request, *, plugin: str) -> Response:
        listed = self._portal.actions.list(request.actor, plugin=plugin)
        return Json({"actions": [format_action(action) for action in listed]})

    async def invoke_v1(self, request: Request, *, plugin: str) -> Response:
        return await self._invoke(request, plugin, await request.read_json(), None)

    async def invoke_v2(self, request: Request, *, plugin: str) -> Response:
        body = await request.require_object()
        secrets = body.get("secrets")
        if secrets is not None and (
            not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values())
        ):
            raise InputError("secrets must be an object of texts.", field="secrets")
        return await self._invoke(request, plugin, body.get("input", {}), secrets)

    async def _invoke(self, request: Request, plugin: str, input: Any, secrets: dict[str, str] | None) -> Response:
        id: str = request.path_params["id"]
        if id.partition(":")[0] != plugin:
            raise ActionNotFound(id)
        output = await self._portal.actions.invoke(id, input, actor=request.actor, secrets=secrets)
        return Json({"output": output})

    # ---- scheduled tasks ---------------------------------------------------------------------------------------------

    async def list_tasks(self, request: Request, *, plugin: str) -> Response:
        return Json({"tasks": await self._portal.jobs.list_tasks(plugin)})

    async def trigger(self, request: Request, *, plugin: str) -> Response:
        self._portal.permissions.require(request.actor, RUN_TASKS)
        task = await self._task(plugin, request.path_params["id"])
        await self._portal.jobs.trigger(task["taskId"])
        await self._record(request, "task-trigger", task)
        return Empty(200)

    async def cancel(self, request: Request, *, plugin: str) -> Response:
        """A task that is not running has nothing to cancel; one that is ends by its own time limit."""
        self._portal.permissions.require(request.actor, RUN_TASKS)
        task = await self._task(plugin, request.path_params["id"])
        if (task["taskState"] or {}).get("status") != "running":
            raise ConflictError(f"Task {task['taskId']} is not running")
        limit = task["settings"].get("timeoutAfterDuration", "its time limit")
        raise ConflictError(f"Task {task['taskId']} cannot be interrupted; it ends after {limit} at the latest")

    async def _task(self, plugin: str, id: str) -> dict[str, Any]:
        for task in await self._portal.jobs.list_tasks(plugin):
            if task["taskId"] == id:
                return dict(task)
        raise NotFoundError(f"Task {id} does not exist")

    async def _record(self, request: Request, event: str, task: dict[str, Any]) -> None:
        meta = {"task": task["taskId"], "plugin": task["pluginId"]}
        await self._portal.audit.record(None, event, actor=request.actor, severity="medium", meta=meta, request=request)
