"""What every reader of a source host promises, on every one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.features.catalog.interface import NotModified
from callboard.kernel.errors import (
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.source_host import commit_change
from tests.integrations.conftest import Host
from tests.integrations.serving import FILES

pytestmark = pytest.mark.anyio


async def test_a_file_is_read_by_its_url(host: Host):
    """Content as bytes, under the URL it was asked by, with an etag to ask again."""
    url = host.url("services/a b/catalog-info.yaml")
    assert host.reader.handles(url)
    file = await host.reader.read(url)
    assert (file.url, file.content) == (url, FILES["services/a b/catalog-info.yaml"])
    assert file.etag


async def test_an_unchanged_file_is_not_modified(host: Host):
    """The etag of a read holds while nothing was committed, and not afterwards."""
    url = host.url("catalog-info.yaml")
    etag = (await host.reader.read(url)).etag
    with pytest.raises(NotModified):
        await host.reader.read(url, etag=etag)
    host.put("catalog-info.yaml", b"kind: Group\n")
    changed = await host.reader.read(url, etag=etag)
    assert changed.content == b"kind: Group\n"
    assert changed.etag != etag


@pytest.mark.parametrize("path", ["gone.yaml", "docs/gone/catalog-info.yaml"])
async def test_an_absent_file_is_not_found(host: Host, path: str):
    """Absent is said only when the host says so."""
    with pytest.raises(NotFoundError):
        await host.reader.read(host.url(path))


async def test_an_absent_ref_or_repository_is_not_found(host: Host):
    """The same for what the file would lie in."""
    for url in (host.absent_ref_url, host.absent_repository_url):
        with pytest.raises(NotFoundError):
            await host.reader.read(url)


async def test_a_repository_is_no_file(host: Host):
    """A URL without a path names nothing that can be read."""
    with pytest.raises((InputError, NotFoundError)):
        await host.reader.read(host.url("").rstrip("#"))


async def test_a_glob_names_files_at_any_depth(host: Host):
    """``**`` is any depth, none included; hits are sorted, complete over pages, and readable by the URLs they carry."""
    files = await host.reader.search(host.url("**/catalog-info.yaml"))
    assert [f.content for f in files] == [
        FILES["catalog-info.yaml"],
        FILES["docs/api/catalog-info.yaml"],
        FILES["services/a b/catalog-info.yaml"],
    ]
    for file in files:
        assert host.reader.handles(file.url)
        assert (await host.reader.read(file.url)).content == file.content


async def test_a_glob_below_a_folder_stays_there(host: Host):
    """The folders before the first wildcard are a border."""
    assert [f.content for f in await host.reader.search(host.url("docs/*/catalog-info.yaml"))] == [b"kind: API\n"]
    assert await host.reader.search(host.url("nowhere/*/catalog-info.yaml")) == []


async def test_an_unchanged_glob_is_not_modified(host: Host):
    """All hits carry one etag, which a commit changes."""
    url = host.url("**/catalog-info.yaml")
    etags = {f.etag for f in await host.reader.search(url)}
    assert len(etags) == 1
    etag = etags.pop()
    with pytest.raises(NotModified):
        await host.reader.search(url, etag=etag)
    host.put("new/catalog-info.yaml", b"kind: User\n")
    assert b"kind: User\n" in [f.content for f in await host.reader.search(url, etag=etag)]


async def test_search_without_a_star_reads_one_file(host: Host):
    """Callers need not tell a file from a pattern."""
    (file,) = await host.reader.search(host.url("docs/readme.md"))
    assert file.content == FILES["docs/readme.md"]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("./readme.md", "docs/readme.md"),
        ("readme.md", "docs/readme.md"),
        ("../catalog-info.yaml", "catalog-info.yaml"),
        ("/catalog-info.yaml", "catalog-info.yaml"),
        ("./api/catalog-info.yaml", "docs/api/catalog-info.yaml"),
    ],
)
async def test_relative_targets_are_read_beside_the_file(host: Host, target: str, path: str):
    """Relative to the folder of the file; a leading slash is the root of the repository."""
    resolved = host.reader.resolve(target, host.url("docs/index.yaml"))
    assert (await host.reader.read(resolved)).content == FILES[path]


async def test_absolute_targets_stay(host: Host):
    """Another host's URL is none of this reader's business."""
    assert host.reader.resolve("https://example.org/x.yaml", host.url("a.yaml")) == "https://example.org/x.yaml"


async def test_targets_do_not_leave_the_repository(host: Host):
    """Climbing above the root is refused, or stops at it; it never reaches another repository or ref."""
    base = host.url("docs/index.yaml")
    try:
        resolved = host.reader.resolve("../../../../../../other/secret.yaml", base)
    except InputError:
        return
    with pytest.raises(NotFoundError):
        await host.reader.read(resolved)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failing_host_is_unavailable_never_absent(api_host: Host, status: int):
    """Unknown is not gone, whether one file is asked for or a glob."""
    api_host.emulator.fail("", status)
    for call in (
        api_host.reader.read(api_host.url("catalog-info.yaml")),
        api_host.reader.search(api_host.url("**/*.yaml")),
    ):
        with pytest.raises(UnavailableError):
            await call


async def test_too_many_requests_is_a_limit_with_a_time(api_host: Host):
    """429 says when to come back, and until then the host is not asked."""
    emulator = api_host.emulator
    emulator.fail("", 429, headers={"retry-after": "120"})
    for call in (
        api_host.reader.read(api_host.url("catalog-info.yaml")),
        api_host.reader.search(api_host.url("**/*.yaml")),
    ):
        with pytest.raises(LimitError) as caught:
            await call
        assert caught.value.retry_after_s == 120
    asked = len(emulator.log)
    with pytest.raises(LimitError):
        await api_host.reader.read(api_host.url("catalog-info.yaml"))
    assert len(emulator.log) == asked


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_not_an_absence(api_host: Host, status: int):
    """The error names the setting with the credentials."""
    api_host.emulator.fail("", status)
    with pytest.raises(NotAllowedError, match="integrations"):
        await api_host.reader.read(api_host.url("catalog-info.yaml"))


async def test_a_glob_that_fails_halfway_gives_nothing(api_host: Host):
    """One unreadable hit fails the search: a part of the files would look like the rest were gone."""
    emulator = api_host.emulator
    await api_host.reader.search(api_host.url("**/catalog-info.yaml"))
    how_one_is_read = emulator.log[-1].split(" ", 1)[1]
    for path in ("catalog-info.yaml", "docs/api/catalog-info.yaml", "services/a b/catalog-info.yaml"):
        emulator.repository.put(path, f"# changed {path}\n".encode())
    mark = next(mark for mark in ("/blobs/", "/raw/", "/src/", "path=/") if mark in how_one_is_read)
    last = emulator.repository.blob("services/a b/catalog-info.yaml") if mark == "/blobs/" else "services/a%20b"
    emulator.fail(last, 500)
    with pytest.raises(UnavailableError):
        await api_host.reader.search(api_host.url("**/catalog-info.yaml"))
    emulator.failures.clear()
    files = await api_host.reader.search(api_host.url("**/catalog-info.yaml"))
    assert [f.content.startswith(b"# changed") for f in files] == [True, True, True]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://[::1]:9/", "http://localhost:9/", "http://10.0.0.1/"]
)
async def test_an_api_cannot_redirect_inside(api_host: Host, target: str):
    """The host is named by the settings; what it points to is not."""
    api_host.emulator.fail("", 302, headers={"location": target})
    with pytest.raises(NotAllowedError):
        await api_host.reader.read(api_host.url("catalog-info.yaml"))


async def test_other_hosts_are_not_handled(host: Host):
    """A reader answers for its own host only, and never for URLs that climb."""
    for url in (
        "https://example.org/acme/tools/blob/main/a.yaml",
        "ftp://example.org/a",
        "not a url",
        "https://[not-an-address/acme",
        "",
        host.url("../../../etc/passwd").replace("../", "%2e%2e/"),
    ):
        assert not host.reader.handles(url), url


async def test_who_changed_a_file_last_is_told(host: Host):
    """The author's name, made safe to show, and when it was committed; nothing of a file that is not there."""
    at = datetime(2026, 11, 23, 3, tzinfo=UTC)
    found = await host.reader.find_changes(host.url("docs"), ["readme.md"])
    assert list(found) == ["readme.md"]
    assert found["readme.md"].at == at
    assert found["readme.md"].by in ("Ada", "Ada <b>Lovelace</b>")
    assert await host.reader.find_changes(host.url("docs"), ["gone.md"]) == {}
    pinned = host.reader.at_ref(host.url("docs"), await host.reader.find_revision(host.url("docs")))
    assert (await host.reader.find_changes(pinned, ["readme.md"]))["readme.md"].at == at


@pytest.mark.parametrize("commit", [{}, {"name": 7, "date": "x"}, {"name": "Ada", "date": "yesterday"}, [], "Ada"])
def test_what_a_host_says_of_authors_is_not_trusted(commit: Any):
    """Anything else than a name and a time is nothing."""
    assert commit_change({"author": commit, "committer": commit}) is None
    assert commit_change(commit) is None


async def test_branches_and_tags_are_listed(host: Host):
    """The default branch first, names that are none left out; each can be read by the name that is listed."""
    names = list(await host.reader.list_refs(host.url("docs")))
    assert names[0] == "main"
    assert "bad name" not in names
    assert len(names) == len(set(names))
    for name in names:
        assert host.reader.handles(host.reader.at_ref(host.url("docs"), name))
    if host.api is not None:
        assert {"side/one"} < set(names)
        assert names[-1] in ("v1", "tag/v1")
    for bad in ("", "-x", "a b", "a..b", "a\x00b", "x" * 300):
        with pytest.raises(InputError):
            host.reader.at_ref(host.url("docs"), bad)
    assert (await host.reader.read(host.reader.at_ref(host.url("docs/readme.md"), "main"))).content == b"# Read me\n"


async def test_questions_about_authors_leave_most_of_the_limit_to_others(api_host: Host):
    """Half of what the host allows is kept for what people wait for."""
    api_host.emulator.counted = api_host.emulator.limit // 2 + 1
    await api_host.reader.find_changes(api_host.url("docs"), ["readme.md"])
    with pytest.raises(LimitError):
        await api_host.reader.find_changes(api_host.url("docs"), ["readme.md"])
