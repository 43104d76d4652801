"""The way out: limits, redirects, and no way in to the inside of the network."""

from __future__ import annotations

import asyncio
from typing import Any, Sequence

import pytest

from callboard.kernel.errors import InputError, LimitError, UnavailableError
from callboard.kernel.http_client import BlockedAddress, HttpClient
from callboard.kernel.settings import Settings
from callboard.testing import FakeHttp

pytestmark = pytest.mark.anyio
OUTSIDE = "93.184.216.34"


def client(
    fake: FakeHttp | None = None, settings: dict[str, Any] | None = None, names: dict[str, Sequence[str]] | None = None
) -> HttpClient:
    """A client whose names resolve as given, and to an outside address otherwise."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return (names or {}).get(host, [OUTSIDE])

    return HttpClient(Settings.of(settings or {}), transport=fake, resolve=resolve)


async def test_an_answer_comes_whole_whatever_its_status() -> None:
    """Status, lower-case headers, body and address; a 404 is an answer, not an error."""
    fake = FakeHttp()
    fake.add("https://example.com/a", json={"x": 1}, headers={"ETag": '"1"'})
    fake.add("https://example.com/b", "gone", status=404)
    http = client(fake)
    found = await http.get("https://example.com/a", headers={"Accept": "application/json"})
    assert (found.status, found.json(), found.headers["etag"], found.url) == (
        200,
        {"x": 1},
        '"1"',
        "https://example.com/a",
    )
    assert fake.sent[0].headers["accept"] == "application/json"
    assert fake.sent[0].headers["user-agent"].startswith("Callboard/")
    assert (await http.get("https://example.com/b")).status == 404
    await http.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://LOCALHOST./", "http://api.localhost/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://192.168.1.1/",
        "http://172.16.0.1/", "http://100.64.0.1/", "http://0.0.0.0/", "http://[fe80::1]/", "http://[fd00::1]/", "http://2130706433/",
        "http://0x7f.1/", "http://127.1/", "http://metadata.google.internal/", "http://printer.local/", "http://224.0.0.1/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::]/",
    ],
)  # fmt: skip
async def test_addresses_inside_are_not_contacted(url: str) -> None:
    """Loopback, link-local, private and special addresses in every spelling."""
    fake = FakeHttp()
    with pytest.raises(BlockedAddress, match="not contacted"):
        await client(fake).get(url)
    assert fake.sent == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"])
async def test_a_name_that_resolves_inside_is_not_contacted(address: str) -> None:
    """The name looks harmless; one inside address among its addresses is enough."""
    fake = FakeHttp()
    fake.add("https://innocent.example/", "secret")
    with pytest.raises(BlockedAddress):
        await client(fake, names={"innocent.example": [OUTSIDE, address]}).get("https://innocent.example/")
    assert fake.sent == []


async def test_a_redirect_inside_is_not_followed() -> None:
    """Each hop is judged like the first."""
    fake = FakeHttp()
    fake.add("https://example.com/", status=302, headers={"Location": "http://169.254.169.254/"})
    fake.add("https://example.com/named", status=302, headers={"Location": "https://sly.example/"})
    fake.add("http://169.254.169.254/", "credentials")
    fake.add("https://sly.example/", "credentials")
    http = client(fake, names={"sly.example": ["10.0.0.1"]})
    for url in ("https://example.com/", "https://example.com/named"):
        with pytest.raises(BlockedAddress):
            await http.get(url)
    assert len(fake.sent) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": {"reading": {"allow": [{"host": "git.corp.example"}]}}},
        {"backend": {"reading": {"allow": [{"host": "*.corp.example"}]}}},
        {"backend": {"reading": {"allow": [{"host": "git.corp.example:443"}]}}},
        {"integrations": {"github": [{"host": "git.corp.example"}]}},
        {"integrations": {"gitlab": [{"host": "x.example", "apiBaseUrl": "https://git.corp.example/api/v4"}]}},
    ],
)
async def test_hosts_that_the_settings_name_may_be_inside(settings: dict[str, Any]) -> None:
    """A company's own host in its private network is meant."""
    fake = FakeHttp()
    fake.add("https://git.corp.example/", "ours")
    http = client(fake, settings, {"git.corp.example": ["10.0.0.7"]})
    assert (await http.get("https://git.corp.example/")).text == "ours"


async def test_a_named_host_still_does_not_lead_to_link_local_addresses() -> None:
    """Where clouds keep instance credentials nobody means to read a catalog."""
    settings = {"backend": {"reading": {"allow": [{"host": "git.corp.example"}, {"host": "corp.example:8443"}]}}}
    names = {"git.corp.example": ["169.254.169.254"], "corp.example": ["10.0.0.1"]}
    for url in ("https://git.corp.example/", "https://corp.example/"):
        with pytest.raises(BlockedAddress):
            await client(FakeHttp(), settings, names).get(url)


async def test_credentials_stay_with_their_origin() -> None:
    """A redirect elsewhere goes without token and cookie; one on the same host keeps them."""
    fake = FakeHttp()
    fake.add("https://a.example/1", status=302, headers={"Location": "/2"})
    fake.add("https://a.example/2", status=302, headers={"Location": "https://b.example/3"})
    fake.add("https://b.example/3", "end")
    found = await client(fake).get(
        "https://a.example/1", headers={"Authorization": "Bearer x", "PRIVATE-TOKEN": "y", "X-Kept": "z"}
    )
    assert found.url == "https://b.example/3"
    assert ["authorization" in one.headers for one in fake.sent] == [True, True, False]
    assert "private-token" not in fake.sent[2].headers
    assert fake.sent[2].headers["x-kept"] == "z"


async def test_a_redirect_to_no_url_is_an_answer_that_cannot_be_used() -> None:
    """A broken Location header is the host's fault, and says so."""
    fake = FakeHttp()
    fake.add("https://a.example/1", status=302, headers={"Location": "//[b"})
    with pytest.raises(UnavailableError, match="is not a URL"):
        await client(fake).get("https://a.example/1")


async def test_too_many_redirects_and_too_large_answers_are_refused() -> None:
    """Five redirects are followed; a body is not read beyond its limit."""
    fake = FakeHttp()
    fake.add("https://a.example/loop", status=302, headers={"Location": "https://a.example/loop"})
    fake.add("https://a.example/big", b"x" * 1001)
    fake.add("https://a.example/fits", b"x" * 1000)
    http = client(fake)
    with pytest.raises(LimitError, match="redirects more than 5"):
        await http.get("https://a.example/loop")
    assert len(fake.sent) == 6
    with pytest.raises(LimitError, match="1000 bytes"):
        await http.get("https://a.example/big", max_bytes=1000)
    assert len((await http.get("https://a.example/fits", max_bytes=1000)).body) == 1000


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com",
        "http://",
        "https://me:pw@example.com/",
        "http://[x/",
        "http://a:b/",
    ],
)
async def test_what_is_no_http_url_is_refused(url: str) -> None:
    """Other schemes, credentials in the URL, and nonsense."""
    with pytest.raises(InputError):
        await client(FakeHttp()).get(url)


async def test_a_host_that_is_down_or_silent_is_unavailable() -> None:
    """Refused connections, unknown names and time-outs are one kind of error."""

    async def silent(request: Any) -> Any:
        await asyncio.sleep(30)

    fake = FakeHttp()
    fake.add_function("https://slow.example/", silent)
    fake.add("https://text.example/", "<html>")
    http = client(fake, names={"nowhere.example": []})
    for url in ("https://down.example/", "https://nowhere.example/"):
        with pytest.raises(UnavailableError):
            await http.get(url)
    with pytest.raises(UnavailableError, match="within 0.01 s"):
        await http.get("https://slow.example/", timeout_s=0.01)
    with pytest.raises(UnavailableError, match="not JSON"):
        (await http.get("https://text.example/")).json()


async def test_a_post_sends_json_and_does_not_follow() -> None:
    """The body is compact JSON; the answer to a redirect is the redirect."""
    fake = FakeHttp()
    fake.add("https://a.example/hook", method="POST", status=307, headers={"Location": "https://b.example/"})
    assert (await client(fake).post("https://a.example/hook", json={"a": [1]})).status == 307
    assert (fake.sent[0].body, fake.sent[0].headers["content-type"]) == (b'{"a":[1]}', "application/json")


async def test_a_real_connection_goes_only_to_an_address_that_was_judged() -> None:
    """On a real socket: refused by default, reached when named, and never by a name that another resolver calls harmless."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def to_loopback(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    closed = HttpClient(Settings.of({}), resolve=to_loopback)
    named = HttpClient(
        Settings.of({"backend": {"reading": {"allow": [{"host": f"portal.example:{port}"}]}}}), resolve=to_loopback
    )
    try:
        with pytest.raises(BlockedAddress):
            await closed.get(f"http://portal.example:{port}/")
        assert seen == []
        assert (await named.get(f"http://portal.example:{port}/x")).text == "hello"
        assert f"host: portal.example:{port}".encode() in seen[0].lower()
    finally:
        await closed.close()
        await named.close()
        server.close()
        await server.wait_closed()
