"""Archives from elsewhere: those of hosts, where what does not belong is left out, and those that somebody names, where it is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import Any, Mapping

import pytest

from callboard.kernel.archives import ArchiveLimits, unpack, unpack_strictly
from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile

LIMITS = ArchiveLimits()


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


def tar(*members: tuple[str, bytes | str], kind: bytes | None = None) -> bytes:
    """A text as content is the target of a symbolic link; ``kind`` is the type of all members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = kind or tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size, info.type = len(content), kind or tarfile.REGTYPE
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        tar(("top/../../x", b"x")),
        tar(("/etc/passwd", b"x")),
        tar(("a\\..\\..\\x", b"x")),
        zipped("../x", b"x"),
        zipped("/x", b"x"),
        b"not an archive",
        tar(("a", b"x" * 5000))[:60],
        zipped("a", b"x" * 5000)[:40],
    ],
    ids=[
        "climbing tar",
        "absolute tar",
        "backslashes",
        "climbing zip",
        "absolute zip",
        "no archive",
        "cut tar",
        "cut zip",
    ],
)
def test_archives_that_lead_out_or_are_damaged_are_refused(archive: bytes):
    """In words, whatever the format."""
    with pytest.raises(InputError):
        unpack(archive)


def test_links_stay_inside_and_special_files_are_left_out():
    """A hard link is the file that it names; devices and pipes are nothing."""
    archive = tar(("d/in", "../f"), ("d/out", "../../f"), ("abs", "/etc/passwd"), ("f", b"x"))
    assert [file.path for file in unpack(archive)] == ["d/in", "f"]
    assert unpack(tar(("pipe", "x"), kind=tarfile.FIFOTYPE)) == []


@pytest.mark.parametrize("archive", [tar(("a", b"\0" * 40_000)), zipped("a", b"\0" * 40_000)], ids=["tar", "zip"])
def test_what_unpacks_too_large_is_stopped(archive: bytes):
    """By bytes of one file, of all, and by number."""
    assert len(archive) < 1000
    with pytest.raises(LimitError):
        unpack(archive, limits=ArchiveLimits(file_bytes=10_000))
    with pytest.raises(LimitError):
        unpack(archive, limits=ArchiveLimits(total_bytes=10_000))
    with pytest.raises(LimitError):
        unpack(tar(*((f"f{n}", b"") for n in range(5))), limits=ArchiveLimits(files=4))


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "a\\..\\b", "C:\\x", "c:x"])
def test_names_in_archives_lead_nowhere(name: str):
    for content, file in ((make_zip({name: b"x"}), "x.zip"), (make_tar("w", (name, b"x", {})), "x.tar")):
        with pytest.raises(InputError):
            unpack_strictly(content, file, LIMITS)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "..", "a/../../b"])
def test_links_in_archives_stay_inside(target: str):
    with pytest.raises(InputError, match="leads out"):
        unpack_strictly(make_zip({"b": b""}, {"l": target}), "x.zip", LIMITS)
    with pytest.raises(InputError, match="leads out"):
        unpack_strictly(make_tar("w", ("l", b"", {"type": tarfile.SYMTYPE, "linkname": target})), "x.tar", LIMITS)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE])
def test_devices_pipes_and_hard_links_are_refused(kind: bytes):
    with pytest.raises(InputError, match="neither"):
        unpack_strictly(make_tar("w", ("d", b"", {"type": kind, "linkname": "x"})), "x.tar", LIMITS)


def test_a_link_beside_the_only_folder_is_not_let_out_by_leaving_it_away():
    with pytest.raises(InputError, match="leads out"):
        unpack_strictly(make_zip({"top/a": b"1"}, {"top/l": "../b"}), "x.zip", LIMITS)


def test_bombs_end_at_the_limit():
    """Counted while it is unpacked: what the headers say is not believed."""
    limits = ArchiveLimits(total_bytes=1_000_000, file_bytes=500_000, files=50)
    zeros = b"\0" * 5_000_000
    for content, name in (
        (make_zip({"a": zeros}), "x.zip"),
        (make_zip({str(n): b"\0" * 400_000 for n in range(5)}), "x.zip"),
        (make_zip({str(n): b"" for n in range(60)}), "x.zip"),
        (make_tar("w:gz", ("a", zeros, {})), "x.tgz"),
        (make_tar("w:gz", ("a" * 3_000_000, b"", {})), "x.tar.gz"),
    ):
        with pytest.raises(LimitError):
            unpack_strictly(content, name, limits)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\xfd7zXZ\x00", b"garbage" * 100])
@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tgz", "x.tar.xz", "x.tar.bz2"])
def test_what_is_no_archive_is_told(content: bytes, name: str):
    with pytest.raises(InputError, match=f"{name} cannot be unpacked"):
        unpack_strictly(content, name, LIMITS)


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
    assert list(unpack_strictly(content, name, LIMITS)) == [
        TreeFile("latest", b"", link="run.sh"),
        TreeFile("run.sh", b"x", 0o755),
    ]


def pax_bomb(size: int) -> bytes:
    """A header that says it is that long, and is: nothing of it is a file."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return gzip.compress(info.tobuf() + b"\0" * size)


@pytest.mark.parametrize("unpacked", ["hosts", "named"])
def test_headers_are_counted_before_they_are_believed(unpacked: str):
    """They are no file, and may be as large as they like: the bytes of the whole archive have an end."""
    limits = ArchiveLimits(total_bytes=1_000_000, file_bytes=500_000, files=50)
    for archive in (
        pax_bomb(3_000_000),
        make_tar("w:gz", *((f"d{n}", b"", {"type": tarfile.DIRTYPE}) for n in range(200))),
    ):
        assert len(archive) < 20_000
        with pytest.raises(LimitError):
            unpack(archive, limits=limits) if unpacked == "hosts" else unpack_strictly(archive, "x.tgz", limits)


def test_a_hard_link_of_a_host_is_the_file_that_it_names():
    """With its content and mode, however the archive is read; one to nothing is left out."""
    archive = make_tar(
        "w:gz", ("t/a", b"x", {"mode": 0o755}), ("t/b", b"", {"type": tarfile.LNKTYPE, "linkname": "t/a"}),
        ("t/c", b"", {"type": tarfile.LNKTYPE, "linkname": "t/none"}),
    )  # fmt: skip
    assert unpack(archive, strip=1) == [TreeFile("a", b"x", 0o755), TreeFile("b", b"x", 0o755)]
    assert unpack(archive, folder="t/a") == [TreeFile("a", b"x", 0o755)]
