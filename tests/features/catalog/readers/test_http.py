"""Plain HTTP: what ``backend.reading.allow`` opens, redirects, conditions, and no way into the network."""

from __future__ import annotations

from typing import Any, AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import NotModified
from callboard.features.catalog.readers.http import HttpReader, normal_path, read_rules
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, NotFoundError, UnavailableError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.settings import Settings
from tests.integrations.serving import serve

pytestmark = pytest.mark.anyio


def rules_of(*rows: dict[str, Any]) -> Any:
    return read_rules(Settings.of({"backend": {"reading": {"allow": list(rows)}}}))


def handles(url: str, *rows: dict[str, Any]) -> bool:
    return HttpReader(None, rules_of(*rows), None).handles(url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "url", "allowed"),
    [
        ("files.example.com", "https://files.example.com/a.yaml", True),
        ("files.example.com", "http://files.example.com/a.yaml", True),
        ("files.example.com", "https://FILES.example.com/a.yaml", True),
        ("files.example.com", "https://files.example.com:443/a.yaml", True),
        ("files.example.com", "https://files.example.com:8443/a.yaml", False),
        ("files.example.com", "https://files.example.com.evil.org/a.yaml", False),
        ("files.example.com", "https://example.com/a.yaml", False),
        ("files.example.com", "https://me@files.example.com/a.yaml", False),
        ("files.example.com", "https://files.example.com@evil.org/a.yaml", False),
        ("files.example.com", "ftp://files.example.com/a.yaml", False),
        ("files.example.com", "https://files.example.com:x/a.yaml", False),
        ("*.example.com", "https://a.b.example.com/a.yaml", True),
        ("*.example.com", "https://example.com/a.yaml", False),
        ("*.example.com", "https://evilexample.com/a.yaml", False),
        ("a.example:8080", "http://a.example:8080/x", True),
        ("a.example:8080", "http://a.example/x", False),
        ("a.example:8000-8100", "http://a.example:8050/x", True),
        ("a.example:8000-8100", "http://a.example:8101/x", False),
        ("*.example.com:*", "http://x.example.com:1/x", True),
        ("[::1]:8080", "http://[::1]:8080/x", True),
    ],
)
async def test_hosts_and_ports(host: str, url: str, allowed: bool):
    """Names exactly, suffixes by ``*.``, the scheme's own port unless others are named."""
    assert handles(url, {"host": host}) is allowed


@pytest.mark.parametrize(
    ("url_path", "allowed"),
    [
        ("/open/a.yaml", True),
        ("/open", True),
        ("/opened/a.yaml", False),
        ("/", False),
        ("/open/../secret", False),
        ("/open/%2e%2e/secret", False),
        ("/open/..%2fsecret", False),
        ("/open/%252e%252e/secret", False),
        ("/open\\..\\secret", False),
        ("/closed/../open/a.yaml", True),
        ("/team/x/deep/file", True),
    ],
)
async def test_paths_end_at_a_segment_border(url_path: str, allowed: bool):
    """As the server may understand the path, not as it is written."""
    assert handles(f"https://a.example{url_path}", {"host": "a.example", "paths": ["/open", "/team/x/"]}) is allowed


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"host": "*"},
        {"host": "https://a"},
        {"host": "a*.b"},
        {"host": "a", "paths": "/x"},
        {"host": "a", "paths": ["x"]},
    ],
)
def test_rows_that_cannot_be_used_are_named(row: dict[str, Any]):
    """A rule that silently opens nothing, or everything, is worse than an error."""
    with pytest.raises(InputError) as caught:
        rules_of(row)
    assert (caught.value.field or "").startswith("backend.reading.allow[0]")


def test_a_path_without_anything_is_the_root():
    """Both are what a server sees."""
    assert normal_path("") == normal_path("/") == "/"


class Site:
    """Files on loopback, with an ETag, a date, or neither."""

    def __init__(self) -> None:
        self.content = b"kind: Component\n"
        self.log: list[tuple[str, str | None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.log.append(
            (request.url.path, request.headers.get("if-none-match") or request.headers.get("if-modified-since"))
        )
        await self._answer(request)(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path == "/open/etag":
            same = request.headers.get("if-none-match") == '"1"'
            return Response(status_code=304) if same else Response(self.content, headers={"etag": '"1"'})
        if path == "/open/date":
            date = "Mon, 23 Nov 2026 03:00:00 GMT"
            same = request.headers.get("if-modified-since") == date
            return Response(status_code=304) if same else Response(self.content, headers={"last-modified": date})
        if path == "/open/plain":
            return Response(self.content)
        if path == "/open/loop":
            return RedirectResponse("/open/loop")
        if path == "/open/to":
            return RedirectResponse(request.query_params["url"])
        if path == "/open/slow-down":
            return Response(status_code=429, headers={"retry-after": "90"})
        if path.startswith("/open/status/"):
            return Response(status_code=int(path.rsplit("/", 1)[1]))
        return Response(b"secret")


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, str]]:
    app = Site()
    async with serve(app) as base:
        yield app, base


@pytest.fixture
async def read(site: tuple[Site, str], clock: Any) -> AsyncIterator[Any]:
    """A reader that may read below /open of the site, and any host below example.test."""
    host = site[1].removeprefix("http://")
    rows = [{"host": host, "paths": ["/open"]}, {"host": "public.example.test"}]
    settings = Settings.of({"backend": {"reading": {"allow": rows}}})
    http = HttpClient(settings, clock)
    yield HttpReader(http, read_rules(settings), RateBudgets(clock))
    await http.close()


@pytest.mark.parametrize("name", ["etag", "date", "plain"])
async def test_unchanged_files_are_not_modified(site: tuple[Site, str], read: HttpReader, name: str):
    """By ETag, by date, or by content where the host offers neither."""
    url = f"{site[1]}/open/{name}"
    file = await read.read(url)
    assert (file.url, file.content) == (url, b"kind: Component\n")
    with pytest.raises(NotModified):
        await read.read(url, etag=file.etag)
    if name == "plain":
        site[0].content = b"kind: API\n"
        assert (await read.read(url, etag=file.etag)).content == b"kind: API\n"


async def test_redirects_are_followed_within_the_rules(site: tuple[Site, str], read: HttpReader):
    """The file keeps the name that people wrote."""
    url = f"{site[1]}/open/to?url=/open/plain"
    assert (await read.read(url)).url == url


@pytest.mark.parametrize(
    "target",
    [
        "/closed/secret",
        "http://127.0.0.1:1/open/x",
        "http://169.254.169.254/latest",
        "http://localhost/x",
        "file:///etc/passwd",
    ],
)
async def test_redirects_out_of_the_rules_are_refused(site: tuple[Site, str], read: HttpReader, target: str):
    """Each hop is judged like the first; what is refused is not even asked."""
    with pytest.raises(NotAllowedError, match="backend.reading.allow"):
        await read.read(f"{site[1]}/open/to?url={target}")
    assert [path for path, _ in site[0].log] == ["/open/to"]


async def test_what_no_url_can_be_made_of_is_bad_input(site: tuple[Site, str], read: HttpReader):
    """Whether a document or a redirect names it."""
    with pytest.raises(InputError, match="is not a URL"):
        await read.read(f"{site[1]}/open/to?url=//[x")
    with pytest.raises(InputError, match="is not a URL"):
        read.resolve("//[x", f"{site[1]}/open/plain")


async def test_endless_redirects_end(site: tuple[Site, str], read: HttpReader):
    """After five."""
    with pytest.raises(LimitError):
        await read.read(f"{site[1]}/open/loop")
    assert len(site[0].log) == 6


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFoundError),
        (410, NotFoundError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (500, UnavailableError),
        (418, UnavailableError),
    ],
)
async def test_statuses_are_told_apart(site: tuple[Site, str], read: HttpReader, status: int, error: type[Exception]):
    """Only 404 and 410 mean absent."""
    with pytest.raises(error):
        await read.read(f"{site[1]}/open/status/{status}")


async def test_a_host_that_asks_for_rest_gets_it(site: tuple[Site, str], read: HttpReader, clock: Any):
    """Until the time it named nothing is sent to it."""
    for _ in range(2):
        with pytest.raises(LimitError) as caught:
            await read.read(f"{site[1]}/open/slow-down")
        assert caught.value.retry_after_s == 90
    assert len(site[0].log) == 1
    clock.advance(91)
    assert (await read.read(f"{site[1]}/open/plain")).content == b"kind: Component\n"


async def test_plain_http_cannot_list(site: tuple[Site, str], read: HttpReader):
    """A pattern is refused with what to do instead."""
    with pytest.raises(InputError, match="cannot list"):
        await read.search(f"{site[1]}/open/*.yaml")
    (file,) = await read.search(f"{site[1]}/open/plain")
    assert file.content == b"kind: Component\n"
    assert read.resolve("../x.yaml", f"{site[1]}/open/a/b.yaml") == f"{site[1]}/open/x.yaml"


@pytest.mark.parametrize("form", ["127.0.0.1:{low}-{high}", "127.0.0.1:*"])
async def test_a_range_of_ports_opens_the_inside_too(site: tuple[Site, str], clock: Any, form: str):
    """The HTTP client reads the same rows in the same way."""
    port = int(site[1].rpartition(":")[2])
    settings = Settings.of({"backend": {"reading": {"allow": [{"host": form.format(low=port - 1, high=port + 1)}]}}})
    http = HttpClient(settings, clock)
    assert (await HttpReader(http, read_rules(settings), RateBudgets(clock)).read(f"{site[1]}/open/plain")).content
    await http.close()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "fe80::1"]
)
async def test_an_allowed_suffix_that_resolves_inside_is_refused(clock: Any, address: str):
    """Link-local addresses, where clouds keep credentials, even for a host that is listed; all others for one that is not."""

    async def resolve(host: str, port: int) -> list[str]:
        return [address]

    rows = [{"host": "files.example.test"}] if address in ("169.254.169.254", "fe80::1") else []
    settings = Settings.of({"backend": {"reading": {"allow": rows}}})
    http = HttpClient(settings, clock, resolve=resolve)
    rules = rules_of({"host": "files.example.test"})
    with pytest.raises(NotAllowedError):
        await HttpReader(http, rules, RateBudgets(clock)).read("http://files.example.test/a.yaml")
    await http.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost:8080/x",
        "http://[::1]/x",
        "http://169.254.169.254/x",
        "http://2130706433/x",
    ],
)
async def test_the_inside_is_closed_unless_it_is_named(url: str):
    """No rule, no reader: not even a connection is tried."""
    assert not handles(url, {"host": "*.example.com"})
