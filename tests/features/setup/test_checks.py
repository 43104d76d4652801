"""Connection checks: each says what it found, or names what is wrong."""

from __future__ import annotations

import pytest

from callboard.features.setup.checks import Checks
from callboard.features.setup.interface import Draft
from tests.features.setup.conftest import COMPONENT

pytestmark = pytest.mark.anyio
ORG = "https://api.github.com/orgs/acme"
GROUP = "https://gitlab.com/api/v4/groups/acme%2Fplatform?with_projects=false"


async def check(d, **draft):
    return await d.portal.service(Checks).check(Draft(**draft))


async def folder(d, path):
    return await check(d, source="folder", folder_path=str(path))


async def test_a_folder_is_searched_for_descriptors(desk):
    """Everything below it counts, by kind."""
    async with desk() as d:
        (d.folder / "a" / "b").mkdir(parents=True)
        (d.folder / "a" / "catalog-info.yaml").write_text(COMPONENT + "---\n" + COMPONENT.replace("Component", "API"))
        (d.folder / "a" / "b" / "catalog-info.yaml").write_text(COMPONENT)
        verdict = await folder(d, "a")
        assert (verdict.status, verdict.id, dict(verdict.named)) == ("ok", "setup.check.entities", {"n": 3, "files": 2})
        assert verdict.lines == ["API 1, Component 2"]
        assert dict((await folder(d, "a/*/catalog-info.yaml")).named)["n"] == 1
        assert dict((await folder(d, d.folder / "a" / "catalog-info.yaml")).named)["n"] == 2


async def test_what_is_wrong_with_a_path_is_named(desk):
    """Missing, empty, without a match, no descriptor in it, no YAML at all."""
    async with desk() as d:
        (d.folder / "empty").mkdir()
        (d.folder / "list.yaml").write_text("- one\n- two\n")
        (d.folder / "broken.yaml").write_text("kind: [Component\n")
        told = {p: await folder(d, p) for p in ("gone", "empty", "no/*.yaml", "list.yaml", "broken.yaml")}
        assert {p: v.status for p, v in told.items()} == {**dict.fromkeys(told, "bad"), "empty": "warn"}
        assert told["gone"].id == "setup.check.no_path"
        assert told["empty"].id == "setup.check.no_yaml"
        assert told["no/*.yaml"].id == "setup.check.no_match"
        assert told["list.yaml"].id == "setup.check.no_entity" and "list.yaml" in told["list.yaml"].lines[0]
        assert told["broken.yaml"].id == "setup.check.no_entity" and "broken.yaml:" in told["broken.yaml"].lines[0]


async def test_a_broken_file_among_good_ones_is_a_warning(desk):
    """What can be read is counted, and the other is named with its line."""
    async with desk() as d:
        for name, text in (("good", COMPONENT), ("bad", "kind: [Component\n")):
            (d.folder / name).mkdir()
            (d.folder / name / "catalog-info.yaml").write_text(text)
        verdict = await folder(d, ".")
        assert (verdict.status, dict(verdict.named)["n"]) == ("warn", 1)
        assert any("bad/catalog-info.yaml:" in line for line in verdict.lines)


async def test_a_path_to_a_device_is_refused(desk):
    """Nothing is read that never ends."""
    async with desk() as d:
        verdict = await folder(d, "/dev/zero")
        assert verdict.status == "bad" and "not a regular file" in verdict.lines[0]


@pytest.mark.parametrize(
    ("status", "id"),
    [
        (401, "setup.check.refused"),
        (403, "setup.check.refused"),
        (404, "setup.check.unknown_github"),
        (500, "setup.check.failed"),
    ],
)
async def test_github_says_what_is_wrong(desk, monkeypatch, status, id):
    """A refused token and an unknown organisation are told apart; the token is in no answer."""
    monkeypatch.setenv("ACME_TOKEN", "ghp_very-secret-value")
    async with desk() as d:
        d.http.add(ORG, status=status, json={"message": "no"})
        verdict = await check(d, source="github", github_owner="acme", github_token="ACME_TOKEN")
        assert (verdict.status, verdict.id) == ("bad", id)
        assert "very-secret" not in str(verdict)


async def test_github_is_asked_with_the_token_of_the_variable(desk, monkeypatch):
    """The organisation answers with its name and how many repositories the token sees."""
    monkeypatch.setenv("ACME_TOKEN", "ghp_very-secret-value")
    async with desk() as d:
        d.http.add(ORG, json={"login": "acme", "name": "Acme Ltd", "public_repos": 3, "total_private_repos": 4})
        verdict = await check(d, source="github", github_owner="acme", github_token="ACME_TOKEN")
        assert (verdict.status, dict(verdict.named)) == ("ok", {"name": "Acme Ltd", "n": 7})
        (sent,) = d.http.requests_to(ORG)
        assert sent.headers["authorization"] == "Bearer ghp_very-secret-value"


async def test_a_variable_that_is_not_set_is_named_and_nobody_is_asked(desk, monkeypatch):
    """The check ends before it goes out."""
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    async with desk() as d:
        verdict = await check(d, source="github", github_owner="acme", github_token="ACME_TOKEN")
        assert verdict.id == "setup.check.unset" and dict(verdict.named)["variable"] == "ACME_TOKEN"
        assert d.http.requests_to(ORG) == []


async def test_gitlab_is_asked_about_a_group(desk):
    """Found, and not found."""
    async with desk() as d:
        d.http.add(GROUP, json={"full_path": "acme/platform", "full_name": "Acme / Platform"}, times=1)
        draft = {"source": "gitlab", "gitlab_owner": "acme/platform", "gitlab_token": ""}
        assert dict((await check(d, **draft)).named) == {"name": "Acme / Platform"}
    async with desk() as d:
        d.http.add(GROUP, status=404, json={})
        assert (await check(d, **draft)).id == "setup.check.unknown_gitlab"


async def test_hosts_inside_the_network_are_not_asked(desk):
    """The check opens no way in: an address that the settings do not name stays closed."""
    async with desk() as d:
        for host in ("127.0.0.1:8080", "localhost", "169.254.169.254"):
            verdict = await check(d, source="github", github_owner="acme", github_host=host, github_token="")
            assert (verdict.status, verdict.id) == ("bad", "setup.check.blocked"), host


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "There is no file"),
        ("app: {}\n", "no catalog part"),
        ("- a\n", "must be an object"),
        ("catalog: [\n", "app-config.yaml"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
async def test_a_backstage_that_cannot_be_taken_over_says_why(desk, text, said):
    """With the file, and the line where there is one."""
    async with desk() as d:
        if text is not None:
            file = d.folder / "app-config.yaml"
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        verdict = await check(d, source="backstage", backstage_path="app-config.yaml")
        assert verdict.status == "bad" and said in verdict.lines[0]


async def test_files_that_a_backstage_names_and_are_not_here_are_told(desk):
    """It can be taken over all the same."""
    async with desk() as d:
        (d.folder / "old.yaml").write_text("catalog:\n  locations:\n    - {type: file, target: ./lost.yaml}\n")
        verdict = await check(d, source="backstage", backstage_path="old.yaml")
        assert (verdict.status, verdict.id) == ("warn", "setup.check.existing_missing")
        assert verdict.lines == [str(d.folder / "lost.yaml")]


async def test_the_page_shows_what_a_check_found(desk):
    """The answer stands on the page of the form, with everything typed still in it."""
    async with desk() as d:
        await d.enter()
        await d.post("/setup", organization="Lighthouse Inn")
        answer = await d.post("/setup/software", source="folder", folder_path="/no/such/<b>", do="check")
        assert answer.status_code == 200
        assert "There is no file or folder /no/such/&lt;b&gt;." in answer.text
        assert 'value="/no/such/&lt;b&gt;"' in answer.text
