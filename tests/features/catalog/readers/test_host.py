"""The readers of a portal as one."""

from __future__ import annotations

from typing import Sequence

import pytest

from callboard.features.catalog.interface import ReadFile
from callboard.features.catalog.readers.host import UrlReaders
from callboard.kernel.errors import InputError, NotAllowedError

pytestmark = pytest.mark.anyio


class OneHost:
    """Reads everything below a prefix."""

    def __init__(self, prefix: str, name: str) -> None:
        self.prefix, self.name = prefix, name

    def handles(self, url: str) -> bool:
        return url.startswith(self.prefix)

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        return ReadFile(url, self.name.encode(), etag)

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        return [await self.read(url, etag=etag)]

    def resolve(self, target: str, base: str) -> str:
        return f"{self.name}:{target}"


READERS = UrlReaders([OneHost("https://a.example/", "first"), OneHost("https://", "second")])


async def test_the_first_reader_that_knows_the_url_reads_it():
    """In the order given."""
    assert (await READERS.read("https://a.example/x")).content == b"first"
    assert (await READERS.read("https://b.example/x", etag="1")) == ReadFile("https://b.example/x", b"second", "1")
    assert [f.content for f in await READERS.search("https://a.example/*")] == [b"first"]


@pytest.mark.parametrize(
    ("url", "setting"),
    [
        ("http://c.example/x", "backend.reading.allow"),
        ("http://c.example/x", "integrations"),
        ("git+file:///srv/x.git#a", "integrations.git"),
        ("git+https://c.example/x.git#a", "integrations.git"),
        ("gopher://c.example/x", "not supported"),
    ],
)
async def test_an_unknown_host_names_the_setting_that_would_open_it(url: str, setting: str):
    """Whoever meets the error can act on it."""
    for call in (READERS.read(url), READERS.search(url)):
        with pytest.raises(NotAllowedError, match=setting):
            await call
    assert not READERS.handles(url)


@pytest.mark.parametrize("url", ["", "a.yaml", "/a.yaml", "http:///x", "http://[::1/x"])
async def test_what_is_no_url_is_bad_input(url: str):
    """Not a matter of settings."""
    with pytest.raises(InputError):
        await READERS.read(url)


def test_targets_resolve_by_the_reader_of_the_base():
    """Absolute ones stay; where no reader knows the base, URL rules hold."""
    assert READERS.resolve("./x", "https://a.example/y") == "first:./x"
    assert READERS.resolve("git+file:///srv/a.git#b", "https://a.example/y") == "git+file:///srv/a.git#b"
    assert READERS.resolve("./x", "http://c.example/d/y") == "http://c.example/d/x"
