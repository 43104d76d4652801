"""The web application: raw routes, then the router, who asks, CSRF, the handler, and headers on the way out.

A stack of its own instead of middleware layers: each step is a plain call, and the fast path skips all but the first.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Callable, Sequence
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.kernel.auth.ownership import OwnershipResolver
from callboard.kernel.auth.service import MissingCredentials
from callboard.kernel.errors import AuthenticationError, CallboardError, NotAllowedError
from callboard.kernel.logs import bound_context, get_logger
from callboard.kernel.tracing import is_traced, note_answer, server_span
from callboard.kernel.web import csrf, notices, security
from callboard.kernel.web.body import RequestTooLarge, limited
from callboard.kernel.web.compression import THRESHOLD, GzipStream, accepts_gzip, compress, is_compressible
from callboard.kernel.web.cookies import clear_cookie, set_cookie
from callboard.kernel.web.cors import Cors
from callboard.kernel.web.errors import ToldError, error_page, error_response
from callboard.kernel.web.locales import find_chosen
from callboard.kernel.web.raw import send_error
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, JsonBytes, Redirect, is_fresh, weak_etag
from callboard.kernel.web.routing import (
    LateRoutes,
    Match,
    NoMatch,
    RawRoute,
    Receive,
    Route,
    Router,
    Scope,
    Send,
    SocketRoute,
    error_style,
    plugin_of,
)  # fmt: skip
from callboard.kernel.web.static import StaticFiles
from callboard.kernel.web.target import find_fault
from callboard.kernel.web.templates import PageTools, Templates

log = get_logger(__name__)
SLOW_S = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class WebApp:
    """The ASGI application of one portal. ``router`` and ``templates`` are its parts, for those who list or render."""

    def __init__(
        self,
        portal: Any,
        routes: Sequence[Route],
        raw_routes: Sequence[RawRoute],
        sockets: Sequence[SocketRoute] = (),
        late: Sequence[LateRoutes] = (),
    ) -> None:
        self._portal = portal
        self._sockets = {route.path: route.handler for route in sockets}
        self._raw = [(route.prefix, route.handler) for route in raw_routes]
        self.static = StaticFiles(_tools(portal).static_folders)
        static_route = Route("/static/{path:path}", self.static.serve, auth="public", name="static")
        self.router = Router([*routes, static_route], late)
        self.templates = Templates(
            portal.template_packages,
            tools=_tools(portal),
            static=self.static.url,
            url_for=self.router.url_for,
            nav_items=portal.nav_items,
            settings_pages=portal.settings_pages,
            site_name=portal.settings.get_str("app.title", "Callboard"),
        )
        settings = portal.auth.settings
        public_url = portal.settings.get_str("app.baseUrl", settings.base_url)
        self._policy = security.read_policy(portal.settings.get("backend.csp"))
        self._cors = Cors.from_settings(portal.settings)
        self._origins = frozenset(_origin(url) for url in (settings.base_url, public_url))
        labels = ("method", "route", "status")
        self._seconds = portal.metrics.histogram("callboard_http_request_duration_seconds", "Time to answer.", labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            scope["portal"] = self._portal
            if self._cors is not None:
                opened = await self._cors.open(scope, send)
                if opened is None:
                    return
                send = opened
            fault = find_fault(scope)
            if fault is not None:
                await self._answer(scope, receive, send, fault)
                return
            if is_traced():
                with server_span(scope):
                    await self._find_answer(scope, receive, send)
            else:
                await self._find_answer(scope, receive, send)
        elif kind == "lifespan":
            await _lifespan(receive, send)
        elif handler := self._sockets.get(scope["path"].rstrip("/")):
            await handler(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _find_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        for prefix, handler in self._raw:
            if path.startswith(prefix) and await self._answer_raw(prefix, handler, scope, receive, send):
                return
        await self._answer(scope, receive, send)

    # ---- the fast path -----------------------------------------------------------------------------------------------

    async def _answer_raw(self, prefix: str, handler: Any, scope: Scope, receive: Receive, send: Send) -> bool:
        started = time.perf_counter()
        try:
            answered = await handler(scope, receive, send)
        except Exception as error:
            answered = await send_error(send, scope, error)
        if answered is False:
            return False
        seconds = time.perf_counter() - started
        status = 200 if answered is True else int(answered)
        self._seconds.observe(seconds, scope["method"], prefix, _STATUS_TEXT.get(status) or str(status))
        if is_traced():
            note_answer(scope["method"], prefix, status)
        if seconds > SLOW_S or status >= 500:
            self._log(scope, status, seconds, None, None)
        return True

    # ---- the ordinary path -------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send, fault: CallboardError | None = None) -> None:
        started = time.perf_counter()
        method: str = scope["method"]
        found = self.router.find(scope, method)
        route = found.route
        if route is not None:
            receive = limited(receive, route.body_limit)
        request = Request(scope, receive, portal=self._portal, templates=self.templates, id=_request_id(scope))
        out = _Out(send)
        with bound_context(request_id=request.id):
            try:
                if fault is not None:
                    raise fault
                response = await self._respond(request, found)
                await self._send(request, response, route, out)
            except Exception as error:
                if out.started:
                    log.error("answer broke off", exc_info=error, method=method, path=scope["path"])
                    raise
                await self._send(request, error_response(error, request, route), route, out)
            finally:
                await request.close()
            seconds = time.perf_counter() - started
            label = route.path if route is not None else "none"
            self._seconds.observe(seconds, method, label, str(out.status))
            if is_traced():
                note_answer(method, label, out.status)
            if (seconds > SLOW_S and not out.is_stream) or out.status >= 500:
                self._log(scope, out.status, seconds, request.id, request.actor)

    async def _respond(self, request: Request, found: Match | NoMatch) -> Response:
        route, path = found.route, request.url.path
        is_api = error_style(path, route) != "page"
        if isinstance(found, NoMatch) and not found.allowed and not is_api:
            await self._identify(request, None)
            await self._fill_frame(request)
            return error_page(request, _told(404))
        if isinstance(found, NoMatch) and not found.allowed and plugin_of(path) not in self.router.plugins:
            return Empty(404)
        await self._identify(request, route)
        if isinstance(found, NoMatch):
            return self._no_method(request, found, is_api)
        if request.actor.type == "anonymous" and found.route.auth != "public":
            return self._ask_to_sign_in(request, found.route)
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > found.route.body_limit:
            raise RequestTooLarge(found.route.body_limit)
        if found.route.csrf and request.method not in csrf.SAFE_METHODS and "authorization" not in request.headers:
            await self._require_own_page(request)
        request.scope["path_params"] = dict(found.params)
        if found.route.auth == "page":
            await self._fill_frame(request)
        return await found.route.handler(request)

    async def _fill_frame(self, request: Request) -> None:
        """What the frame around a page shows. Without one part of it the page is still a page."""
        for give in self._portal.page_context:
            try:
                request.page_context.update(await give(request))
            except CallboardError as error:
                log.warning("a part of the frame is missing", error=str(error))

    async def _identify(self, request: Request, route: Route | None) -> None:
        """Set ``request.actor``. Where anybody may come, credentials that do not hold count for none."""
        is_public = route is None or route.auth == "public"
        try:
            actor: Actor = await self._portal.auth.authenticate(
                request.scope, limited=route is not None and route.auth == "cookie"
            )
        except AuthenticationError:
            if not is_public:
                raise
            actor = ANONYMOUS
        request.actor = actor
        if request.is_own_user and error_style(request.url.path, route) == "page" and len(request.locales) > 1:
            request.chosen_locale = await find_chosen(self._portal, actor.subject)
        plugin = plugin_of(request.url.path)
        if (
            actor.restrictions
            and plugin is not None
            and not is_public
            and all(r.plugin != plugin for r in actor.restrictions)
        ):
            names = ", ".join(f"'{r.plugin}'" for r in actor.restrictions)
            raise NotAllowedError(f"This token's access is restricted to plugin(s) {names}")

    def _no_method(self, request: Request, found: NoMatch, is_api: bool) -> Response:
        """Express's answers: OPTIONS lists the methods, any other is a bare 404. Pages say 405."""
        if is_api and request.actor.type == "anonymous" and (found.route is None or found.route.auth != "public"):
            raise MissingCredentials
        if not found.allowed:
            return Empty(404)
        allowed = ",".join(m for method in found.allowed for m in ((method, "HEAD") if method == "GET" else (method,)))
        if request.method == "OPTIONS":
            response = Response(allowed, headers={"allow": allowed, "content-type": "text/html; charset=utf-8"})
            response.headers["etag"] = weak_etag(bytes(response.body))
            return response
        if is_api:
            return Empty(404)
        return error_page(request, _told(405), headers={"allow": allowed})

    def _ask_to_sign_in(self, request: Request, route: Route) -> Response:
        if route.auth != "page" or request.method not in csrf.SAFE_METHODS:
            raise MissingCredentials
        query = f"?{request.url.query}" if request.url.query else ""
        target = f"/sign-in?next={quote(request.url.path + query, safe='/')}"
        if request.is_fragment:
            return Empty(401, {"hx-redirect": target})
        return Redirect(target, headers={"cache-control": "no-store"})

    async def _require_own_page(self, request: Request) -> None:
        csrf.require_same_site(request.headers, self._origins)
        token = request.headers.get(csrf.HEADER)
        if token is None and request.headers.get("content-type", "").startswith(_FORMS):
            value = (await request.form()).get(csrf.FIELD)
            token = value if isinstance(value, str) else None
        secret = request.csrf_secret
        if token is None or secret is None or not csrf.is_token(token, secret):
            raise csrf.CsrfRefused("the form is too old, or was not one of this portal's")

    # ---- on the way out ----------------------------------------------------------------------------------------------

    async def _send(self, request: Request, response: Response, route: Route | None, out: "_Out") -> None:
        scope = request.scope
        if request.new_csrf_secret is not None:
            set_cookie(response, self._portal.auth.settings, csrf.COOKIE, request.new_csrf_secret, same_site="strict")
        if request.has_told:
            clear_cookie(response, self._portal.auth.settings, notices.COOKIE)
        headers = response.raw_headers
        if error_style(request.url.path, route) == "page":
            headers += security.page_headers(self._portal.auth.settings, request.used_nonce, self._policy)
        else:
            headers += security.API_HEADERS
        headers.append((b"x-request-id", request.id.encode()))
        streams = isinstance(response, StreamingResponse) or not hasattr(response, "body")
        accepts = accepts_gzip(request.headers.get("accept-encoding", ""))
        content_type = response.headers.get("content-type", "")
        may_pack = accepts and is_compressible(content_type) and "content-encoding" not in response.headers
        if streams:
            out.is_stream = True
            await response(scope, request.receive, _gzipping(out) if may_pack and scope["method"] != "HEAD" else out)
            return
        body = bytes(response.body)
        if isinstance(response, JsonBytes) and response.wants_etag and body and "etag" not in response.headers:
            response.headers["etag"] = weak_etag(body)
        etag = response.headers.get("etag")
        if isinstance(response, JsonBytes):
            response.headers["vary"] = response.headers.get("vary", "Accept-Encoding")
        if (
            etag is not None
            and response.status_code == 200
            and scope["method"] in ("GET", "HEAD")
            and is_fresh(request.headers.get("if-none-match", ""), etag)
        ):
            response.status_code, body = 304, b""
            del response.headers["content-length"]
            del response.headers["content-type"]
        elif may_pack and len(body) > THRESHOLD:
            body = await compress(body)
            response.headers["content-encoding"] = "gzip"
            response.headers["content-length"] = str(len(body))
        if response.status_code == 204 and "content-length" in response.headers:
            del response.headers["content-length"]
        await out({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await out({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        if response.background is not None:
            await response.background()

    def _log(self, scope: Scope, status: int, seconds: float, id: str | None, actor: Actor | None) -> None:
        log.warning(
            "request was slow" if status < 500 else "request ended in an error",
            method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000), request=id,
            actor=None if actor is None else actor.subject,
        )  # fmt: skip


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_STATUS_TEXT = {200: "200", 304: "304", 400: "400", 404: "404"}


class _Out:
    """``send`` that knows whether the answer has begun, and with which status."""

    __slots__ = ("_send", "is_stream", "started", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.status = 0
        self.is_stream = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
        await self._send(message)


def _gzipping(send: Callable[[Any], Any]) -> Send:
    packer = GzipStream()

    async def send_packed(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(k, v) for k, v in message["headers"] if k.lower() != b"content-length"]
            message = {**message, "headers": [*headers, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]}
        elif message["type"] == "http.response.body":
            more = message.get("more_body", False)
            message = {**message, "body": packer.add(message.get("body", b""), last=not more)}
        await send(message)

    return send_packed


def _tools(portal: Any) -> PageTools:
    found: PageTools | None = portal.find_service(PageTools)
    return found if found is not None else PageTools()


def _told(status: int) -> ToldError:
    messages = {404: "There is no page at this address.", 405: "This address cannot be used that way."}
    return ToldError(status, "NotFoundError", messages[status], "not_found")


def _request_id(scope: Scope) -> str:
    """The caller's ``X-Request-Id`` if it is a plain word, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return secrets.token_hex(8)


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()


async def _lifespan(receive: Receive, send: Send) -> None:
    """The portal is started and stopped by whoever made it; the server only needs an answer."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def build_asgi(portal: Any) -> WebApp:
    """The application for an assembled portal: its plugins' routes and the kernel's own.

    Reads ``portal.early_routes``, ``late_routes``, ``raw_routes``, ``nav_items``, ``template_packages``, ``settings``, ``auth``, ``permissions``,
    ``metrics`` and the services ``PageTools`` and ``OwnershipResolver``.
    """
    from callboard.kernel.wire import own_routes, own_sockets
    from callboard.kernel.wire.plugin_endpoints import TASK_PERMISSIONS

    portal.permissions.register(TASK_PERMISSIONS)
    resolver = portal.find_service(OwnershipResolver)
    if resolver is not None:
        portal.auth.set_ownership(resolver)
    sockets = [*portal.socket_routes, *own_sockets(portal)]
    return WebApp(portal, [*portal.early_routes, *own_routes(portal)], portal.raw_routes, sockets, portal.late_routes)
