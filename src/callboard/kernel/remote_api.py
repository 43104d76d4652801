"""Requests to an outside HTTP API: with a budget, conditional reads, a cap on size, and answers mapped to the error tree.

Unchanged answers are kept (up to ``ConditionalCache.max_bytes``) and asked for with ``If-None-Match``; on GitHub such a question
costs nothing of the limit. Errors: 404 and 410 ``NotFoundError``; 401 and 403 ``NotAllowedError``; 429, and 403 or 503 that speak of
a limit, ``LimitError``; other 4xx ``InputError``; the rest, time-outs and broken connections ``UnavailableError``. Writes tell in the host's own words what it refused, 409 as
``ConflictError``. They are sent again only where that cannot do a thing twice: after a refusal for asking too often, and PUT and
DELETE also after a broken answer.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Awaitable, Callable, Literal, Mapping, Protocol
from urllib.parse import urljoin, urlsplit

from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.rate_budget import RateBudget

MAX_BYTES = 10 * 1024 * 1024
MAX_PAGES = 1000
MAX_ARCHIVE_BYTES = 200 * 1024 * 1024
ARCHIVE_TIMEOUT_S = 300.0
WRITE_TIMEOUT_S = 60.0
WRITE_TRIES = 3
LONGEST_PAUSE_S = 90.0
"""A write waits this long for a limit to pass; what takes longer is told instead."""
WriteMethod = Literal["POST", "PUT", "PATCH", "DELETE"]


class Response(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...

    @property
    def url(self) -> str: ...


class Http(Protocol):
    """The part of ``kernel.http_client.HttpClient`` that is used here."""

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BYTES
    ) -> Response: ...

    async def post(
        self,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Response: ...

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = MAX_BYTES,
        timeout_s: float = WRITE_TIMEOUT_S,
        follow_redirects: bool = True,
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with status 200 to 299, or 304 when the caller gave an ``etag``. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def not_modified(self) -> bool:
        return self.status == 304

    def json(self) -> Any:
        """The body as JSON. Raises ``UnavailableError`` when it is none (a proxy's page, a cut-off answer)."""
        import orjson

        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise UnavailableError(f"{self.url} answered with something that is not JSON: {error}") from error


@dataclass(slots=True)
class ConditionalCache:
    """Last answers by URL, least recently used first out. ``max_bytes`` bounds the bodies held."""

    max_bytes: int = 16 * 1024 * 1024
    size_bytes: int = 0
    _replies: OrderedDict[tuple[str, str], Reply] = field(default_factory=OrderedDict)

    def find(self, url: str, accept: str) -> Reply | None:
        reply = self._replies.get((url, accept))
        if reply is not None:
            self._replies.move_to_end((url, accept))
        return reply

    def keep(self, url: str, accept: str, reply: Reply) -> None:
        if len(reply.body) > self.max_bytes // 4:
            return
        self.forget(url, accept)
        self._replies[(url, accept)] = reply
        self.size_bytes += len(reply.body)
        while self.size_bytes > self.max_bytes:
            _, oldest = self._replies.popitem(last=False)
            self.size_bytes -= len(oldest.body)

    def forget(self, url: str, accept: str) -> None:
        old = self._replies.pop((url, accept), None)
        if old is not None:
            self.size_bytes -= len(old.body)


class RemoteApi:
    """One API under one credential."""

    def __init__(
        self,
        http: Http,
        *,
        name: str,
        budget: RateBudget,
        headers: Callable[[], Awaitable[Mapping[str, str]]],
        how_to_allow: str,
        reserve_fraction: float = 0.0,
        cache: ConditionalCache | None = None,
    ) -> None:
        """
        Args:
            name: For messages: "GitHub (github.com)".
            headers: Credentials and fixed headers, asked for each request (tokens of apps expire).
            how_to_allow: The setting that gives access, for the message of a refusal.
            reserve_fraction: See ``RateBudget.admit``.
        """
        self.name = name
        self.budget = budget
        self._http = http
        self._headers = headers
        self._how_to_allow = how_to_allow
        self._reserve_fraction = reserve_fraction
        self._cache = cache if cache is not None else ConditionalCache()

    def in_background(self, reserve_fraction: float = 0.1) -> RemoteApi:
        """The same API, cache and budget for work nobody waits for: it leaves the reserve to others."""
        return RemoteApi(
            self._http,
            name=self.name,
            budget=self.budget,
            headers=self._headers,
            how_to_allow=self._how_to_allow,
            reserve_fraction=reserve_fraction,
            cache=self._cache,
        )

    async def get(
        self, url: str, *, etag: str | None = None, accept: str = "application/json", max_bytes: int = MAX_BYTES
    ) -> Reply:
        """Ask for ``url``.

        With ``etag`` the caller keeps the content: an unchanged answer is a reply with ``not_modified``. Without it, the last
        answer is kept here and given again when the host says that it still holds.
        """
        cached = self._cache.find(url, accept) if etag is None else None
        known = etag or (cached.etag if cached else None)
        headers = {"accept": accept, **await self._headers()}
        if known:
            headers["if-none-match"] = known
        reply = await self._send("GET", url, headers, max_bytes)
        if reply.status == 304:
            if cached is not None:
                return cached
            if etag is None:
                raise UnavailableError(f"{self.name} answered {url} with 304 though nothing was known of it.")
            return reply
        if etag is None and reply.etag:
            self._cache.keep(url, accept, reply)
        return reply

    async def get_json(self, url: str, *, accept: str = "application/json") -> Any:
        return (await self.get(url, accept=accept)).json()

    async def iter_pages(self, url: str, *, accept: str = "application/json") -> AsyncIterator[Any]:
        """The JSON of each page, along ``Link: <…>; rel="next"``.

        Raises:
            UnavailableError: the chain leaves the API's own host, turns in a circle or is beyond 1,000 pages: a partial listing
                is no listing.
        """
        seen: set[str] = set()
        next_url: str | None = url
        while next_url is not None:
            if next_url in seen or len(seen) >= MAX_PAGES:
                raise UnavailableError(f"{self.name} pages without end at {next_url}.")
            seen.add(next_url)
            reply = await self.get(next_url, accept=accept)
            yield reply.json()
            next_url = self.own_url(url, next_link(reply.headers.get("link", "")))

    async def list_items(self, url: str) -> list[dict[str, Any]]:
        """The items of all pages, each page a list. Complete, or an error (see ``iter_pages``)."""
        items: list[dict[str, Any]] = []
        async for page in self.iter_pages(url):
            if not isinstance(page, list):
                raise UnavailableError(f"{self.name} answered {url} with something that is not a list.")
            items.extend(page)
        return items

    def own_url(self, base: str, target: str | None) -> str | None:
        """``target`` against ``base``; refused when it would carry the credential to another host."""
        if target is None:
            return None
        absolute = urljoin(base, target)
        if urlsplit(absolute)[:2] != urlsplit(base)[:2]:
            raise UnavailableError(f"{self.name} points from {base} to another host: {absolute}.")
        return absolute

    async def post_json(self, url: str, payload: Any) -> Any:
        """POST JSON, get JSON (GraphQL, access tokens). Never cached."""
        import orjson

        headers = {"accept": "application/json", "content-type": "application/json", **await self._headers()}
        return (await self._send("POST", url, headers, MAX_BYTES, orjson.dumps(payload))).json()

    async def send(
        self, method: WriteMethod, url: str, payload: Any = None, *, form: Mapping[str, str | bytes] | None = None
    ) -> Reply:
        """Change something at the host. ``payload`` is sent as JSON, ``form`` as ``multipart/form-data``.

        Raises:
            ConflictError, InputError, NotAllowedError, NotFoundError: with what the host said.
            LimitError: the host asks for a longer wait than ``LONGEST_PAUSE_S``.
            UnavailableError: no answer. A POST or PATCH may have been done none the less.
        """
        headers = {"accept": "application/json", **await self._headers()}
        content: bytes | None = None
        if form is not None:
            headers["content-type"], content = _multipart(form)
        elif payload is not None:
            import orjson

            headers["content-type"], content = "application/json", orjson.dumps(payload)
        for left in reversed(range(WRITE_TRIES)):
            try:
                return await self._write_once(method, url, headers, content)
            except LimitError as error:
                if not left or error.retry_after_s is None or error.retry_after_s > LONGEST_PAUSE_S:
                    raise
                await self.budget.pause(error.retry_after_s)
            except UnavailableError:
                if not left or method not in ("PUT", "DELETE"):
                    raise
                await self.budget.pause(1.0)
        raise AssertionError("the last try returns or raises")

    async def send_json(self, method: WriteMethod, url: str, payload: Any = None) -> Any:
        """As ``send``; the JSON of the answer, None for an empty one."""
        reply = await self.send(method, url, payload)
        return reply.json() if reply.body.strip() else None

    async def download(self, url: str, *, max_bytes: int = MAX_ARCHIVE_BYTES, accept: str = "*/*") -> bytes:
        """A large body, not kept: an archive of a repository. Redirects are followed without the credential."""
        await self.budget.admit(reserve_fraction=self._reserve_fraction)
        headers = {"accept": accept, **await self._headers()}
        asked = self._http.request("GET", url, headers=headers, max_bytes=max_bytes, timeout_s=ARCHIVE_TIMEOUT_S)
        return (await self._judge(url, asked)).body

    async def _write_once(
        self, method: WriteMethod, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Reply:
        await self.budget.admit(reserve_fraction=self._reserve_fraction)
        asked = self._http.request(
            method, url, headers=headers, content=content, timeout_s=WRITE_TIMEOUT_S, follow_redirects=False
        )
        return await self._judge(url, asked, method)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], max_bytes: int, content: bytes = b""
    ) -> Reply:
        await self.budget.admit(reserve_fraction=self._reserve_fraction)
        if method == "GET":
            return await self._judge(url, self._http.get(url, headers=headers, max_bytes=max_bytes))
        return await self._judge(url, self._http.post(url, content=content, headers=headers, max_bytes=max_bytes))

    async def _judge(self, url: str, asked: Awaitable[Response], write: WriteMethod | None = None) -> Reply:
        try:
            response = await asked
        except CallboardError:
            raise
        except (OSError, TimeoutError) as error:
            raise UnavailableError(f"{self.name} does not answer {url}: {error or type(error).__name__}") from error
        reply_headers = {key.lower(): value for key, value in response.headers.items()}
        limited = self.budget.note(response.status, reply_headers, response.body)
        if limited is not None:
            raise limited
        refusal = (
            self._write_error(write, response.status, url, response.body)
            if write is not None
            else self._error(response.status, url, response.body)
        )
        if refusal is not None:
            raise refusal
        return Reply(response.status, reply_headers, response.body, response.url)

    def _write_error(self, method: str, status: int, url: str, body: bytes) -> CallboardError | None:
        if 200 <= status < 300 and status != 203:
            return None
        said = f"{self.name} answered {method} {url} with {status}"
        words = said_by_host(body)
        told = f": {words}" if words else "."
        if status in (203, 401, 403, 407, 451):
            return NotAllowedError(f"{said}{told} Check {self._how_to_allow} and what it may change.")
        if status in (404, 410):
            return NotFoundError(
                f"{said}{told} Check that it is there, and that {self._how_to_allow} may see and change it."
            )
        if status == 409:
            return ConflictError(f"{said}{told}")
        if 300 <= status < 400:
            return InputError(f"{said}: it has moved. Use its new address.")
        if 400 <= status < 500 and status != 408:
            return InputError(f"{said}{told}")
        return UnavailableError(f"{said}{told} Whether it was done is not known; look before trying again.")

    def _error(self, status: int, url: str, body: bytes) -> CallboardError | None:
        if status == 203 or status in (401, 403, 407, 451):
            # 203 is Azure DevOps' sign-in page, sent instead of 401
            return NotAllowedError(
                f"{self.name} refused {url} ({status}). Check {self._how_to_allow} and what it may read."
            )
        if 200 <= status < 300 or status == 304:
            return None
        if status in (404, 410):
            return NotFoundError(
                f"{self.name} has nothing at {url}, or hides it. If it is private, check {self._how_to_allow}."
            )
        if 400 <= status < 500 and status != 408:
            return InputError(f"{self.name} cannot answer {url} ({status}): {_excerpt(body)}")
        return UnavailableError(f"{self.name} failed at {url} ({status}). What was read before stays.")


def next_link(header: str) -> str | None:
    """The target of ``rel="next"`` in a ``Link`` header (RFC 8288), or None."""
    for part in header.split(","):
        target, _, parameters = part.partition(";")
        relations = parameters.replace(" ", "").replace('"', "").split(";")
        if "rel=next" in relations:
            return target.strip().removeprefix("<").removesuffix(">")
    return None


def _excerpt(body: bytes) -> str:
    return " ".join(body[:300].decode("utf-8", "replace").split())


def said_by_host(body: bytes) -> str:
    """What an API says of an error, from the usual fields of its JSON; else the beginning of the body. At most 600 characters."""
    import orjson

    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _excerpt(body)
    return " ".join(dict.fromkeys(_words_of(value)))[:600]


def _words_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value if value.endswith((".", "!", "?")) else f"{value}."]
    if isinstance(value, list):
        return [word for one in value[:10] for word in _words_of(one)]
    if not isinstance(value, dict):
        return []
    known = [value[key] for key in ("message", "error", "error_description", "detail", "errors") if value.get(key)]
    if known:
        return [word for one in known for word in _words_of(one)]
    if {"resource", "field", "code"} & set(value):
        return _words_of(" ".join(str(value[key]) for key in ("resource", "field", "code") if value.get(key)))
    return [f"{key}: {' '.join(_words_of(one))}" for key, one in value.items() if _words_of(one)]


def _multipart(form: Mapping[str, str | bytes]) -> tuple[str, bytes]:
    """Content type and body. Names are quoted as browsers do it (WHATWG)."""
    from secrets import token_hex

    boundary = f"callboard-{token_hex(16)}"
    parts = []
    for name, value in form.items():
        quoted = name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
        filename = f'; filename="{quoted}"' if isinstance(value, bytes) else ""
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{quoted}"{filename}\r\n\r\n'
        parts.append(head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()
