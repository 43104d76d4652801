"""``file`` locations: what is read, what may be reached from where, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callboard.features.catalog.interface import NotModified
from callboard.features.catalog.readers.files import FileReader
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, NotFoundError
from callboard.kernel.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository ``acme`` with descriptors, beside a folder with a secret."""
    for path in (
        "acme/catalog/all.yaml",
        "acme/catalog/a.yaml",
        "acme/catalog/deep/er/a.yaml",
        "acme/docs/b.yaml",
        "secret/s.yaml",
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    (tmp_path / "acme" / ".git").mkdir()
    return tmp_path


@pytest.fixture
def reader(tree: Path) -> FileReader:
    return FileReader(working_dir=tree / "acme")


async def test_a_configured_file_may_lie_anywhere(reader: FileReader, tree: Path):
    """Whoever writes the settings decides; relative targets are from the working directory."""
    assert reader.absolute("../secret/s.yaml") == str(tree / "secret/s.yaml")
    file = await reader.read(str(tree / "secret/s.yaml"))
    assert (file.url, file.content) == (str(tree / "secret/s.yaml"), b"secret/s.yaml")


@pytest.mark.parametrize("target", ["./a.yaml", "a.yaml", "deep/er/a.yaml", "../docs/b.yaml"])
async def test_targets_of_a_location_reach_its_repository(reader: FileReader, tree: Path, target: str):
    """The nearest folder upward with ``.git`` is the tree that a configured file opens."""
    origin = str(tree / "acme/catalog/all.yaml")
    file = await reader.read(reader.resolve(target, origin), origin=origin)
    assert file.content.endswith(target.rsplit("/", 1)[-1].encode())


@pytest.mark.parametrize(
    "target", ["../../secret/s.yaml", "/etc/passwd", "../../secret/*.yaml", "../../**/s.yaml", "/**/passwd"]
)
async def test_targets_do_not_leave_it(reader: FileReader, tree: Path, target: str):
    """Neither by ``..``, nor absolute, nor by a pattern; the message names the setting."""
    origin = str(tree / "acme/catalog/all.yaml")
    with pytest.raises(NotAllowedError, match="catalog.fileRoots"):
        await reader.search(reader.resolve(target, origin), origin=origin)


async def test_without_a_repository_the_folder_is_the_tree(reader: FileReader, tree: Path):
    """Its siblings are outside."""
    (tree / "acme/.git").rmdir()
    origin = str(tree / "acme/catalog/all.yaml")
    assert await reader.read(str(tree / "acme/catalog/deep/er/a.yaml"), origin=origin)
    with pytest.raises(NotAllowedError):
        await reader.read(str(tree / "acme/docs/b.yaml"), origin=origin)


async def test_file_roots_replace_the_tree(tree: Path):
    """``catalog.fileRoots`` opens these directories and no others, also for locations that are no files."""
    settings = Settings.of({"catalog": {"fileRoots": ["../secret"]}})
    reader = FileReader.from_settings(settings, tree / "acme")
    origin = str(tree / "acme/catalog/all.yaml")
    assert await reader.read(str(tree / "secret/s.yaml"), origin=origin)
    assert await reader.read(str(tree / "secret/s.yaml"), origin="")
    with pytest.raises(NotAllowedError):
        await reader.read(str(tree / "acme/docs/b.yaml"), origin=origin)


async def test_a_url_opens_no_files(reader: FileReader, tree: Path):
    """A Location read from a URL that names a file on this machine gets nothing."""
    with pytest.raises(NotAllowedError, match="catalog.fileRoots"):
        await reader.read(str(tree / "acme/catalog/a.yaml"), origin="")


async def test_links_do_not_lead_out(reader: FileReader, tree: Path):
    """A link to a file or folder outside is refused by name, and a finding in a glob; inside the tree links are fine."""
    catalog = tree / "acme/catalog"
    (catalog / "evil.yaml").symlink_to(tree / "secret/s.yaml")
    (catalog / "out").symlink_to(tree / "secret")
    (catalog / "fine.yaml").symlink_to("../docs/b.yaml")
    origin = str(catalog / "all.yaml")
    for path in ("evil.yaml", "out/s.yaml"):
        with pytest.raises(NotAllowedError):
            await reader.read(str(catalog / path), origin=origin)
    assert (await reader.read(str(catalog / "fine.yaml"), origin=origin)).content == b"acme/docs/b.yaml"
    for by in (origin, None):
        hits = await reader.search(str(catalog / "**/*.yaml"), origin=by)
        assert [Path(f.url).name for f in hits.files] == ["a.yaml", "all.yaml", "a.yaml", "fine.yaml"]
        assert [(finding.file, finding.name) for finding in hits.findings] == [
            (str(catalog / "evil.yaml"), "NotAllowedError")
        ]


async def test_globs_match_at_any_depth_and_stop_where_they_should(reader: FileReader, tree: Path):
    """``**`` is any depth, ``*`` one segment; sorted; the repository's own folder is passed over."""
    (tree / "acme/.git/a.yaml").write_text("x")
    root = tree / "acme"
    deep = await reader.search(str(root / "**/a.yaml"))
    assert [f.url for f in deep.files] == [str(root / "catalog/a.yaml"), str(root / "catalog/deep/er/a.yaml")]
    flat = await reader.search(str(root / "*/{a,b}.yaml"))
    assert [f.url for f in flat.files] == [str(root / "catalog/a.yaml"), str(root / "docs/b.yaml")]
    assert (await reader.search(str(root / "nowhere/*.yaml"))).files == ()


async def test_a_linked_folder_in_a_configured_path_is_kept_as_written(reader: FileReader, tree: Path):
    """Deployments link to the current release; entities carry the path that the settings name."""
    (tree / "current").symlink_to(tree / "acme")
    hits = await reader.search(str(tree / "current/catalog/*.yaml"))
    assert [f.url for f in hits.files] == [str(tree / "current/catalog/a.yaml"), str(tree / "current/catalog/all.yaml")]
    origin = str(tree / "current/catalog/all.yaml")
    assert await reader.read(str(tree / "current/docs/b.yaml"), origin=origin)


async def test_unchanged_files_are_not_modified(reader: FileReader, tree: Path):
    """By time, size and inode, for a file and for a glob; touching, adding and removing count."""
    file, glob = str(tree / "acme/catalog/a.yaml"), str(tree / "acme/catalog/*.yaml")
    for path in (tree / "acme/catalog").glob("*.yaml"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    etag, hits = (await reader.read(file)).etag, await reader.search(glob)
    with pytest.raises(NotModified):
        await reader.read(file, etag=etag)
    with pytest.raises(NotModified):
        await reader.search(glob, etag=hits.etag)
    os.utime(file, ns=(1, 1))
    assert (await reader.read(file, etag=etag)).etag != etag
    touched = await reader.search(glob, etag=hits.etag)
    (tree / "acme/catalog/new.yaml").write_text("n")
    added = await reader.search(glob, etag=touched.etag)
    assert len(added.files) == 3
    Path(file).unlink()
    assert len((await reader.search(glob, etag=added.etag)).files) == 2


async def test_a_file_written_just_now_is_read_once_more(reader: FileReader, tree: Path):
    """Within a tick of the file system's clock it could be written again and look the same."""
    file, glob = tree / "acme/catalog/a.yaml", str(tree / "acme/catalog/*.yaml")
    file.write_text("now")
    etag, hits = (await reader.read(str(file))).etag, await reader.search(glob)
    assert (await reader.read(str(file), etag=etag)).content == b"now"
    assert len((await reader.search(glob, etag=hits.etag)).files) == 2


async def test_absent_files_folders_and_odd_targets_are_told_apart(reader: FileReader, tree: Path):
    """Each with what to do."""
    catalog = str(tree / "acme/catalog")
    with pytest.raises(NotFoundError):
        await reader.read(f"{catalog}/gone.yaml")
    with pytest.raises(InputError, match="directory"):
        await reader.read(catalog)
    with pytest.raises(InputError, match="ends in"):
        await reader.read(f"{catalog}/")
    for target in ("relative.yaml", "/a\0b"):
        with pytest.raises(InputError):
            await reader.read(target)


async def test_pipes_and_devices_are_not_read(reader: FileReader, tree: Path):
    """Reading them would never end, or do something."""
    os.mkfifo(tree / "acme/pipe.yaml")
    for path in (str(tree / "acme/pipe.yaml"), "/dev/zero"):
        with pytest.raises(NotAllowedError, match="regular"):
            await reader.read(path)


async def test_large_files_are_refused(tree: Path):
    """Over ``catalog.maxFileSizeBytes`` nothing is kept."""
    reader = FileReader.from_settings(Settings.of({"catalog": {"maxFileSizeBytes": 10}}), tree)
    with pytest.raises(LimitError, match="maxFileSizeBytes"):
        await reader.read(str(tree / "acme/catalog/all.yaml"))
    hits = await reader.search(str(tree / "acme/catalog/*.yaml"))
    assert [f.name for f in hits.findings] == ["LimitError", "LimitError"]


async def test_a_costly_pattern_is_refused(reader: FileReader, tree: Path):
    """Before the disk is touched."""
    with pytest.raises(InputError):
        await reader.search(str(tree / "**/a/**/b/**/c/**/d/**/*.yaml"))
