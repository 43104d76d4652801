"""Repositories and organisations at real servers on loopback: git over HTTP, and the hosts' APIs as their documentation tells."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator

import orjson
import pytest

from callboard.features.proposals.interface import Proposal, ProposalQuery, ProposalService, Scan
from callboard.features.proposals.job_kinds import SCAN_JOB
from callboard.integrations.azure.client import AzureClients
from callboard.integrations.azure.listing import AzureListing
from callboard.integrations.bitbucket.client import BitbucketClients
from callboard.integrations.bitbucket.listing import BitbucketCloudListing, BitbucketServerListing
from callboard.integrations.gitea.client import GiteaClients
from callboard.integrations.gitea.listing import GiteaListing
from callboard.integrations.github.listing import GithubListing
from callboard.integrations.gitlab.client import GitlabClients
from callboard.integrations.gitlab.listing import GitlabListing
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings
from callboard.testing import FakeClock, make_portal
from callboard.testing.http import FakeHttp
from tests.features.proposals.trees import LEDGER
from tests.integrations.conftest import GitFolder, github_settings
from tests.integrations.hosts import GithubEmulator
from tests.integrations.serving import emulate, git_http_backend, serve

pytestmark = pytest.mark.anyio

CODE = {path: text.encode() for path, text in LEDGER.items()}


class Site:
    """A portal over hosts on loopback."""

    def __init__(self, portal: Any, clock: FakeClock) -> None:
        self.portal = portal
        self.clock = clock
        self.service: ProposalService = portal.service(ProposalService)

    async def scan(self, target: str, *, times: int = 1) -> Scan:
        started = await self.service.scan(target, actor=SYSTEM)
        for _ in range(times):
            await self.portal.jobs.run_due((SCAN_JOB,))
        return await self.service.get_scan(started.id, actor=SYSTEM)

    async def found(self) -> dict[str, Proposal]:
        page = await self.service.list_proposals(ProposalQuery(state=None, limit=200), actor=SYSTEM)
        return {proposal.ref: proposal for proposal in page.items}


@asynccontextmanager
async def site(settings: dict[str, Any]) -> AsyncIterator[Site]:
    clock = FakeClock()
    allow = {"backend": {"reading": {"allow": [{"host": "127.0.0.1"}]}}}
    async with make_portal({**settings, **allow}, clock=clock) as portal:
        yield Site(portal, clock)


@pytest.fixture
async def github() -> AsyncIterator[GithubEmulator]:
    async with AsyncExitStack() as stack:
        emulator = GithubEmulator()
        await stack.enter_async_context(emulate(emulator))
        emulator.repository.files = dict(CODE)
        emulator.repositories = [
            emulator.repository_row("tools", description="The ledger.", topics=["money"], homepage="https://ledger.example.org"),
            emulator.repository_row("old", archived=True), emulator.repository_row("theirs", fork=True), emulator.repository_row("gone"),
        ]  # fmt: skip
        yield emulator


async def test_a_repository_over_git(tmp_path: Path):
    """A plain address below one that the settings open: its files at HEAD; nothing to do while HEAD stays."""
    folder = GitFolder(tmp_path / "git")
    folder.git("rm", "--quiet", "-r", ".")
    for path, content in CODE.items():
        folder.put(path, content)
    async with (
        serve(git_http_backend(str(folder.bare.parent))) as base,
        site({"integrations": {"git": [{"url": base}]}}) as s,
    ):
        scan = await s.scan(f"{base}/tools.git")
        assert (scan.stage, scan.error, scan.counts["new"]) == ("done", "", 2)
        found = (await s.found())["component:default/ledger"]
        assert found.fields["spec.type"].value == "service" and found.repository == "tools"
        s.clock.advance(60)
        assert (await s.scan(f"{base}/tools.git")).counts == {"repositories": 1, "unchanged": 1}
        folder.put("Dockerfile", b"FROM python:3.13\n")
        s.clock.advance(60)
        assert (await s.scan(f"git+{base}/tools.git")).counts.get("unchanged", 0) == 0
        missing = await s.scan(f"{base}/absent.git", times=3)
        assert missing.stage == "failed" and "absent" in missing.error


async def test_an_organisation_without_descriptors(github: GithubEmulator):
    """Archived ones and forks are passed over, one that fails is told, and what the host says of the others is used."""
    async with site(github_settings(github)) as s:
        scan = await s.scan(f"{github.base}/acme")
        assert (scan.stage, scan.counts) == ("done", {"repositories": 1, "failed": 1, "new": 2})
        assert {text.partition(":")[0] for _, text in scan.notes} >= {
            "1 repositories are archived",
            "1 repositories are forks",
        }
        found = (await s.found())["component:default/ledger"]
        assert found.repository_url == f"{github.base}/acme/tools"
        assert "money" in found.fields["metadata.tags"].value
        assert found.fields["metadata.links"].value[0]["url"] == "https://ledger.example.org"
        assert (
            found.fields["metadata.annotations.backstage.io/source-location"].value
            == f"url:{github.base}/acme/tools/tree/main/"
        )


async def test_an_unchanged_repository_costs_one_question(github: GithubEmulator):
    """Its head; then a push is read again, and one that now has a descriptor leaves the queue."""
    async with site(github_settings(github)) as s:
        await s.scan(f"{github.base}/acme/tools")
        github.log.clear()
        assert (await s.scan(f"{github.base}/acme/tools")).counts["unchanged"] == 1
        assert len(github.log) == 1 and "/commits/" in github.log[0]
        github.repository.put("catalog-info.yaml", b"kind: Component\n")
        scan = await s.scan(f"{github.base}/acme")
        assert scan.counts["described"] == 1
        assert await s.found() == {}


async def test_a_limit_is_waited_for_and_the_rest_goes_on(github: GithubEmulator):
    """The scan says that it waits, and ends once the host answers again; nothing is told twice."""
    github.fail("git/blobs", 429, headers={"retry-after": "30"}, times=1)
    async with site(github_settings(github)) as s:
        scan = await s.scan(f"{github.base}/acme")
        assert scan.stage == "waiting" and scan.step
        s.clock.advance(120)
        await s.portal.jobs.run_due((SCAN_JOB,))
        scan = await s.service.get_scan(scan.id, actor=SYSTEM)
        assert (scan.stage, scan.counts["new"], scan.counts["repositories"]) == ("done", 2, 1)


async def test_what_the_settings_of_discovery_name_is_offered(github: GithubEmulator):
    """Organisations of catalog.providers are choices."""
    given = github_settings(github)
    given["catalog"] = {"providers": {"github": {"main": {"organization": "acme", "host": github.host}}}}
    async with site(given) as s:
        choices = s.service.choices(actor=SYSTEM)
        assert ("acme", f"https://{github.host}/acme") in choices.owners and github.host in choices.hosts


# ---- listings ----------------------------------------------------------------------------------------------------------------

HOSTS: dict[str, dict[str, Any]] = {
    "gitlab": {
        "settings": {"gitlab": [{"host": "git.test"}]}, "owner": "acme/sub", "page": "https://git.test/groups/acme/sub", "none": "https://git.test/acme/tools",
        "api": "https://git.test/api/v4/groups/acme%2Fsub/projects?include_subgroups=true&per_page=100&order_by=id&sort=asc",
        "answer": [{"web_url": "https://git.test/acme/sub/tools", "path_with_namespace": "acme/sub/tools", "default_branch": "main", "topics": ["a"], "archived": True}],
    },
    "gitea": {
        "settings": {"gitea": [{"host": "git.test"}]}, "owner": "acme", "page": "https://git.test/acme", "none": "https://git.test/acme/tools",
        "api": "https://git.test/api/v1/orgs/acme/repos?limit=50",
        "answer": [{"html_url": "https://git.test/acme/tools", "full_name": "acme/tools", "default_branch": "main", "archived": True}],
    },
    "bitbucketCloud": {
        "settings": {}, "owner": "acme", "page": "https://bitbucket.org/acme", "none": "https://bitbucket.org/acme/tools",
        "api": "https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&sort=created_on",
        "answer": {"values": [{"links": {"html": {"href": "https://bitbucket.org/acme/tools"}}, "full_name": "acme/tools", "mainbranch": {"name": "main"}}]},
    },
    "bitbucketServer": {
        "settings": {"bitbucketServer": [{"host": "git.test", "token": "t"}]}, "owner": "ACME", "page": "https://git.test/projects/ACME",
        "none": "https://git.test/projects/ACME/repos/tools", "api": "https://git.test/rest/api/1.0/projects/ACME/repos?limit=100&start=0",
        "answer": {"values": [{"slug": "tools"}], "isLastPage": True},
    },
    "azure": {
        "settings": {}, "owner": "acme/shop", "page": "https://dev.azure.com/acme/shop", "none": "https://dev.azure.com/acme/shop/_git/tools",
        "api": "https://dev.azure.com/acme/shop/_apis/git/repositories?api-version=6.0",
        "answer": {"value": [{"webUrl": "https://dev.azure.com/acme/shop/_git/tools", "name": "tools", "project": {"name": "shop"}, "defaultBranch": "refs/heads/main"}]},
    },
}  # fmt: skip


def listing_of(kind: str, settings: Settings, http: Any, clock: Any) -> Any:
    match kind:
        case "gitlab":
            return GitlabListing(GitlabClients(settings, http, http.budgets).get("git.test"))
        case "gitea":
            return GiteaListing(GiteaClients(settings, http, http.budgets).all[0])
        case "bitbucketCloud":
            return BitbucketCloudListing(BitbucketClients(settings, http, http.budgets, clock).cloud)
        case "bitbucketServer":
            return BitbucketServerListing(BitbucketClients(settings, http, http.budgets, clock).servers[0])
    return AzureListing(AzureClients(settings, http, http.budgets, clock).all[0])


@pytest.mark.parametrize("kind", HOSTS)
async def test_each_host_lists_its_repositories(kind: str, clock: FakeClock):
    """The page of an organisation is known from that of a repository, and its repositories come with their pages."""
    host, fake = HOSTS[kind], FakeHttp()
    settings = Settings.of({"integrations": host["settings"]})
    http = HttpClient(settings, clock, fake)
    listing = listing_of(kind, settings, http, clock)
    assert listing.find_owner(host["page"]) == host["owner"] and listing.find_owner(host["none"]) is None
    assert listing.find_owner(listing.owner_url(host["owner"])) == host["owner"]
    assert listing.find_owner("https://elsewhere.test/acme") is None
    fake.add(host["api"], orjson.dumps(host["answer"]))
    (found,) = await listing.list_repositories(host["owner"])
    assert found.url.endswith(("/tools", "/repos/tools")) and found.name.endswith("tools")
    assert found.is_archived is (kind in ("gitlab", "gitea"))
    await http.close()


def test_names_of_hosts_are_no_organisations():
    """Pages of GitHub itself."""
    listing = GithubListing(type("Client", (), {"host": type("Host", (), {"host": "github.com"})})())  # type: ignore[arg-type]
    assert listing.find_owner("https://github.com/settings") is None
    assert listing.find_owner("https://github.com/orgs/acme/repositories") == "acme"
