"""Where templates fetch from: readers of hosts, their trees, archives, and addresses as Backstage resolves them."""

from __future__ import annotations

from typing import Mapping, Sequence

import pytest

from callboard.features.scaffolder.sources import CatalogTemplateSource, resolve
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.read_file import ReadFile, TreeFile
from callboard.model import urls
from tests.kernel.test_archives import make_zip

pytestmark = pytest.mark.anyio
BASE = "https://github.com/acme/templates/blob/main/java/template.yaml"


class Readers:
    """One host that finds files by their addresses."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def handles(self, url: str) -> bool:
        return url.startswith("https://github.com/")

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        if url not in self.files:
            raise NotFoundError(url)
        return ReadFile(url, self.files[url])

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        prefix = url.removesuffix("**")
        return [ReadFile(one, content) for one, content in self.files.items() if one.startswith(prefix)]

    def resolve(self, target: str, base: str) -> str:
        return urls.resolve_url(target, base)


class Trees(Readers):
    """A host that gives whole folders, with modes."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[str, str | None]] = []

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        self.asked.append((url, token))
        return [TreeFile("b", b"2", 0o755), TreeFile("a", b"1")]


async def test_a_folder_is_read_by_what_its_reader_finds():
    """Without an own way for folders a reader's search is asked; paths are below the folder."""
    tree = "https://github.com/acme/templates/tree/main"
    source = CatalogTemplateSource(Readers({f"{tree}/java/skeleton/a": b"1", f"{tree}/java/skeleton/b%20c/d": b"2"}))
    found = await source.read_tree("./skeleton", base_url=BASE)
    assert [(file.path, file.content) for file in found] == [("a", b"1"), ("b c/d", b"2")]
    with pytest.raises(NotFoundError, match="nothing at"):
        await source.read_tree("./none", base_url=BASE)


async def test_a_reader_that_reads_folders_is_asked_with_the_token():
    readers = Trees()
    found = await CatalogTemplateSource(readers).read_tree("../common", base_url=BASE, token="t")
    assert [file.path for file in found] == ["a", "b"] and found[1].mode == 0o755
    assert readers.asked == [("https://github.com/acme/templates/tree/main/common", "t")]


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("./skeleton", BASE, "https://github.com/acme/templates/tree/main/java/skeleton"),
        ("../x/", BASE, "https://github.com/acme/templates/tree/main/x/"),
        ("/common", BASE, "https://github.com/acme/templates/tree/main/common"),
        ("skeleton", "https://github.com/acme/t/tree/main/java/", "https://github.com/acme/t/tree/main/java/skeleton"),
        ("https://example.org/x.zip", BASE, "https://example.org/x.zip"),
        ("./s", "https://gitlab.com/g/p/-/blob/main/t.yaml", "https://gitlab.com/g/p/-/blob/main/s"),
    ],
)
def test_addresses_are_resolved_by_the_rules_of_their_host(url: str, base: str, expected: str):
    assert resolve(url, base) == expected


def test_what_cannot_be_resolved_is_told():
    with pytest.raises(InputError, match="location could not be determined"):
        resolve("./x", "")
    with pytest.raises(NotAllowedError):
        resolve("file:///etc/passwd", BASE)


async def test_archives_are_read_as_folders():
    url = "https://github.com/acme/templates/raw/main/x.zip"
    source = CatalogTemplateSource(Readers({url: make_zip({"a": b"1", "d/b": b"2"}, {"l": "a"})}))
    found = await source.read_tree(url, base_url=BASE)
    assert list(found) == [TreeFile("a", b"1"), TreeFile("d/b", b"2"), TreeFile("l", b"", link="a")]
