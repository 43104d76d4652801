"""Routes as values, and the index that finds one in a dictionary look-up and a few regular expressions."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Literal, Mapping, MutableMapping, Sequence
from urllib.parse import quote, unquote

from starlette.routing import compile_path

if TYPE_CHECKING:
    from starlette.responses import Response

    from callboard.kernel.web.request import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[["Request"], Awaitable["Response"]]
RawHandler = Callable[[Scope, Receive, Send], Awaitable[int | bool]]
ErrorStyle = Literal["backstage", "problem", "page"]

API_BODY_LIMIT = 100 * 1024
PAGE_BODY_LIMIT = 1024 * 1024
_API = re.compile(r"/api/([^/]+)(/.*)?")


@dataclass(frozen=True, slots=True)
class Route:
    """A path (Starlette syntax) and what answers it.

    Args:
        auth: ``required``: 401 without credentials. ``page``: people are sent to sign in. ``public``: anybody.
            ``cookie``: as required, and a limited user token (cookie ``backstage-auth``) will do.
        openapi: the OpenAPI operation object, the same for each method, for ``/api/<plugin>/openapi.json``; or what
            makes it, called when a document is first asked for.
        csrf: whether unsafe requests without an Authorization header must carry a CSRF token. Off only where the
            caller proves itself otherwise (signed webhooks, a refresh that changes nothing).
        errors: form of error answers; by path unless given (``error_style``).
        max_body_bytes: 413 beyond; 100 KiB under ``/api/``, as Express, 1 MiB elsewhere, unless given.
    """

    path: str
    handler: Handler
    methods: Sequence[str] = ("GET",)
    auth: Literal["required", "page", "public", "cookie"] = "required"
    name: str | None = None
    openapi: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None
    csrf: bool = True
    errors: ErrorStyle | None = None
    max_body_bytes: int | None = None

    @property
    def operation(self) -> Mapping[str, Any] | None:
        """The operation object, made if need be."""
        return self.openapi() if callable(self.openapi) else self.openapi

    @property
    def body_limit(self) -> int:
        if self.max_body_bytes is not None:
            return self.max_body_bytes
        return API_BODY_LIMIT if self.path.startswith("/api/") else PAGE_BODY_LIMIT


@dataclass(slots=True)
class LateRoutes:
    """Routes that are made when one of them is first asked for: what pages need is not loaded before somebody opens one.

    ``prefixes`` are literal paths that all of them begin with, segment by segment (``/docs`` stands for ``/docs`` and all below it,
    ``/`` for the front page alone). ``make`` is called once.
    """

    prefixes: Sequence[str]
    make: Callable[[], Sequence[Route]]
    _made: Sequence[Route] | None = None

    @property
    def routes(self) -> Sequence[Route]:
        """Made now, if they are not yet. Raises ``ValueError`` for one that begins otherwise: nobody would ever find it."""
        if self._made is None:
            made = tuple(self.make())
            strays = [route.path for route in made if not self.covers(route.path)]
            if strays:
                raise ValueError(f"{', '.join(strays)}: below none of {', '.join(self.prefixes)}")
            self._made = made
        return self._made

    def make_now(self) -> None:
        """Where it matters that they can be made."""
        _ = self.routes

    def covers(self, path: str) -> bool:
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class RawRoute:
    """The fast path: tried before all else for paths that begin with ``prefix``.

    The handler answers and returns the status it sent (or True), or returns False having sent nothing: then the
    ordinary routes are tried. It authenticates by itself (``raw.authenticate``).
    """

    prefix: str
    handler: RawHandler


@dataclass(frozen=True, slots=True)
class SocketRoute:
    """A WebSocket at exactly ``path``. The handler authenticates by itself (``web.sockets``), accepts and closes."""

    path: str
    handler: Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Match:
    """A route for path and method. ``params`` are decoded, a ``%2F`` inside one too."""

    route: Route
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nothing answers. ``allowed`` are the methods that the path knows, in the order registered; empty if no path fits."""

    allowed: tuple[str, ...]
    route: Route | None = None


def error_style(path: str, route: Route | None = None) -> ErrorStyle:
    """Backstage's error body on ``/api/<plugin>``, problem+json on ``/api/<feature>/v1`` and other machine paths, else a page."""
    if route is not None and route.errors is not None:
        return route.errors
    match = _API.match(path)
    if match is None:
        return "problem" if path.startswith(("/ofrep/", "/v1/")) or path in ("/openapi.json", "/metrics") else "page"
    return "problem" if (match[2] or "").startswith("/v1/") or match[2] == "/v1" else "backstage"


def plugin_of(path: str) -> str | None:
    """The plugin id in ``/api/<plugin>/…``; None elsewhere."""
    match = _API.match(path)
    return match[1] if match else None


class Router:
    """Routes indexed by their leading segment (``/api/<plugin>`` counts as one).

    Exact paths win, then the one that says more, read from the left (a literal over a parameter), then the first that fits.
    """

    def __init__(self, routes: Sequence[Route], late: Sequence[LateRoutes] = ()) -> None:
        self._exact: dict[str, list[Route]] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Mapping[str, Any], Route]]] = {}
        self._by_name: dict[str, Route] = {}
        self.plugins: set[str] = {plugin for one in late for prefix in one.prefixes if (plugin := plugin_of(prefix))}
        self._late = list(late)
        self._add_all(routes)

    def _add_all(self, routes: Sequence[Route]) -> None:
        for route in routes:
            self._add(route)
        for patterns in self._patterns.values():
            patterns.sort(key=lambda found: _vagueness(found[2].path))

    def _make_late(self, path: str | None) -> None:
        """Make the late routes that ``path`` may be one of; None makes all."""
        wanted = [one for one in self._late if path is None or one.covers(path)]
        for one in wanted:
            self._add_all(one.routes)
            self._late.remove(one)

    def _add(self, route: Route) -> None:
        path = route.path.rstrip("/") or "/"
        if route.name is not None:
            self._by_name.setdefault(route.name, route)
        plugin = plugin_of(path)
        if plugin is not None and "{" not in plugin:
            self.plugins.add(plugin)
        if "{" not in path:
            self._exact.setdefault(path, []).append(route)
            return
        pattern, convertors = _compiled(path)
        key = _index_key(path)
        self._patterns.setdefault("" if "{" in key else key, []).append((pattern, convertors, route))

    def find(self, scope: Scope, method: str) -> Match | NoMatch:
        """The route for this path; HEAD is answered by GET. A trailing slash makes no difference."""
        path, has_slash = _path_of(scope)
        if path is None:
            return NoMatch(())
        if len(path) > 1 and path[-1] == "/":
            path = path.rstrip("/") or "/"
        if self._late:
            self._make_late(path)
        wanted = "GET" if method == "HEAD" else method
        allowed: list[str] = []
        seen: Route | None = None
        for route in self._exact.get(path, ()):
            if wanted in route.methods:
                return Match(route, {})
            seen = seen or route
            allowed += route.methods
        for key in (_index_key(path), ""):
            for pattern, convertors, route in self._patterns.get(key, ()):
                found = pattern.match(path)
                if found is None:
                    continue
                if wanted in route.methods:
                    params = found.groupdict()
                    return Match(route, {k: _convert(convertors[k], v, has_slash) for k, v in params.items()})
                seen = seen or route
                allowed += route.methods
        return NoMatch(tuple(dict.fromkeys(allowed)), seen)

    def url_for(self, name: str, **params: Any) -> str:
        """The path of a named route with its parameters filled in, each percent-encoded. Raises ``KeyError``."""
        if name not in self._by_name:
            self._make_late(None)
        path = self._by_name[name].path
        for key, value in params.items():
            found = re.search(r"\{" + re.escape(key) + r"(:[a-z]+)?\}", path)
            if found is None:
                raise KeyError(key)
            path = (
                path[: found.start()] + quote(str(value), safe="/" if found[1] == ":path" else "") + path[found.end() :]
            )
        if "{" in path:
            raise KeyError(f"{name} needs more parameters: {path}")
        return path


@functools.lru_cache(maxsize=4096)
def _compiled(path: str) -> tuple[re.Pattern[str], Mapping[str, Any]]:
    """The pattern of a path with parameters, and what turns each parameter's text into its value."""
    pattern, _, convertors = compile_path(path)
    return pattern, convertors


def _index_key(path: str) -> str:
    parts = path.split("/", 3)
    return f"/api/{parts[2]}" if len(parts) > 2 and parts[1] == "api" else f"/{parts[1]}"


def _vagueness(path: str) -> tuple[int, ...]:
    """For each segment: 0 when it is literal, 1 with a parameter, 2 with one that takes slashes."""
    return tuple(2 if ":path}" in part else 1 if "{" in part else 0 for part in path.strip("/").split("/"))


def _path_of(scope: Scope) -> tuple[str | None, bool]:
    """The decoded path, with NUL in place of each encoded slash, and whether there are any; None for one with a NUL."""
    path: str = scope["path"]
    if "\0" in path:
        return None, False
    raw = scope.get("raw_path")
    if raw is None or (b"%2f" not in raw and b"%2F" not in raw):
        return path, False
    return unquote(re.sub("%2f", "\0", raw.decode("latin-1"), flags=re.IGNORECASE)), True


def _convert(convertor: Any, value: str, has_slash: bool) -> Any:
    return convertor.convert(value.replace("\0", "/") if has_slash else value)
