"""Where sites are read: repositories over HTTP with their versions, checkouts with their history, and what hostile ones may not do."""

from __future__ import annotations

import asyncio
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Sequence

import pytest

from callboard.features.catalog.interface import SOURCE_CHANGED
from callboard.features.techdocs.domain import Mount, SitePlan, Source
from callboard.features.techdocs.interface import PageNotFound, SiteQuery
from callboard.features.techdocs.links import file_links
from callboard.features.techdocs.settings import SiteSettings, SourceLimits
from callboard.features.techdocs.sources.folder import SiteFolder
from callboard.features.techdocs.workers.pool import TooSlow, Workers
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import CallboardError, InputError, LimitError, UnavailableError
from callboard.kernel.read_file import TreeFile
from callboard.model.urls import DEFAULT_HOSTS
from tests.features.catalog.conftest import Extension
from tests.features.techdocs.conftest import PAGES, REF, component, library, names, world, write_site
from tests.integrations.serving import git_http_backend, serve

__all__ = ["library", "world"]
pytestmark = pytest.mark.anyio


class Repository:
    """A work tree and the bare repository that is served."""

    def __init__(self, folder: Path) -> None:
        self.work, self.bare = folder / "work", folder / "served" / "docs.git"
        self.work.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare)], check=True)

    def git(self, *arguments: str, at: str = "2026-11-20T10:00:00+00:00", by: str = "Ada") -> str:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.work.parent), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_DATE": at, "GIT_AUTHOR_NAME": by, "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": by, "GIT_COMMITTER_EMAIL": "a@b.c",
        }  # fmt: skip
        done = subprocess.run(["git", *arguments], cwd=self.work, env=environment, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def commit(self, files: Any, *, push: bool = True, **who: str) -> None:
        for path, content in files.items():
            file = self.work / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x", **who)
        if push:
            self.git("push", "--quiet", "--force", str(self.bare), "HEAD")


async def test_a_repository_over_http_with_its_versions(world, library, tmp_path):
    """Read at its branch, again after a minute when a commit came, at any branch or tag by name."""
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES)
    repository.git("checkout", "--quiet", "-b", "next")
    repository.commit({"docs/index.md": "# The next one\n"})
    repository.git("checkout", "--quiet", "main")
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), more=more) as lib:
            assert names((await lib.site()).nav)[0] == ("Home", "")
            assert await lib.docs.versions(REF, actor=SYSTEM) == ["main", "next"]
            other = await lib.page(version="next")
            assert "The next one" in other.html
            assert (await lib.page("guide/setup/", version="next")).site.version == "next"
            for _ in range(2):
                with pytest.raises(CallboardError, match="no branch or tag"):
                    await lib.page(version="nowhere")
            repository.commit({"docs/index.md": "# Payments, newer\n"})
            assert "newer" not in (await lib.page()).html
            lib.later()
            async with asyncio.timeout(
                20
            ):  # who reads waits for git, but not for long: on a busy machine the next one sees it
                while "newer" not in (await lib.page()).html:
                    await asyncio.sleep(0.05)
            assert "The next one" in (await lib.page(version="next")).html


@pytest.mark.parametrize(
    ("place", "answers"),
    [
        (
            "https://github.com/acme/docs/tree/trunk",
            {
                "https://api.github.com/repos/acme/docs": {"default_branch": "trunk"},
                "https://api.github.com/repos/acme/docs/branches?per_page=100": [{"name": "next"}, {"name": "trunk"}],
                "https://api.github.com/repos/acme/docs/tags?per_page=100": [{"name": "v1"}],
            },
        ),
        (
            "https://gitlab.com/acme/docs/-/tree/trunk",
            {
                "https://gitlab.com/api/v4/projects/acme%2Fdocs/repository/branches?per_page=100": [
                    {"name": "next", "default": False}, {"name": "trunk", "default": True},
                ],
                "https://gitlab.com/api/v4/projects/acme%2Fdocs/repository/tags?per_page=100": [{"name": "v1"}],
            },
        ),
    ],
    ids=["github", "gitlab"],
)  # fmt: skip
async def test_versions_are_those_of_the_source_host(world, library, place, answers):
    """Branches and tags, the default branch first."""
    for url, answer in answers.items():
        world.http.add(url, json=answer)
    async with library(component(techdocs_ref=f"url:{place}")) as lib:
        assert await lib.docs.versions(REF, actor=SYSTEM) == ["trunk", "next", "v1"]


async def test_the_last_good_version_stays_while_its_source_is_down(world, library, tmp_path):
    """Readers get what was read, the library says why it is not newer, and the next look that is good clears that."""
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES)
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), more=more) as lib:
            await lib.site()
            away = repository.bare.rename(repository.bare.with_name("away.git"))
            lib.later()
            site = await lib.site()
            assert (site.pages, bool(site.failure)) == (2, True)
            (listed,), _ = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
            assert listed.failure == site.failure
            away.rename(repository.bare)
            lib.later()
            assert (await lib.site()).failure is None


async def test_a_push_has_the_site_read_at_once(world, library, tmp_path):
    """The event of a webhook leads to the sites of that repository, and to no other."""
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES)
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), more=more) as lib:
            await lib.site()
            repository.commit({"docs/index.md": "# Pushed\n"})
            async with lib.portal.db.write() as tx:
                await lib.portal.events.publish(
                    tx,
                    SOURCE_CHANGED,
                    {"what": "files", "urls": [f"{base}/docs.git"], "branches": ["main"], "paths": None},
                )
            await lib.settle()
            lib.later(20)
            await lib.settle()
            assert [event["changed"] for event in await lib.events("techdocs.site.changed")][-1] == ["docs/index.md"]


async def test_a_checkout_tells_who_changed_a_page_and_when(world, library, tmp_path):
    """By the log of git; of a file that is not committed nobody knows, and an old one is told as stale."""
    repository = Repository(tmp_path / "org-git")
    repository.commit(PAGES, push=False, at="2024-01-02T03:04:05+00:00", by="Grace")
    repository.commit({"docs/guide/setup.md": "# Set-up\n"}, push=False, by="Ada")
    os.rename(repository.work / ".git", world.folder / ".git")
    write_site(world)
    world.write("docs/guide/setup.md", "# Set-up\n")
    async with library(component(techdocs_ref="dir:.")) as lib:
        first, second = await lib.page(), await lib.page("guide/setup/")
        assert (first.changed_by, first.changed_at) == ("Grace", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
        assert second.changed_by == "Ada"
        stale = [one for one in await lib.docs.check(REF, actor=SYSTEM) if one.code == "stale"]
        assert [one.file for one in stale] == ["docs/index.md"]
        world.write("docs/index.md", "# Not committed\n")
        lib.later(1)
        again = await lib.page()
        assert (again.changed_by, again.changed_at) == (None, lib.clock.now())


@pytest.mark.parametrize(
    ("folder", "source", "edit"),
    [
        ("https://github.com/a/b/tree/main/s", "https://github.com/a/b/blob/main/s/docs/x.md", "https://github.com/a/b/edit/main/s/docs/x.md"),
        ("https://gitlab.com/a/b/-/tree/main/", "https://gitlab.com/a/b/-/blob/main/docs/x.md", "https://gitlab.com/a/b/-/edit/main/docs/x.md"),
        ("https://gitea.com/a/b/src/branch/main", "https://gitea.com/a/b/src/branch/main/docs/x.md", "https://gitea.com/a/b/_edit/branch/main/docs/x.md"),
        ("https://github.com/a/b", None, None),
        ("https://docs.example.org/x/", None, None),
    ],
)  # fmt: skip
def test_pages_of_a_known_host_lead_to_their_file_there(folder, source, edit):
    """Source and edit links at the host; none where it is not known; no edit link for another version."""
    mount = Mount("", "B", "docs", Source("tree", folder))
    plan = SitePlan(REF, "B", "", None, (mount,), SiteSettings(REF))
    assert file_links(plan, "docs/x.md", None, DEFAULT_HOSTS) == (source, edit)
    assert file_links(plan, "docs/x.md", "v1", DEFAULT_HOSTS) == (None, None)


class Trees:
    """A reader of folders that a test hands in."""

    def __init__(self, trees: dict[str, Sequence[TreeFile]]) -> None:
        self.trees = trees

    def handles(self, url: str) -> bool:
        return url in self.trees

    async def read(self, url: str, *, etag: str | None = None) -> Any:
        raise AssertionError(url)

    async def search(self, url: str, *, etag: str | None = None) -> Any:
        raise AssertionError(url)

    def resolve(self, target: str, base: str) -> str:
        raise AssertionError(base)

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        return self.trees[url]


async def test_a_hostile_tree_gives_nothing_of_elsewhere(world, library):
    """Links out are left out and told; what is too much is refused with the setting that says so."""
    page = TreeFile("docs/index.md", b"# Hi\n")
    bad = [
        page,
        TreeFile("docs/passwd.md", b"", link="../../../etc/passwd"),
        TreeFile("docs/same.md", b"", link="index.md"),
    ]
    many = [TreeFile(f"docs/{number}.md", b"x") for number in range(30)]
    extension = Extension(readers=[Trees({"test://bad": bad, "test://many": many})])
    limits = {"limits": {"files": 20}}
    entities = (component(techdocs_ref="url:test://bad"), component("many", techdocs_ref="url:test://many"))
    async with library(*entities, extension=extension, techdocs=limits) as lib:
        site = await lib.site()
        assert site.pages == 2
        assert [(one.code, one.file) for one in site.problems if one.code == "refused"] == [
            ("refused", "docs/passwd.md")
        ]
        with pytest.raises(PageNotFound):
            await lib.page("passwd/")
        with pytest.raises(LimitError, match="techdocs.limits"):
            await lib.site("component:default/many")


def folder(place: Path, **limits: int) -> SiteFolder:
    return SiteFolder(str(place), str(place), SourceLimits(**limits), docs_dir=None, all_below=False)


def test_a_hostile_folder_gives_nothing_of_elsewhere(tmp_path):
    """Links to outside, to devices and in circles; ``docs_dir`` above; includes of a neighbour; sizes."""
    (tmp_path / "secret.md").write_text("secret")
    site = tmp_path / "site"
    (site / "docs").mkdir(parents=True)
    (site / "docs" / "index.md").write_text('# Hi\n\n--8<-- "../secret.md"\n\n--8<-- "part.txt"\n')
    (site / "part.txt").write_text("a part")
    (site / "other.txt").write_text("no part")
    (site / "docs" / "out.md").symlink_to(tmp_path / "secret.md")
    (site / "docs" / "outside").symlink_to(tmp_path)
    (site / "docs" / "circle").symlink_to(site / "docs")
    (site / "docs" / "gone.md").symlink_to(site / "nothing")
    os.mkfifo(site / "docs" / "pipe.md")
    (site / "docs" / "big.png").write_bytes(b"x" * 2000)
    files, problems = folder(site, file_bytes=1000).read()
    assert sorted(files) == ["docs/index.md", "part.txt"]
    assert sorted(one.file for one in problems) == ["docs/big.png", "docs/gone.md", "docs/out.md", "docs/outside"]
    (site / "mkdocs.yml").write_text("docs_dir: ../\n")
    with pytest.raises(InputError, match="leads out"):
        folder(site).read()
    (site / "mkdocs.yml").write_text("site_name: x\n")
    with pytest.raises(LimitError, match="techdocs.limits.totalBytes"):
        folder(site, total_bytes=100).read()


async def test_a_watched_site_is_read_when_it_differs(world, library):
    """One look at all folders; nothing is read when nothing differs."""
    write_site(world)
    async with library(component(techdocs_ref="dir:.")) as lib:
        await lib.settle()
        from callboard.features.techdocs.watching import SiteWatch

        watch = SiteWatch(lib.portal.db, lib.parts.plans, lib.parts.reader, lib.parts.keeper)
        assert await watch.look() == 0
        world.write("docs/new.md", "# New\n")
        assert await watch.look() == 1
        assert (await lib.events("techdocs.site.changed"))[-1]["changed"] == ["docs/new.md"]


async def test_a_page_that_takes_too_long_ends_its_process_only(world, library):
    """The next page is rendered by a fresh one; the slow one is shown as it was written."""
    workers = Workers(1)
    try:
        with pytest.raises(TooSlow):
            await workers.run("sleep", 60.0, timeout_s=-19.5)
        assert await workers.run("sleep", 0.0, timeout_s=5.0) is None
        with pytest.raises(UnavailableError, match="KeyError"):
            await workers.run("nothing", timeout_s=5.0)
    finally:
        await workers.close()
    write_site(world)
    async with library(component(techdocs_ref="dir:."), techdocs={"rendering": {"workers": 1}}) as lib:
        assert (await lib.page("guide/setup/")).title == "Set-up"


@pytest.mark.slow
async def test_the_settings_name_sites_that_were_not_written_for_mkdocs(world, library, shared):
    """GOV.UK's developer docs: files ``X.html.md``, links ``/manual/X.html``; of an entity that no file gave."""
    place = shared / "corpus" / "govuk" / "docs"
    sites = [{"entity": "component:default/govuk-developer-docs", "source": str(place), "docsDir": ".", "title": "GOV.UK docs",
              "sourceUrl": "https://github.com/alphagov/govuk-developer-docs/blob/main/source/{path}"}]  # fmt: skip
    ref = "component:default/govuk-developer-docs"
    without = {"plugins": {"disabled": ["search"]}}  # which would read all pages, for another test
    async with library(component("govuk-developer-docs"), techdocs={"sites": sites}, more=without) as lib:
        site = await lib.site(ref)
        assert (site.title, site.pages) == ("GOV.UK docs", 231)
        paths = [item.path for section in site.nav for item in section.children or (section,) if item.path]
        page = await lib.page(next(path for path in paths if path.startswith("manual/")), ref)
        assert page.source_url.startswith("https://github.com/alphagov/govuk-developer-docs/blob/main/source/manual/")
        alerts = await lib.page("manual/alerts/RouterErrorRatioTooHigh.html", ref)
        assert alerts.file == "manual/alerts/RouterErrorRatioTooHigh.html.md"


async def test_the_author_of_a_page_from_a_repository_is_learned_after_it_is_read(world, library, tmp_path):
    """Nobody waits for it: the first reader sees none, the next sees who and when, of every page of the log, and so does a restart."""
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES, by="Ada", at="2020-01-02T03:04:05+00:00")
    repository.commit({"docs/index.md": "# Payments\n"}, by="Grace \u202e&amp; H", at="2026-11-22T10:00:00+00:00")
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), more=more) as lib:
            assert (await lib.page()).changed_by is None
            await lib.parts.authors.settle()
            page = await lib.page()
            assert (page.changed_by, page.changed_at) == ("Grace &amp; H", datetime(2026, 11, 22, 10, tzinfo=UTC))
            setup = await lib.page("guide/setup/")
            assert (setup.changed_by, setup.changed_at.year) == ("Ada", 2020)
            assert [one.code for one in await lib.docs.check(REF, actor=SYSTEM)].count("stale") == 1
            ((site,), _) = await lib.docs.list_sites(SiteQuery(), actor=SYSTEM)
            assert site.changed_at == page.changed_at
            lib.parts.books._books.clear()
            assert (await lib.page()).changed_by == "Grace &amp; H"
            repository.commit({"docs/index.md": "# Payments, newer\n"}, by="Hedy")
            lib.later()
            assert (await lib.page()).changed_by is None
            await lib.parts.authors.settle()
            assert (await lib.page()).changed_by == "Hedy"
            assert (await lib.page(version="main")).changed_by is None
            await lib.parts.authors.settle()
            assert (await lib.page(version="main")).changed_by == "Hedy"


async def test_a_host_that_does_not_tell_authors_is_not_asked_for_each_reader(world, library, tmp_path):
    """Its failure is nothing that a reader sees; it is asked again when its limit has passed, not before."""
    asked: list[str] = []
    repository = Repository(tmp_path / "git")
    repository.commit(PAGES)
    async with serve(git_http_backend(str(repository.bare.parent))) as base:
        more = {"integrations": {"git": [{"url": base}]}}
        async with library(component(techdocs_ref=f"url:git+{base}/docs.git"), more=more) as lib:

            async def refuse(plan: Any, row: Any, paths: Sequence[str]) -> Any:
                asked.append(paths[0])
                error = LimitError("Ask later.")
                error.retry_after_s = 900
                raise error

            lib.parts.reader.find_changes = refuse
            for later in (0, 700, 300, 300):
                lib.later(later)
                for _ in range(3):
                    assert (await lib.page()).changed_by is None
                    await lib.parts.authors.settle()
            assert asked == ["docs/index.md"] * 2
