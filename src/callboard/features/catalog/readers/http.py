"""Plain files over HTTP(S), only from where ``backend.reading.allow`` says.

A row is ``{host, paths?}``. ``host`` is a name, ``*.suffix`` (any depth below, not the suffix itself), with an optional ``:port``,
``:from-to`` or ``:*``; without one only the scheme's own port (443, 80). ``paths`` are prefixes that end at a segment border; absent,
all paths. Every redirect is judged by the same rows, and the HTTP client judges each address (``kernel.http_client``).
Source: Backstage, "backend.reading.allow" (facts: platform, section 2).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Mapping, Protocol, Sequence
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from callboard.features.catalog.interface import NotModified, ReadFile
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, NotFoundError, UnavailableError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Response

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_MODIFIED = "last-modified:"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\s/@]+)(?::(?P<ports>\*|\d{1,5}(?:-\d{1,5})?))?", re.IGNORECASE)


class Http(Protocol):
    """The part of ``kernel.http_client.HttpClient`` that is used here."""

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_FILE_BYTES,
        follow_redirects: bool = True,
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class AllowRule:
    """One row of ``backend.reading.allow``. ``ports`` None is the scheme's own port; ``paths`` None is every path."""

    name: str
    ports: range | None
    paths: tuple[str, ...] | None

    def allows(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").rstrip(".")
        if self.name.startswith("*."):
            if not host.endswith(self.name[1:]) or host == self.name[2:]:
                return False
        elif host != self.name:
            return False
        own_port = DEFAULT_PORTS[parts.scheme]
        port = parts.port or own_port
        if port != own_port if self.ports is None else port not in self.ports:
            return False
        if self.paths is None:
            return True
        path = normal_path(parts.path)
        return path is not None and any(_is_below(path, prefix) for prefix in self.paths)


def read_rules(settings: Any) -> list[AllowRule]:
    """Rows of ``backend.reading.allow``. Raises ``InputError`` with the row's key."""
    rows = settings.get("backend.reading.allow", [])
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, (list, tuple)):
        raise InputError("backend.reading.allow must be a list of {host, paths}.", field="backend.reading.allow")
    return [_read_rule(row, f"backend.reading.allow[{index}]") for index, row in enumerate(rows)]


def _read_rule(row: Any, field: str) -> AllowRule:
    host = row.get("host") if isinstance(row, Mapping) else None
    found = _HOST.fullmatch(str(host).strip()) if host else None
    if found is None or "*" in found["name"].removeprefix("*.") or found["name"] == "*":
        raise InputError(
            f"{field}.host must be a host such as 'files.example.com', '*.example.com' or 'host:8080', not {host!r}.",
            field=f"{field}.host",
        )
    paths = row.get("paths")
    if paths is not None and (
        isinstance(paths, str) or not all(isinstance(p, str) and p.startswith("/") for p in paths)
    ):
        raise InputError(f"{field}.paths must be a list of paths that start with '/'.", field=f"{field}.paths")
    name = found["name"].lower().strip("[]")
    return AllowRule(name, _read_ports(found["ports"]), None if paths is None else tuple(paths))


def _read_ports(text: str | None) -> range | None:
    if text is None:
        return None
    if text == "*":
        return range(1, 65_536)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


class HttpReader:
    """Reads what the rules allow. Each origin has its own budget: one that says 429 is left alone for as long as it asks."""

    def __init__(self, http: Http, rules: Sequence[AllowRule], budgets: RateBudgets) -> None:
        self._http = http
        self._rules = tuple(rules)
        self._budgets = budgets

    def handles(self, url: str) -> bool:
        return self._is_allowed(url)

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        """``url`` of the result is the one asked, redirects or not: relative references belong to the name people wrote.

        The etag is the host's ``ETag``, else its ``Last-Modified``, else a hash of the content.
        """
        response = await self._follow(url, _conditions(etag))
        if response.status == 304:
            if etag is None:
                raise UnavailableError(f"{url} answered 304 though nothing was known of it.")
            raise NotModified
        self._require_success(url, response)
        found = _etag_of(response)
        if found == etag:
            raise NotModified
        return ReadFile(url, response.body, found)

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        """One file: plain HTTP cannot list. A ``*`` in the path is refused."""
        if "*" in urlsplit(url).path:
            raise InputError(
                f"{url} has a '*', but plain HTTP cannot list files. Name each file, or use a source host."
            )
        return [await self.read(url, etag=etag)]

    def resolve(self, target: str, base: str) -> str:
        return join(base, target)

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Response:
        current = url
        for _ in range(MAX_REDIRECTS + 1):
            if not self._is_allowed(current):
                raise NotAllowedError(
                    f"{url} leads to {current}, which may not be read. Add its host to backend.reading.allow if it should be."
                )
            budget = self._budgets.of(f"http {urlsplit(current).netloc.lower()}")
            await budget.admit()
            response = await self._http.get(current, headers=headers, max_bytes=MAX_FILE_BYTES, follow_redirects=False)
            limited = budget.note(response.status, response.headers, response.body)
            if limited is not None:
                raise limited
            target = response.headers.get("location")
            if response.status not in REDIRECTS or not target:
                return response
            current = join(current, target)
        raise LimitError(f"{url} redirects more than {MAX_REDIRECTS} times.")

    def _require_success(self, url: str, response: Response) -> None:
        if 200 <= response.status < 300:
            return
        if response.status in (404, 410):
            raise NotFoundError(f"{url} does not exist ({response.status}).")
        if response.status in (401, 403, 407, 451):
            raise NotAllowedError(f"{url} refused to be read ({response.status}).")
        raise UnavailableError(f"{url} answered with status {response.status}. What was read before stays.")

    def _is_allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            _ = parts.port  # raises for a port that is no number
        except ValueError:
            return False
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
            return False
        return any(rule.allows(parts) for rule in self._rules)


def join(base: str, target: str) -> str:
    """``target`` as seen from ``base``. Raises ``InputError`` when that is no URL."""
    try:
        return urljoin(base, target)
    except ValueError as error:
        raise InputError(f"{target[:200]!r} in {base} is not a URL: {error}") from error


def normal_path(path: str) -> str | None:
    """The path as a server may understand it, without dot segments; None for what servers understand differently.

    Encoded slashes, backslashes and doubly encoded dots would let ``/open/..%2fsecret`` pass for something below ``/open``.
    """
    decoded = unquote(path or "/")
    twice = unquote(decoded)
    if "\\" in decoded or "\0" in decoded or "%2f" in path.lower() or (twice != decoded and ".." in twice):
        return None
    segments: list[str] = []
    for segment in decoded.split("/")[1:]:
        if segment == "..":
            if segments:
                segments.pop()
        elif segment != ".":
            segments.append(segment)
    return "/" + "/".join(segments)


def _is_below(path: str, prefix: str) -> bool:
    normal = normal_path(quote(prefix, safe="/%"))
    if normal is None:
        return False
    border = normal.rstrip("/")
    return path == border or path.startswith(border + "/") if border else True


def _conditions(etag: str | None) -> dict[str, str]:
    if not etag:
        return {}
    if etag.startswith(_LAST_MODIFIED):
        return {"if-modified-since": etag[len(_LAST_MODIFIED) :]}
    return {} if etag.startswith('"sha1-') else {"if-none-match": etag}


def _etag_of(response: Response) -> str:
    if found := response.headers.get("etag"):
        return str(found)
    if found := response.headers.get("last-modified"):
        return f"{_LAST_MODIFIED}{found}"
    return f'"sha1-{hashlib.sha1(response.body, usedforsecurity=False).hexdigest()}"'
