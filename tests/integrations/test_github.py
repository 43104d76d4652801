"""GitHub: limits, credentials, large trees, discovery of repositories, teams and users, on an emulated Enterprise host."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.integrations.github.client import GithubClients, read_hosts
from callboard.integrations.github.org_provider import GithubOrgProvider
from callboard.integrations.github.provider import GithubProvider
from callboard.integrations.github.reader import GithubReader
from callboard.kernel.discovery import read_rows
from callboard.kernel.errors import (
    CallboardError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings
from tests.integrations.conftest import Connect, Wire, github_settings
from tests.integrations.hosts import GithubEmulator
from tests.integrations.recording import RecordingConnection, targets_of
from tests.integrations.serving import FILES

pytestmark = pytest.mark.anyio


def clients(wire: Wire) -> GithubClients:
    return GithubClients(wire.settings, wire.http, wire.budgets, wire.clock)


def reader(wire: Wire, emulator: GithubEmulator) -> GithubReader:
    return GithubReader(clients(wire).get(emulator.host))


@pytest.mark.parametrize(
    "path",
    [
        "acme/tools/blob/main/docs/readme.md",
        "acme/tools/tree/main/docs/readme.md",
        "acme/tools/raw/main/docs/readme.md",
        "acme/tools/edit/main/docs/readme.md",
        "acme/tools/blob/HEAD/docs/readme.md",
        "acme/tools.git/blob/refs/heads/main/docs/readme.md",
    ],
)
async def test_every_form_of_a_url_names_the_file(github: GithubEmulator, connect: Connect, path: str):
    """People copy URLs from many pages."""
    file = await reader(connect(github_settings(github)), github).read(f"{github.base}/{path}")
    assert file.content == FILES["docs/readme.md"]


async def test_raw_urls_of_github_com_are_known(connect: Connect):
    """The public raw host is an alias of github.com; relative targets lead to pages of the latter."""
    read = GithubReader(clients(connect({})).get("github.com"))
    url = "https://raw.githubusercontent.com/acme/tools/main/docs/index.yaml"
    assert read.handles(url)
    assert read.resolve("../a.yaml", url) == "https://github.com/acme/tools/tree/main/a.yaml"
    assert not read.handles("https://raw.githubusercontent.com.evil.example/acme/tools/main/a.yaml")


async def test_a_branch_with_a_slash_is_written_encoded(github: GithubEmulator, connect: Connect):
    """%2F stays inside the ref, to the API and back."""
    github.repository.branch = "feature/x"
    read = reader(connect(github_settings(github)), github)
    url = f"{github.base}/acme/tools/blob/feature%2Fx/docs/readme.md"
    assert (await read.read(url)).content == FILES["docs/readme.md"]
    assert read.resolve("../catalog-info.yaml", url) == f"{github.base}/acme/tools/tree/feature%2Fx/catalog-info.yaml"


async def test_a_folder_is_no_file(github: GithubEmulator, connect: Connect):
    """The message says what to point to instead."""
    with pytest.raises(InputError, match="folder"):
        await reader(connect(github_settings(github)), github).read(f"{github.base}/acme/tools/blob/main/docs")


async def test_the_token_goes_to_the_api_and_nobody_without_one_uses_it(github: GithubEmulator, connect: Connect):
    """With a token the contents API is asked, without one the raw host, which has no tight limit."""
    url = f"{github.base}/acme/tools/blob/main/catalog-info.yaml"
    await reader(connect(github_settings(github)), github).read(url)
    await reader(connect(github_settings(github, token=None)), github).read(url)
    assert github.tokens == ["Bearer ghp_secret", None]
    assert github.log[0].startswith("GET /api/v3/repos/acme/tools/contents/")
    assert github.log[1].startswith("GET /raw/acme/tools/main/")


async def test_an_exhausted_limit_is_known_before_asking(github: GithubEmulator, connect: Connect, clock: Any):
    """Remaining 0 stops further requests until the reset, and the meter shows it."""
    github.limit, github.reset_at = 1, int(clock.now().timestamp()) + 600
    wire = connect(github_settings(github))
    read = reader(wire, github)
    await read.read(f"{github.base}/acme/tools/blob/main/catalog-info.yaml")
    with pytest.raises(LimitError) as caught:
        await read.read(f"{github.base}/acme/tools/blob/main/docs/readme.md")
    assert caught.value.retry_after_s == 600
    assert len(github.log) == 1
    (state,) = list(wire.budgets)
    assert (state.remaining, state.limit) == (0, 1)
    clock.advance(601)
    github.limit, github.reset_at = 5000, int(clock.now().timestamp()) + 3600
    assert (await read.read(f"{github.base}/acme/tools/blob/main/docs/readme.md")).content == FILES["docs/readme.md"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (403, {"retry-after": "30"}, b"{}", 30),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit"}', 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795403620"}, b"{}", None),
        (429, {}, b"{}", 60),
    ],
)
async def test_each_form_of_limit_is_a_limit(
    github: GithubEmulator, connect: Connect, status: int, headers: dict[str, str], body: bytes, wait: int | None
):
    """Primary and secondary limits come as 403 or 429; neither is a refusal or an absence."""
    github.fail("contents", status, headers=headers, body=body)
    with pytest.raises(LimitError) as caught:
        await reader(connect(github_settings(github)), github).read(
            f"{github.base}/acme/tools/blob/main/catalog-info.yaml"
        )
    assert caught.value.retry_after_s is not None
    if wait is not None:
        assert caught.value.retry_after_s == wait


async def test_repeated_secondary_limits_wait_longer(github: GithubEmulator, connect: Connect, clock: Any):
    """Each refusal without a time doubles the wait; a good answer resets it."""
    github.fail("contents", 429, times=3)
    read = reader(connect(github_settings(github)), github)
    url = f"{github.base}/acme/tools/blob/main/catalog-info.yaml"
    waits = []
    for _ in range(3):
        with pytest.raises(LimitError) as caught:
            await read.read(url)
        waits.append(caught.value.retry_after_s)
        clock.advance(waits[-1] + 1)
    assert waits == [60, 120, 240]
    await read.read(url)
    github.fail("contents", 429, times=1)
    with pytest.raises(LimitError) as caught:
        await read.read(url)
    assert caught.value.retry_after_s == 60


async def test_a_tree_that_is_cut_off_is_walked(github: GithubEmulator, connect: Connect):
    """Beyond 100,000 entries GitHub truncates; the folders are then listed one by one, so nothing is missed."""
    github.truncated = True
    files = await reader(connect(github_settings(github)), github).search(
        f"{github.base}/acme/tools/blob/main/**/catalog-info.yaml"
    )
    assert [f.content for f in files] == [b"kind: Component\n", b"kind: API\n", b"kind: System\n"]
    below = await reader(connect(github_settings(github)), github).search(
        f"{github.base}/acme/tools/blob/main/docs/**/*.yaml"
    )
    assert [f.content for f in below] == [b"kind: API\n"]


async def test_after_a_push_only_changed_files_are_read_again(github: GithubEmulator, connect: Connect):
    """Blobs never change, so the others come from memory."""
    read = reader(connect(github_settings(github)), github)
    url = f"{github.base}/acme/tools/blob/main/**/catalog-info.yaml"
    await read.search(url)
    github.repository.put("catalog-info.yaml", b"kind: Changed\n")
    github.log.clear()
    files = await read.search(url)
    assert files[0].content == b"kind: Changed\n"
    assert sum("/git/blobs/" in line for line in github.log) == 1


@pytest.fixture(scope="module")
def private_key() -> str:
    """A key made for this run: none is kept in the repository."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


async def test_an_app_reads_with_the_token_of_its_installation(
    github: GithubEmulator, connect: Connect, clock: Any, private_key: str
):
    """The token is got once, renewed before it ends, and belongs to the owner of the repository."""
    github.installed["acme"] = 41
    app = {"appId": 9, "privateKey": private_key, "allowedInstallationOwners": ["acme"]}
    read = reader(connect(github_settings(github, token=None, apps=[app])), github)
    url = f"{github.base}/acme/tools/blob/main/catalog-info.yaml"
    await read.read(url)
    await read.read(url)
    assert github.issued == 1
    assert github.tokens[-1] == "Bearer ghs_41_1"
    clock.advance(56 * 60)
    await read.read(url)
    assert github.tokens[-1] == "Bearer ghs_41_2"
    with pytest.raises(NotFoundError, match="No app"):
        await read.read(url.replace("/acme/", "/stranger/"))


def test_a_host_that_is_no_host_is_refused():
    """The error names the key."""
    with pytest.raises(InputError) as caught:
        read_hosts(Settings.of({"integrations": {"github": [{"host": "https://ghe.example.com/"}]}}))
    assert caught.value.field == "integrations.github[0].host"


async def test_the_public_host_that_resolves_inside_is_not_contacted(clock: Any):
    """A host that the settings do not name gets no way into the network, whatever DNS says."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    http = HttpClient(Settings.of({}), clock, resolve=resolve)
    read = GithubReader(GithubClients(Settings.of({}), http, http.budgets, clock).get("github.com"))
    with pytest.raises(NotAllowedError, match=r"raw\.githubusercontent\.com"):
        await read.read("https://github.com/acme/tools/blob/main/a.yaml")
    await http.close()


# ---- discovery ---------------------------------------------------------------------------------------------------------


def discovery(emulator: GithubEmulator, connect: Connect, **row: Any) -> tuple[GithubProvider, Wire]:
    settings = github_settings(emulator)
    settings["catalog"] = {"providers": {"github": {"acme": {"organization": "acme", "host": emulator.host, **row}}}}
    wire = connect(settings)
    (found,) = read_rows(wire.settings, "github", ("organization", "host"))
    return GithubProvider(found, clients(wire)), wire


async def test_every_repository_becomes_a_location(github: GithubEmulator, connect: Connect):
    """Over all pages, archived ones left out, as Location entities whose name is the hash of the target."""
    github.repositories = [github.repository_row(f"r{i}") for i in range(5)] + [
        github.repository_row("old", archived=True)
    ]
    provider, _ = discovery(github, connect)
    connection = RecordingConnection()
    await provider.run(connection)
    assert targets_of(connection) == [f"{github.base}/acme/r{i}/blob/main/catalog-info.yaml" for i in range(5)]
    entity = connection.last.entities[0].entity
    assert entity["metadata"]["name"].startswith("generated-")
    assert entity["spec"]["presence"] == "optional"
    assert entity["metadata"]["annotations"]["backstage.io/managed-by-location"] == f"url:{entity['spec']['target']}"
    assert connection.last.entities[0].location_key == "github-provider:acme"
    assert provider.name == "github-provider:acme"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"repository": "app-.*"}, ["app-a", "app-fork"]),
        ({"repository": "app"}, []),
        ({"allowForks": False}, ["app-a", "lib"]),
        ({"allowArchived": True}, ["app-a", "app-fork", "lib", "old"]),
        ({"topic": {"include": ["python"]}}, ["app-a", "lib"]),
        ({"topic": {"include": ["python"], "exclude": ["internal-only"]}}, ["app-a"]),
        ({"visibility": ["public"]}, ["lib"]),
    ],
)
async def test_filters_choose_repositories(
    github: GithubEmulator, connect: Connect, filters: dict[str, Any], expected: list[str]
):
    """Patterns match whole names; topics and visibility compare without case."""
    github.repositories = [
        github.repository_row("app-a", topics=["Python"]),
        github.repository_row("app-fork", fork=True),
        github.repository_row("lib", visibility="public", topics=["python", "internal-only"]),
        github.repository_row("old", archived=True),
    ]
    provider, _ = discovery(github, connect, filters=filters)
    connection = RecordingConnection()
    await provider.run(connection)
    assert [t.split("/acme/")[1].split("/")[0] for t in targets_of(connection)] == expected


async def test_a_branch_and_a_path_may_be_chosen(github: GithubEmulator, connect: Connect):
    """Globs pass on to the reader as they are."""
    github.repositories = [github.repository_row("tools", default_branch=None)]
    provider, _ = discovery(github, connect, filters={"branch": "rel/1"}, catalogPath="/**/catalog-*.{yaml,yml}")
    connection = RecordingConnection()
    await provider.run(connection)
    (target,) = targets_of(connection)
    assert target.startswith(f"{github.base}/acme/tools/blob/rel%2F1/**/catalog-*.")


@pytest.mark.parametrize(
    ("path", "found"), [("/catalog-info.yaml", True), ("/gone.yaml", False), ("/docs/**/*.yaml", True)]
)
async def test_locations_may_be_validated(github: GithubEmulator, connect: Connect, path: str, found: bool):
    """Only repositories where the file, or a match of the glob, exists."""
    github.repositories = [github.repository_row("tools"), github.repository_row("empty")]
    provider, _ = discovery(github, connect, catalogPath=path, validateLocationsExist=True)
    connection = RecordingConnection()
    await provider.run(connection)
    assert [t.split("/acme/")[1].split("/")[0] for t in targets_of(connection)] == (["tools"] if found else [])


async def test_an_unchanged_organisation_costs_nothing(github: GithubEmulator, connect: Connect):
    """The second listing is all 304, which the limit does not count."""
    github.repositories = [github.repository_row(f"r{i}") for i in range(5)]
    provider, _ = discovery(github, connect)
    connection = RecordingConnection()
    await provider.run(connection)
    spent = github.counted
    await provider.run(connection)
    assert github.counted == spent
    assert connection.mutations[0] == connection.mutations[1]


@pytest.mark.parametrize("part", ["/orgs/acme/repos", "page=2", "page=3"])
@pytest.mark.parametrize(
    ("status", "error"), [(429, LimitError), (403, CallboardError), (500, UnavailableError), (404, CallboardError)]
)
async def test_a_listing_that_fails_anywhere_gives_nothing(
    github: GithubEmulator, connect: Connect, part: str, status: int, error: type[CallboardError]
):
    """Unknown is not gone: no mutation is applied, the connection is told, and the next run recovers."""
    github.repositories = [github.repository_row(f"r{i}") for i in range(5)]
    provider, wire = discovery(github, connect)
    connection = RecordingConnection()
    await provider.run(connection)
    github.repositories.append(github.repository_row("new"))
    github.repositories.pop(0)
    github.fail(part, status)
    with pytest.raises(error):
        await provider.run(connection)
    assert len(connection.mutations) == 1
    assert len(connection.failures) == 1
    github.failures.clear()
    wire.clock.advance(3700)
    await provider.run(connection)
    assert len(connection.last.entities) == 5


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b'{"message": "ok"}', b'[{"nothing": 1}]', b"[null]"])
async def test_an_answer_of_another_form_is_a_failure(github: GithubEmulator, connect: Connect, body: bytes):
    """A proxy's page, or an API that changed, is not an empty organisation."""
    provider, _ = discovery(github, connect)
    github.fail("/orgs/acme/repos", 200, body=body)
    connection = RecordingConnection()
    with pytest.raises(UnavailableError):
        await provider.run(connection)
    assert connection.mutations == []
    assert len(connection.failures) == 1


async def test_a_listing_that_hangs_is_a_failure(github: GithubEmulator, connect: Connect):
    """``schedule.timeout`` ends it."""
    provider, _ = discovery(github, connect, schedule={"frequency": {"minutes": 5}, "timeout": "50 ms"})
    assert provider.every_s == 300
    github.fail("/orgs/acme/repos", 200, delay_s=5)
    connection = RecordingConnection()
    with pytest.raises(UnavailableError, match="to its end"):
        async with asyncio.timeout(3):
            await provider.run(connection)
    assert len(connection.failures) == 1


async def test_discovery_leaves_a_reserve_of_the_limit(github: GithubEmulator, connect: Connect, clock: Any):
    """With a tenth left background work stops, and someone at a page still gets an answer."""
    github.repositories = [github.repository_row(f"r{i}") for i in range(5)]
    provider, _ = discovery(github, connect)
    github.limit, github.counted, github.reset_at = 100, 89, int(clock.now().timestamp()) + 600
    connection = RecordingConnection()
    with pytest.raises(LimitError):
        await provider.run(connection)
    assert connection.mutations == []
    file = await GithubReader(provider._client).read(f"{github.base}/acme/tools/blob/main/catalog-info.yaml")
    assert file.content == FILES["catalog-info.yaml"]


async def test_a_next_page_on_another_host_is_not_followed(github: GithubEmulator, connect: Connect):
    """The token stays with the host it is for."""
    provider, _ = discovery(github, connect)
    github.fail("/orgs/acme/repos", 200, body=b"[]", headers={"link": '<http://127.0.0.2:1/x>; rel="next"'})
    with pytest.raises(UnavailableError, match="another host"):
        await provider.run(RecordingConnection())


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"organization": None}, "organization"),
        ({"filters": {"repository": "("}}, "filters.repository"),
        ({"schedule": {"frequency": {"cron": "* * * * *"}}}, "schedule.frequency"),
        ({"catalogPath": "/**/a/**/b/**/c/**/d/**/e"}, "catalogPath"),
        ({"filters": {"allowForks": "perhaps"}}, "filters.allowForks"),
    ],
)
async def test_settings_that_cannot_be_used_are_named(
    github: GithubEmulator, connect: Connect, row: dict[str, Any], key: str
):
    """At start, with the dotted key."""
    with pytest.raises(InputError) as caught:
        discovery(github, connect, **row)
    assert caught.value.field == f"catalog.providers.github.acme.{key}"


# ---- teams and users ---------------------------------------------------------------------------------------------------


def organisation(emulator: GithubEmulator, connect: Connect, **row: Any) -> GithubOrgProvider:
    settings = github_settings(emulator)
    settings["catalog"] = {
        "providers": {"githubOrg": {"githubUrl": emulator.base, "orgs": ["acme"], "id": "main", **row}}
    }
    wire = connect(settings)
    (found,) = read_rows(wire.settings, "githubOrg", ("orgs", "githubUrl"))
    return GithubOrgProvider(found, clients(wire))


def fill(emulator: GithubEmulator) -> None:
    def team(slug: str, parent: str | None, *logins: str) -> dict[str, Any]:
        return {
            "slug": slug,
            "combinedSlug": f"acme/{slug}",
            "name": slug.title(),
            "url": f"{emulator.base}/orgs/acme/teams/{slug}",
            "parentTeam": {"slug": parent} if parent else None,
            "all": [{"login": login} for login in logins],
        }

    emulator.teams = [team("platform", None, "ada"), team("core", "platform", "ada", "bob", "cyd", "dee", "eve")]
    emulator.users = [
        {"login": "ada", "name": "Ada L.", "email": "", "organizationVerifiedDomainEmails": ["ada@acme.example"]},
        {"login": "bob", "name": None, "email": "bob@example.org"},
        {"login": "cyd"},
    ]


async def test_teams_and_members_become_groups_and_users(github: GithubEmulator, connect: Connect):
    """Parents, children and immediate members, over all pages of teams, of members, and of users."""
    fill(github)
    connection = RecordingConnection()
    await organisation(github, connect).run(connection)
    entities = {(e.entity["kind"], e.entity["metadata"]["name"]): e.entity for e in connection.last.entities}
    assert set(entities) == {
        ("Group", "platform"),
        ("Group", "core"),
        ("User", "ada"),
        ("User", "bob"),
        ("User", "cyd"),
    }
    core, platform = entities["Group", "core"], entities["Group", "platform"]
    assert core["spec"]["parent"] == "platform"
    assert platform["spec"]["children"] == ["core"]
    assert core["spec"]["members"] == [f"user:default/{n}" for n in ("ada", "bob", "cyd", "dee", "eve")]
    assert core["metadata"]["annotations"]["github.com/team-slug"] == "acme/core"
    ada = entities["User", "ada"]
    assert ada["spec"]["memberOf"] == ["group:default/core", "group:default/platform"]
    assert ada["spec"]["profile"]["email"] == "ada@acme.example"
    assert ada["metadata"]["annotations"]["github.com/user-login"] == "ada"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"status": 200, "body": b'{"errors": [{"type": "RATE_LIMITED", "message": "slow"}]}'}, LimitError),
        (
            {"status": 200, "body": b'{"data": {"organization": null}, "errors": [{"message": "timeout"}]}'},
            UnavailableError,
        ),
        ({"status": 200, "body": b'{"data": {"organization": {"teams": null}}}'}, UnavailableError),
        ({"status": 502}, UnavailableError),
        ({"status": 403, "headers": {"retry-after": "9"}}, LimitError),
    ],
)
async def test_a_failed_query_gives_nobody_and_removes_nobody(
    github: GithubEmulator, connect: Connect, failure: dict[str, Any], error: type[CallboardError]
):
    """GraphQL reports failures with status 200, too."""
    fill(github)
    provider, connection = organisation(github, connect), RecordingConnection()
    await provider.run(connection)
    github.fail("graphql", **failure)
    with pytest.raises(error):
        await provider.run(connection)
    assert len(connection.mutations) == 1
    assert isinstance(connection.failures[0], error)


async def test_an_unknown_organisation_is_a_failure(github: GithubEmulator, connect: Connect):
    """A typing error, or a token that lost its scope, does not empty the catalog."""
    connection = RecordingConnection()
    with pytest.raises(NotFoundError, match="read:org"):
        await organisation(github, connect, orgs=["amce"]).run(connection)
    assert connection.mutations == []
    assert len(connection.failures) == 1
