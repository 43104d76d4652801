"""For handlers on the fast path: authenticate and answer with as little as ASGI allows.

async def by_name(scope, receive, send):
actor = authenticate(scope)
if actor is None:
return False                      # not seen before, or nobody: the ordinary route settles it
...
return await send_json(send, 200, body, scope=scope)
"""

from __future__ import annotations

from typing import Any, Iterable

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.compression import THRESHOLD, accepts_gzip, compress
from callboard.kernel.web.errors import backstage_body, extra_headers, tell
from callboard.kernel.web.responses import is_fresh, weak_etag
from callboard.kernel.web.routing import Scope, Send, plugin_of
from callboard.kernel.web.security import JSON_HEADERS, Header

_JSON_HEADERS = list(JSON_HEADERS)
_SAFE = frozenset(("GET", "HEAD"))


def authenticate(scope: Scope) -> Actor | None:
    """The actor, if these credentials were seen before and need no further check; else None: return False then.

    None also for an unsafe request by cookie, whose CSRF token the ordinary route checks, and for an external token
    that is restricted to other plugins.
    """
    actor: Actor | None = scope["portal"].auth.find(scope)
    return actor if actor is not None and _may_pass(actor, scope) else None


async def resolve(scope: Scope) -> Actor | None:
    """As ``authenticate``, but credentials not seen before are checked now. None: let the ordinary route answer."""
    actor = authenticate(scope)
    if actor is not None:
        return actor
    try:
        actor = await scope["portal"].auth.authenticate(scope)
    except CallboardError:
        return None
    return actor if actor is not None and _may_pass(actor, scope) else None


def _may_pass(actor: Actor, scope: Scope) -> bool:
    if actor.type == "anonymous" or (actor.via in ("session", "none") and scope["method"] not in _SAFE):
        return False
    return not actor.restrictions or any(r.plugin == plugin_of(scope["path"]) for r in actor.restrictions)


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header; ``name`` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def send_json(
    send: Send,
    status: int,
    body: bytes,
    headers: Iterable[Header] = (),
    etag: bool = False,
    *,
    scope: Scope | None = None,
) -> int:
    """Send ``body`` as JSON with the headers of the API; returns the status sent.

    With ``scope`` the request is honoured: HEAD gets no body, gzip is used for more than 1 kB where accepted, and with
    ``etag`` a client that has this version gets 304.
    """
    out = [*_JSON_HEADERS, *headers]
    if scope is None:
        if etag:
            out.append((b"etag", weak_etag(body).encode()))
    else:
        accepts: bytes | None = None
        none_match: bytes | None = None
        for key, value in scope["headers"]:
            if key == b"accept-encoding":
                accepts = value
            elif key == b"if-none-match":
                none_match = value
        if etag:
            tag = weak_etag(body)
            out.append((b"etag", tag.encode()))
            if (
                none_match is not None
                and status == 200
                and scope["method"] in _SAFE
                and is_fresh(none_match.decode("latin-1"), tag)
            ):
                return await _send(send, 304, [h for h in out if h[0] != b"content-type"], b"")
        if len(body) > THRESHOLD and accepts is not None and accepts_gzip(accepts.decode("latin-1")):
            body = await compress(body)
            out.append((b"content-encoding", b"gzip"))
        if scope["method"] == "HEAD":
            out.append((b"content-length", b"%d" % len(body)))
            return await _send(send, status, out, b"")
    out.append((b"content-length", b"%d" % len(body)))
    return await _send(send, status, out, body)


async def send_error(send: Send, scope: Scope, error: Exception) -> int:
    """Send ``error`` in Backstage's form; returns the status."""
    told = tell(error, scope)
    extra = [(k.encode(), v.encode()) for k, v in extra_headers(error, told).items()]
    return await send_json(send, told.status, backstage_body(told, scope), extra, True, scope=scope)


async def _send(send: Send, status: int, headers: list[Any], body: bytes) -> int:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
