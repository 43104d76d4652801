"""The one mapper from errors to answers: Backstage's body, problem+json, or a page.

What was not foreseen is logged once under a random id and told as ``An internal error occurred logId=<id>``; its own
text stays in the log.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from markupsafe import escape
from starlette.responses import Response

from callboard.kernel.errors import (
    AuthenticationError,
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)  # fmt: skip
from callboard.kernel.logs import get_logger
from callboard.kernel.web.responses import PROBLEM, JsonBytes
from callboard.kernel.web.routing import Route, Scope, error_style
from callboard.kernel.web.target import UrlTooLong

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

log = get_logger(__name__)

_STATUS: tuple[tuple[type[CallboardError], int], ...] = (
    (UrlTooLong, 414),
    (InputError, 400),
    (AuthenticationError, 401),
    (NotAllowedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (LimitError, 413),
    (UnavailableError, 503),
)


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What ``errors/error.html`` may see.

    ``status`` is the HTTP status; ``title`` and ``heading`` say what happened, ``message`` what it means, ``advice`` what to do.
    ``suggestions`` and ``ways`` are (title, address): near matches, and places to go. ``request_id`` finds it in the log.
    """

    title: str
    status: int
    heading: str
    message: str
    advice: str = ""
    crumbs: tuple[Any, ...] = ()
    suggestions: tuple[tuple[str, str], ...] = ()
    ways: tuple[tuple[str, str], ...] = ()
    request_id: str | None = None


_TITLES = {
    400: "That cannot be used", 401: "Sign in to see this", 403: "You may not do this", 404: "Not found",
    405: "That does not work here", 409: "It clashes with what is there", 413: "Too large",
    414: "Too long an address", 429: "Too many requests",
    500: "Something broke on our side", 503: "Something we need does not answer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToldError:
    """An error as it is told: nothing here is secret."""

    status: int
    name: str
    message: str
    code: str
    log_id: str | None = None


def status_of(error: CallboardError) -> int:
    """The HTTP status; a ``LimitError`` that ends by waiting is 429."""
    if isinstance(error, LimitError) and error.retry_after_s is not None:
        return 429
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def tell(error: Exception, scope: Scope) -> ToldError:
    """What may be said of ``error``. Anything that is not ours is logged here, once."""
    if isinstance(error, CallboardError) and (status := status_of(error)) != 500:
        return ToldError(status, error.name, error.message, error.code)
    log_id = secrets.token_hex(10)
    fields = {"log_id": log_id, "method": scope.get("method"), "path": scope.get("path")}
    log.error("request failed", exc_info=error, **fields)
    return ToldError(500, "InternalServerError", f"An internal error occurred logId={log_id}", "internal", log_id)


def backstage_url(scope: Scope) -> str:
    """Path and query as Backstage tells them: without ``/api/<plugin>``, encoded as they came."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(scope["path"])
    if path.startswith("/api/"):
        path = "/" + path[5:].partition("/")[2]
    query: bytes = scope.get("query_string", b"")
    return f"{path}?{query.decode('latin-1')}" if query else path


def backstage_body(told: ToldError, scope: Scope) -> bytes:
    """``{"error": …, "request": …, "response": …}`` as Backstage's error middleware writes it."""
    body = {
        "error": {"name": told.name, "message": told.message},
        "request": {"method": scope["method"], "url": backstage_url(scope)},
        "response": {"statusCode": told.status},
    }
    return orjson.dumps(body)


def problem_body(told: ToldError, error: Exception, scope: Scope) -> bytes:
    """RFC 9457, with ``code`` and, as far as known, ``field``, ``file``, ``line`` and ``column``."""
    body: dict[str, Any] = {
        "type": f"urn:callboard:error:{told.code}",
        "title": _TITLES.get(told.status, "Error"),
        "status": told.status,
        "detail": told.message,
        "code": told.code,
        "instance": scope["path"],
    }
    if isinstance(error, CallboardError):
        places = {"field": error.field, "file": error.file, "line": error.line, "column": error.column}
        body |= {key: value for key, value in places.items() if value is not None}
    if told.log_id is not None:
        body["logId"] = told.log_id
    return orjson.dumps(body)


def extra_headers(error: Exception, told: ToldError) -> dict[str, str]:
    """``Retry-After`` where waiting helps."""
    if isinstance(error, LimitError) and error.retry_after_s is not None:
        return {"retry-after": str(max(1, int(error.retry_after_s + 0.999)))}
    return {}


def error_response(error: Exception, request: "Request", route: Route | None) -> Response:
    """The answer to a request that failed with ``error``."""
    told = tell(error, request.scope)
    headers = extra_headers(error, told)
    style = error_style(request.url.path, route)
    if style == "backstage":
        return JsonBytes(backstage_body(told, request.scope), told.status, headers)
    if style == "problem":
        response = JsonBytes(problem_body(told, error, request.scope), told.status, headers, etag=False)
        response.headers["content-type"] = PROBLEM
        if told.status == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response
    return error_page(request, told, error, headers)


def error_page(
    request: "Request", told: ToldError, error: Exception | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A page for people. ``error.suggestions`` and ``error.ways``, sequences of (title, path), are shown if the error has them."""
    heading, means, advice = _words(request, told.status)
    ways: tuple[tuple[str, str], ...] = tuple(getattr(error, "ways", ()))
    if told.status == 403 and request.portal.auth.is_guest(request.actor):
        ways = ((request.translate("shell.sign_in"), f"/sign-in?next={quote(request.url.path)}"),)
    page = ErrorPage(
        title=heading,
        status=told.status,
        heading=heading,
        message=means if told.status == 500 else told.message,
        advice=advice,
        suggestions=tuple(getattr(error, "suggestions", ())),
        ways=ways,
        request_id=told.log_id or request.id,
    )
    try:
        response = request.render("errors/error.html", page, status=told.status)
    except Exception as fault:  # a broken template must not hide the error
        log.error("error page failed", exc_info=fault)
        response = Response(_plain_page(page), told.status, media_type="text/html")
    response.headers.update(headers or {})
    return response


def _words(request: "Request", status: int) -> tuple[str, str, str]:
    """Heading, meaning and advice in the reader's language, or in plain English without catalogues."""
    known = status if status in _TITLES else 400 if status < 500 else 500
    plain = _TITLES[known]
    try:
        t = request.translate
        words = t(f"error.{known}.title"), t(f"error.{known}.means"), t(f"error.{known}.advice")
    except LookupError:
        return plain, plain, ""
    return words if words[0] != f"error.{known}.title" else (plain, plain, "")


def _plain_page(page: ErrorPage) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(page.title)}</title>'
        '<meta name="viewport" content="width=device-width"><main>'
        f"<h1>{escape(page.heading)}</h1><p>{escape(page.message)}</p><p>{escape(page.advice)}</p>"
        f"<p>Number in the log: <code>{escape(page.request_id or '')}</code></p>"
        '<p><a href="/">To the start page</a></p></main></html>'
    )
