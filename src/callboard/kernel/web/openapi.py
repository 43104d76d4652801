"""OpenAPI documents made from the route table: one for all at ``/openapi.json``, one for each plugin."""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Sequence

from starlette.responses import Response

from callboard import __version__
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route, plugin_of

_PARAMETER = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)(:[a-z]+)?\}")


def openapi_routes(
    routes: Sequence[Route],
    title: str,
    late: Callable[[], Sequence[Route]] = lambda: (),
    late_plugins: Collection[str] = (),
) -> list[Route]:
    """``/openapi.json`` and ``/api/<plugin>/openapi.json`` for each plugin that describes routes and has none of its own.

    ``late`` gives more routes, of these plugins and of ``late_plugins``, asked for when a document is.
    """
    taken = {route.path for route in routes}
    made = [] if "/openapi.json" in taken else [_document_route("/openapi.json", routes, title, None, late)]
    plugins = {plugin_of(route.path) for route in routes if route.openapi is not None} | set(late_plugins)
    for plugin in sorted(plugin for plugin in plugins if plugin is not None):
        path = f"/api/{plugin}/openapi.json"
        if path not in taken:
            made.append(_document_route(path, routes, plugin, plugin, late))
    return made


def _document_route(
    path: str, routes: Sequence[Route], title: str, plugin: str | None, late: Callable[[], Sequence[Route]]
) -> Route:
    document: dict[str, Any] = {}

    async def show(request: Request) -> Response:
        if not document:
            told = [one for one in (*routes, *late()) if plugin is None or plugin_of(one.path) == plugin]
            document.update(make_document(told, title, "" if plugin is None else f"/api/{plugin}"))
        return Json(document)

    return Route(path, show)


def make_document(routes: Sequence[Route], title: str, base: str = "") -> dict[str, Any]:
    """An OpenAPI 3.1 document of the described routes; paths are told below ``base``."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        described = route.operation
        if described is None:
            continue
        path = _PARAMETER.sub(r"{\1}", route.path.removeprefix(base)) or "/"
        for method in route.methods:
            operation = {"operationId": _operation_id(route, method), **described}
            named = {p.get("name") for p in operation.get("parameters", ()) if p.get("in") == "path"}
            missing = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name, _ in _PARAMETER.findall(route.path)
                if name not in named
            ]
            if missing:
                operation["parameters"] = [*operation.get("parameters", ()), *missing]
            if route.auth == "public":
                operation["security"] = []
            paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "servers": [{"url": base or "/"}],
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    }


def _operation_id(route: Route, method: str) -> str:
    name = route.name or re.sub(r"[^a-zA-Z0-9]+", "-", route.path).strip("-")
    return name if len(route.methods) == 1 else f"{name}-{method.lower()}"
