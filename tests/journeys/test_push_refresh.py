"""A push at a source host shows in the portal: webhook with proof → event → jobs → entity, over an emulated host."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, AsyncIterator, Callable, Mapping

import orjson
import pytest

from callboard.features.catalog.interface import CatalogQueries, EntityQuery
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef
from callboard.testing import PortalForTest, make_portal
from tests.integrations.hosts import (
    AzureEmulator,
    BitbucketCloudEmulator,
    BitbucketServerEmulator,
    GiteaEmulator,
    GithubEmulator,
    GitlabEmulator,
)
from tests.integrations.serving import Emulator, emulate

pytestmark = pytest.mark.anyio
SECRET = "shared-by-both"
ONE, TWO = "1" * 40, "2" * 40


def component(name: str, description: str = "", **spec: Any) -> bytes:
    return orjson.dumps(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name, "description": description},
            "spec": {"type": "service", "lifecycle": "production", "owner": "guests", **spec},
        }
    )


@dataclass(frozen=True)
class Sender:
    """One kind of host: its emulator, its row of the settings, URLs of files, and the webhook of a push."""

    topic: str
    emulator: Callable[[], Any]
    integration: str
    row: Callable[[Any], dict[str, Any]]
    form: str
    body: Callable[[Any, Mapping[str, list[str]]], dict[str, Any]]
    headers: Callable[[bytes], dict[str, str]]


def _hex(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def _git_body(
    base: str, path: str, key: str = "repository", **more: Any
) -> Callable[[Any, Mapping[str, list[str]]], dict[str, Any]]:
    def make(emulator: Any, files: Mapping[str, list[str]]) -> dict[str, Any]:
        page = f"{emulator.base}/{path}"
        commit = {"id": TWO, "added": [], "removed": [], "modified": [], **files}
        repository = {"html_url": page, "web_url": page, "clone_url": f"{page}.git", "default_branch": "main"}
        return {"ref": "refs/heads/main", "before": ONE, "after": TWO, "commits": [commit], key: repository, **more}

    return make


def _cloud_body(emulator: Any, files: Mapping[str, list[str]]) -> dict[str, Any]:
    side = {"type": "branch", "name": "main"}
    page = {"html": {"href": f"{emulator.base}/acme/tools"}}
    return {"push": {"changes": [{"new": side, "old": side}]}, "repository": {"links": page}}


def _server_body(emulator: Any, files: Mapping[str, list[str]]) -> dict[str, Any]:
    links = {"self": [{"href": f"{emulator.base}/projects/ACME/repos/tools/browse"}]}
    return {
        "eventKey": "repo:refs_changed",
        "repository": {"slug": "tools", "project": {"key": "ACME"}, "links": links},
        "changes": [{"ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"}, "type": "UPDATE"}],
    }


def _azure_body(emulator: Any, files: Mapping[str, list[str]]) -> dict[str, Any]:
    repository = {"remoteUrl": f"{emulator.base}/acme/platform/_git/tools", "defaultBranch": "refs/heads/main"}
    return {
        "eventType": "git.push",
        "resource": {"refUpdates": [{"name": "refs/heads/main"}], "repository": repository},
    }


SENDERS = {
    "github": Sender(
        "github", GithubEmulator, "github",
        lambda e: {"host": e.host, "apiBaseUrl": f"{e.base}/api/v3", "rawBaseUrl": f"{e.base}/raw", "token": "ghp_secret"},
        "{base}/acme/tools/blob/main/{path}",
        _git_body("", "acme/tools", forced=False),
        lambda body: {"x-github-event": "push", "x-hub-signature-256": f"sha256={_hex(body)}"},
    ),
    "gitlab": Sender(
        "gitlab", GitlabEmulator, "gitlab",
        lambda e: {"host": e.host, "baseUrl": e.base, "token": "glpat-secret"},
        "{base}/acme/platform/tools/-/blob/main/{path}",
        _git_body("", "acme/platform/tools", "project", object_kind="push", event_name="push", total_commits_count=1),
        lambda body: {"x-gitlab-event": "Push Hook", "x-gitlab-token": SECRET},
    ),
    "gitea": Sender(
        "gitea", GiteaEmulator, "gitea",
        lambda e: {"host": e.host, "baseUrl": e.base, "password": "secret1"},
        "{base}/acme/tools/src/branch/main/{path}",
        _git_body("", "acme/tools", total_commits=1),
        lambda body: {"x-gitea-event": "push", "x-gitea-signature": _hex(body)},
    ),
    "bitbucketCloud": Sender(
        "bitbucketCloud", BitbucketCloudEmulator, "bitbucketCloud",
        lambda e: {"host": e.host, "apiBaseUrl": f"{e.base}/2.0", "username": "me", "appPassword": "secret1"},
        "{base}/acme/tools/src/main/{path}", _cloud_body,
        lambda body: {"x-event-key": "repo:push", "x-hub-signature": f"sha256={_hex(body)}"},
    ),
    "bitbucketServer": Sender(
        "bitbucketServer", BitbucketServerEmulator, "bitbucketServer",
        lambda e: {"host": e.host, "apiBaseUrl": f"{e.base}/rest/api/1.0", "token": "secret1"},
        "{base}/projects/ACME/repos/tools/browse/{path}?at=main", _server_body,
        lambda body: {"x-event-key": "repo:refs_changed", "x-hub-signature": f"sha256={_hex(body)}"},
    ),
    "azure": Sender(
        "azureDevOps", AzureEmulator, "azure",
        lambda e: {"host": e.host, "baseUrl": e.base, "credentials": [{"personalAccessToken": "secret1"}]},
        "{base}/acme/platform/_git/tools?path=/{path}&version=GBmain", _azure_body,
        lambda body: {"authorization": "Basic " + base64.b64encode(f"azure:{SECRET}".encode()).decode()},
    ),
}  # fmt: skip


class Journey:
    """A portal that reads from an emulated host, and the host's webhooks."""

    def __init__(self, portal: PortalForTest, emulator: Emulator, sender: Sender) -> None:
        self.portal = portal
        self.emulator = emulator
        self.sender = sender

    def url(self, path: str) -> str:
        return self.sender.form.format(base=self.emulator.base, path=path)

    async def settle(self) -> None:
        await self.portal.jobs.run_due()

    async def push(self, **files: list[str]) -> list[str]:
        """Send the webhook of a push with these files (added, removed, modified); what was asked of the host after it."""
        return await self.hook(self.sender.body(self.emulator, files))

    async def hook(self, value: Any, **headers: str) -> list[str]:
        body = orjson.dumps(value)
        sent = {"content-type": "application/json", **self.sender.headers(body), **headers}
        self.emulator.log.clear()
        async with self.portal.client() as client:
            answer = await client.post(f"/api/events/http/{self.sender.topic}", content=body, headers=sent)
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted"}), answer.text
        await self.settle()
        return list(self.emulator.log)

    async def descriptions(self) -> dict[str, str]:
        """Name to description of every Component."""
        page = await self.portal.service(CatalogQueries).list_raw(EntityQuery(), actor=SYSTEM)
        found = [orjson.loads(raw)["metadata"] | {"kind": orjson.loads(raw)["kind"]} for raw in page.items]
        return {one["name"]: one.get("description", "") for one in found if one["kind"] == "Component"}


@asynccontextmanager
async def journey(
    stack: AsyncExitStack, name: str, files: Mapping[str, bytes], locations: Callable[[Callable[[str], str]], list[str]],
    **more: Any,
) -> AsyncIterator[Journey]:  # fmt: skip
    sender = SENDERS[name]
    emulator = sender.emulator()
    await stack.enter_async_context(emulate(emulator))
    emulator.repository.files = dict(files)
    targets = locations(lambda path: sender.form.format(base=emulator.base, path=path))
    catalog = {
        "rules": [{"allow": ["Component", "API", "Location", "Group", "User"]}],
        "locations": [{"type": "url", "target": target} for target in targets],
        "processingInterval": False,
    }
    if "providers" in more:
        catalog["providers"] = more.pop("providers")(emulator)
    settings = {
        "integrations": {sender.integration: [sender.row(emulator)]},
        "catalog": catalog,
        "events": {"modules": {sender.topic: {"webhookSecret": SECRET}}},
        **more,
    }
    async with make_portal(settings) as portal:
        one = Journey(portal, emulator, sender)
        await one.settle()
        yield one


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as open_until_end:
        yield open_until_end


@pytest.mark.parametrize("name", SENDERS)
async def test_a_pushed_file_is_read_again_at_once(stack: AsyncExitStack, name: str):
    """Every host: signed webhook in, new description out, and the history says that the webhook did it."""
    files = {"catalog-info.yaml": component("payments", "before"), "other.yaml": component("other", "before")}
    async with journey(stack, name, files, lambda url: [url("catalog-info.yaml"), url("other.yaml")]) as one:
        assert await one.descriptions() == {"payments": "before", "other": "before"}
        one.emulator.repository.put("catalog-info.yaml", component("payments", "after"))
        asked = await one.push(modified=["catalog-info.yaml"])
        assert await one.descriptions() == {"payments": "after", "other": "before"}
        if name in ("github", "gitlab", "gitea"):  # the others do not say which files
            assert not any("other.yaml" in line for line in asked)
        entry = (await one.portal.service(CatalogQueries).history(EntityRef.parse("component:payments"), actor=SYSTEM))[
            0
        ]
        assert entry.actor == f"webhook:{one.sender.topic}"


@pytest.mark.parametrize("name", SENDERS)
async def test_a_pattern_finds_files_that_a_push_brings_and_drops_those_it_takes(stack: AsyncExitStack, name: str):
    """A glob is listed again when something that it names came; a file that went takes its entity along."""
    files = {"services/a.yaml": component("a"), "services/b.yaml": component("b"), "readme.md": b"#"}
    async with journey(stack, name, files, lambda url: [url("services/*.yaml")]) as one:
        assert set(await one.descriptions()) == {"a", "b"}
        one.emulator.repository.put("services/c.yaml", component("c"))
        await one.push(added=["services/c.yaml"])
        assert set(await one.descriptions()) == {"a", "b", "c"}
        one.emulator.repository.files.pop("services/b.yaml")
        one.emulator.repository.commits += 1
        await one.push(removed=["services/b.yaml"])
        assert set(await one.descriptions()) == {"a", "c"}


async def test_a_push_elsewhere_asks_the_host_nothing(stack: AsyncExitStack):
    """Another file, another branch, another repository: not one request."""
    files = {"services/a.yaml": component("a"), "readme.md": b"#"}
    async with journey(stack, "github", files, lambda url: [url("services/*.yaml"), url("services/a.yaml")]) as one:
        assert await one.push(modified=["readme.md"]) == []
        body = one.sender.body(one.emulator, {"modified": ["services/a.yaml"]})
        assert await one.hook({**body, "ref": "refs/heads/next"}) == []
        other = {**body["repository"], "html_url": f"{one.emulator.base}/acme/tools2", "clone_url": ""}
        assert await one.hook({**body, "repository": other}) == []
        assert await one.hook(body) != []


async def test_a_changed_pattern_hit_is_read_without_listing_the_repository(stack: AsyncExitStack):
    """The tree of a big repository is not asked for because of one file that is known."""
    files = {"services/a.yaml": component("a", "before"), "services/b.yaml": component("b")}
    async with journey(stack, "github", files, lambda url: [url("services/*.yaml")]) as one:
        one.emulator.repository.put("services/a.yaml", component("a", "after"))
        asked = await one.push(modified=["services/a.yaml"])
        assert [line.split("?")[0] for line in asked] == ["GET /api/v3/repos/acme/tools/contents/services/a.yaml"]
        assert (await one.descriptions())["a"] == "after"


async def test_what_a_placeholder_read_counts_as_the_file(stack: AsyncExitStack):
    """``$text`` of another file: its push changes the entity that includes it."""
    api = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": "pay"},
        "spec": {"type": "openapi", "lifecycle": "production", "owner": "guests", "definition": {"$text": "./openapi.txt"}},
    }  # fmt: skip
    files = {"catalog-info.yaml": orjson.dumps(api), "openapi.txt": b"one"}
    async with journey(stack, "github", files, lambda url: [url("catalog-info.yaml")]) as one:
        queries = one.portal.service(CatalogQueries)
        assert orjson.loads(await queries.find_raw("api:default/pay", actor=SYSTEM))["spec"]["definition"] == "one"
        one.emulator.repository.put("openapi.txt", b"two")
        await one.push(modified=["openapi.txt"])
        assert orjson.loads(await queries.find_raw("api:default/pay", actor=SYSTEM))["spec"]["definition"] == "two"


async def test_a_file_that_was_awaited_comes_with_the_push(stack: AsyncExitStack):
    """A Location whose target was not there, and a relative target of a Location in the repository."""
    location = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": {"name": "all"},
        "spec": {"targets": ["./parts/a.yaml"]},
    }  # fmt: skip
    files = {"all.yaml": orjson.dumps(location)}
    async with journey(stack, "github", files, lambda url: [url("all.yaml"), url("late.yaml")]) as one:
        assert await one.descriptions() == {}
        one.emulator.repository.put("parts/a.yaml", component("a"))
        one.emulator.repository.put("late.yaml", component("late"))
        await one.push(added=["parts/a.yaml", "late.yaml"])
        assert set(await one.descriptions()) == {"a", "late"}


async def test_a_forced_push_reads_everything_of_the_repository_again(stack: AsyncExitStack):
    """The payload does not say what was thrown away."""
    files = {"a.yaml": component("a", "before"), "b.yaml": component("b", "before")}
    async with journey(stack, "github", files, lambda url: [url("a.yaml"), url("*.yaml")]) as one:
        one.emulator.repository.put("a.yaml", component("a", "after"))
        one.emulator.repository.put("b.yaml", component("b", "after"))
        await one.hook({**one.sender.body(one.emulator, {"modified": ["readme.md"]}), "forced": True})
        assert await one.descriptions() == {"a": "after", "b": "after"}


async def test_an_unsigned_webhook_changes_nothing(stack: AsyncExitStack):
    """403, no event, no request."""
    async with journey(stack, "github", {"a.yaml": component("a")}, lambda url: [url("a.yaml")]) as one:
        body = orjson.dumps(one.sender.body(one.emulator, {"modified": ["a.yaml"]}))
        headers = {"x-github-event": "push", "x-hub-signature-256": "sha256=00", "content-type": "application/json"}
        one.emulator.log.clear()
        async with one.portal.client() as client:
            answer = await client.post("/api/events/http/github", content=body, headers=headers)
        await one.settle()
        assert answer.status_code == 403
        assert one.emulator.log == []


async def test_a_topic_of_your_own_refreshes_the_keys_that_it_names(stack: AsyncExitStack):
    """A pipeline posts ``{"refresh": [key]}``, signed with the topic's secret; a page's address will do for the file."""
    events = {"http": {"topics": [{"topic": "deploy", "secret": SECRET}]}}
    files = {"a.yaml": component("a", "before"), "b.yaml": component("b", "before")}
    async with journey(stack, "github", files, lambda url: [url("a.yaml"), url("b.yaml")], events=events) as one:
        one.emulator.repository.put("a.yaml", component("a", "after"))
        one.emulator.repository.put("b.yaml", component("b", "after"))
        body = orjson.dumps({"refresh": [f"url:{one.url('a.yaml')}"]})
        headers = {"x-hub-signature-256": f"sha256={_hex(body)}", "content-type": "application/json"}
        async with one.portal.client() as client:
            answer = await client.post("/api/events/http/deploy", content=body, headers=headers)
        assert answer.status_code == 202
        await one.settle()
        assert await one.descriptions() == {"a": "after", "b": "before"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("repository", {"action": "created", "repository": {"html_url": "{base}/acme/new"}}),
        ("installation_repositories", {"installation": {"account": {"login": "acme", "html_url": "{base}/acme"}}}),
    ],
)
async def test_a_new_repository_is_discovered_at_once(stack: AsyncExitStack, kind: str, body: Mapping[str, Any]):
    """The provider of the organisation runs without waiting for its schedule; that of another one does not."""

    def providers(emulator: GithubEmulator) -> dict[str, Any]:
        return {
            "github": {
                "acme": {"host": emulator.host, "organization": "acme", "schedule": {"frequency": "PT24H"}},
                "other": {"host": emulator.host, "organization": "other", "schedule": {"frequency": "PT24H"}},
            }
        }

    files = {"catalog-info.yaml": component("tools")}
    async with journey(stack, "github", files, lambda url: [], providers=providers) as one:
        assert await one.descriptions() == {}
        one.emulator.repositories = [one.emulator.repository_row("tools")]  # type: ignore[attr-defined]
        text = orjson.dumps(body).decode().replace("{base}", one.emulator.base)
        asked = await one.hook(orjson.loads(text), **{"x-github-event": kind})
        assert set(await one.descriptions()) == {"tools"}
        assert not any("/orgs/other/" in line for line in asked)
