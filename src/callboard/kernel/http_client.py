"""The one way out to other hosts: HTTP with time, size and redirect limits, and no way in to the inside of the network.

Invariant: no connection is opened to a loopback, link-local, private or otherwise special address unless the settings name
that host (``backend.reading.allow``, ``integrations``). The address is judged after the name was resolved, on the very address
that the connection then goes to, and again for each redirect, so neither DNS nor a redirect leads inside.
Link-local addresses (where clouds keep instance credentials) are reached only if the address itself is named.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import ipaddress
import json as json_module
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from callboard.kernel.clock import SystemClock
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, UnavailableError
from callboard.kernel.rate_budget import RateBudgets

if TYPE_CHECKING:
    from callboard.kernel.clock import Clock
    from callboard.kernel.settings import Settings

MAX_REDIRECTS = 5
DEFAULT_TIMEOUT_S = 20.0
DEFAULT_MAX_BYTES = 20 * 1024 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_INSIDE_SUFFIXES = (".localhost", ".internal", ".local", ".localdomain")
_PRIVATE_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "private-token", "job-token", "x-api-key"}
)
"""Never carried along to another origin by a redirect."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to the addresses, best first. Raises ``OSError``."""


class BlockedAddress(NotAllowedError):
    """The host is, or resolves to, an address inside the network that the settings do not name."""

    code = "http.blocked_address"

    def __init__(self, host: str, why: str) -> None:
        self.host = host
        super().__init__(
            f"{host} {why}, so it is not contacted. If that is meant, name the host under backend.reading.allow or integrations."
        )


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status. ``headers`` have lower-case names; ``url`` is where the last redirect led."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ``UnavailableError`` when it is none: the host did not answer as it should."""
        try:
            return json_module.loads(self.body)
        except ValueError:
            raise UnavailableError(
                f"{self.url} answered with something that is not JSON (status {self.status})"
            ) from None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class AllowedHosts:
    """Hosts that the settings name, as ``host``, ``host:port`` or ``*.suffix``, and so may be inside the network."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple({pattern.strip().lower() for pattern in patterns if pattern and pattern.strip()})

    @classmethod
    def from_settings(cls, settings: Settings) -> AllowedHosts:
        """``backend.reading.allow[].host`` and every host and API address under ``integrations``."""
        patterns = [entry.get("host") for entry in settings.sections("backend.reading.allow")]
        integrations = settings.section("integrations")
        for entries in integrations.as_dict().values():
            for entry in entries if isinstance(entries, list) else [entries]:
                if isinstance(entry, dict):
                    patterns.append(entry.get("host"))
                    patterns += [
                        _netloc(entry.get(key))
                        for key in ("apiBaseUrl", "rawBaseUrl", "baseUrl", "cloneUrl", "endpoint")
                    ]
        return cls(str(pattern) for pattern in patterns if pattern)

    @property
    def patterns(self) -> tuple[str, ...]:
        return self._patterns

    def __contains__(self, origin: tuple[str, int]) -> bool:
        host, port = origin[0].lower().rstrip("."), origin[1]
        for pattern in self._patterns:
            name, ports = _split_ports(pattern)
            if ports is not None and port not in ports:
                continue
            if host == name or (name.startswith("*.") and host.endswith(name[1:])):
                return True
        return False


class HttpClient:
    """Requests to other hosts. One a portal; connections are kept and reused. ``await close()`` at the end.

    Args:
        settings: Names the hosts that may be inside the network.
        clock: The time by which ``budgets`` are renewed.
        transport: Takes the place of the network (an httpx2 async transport), as in ``callboard.testing.FakeHttp``.
        resolve: Takes the place of DNS; with a ``transport`` and without this nothing is resolved.
        allow: More hosts that may be inside the network.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        transport: Any = None,
        *,
        resolve: Resolver | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        from callboard import __version__

        self.clock = clock or SystemClock()
        self.budgets = RateBudgets(self.clock)
        """What each outside API still allows: readers and providers of one host share its budget; shown as metrics."""
        self._allowed = AllowedHosts.from_settings(settings)
        self._also_allowed = AllowedHosts(allow)
        self._transport = transport
        self._resolve = resolve or (None if transport is not None else resolve_by_system)
        self._client: Any = None
        self._agent = f"Callboard/{__version__}"

    def allowing(self, *hosts: str) -> HttpClient:
        """A client like this one, with connections of its own, that besides may contact these (``host`` or ``host:port``), wherever they are:
        hosts that settings name as what they are for.
        """
        other = copy.copy(self)
        other._client = None
        other._also_allowed = AllowedHosts([*self._also_allowed.patterns, *hosts])
        return other

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        follow_redirects: bool = True,
    ) -> HttpResponse:
        """``request("GET", …)``."""
        return await self.request(
            "GET", url, headers=headers, max_bytes=max_bytes, timeout_s=timeout_s, follow_redirects=follow_redirects
        )

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> HttpResponse:
        """``request("POST", …)``; redirects are not followed."""
        return await self.request(
            "POST", url, headers=headers, json=json, content=content, max_bytes=max_bytes, timeout_s=timeout_s,
            follow_redirects=False,
        )  # fmt: skip

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        follow_redirects: bool = True,
    ) -> HttpResponse:
        """Ask and read the whole answer, whatever its status. ``timeout_s`` is for everything, redirects included.

        Raises:
            InputError: ``url`` is no http(s) URL, or carries a user name.
            NotAllowedError: it leads inside the network (``BlockedAddress``).
            LimitError: the body is larger than ``max_bytes`` (counted after decompression), or over 5 redirects.
            UnavailableError: no connection, no answer in time, or an answer that is no HTTP.
        """
        sent = {"user-agent": self._agent, **{name.lower(): value for name, value in (headers or {}).items()}}
        if json is not None:
            content = json_module.dumps(json, separators=(",", ":")).encode()
            sent.setdefault("content-type", "application/json")
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(method, url, sent, content, max_bytes, follow_redirects)
        except TimeoutError:
            raise UnavailableError(f"{_origin_text(url)} did not answer within {timeout_s:g} s") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def allowed_addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` if all may be contacted. Raises ``BlockedAddress``, ``UnavailableError``."""
        self._check_host(host, port)
        if _parse_address(host) is not None:
            return [host]
        try:
            addresses = await (self._resolve or resolve_by_system)(host, port)
        except OSError:
            raise UnavailableError(f"the name {host} cannot be resolved") from None
        if not addresses:
            raise UnavailableError(f"the name {host} cannot be resolved")
        for text in addresses:
            address = _parse_address(text)
            why = _why_inside(address) if address is not None else "has an address that cannot be read"
            if why and (not self._is_named(host, port) or (address is not None and _is_metadata(address))):
                raise BlockedAddress(host, why)
        return list(addresses)

    def _is_named(self, host: str, port: int) -> bool:
        return (host, port) in self._allowed or (host, port) in self._also_allowed

    def _check_host(self, host: str, port: int) -> None:
        """What can be said without resolving: addresses written out, and names that always lead inside."""
        if self._is_named(host, port):
            return
        address = _parse_address(host)
        if address is not None:
            if why := _why_inside(address):
                raise BlockedAddress(host, why)
        elif _is_numeric_name(host):
            raise BlockedAddress(host, "is an address in a disguise")
        elif host == "localhost" or host.endswith(_INSIDE_SUFFIXES):
            raise BlockedAddress(host, "is a name inside the network")

    async def _follow(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, max_bytes: int, follow: bool
    ) -> HttpResponse:
        for _ in range(MAX_REDIRECTS + 1):
            host, port = _parse_origin(url)
            self._check_host(host, port)
            if self._transport is not None and self._resolve is not None:
                await self.allowed_addresses(host, port)
            response = await self._send(method, url, headers, content, max_bytes)
            target = response.headers.get("location")
            if not follow or response.status not in _REDIRECTS or not target:
                return response
            following = _join(url, target)
            if _parse_origin(following) != (host, port) or urlsplit(following).scheme != urlsplit(url).scheme:
                headers = {name: value for name, value in headers.items() if name not in _PRIVATE_HEADERS}
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, content = "GET" if method != "HEAD" else method, None
                headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
            url = following
        raise LimitError(f"{_origin_text(url)} redirects more than {MAX_REDIRECTS} times")

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, max_bytes: int
    ) -> HttpResponse:
        import httpx2

        client = self._ensure_client()
        try:
            async with client.stream(method, url, headers=dict(headers), content=content) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > max_bytes:
                        raise LimitError(
                            f"{_origin_text(url)} sent more than {max_bytes} bytes; it was not read further"
                        )
                found = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status_code, found, bytes(body), url)
        except httpx2.InvalidURL as error:
            raise InputError(f"{url!r} is not a URL: {error}") from None
        except httpx2.HTTPError as error:
            blocked = _blocked_cause(error)
            if blocked is not None:
                raise blocked from None
            raise UnavailableError(f"{_origin_text(url)} cannot be reached: {error or type(error).__name__}") from None

    def _ensure_client(self) -> Any:
        if self._client is None:
            import httpx2

            transport = self._transport if self._transport is not None else _guarded_transport(self)
            self._client = httpx2.AsyncClient(
                transport=transport, follow_redirects=False, timeout=httpx2.Timeout(DEFAULT_TIMEOUT_S), trust_env=False
            )
        return self._client


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """What the operating system says; IPv4 and IPv6."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@functools.cache
def _trusted_certificates() -> Any:
    """Reading the certificates takes 25 ms, and every client trusts the same ones."""
    import httpx2

    return httpx2.create_ssl_context()


def _guarded_transport(guard: HttpClient) -> Any:
    """An httpx2 transport whose connections are opened to addresses that ``guard`` has judged."""
    import httpcore2
    import httpx2

    class GuardedBackend(httpcore2.AsyncNetworkBackend):
        def __init__(self) -> None:
            self._inner = httpcore2.AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> Any:
            last: Exception | None = None
            for address in await guard.allowed_addresses(host, port):
                try:
                    return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    last = error
            raise last or httpcore2.ConnectError(f"no address of {host} answers")

        async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
            raise httpcore2.ConnectError("sockets in the file system are not used")

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    ssl_context = _trusted_certificates()
    transport = httpx2.AsyncHTTPTransport(verify=ssl_context)
    # The transport has no argument for this; its pool does. TLS still verifies the name, as the pool passes it on.
    transport._pool = httpcore2.AsyncConnectionPool(
        ssl_context=ssl_context,
        max_connections=50,
        max_keepalive_connections=10,
        keepalive_expiry=15.0,
        network_backend=GuardedBackend(),
    )
    return transport


def _blocked_cause(error: BaseException) -> NotAllowedError | UnavailableError | None:
    """Our own refusal inside ``error``, where the transport has wrapped it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (NotAllowedError, UnavailableError)):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _join(url: str, target: str) -> str:
    """Where a redirect leads. Raises ``UnavailableError`` when that is no URL."""
    try:
        return urljoin(url, target)
    except ValueError:
        raise UnavailableError(f"{_origin_text(url)} redirects to {target[:200]!r}, which is not a URL") from None


def _parse_origin(url: str) -> tuple[str, int]:
    """Host (lower-cased) and port. Raises ``InputError``."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"{url!r} is not an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise InputError("credentials in a URL are not used; put them in the settings")
    return host.lower().rstrip("."), port or (443 if parts.scheme == "https" else 80)


def _origin_text(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + parts.path
    except ValueError:
        return "the URL"


def _netloc(url: Any) -> str | None:
    return urlsplit(url).netloc.rpartition("@")[2] or None if isinstance(url, str) and "://" in url else None


def _split_ports(pattern: str) -> tuple[str, range | None]:
    """Name and ports of ``host``, ``host:8080``, ``host:8000-8100`` or ``host:*``; None is any port."""
    if pattern.startswith("["):
        host, _, ports = pattern[1:].partition("]")
        return host, _parse_ports(ports[1:])
    host, colon, ports = pattern.rpartition(":")
    if not colon or ":" in host:
        return pattern, None
    return host, _parse_ports(ports)


def _parse_ports(text: str) -> range | None:
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    return range(int(first), int(last or first) + 1)


def _parse_address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_numeric_name(host: str) -> bool:
    """``2130706433``, ``0x7f.1``, ``127.1``: forms that only the system's resolver takes for an address."""
    last = host.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def _unwrap(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that carries it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SHARED = ipaddress.IPv4Network("100.64.0.0/10")


def _is_metadata(address: Address) -> bool:
    return _unwrap(address).is_link_local


def _why_inside(address: Address) -> str | None:
    """Why this address is not outside, or None."""
    address = _unwrap(address)
    if address.is_loopback:
        return "is a loopback address"
    if address.is_link_local:
        return "is a link-local address"
    if address.is_unspecified or address.is_multicast or address.is_reserved:
        return "is a special address"
    if address.is_private or (isinstance(address, ipaddress.IPv4Address) and address in _SHARED):
        return "is an address of a private network"
    if not address.is_global:
        return "is not a public address"
    return None
