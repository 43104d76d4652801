"""Where templates fetch from: readers of hosts, their trees, archives, and addresses as Backstage resolves them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import Any, Mapping, Sequence

import pytest

from callboard.features.scaffolder.archives import TreeLimits, unpack
from callboard.features.scaffolder.sources import CatalogTemplateSource, resolve
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, NotFoundError
from callboard.kernel.read_file import ReadFile, TreeFile
from callboard.model import urls

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


def make_zip(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = 0o120777 << 16
            archive.writestr(info, target)
    return out.getvalue()


def make_tar(mode: Any, *members: tuple[str, bytes, Mapping[str, Any]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content, more in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in more.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "name"), [("w:gz", "x.tgz"), ("w:bz2", "x.tar.bz2"), ("w:xz", "x.tar.xz"), ("w", "x.tar")]
)
def test_tars_are_unpacked_without_their_only_folder(mode: Any, name: str):
    content = make_tar(
        mode,
        ("repo-main/", b"", {"type": tarfile.DIRTYPE}),
        ("repo-main/run.sh", b"x", {"mode": 0o755}),
        ("repo-main/latest", b"", {"type": tarfile.SYMTYPE, "linkname": "run.sh"}),
    )  # fmt: skip
    assert list(unpack(content, name)) == [TreeFile("latest", b"", link="run.sh"), TreeFile("run.sh", b"x", 0o755)]


async def test_archives_are_read_as_folders():
    url = "https://github.com/acme/templates/raw/main/x.zip"
    source = CatalogTemplateSource(Readers({url: make_zip({"a": b"1", "d/b": b"2"}, {"l": "a"})}))
    found = await source.read_tree(url, base_url=BASE)
    assert list(found) == [TreeFile("a", b"1"), TreeFile("d/b", b"2"), TreeFile("l", b"", link="a")]


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "a\\..\\b", "C:\\x", "c:x"])
def test_names_in_archives_lead_nowhere(name: str):
    for content, file in ((make_zip({name: b"x"}), "x.zip"), (make_tar("w", (name, b"x", {})), "x.tar")):
        with pytest.raises(InputError):
            unpack(content, file)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "..", "a/../../b"])
def test_links_in_archives_stay_inside(target: str):
    with pytest.raises(InputError, match="leads out"):
        unpack(make_zip({"b": b""}, {"l": target}), "x.zip")
    with pytest.raises(InputError, match="leads out"):
        unpack(make_tar("w", ("l", b"", {"type": tarfile.SYMTYPE, "linkname": target})), "x.tar")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE])
def test_devices_pipes_and_hard_links_are_refused(kind: bytes):
    with pytest.raises(InputError, match="neither"):
        unpack(make_tar("w", ("d", b"", {"type": kind, "linkname": "x"})), "x.tar")


def test_a_link_beside_the_only_folder_is_not_let_out_by_leaving_it_away():
    with pytest.raises(InputError, match="leads out"):
        unpack(make_zip({"top/a": b"1"}, {"top/l": "../b"}), "x.zip")


def test_bombs_end_at_the_limit():
    """Counted while it is unpacked: what the headers say is not believed."""
    limits = TreeLimits(total_bytes=1_000_000, file_bytes=500_000, entries=50)
    zeros = b"\0" * 5_000_000
    for content, name in (
        (make_zip({"a": zeros}), "x.zip"),
        (make_zip({str(n): b"\0" * 400_000 for n in range(5)}), "x.zip"),
        (make_zip({str(n): b"" for n in range(60)}), "x.zip"),
        (make_tar("w:gz", ("a", zeros, {})), "x.tgz"),
        (make_tar("w:gz", ("a" * 3_000_000, b"", {})), "x.tar.gz"),
    ):
        with pytest.raises(LimitError):
            unpack(content, name, limits)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\x00", b"garbage" * 100])
@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tgz", "x.tar.xz", "x.tar.bz2"])
def test_what_is_no_archive_is_told(content: bytes, name: str):
    with pytest.raises(InputError, match=f"{name} cannot be unpacked"):
        unpack(content, name)
