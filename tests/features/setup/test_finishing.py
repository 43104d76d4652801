"""The end of a set-up: a file that a person can read, an administrator, or neither."""

from __future__ import annotations

import asyncio
import re

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.settings import Settings
from callboard.testing import make_portal
from tests.features.setup.conftest import COMPONENT, PASSWORD

pytestmark = pytest.mark.anyio
HOSTILE = (
    'A "quoted" name',
    "name: with colon # and hash",
    "${HOME} $${HOME} $${",
    "- [a, {b: c}] *x &y !!tag",
    "'single'\u2028broken",
    "yes",
    "1e3",
    "日本の灯台 🗼",
    "\\u0041 \\ end\\",
    "<script>alert(1)</script>",
)


async def users_of(d):
    return [user.name for user in await d.portal.auth.users.list_users(actor=SYSTEM)]


async def test_the_file_starts_a_portal_that_finds_the_entities(desk):
    """From an empty folder to a catalog: with the written file a second portal has the component, and asks who comes."""
    async with desk() as d:
        (d.folder / "services" / "booking").mkdir(parents=True)
        (d.folder / "services" / "booking" / "catalog-info.yaml").write_text(COMPONENT)
        await d.enter()
        answer = await d.choose(source="folder", folder_path="services")
        assert answer.headers["location"] == "/setup/administrator"
        assert (await d.finish()).status_code == 303
        done = (await d.get("/setup/done")).text
        assert str(d.file) in done and "callboard serve" in done and "user:default/ada" in done
    settings = Settings.load([d.file], env={}, strict=True)
    assert settings.get("proposals.folders") == [str(d.folder / "services")]
    async with make_portal(settings) as portal:
        await portal.jobs.run_due()
        assert portal.settings.warnings == []
        async with portal.client(SYSTEM) as client:
            assert (await client.get("/api/catalog/entities/by-name/component/default/booking")).status_code == 200
        async with portal.client() as client:
            assert (await client.get("/")).status_code in (302, 303)


async def test_the_administrator_is_signed_in_and_may_everything(desk):
    """A local user with the role that the policy knows, whose password is the one typed."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        await d.finish()
        (user,) = await d.portal.auth.users.list_users(actor=SYSTEM)
        assert (user.name, user.display_name, user.roles) == ("ada", "Ada Okafor", ("admin",))
        assert await d.portal.auth.users.check_password("ada", PASSWORD) is not None
        assert (await d.get("/setup/done")).status_code == 200
        audit = [event.event for event in (await d.portal.audit.list_events()).items]
        assert {"set-up-begin", "user-create", "set-up-finish", "sign-in"} <= set(audit)


async def test_the_end_is_shown_to_the_administrator_alone(desk):
    """A guest of this machine does not learn the paths."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        await d.finish()
        d.client.cookies.clear()
        assert (await d.get("/setup/done")).status_code == 404


async def test_a_file_that_is_there_is_not_overwritten(desk):
    """It keeps its bytes, nobody is created, and after it was moved away finishing works."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        d.file.write_text("app: {title: Mine}")
        answer = await d.finish()
        assert answer.status_code == 409 and str(d.file) in answer.text
        assert d.file.read_text() == "app: {title: Mine}"
        assert await users_of(d) == []
        d.file.unlink()
        assert (await d.finish()).status_code == 303
        assert await users_of(d) == ["ada"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"password": "short", "again": "short"}, "at least 10"),
        ({"again": "another one altogether"}, "differ"),
        ({"user": "../ada"}, "cannot be a user name"),
        ({"user": ""}, "cannot be a user name"),
    ],
)
async def test_a_refused_administrator_leaves_nothing_behind(desk, fields, said):
    """No file, no user; the form keeps what was typed but for the password, and a second try works."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        answer = await d.finish(**fields)
        assert answer.status_code == 400 and said in answer.text and "Ada Okafor" in answer.text
        assert PASSWORD not in answer.text
        assert list(d.folder.iterdir()) == [] and await users_of(d) == []
        assert (await d.finish()).status_code == 303


async def test_a_folder_that_cannot_be_written_leaves_nothing_behind(desk):
    """Neither the working directory nor what holds the data can be written: nobody is created, and the page says why."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        d.folder.rmdir()
        d.portal.portal.data_dir = d.folder / "data"
        answer = await d.finish()
        assert answer.status_code == 503 and "cannot be written" in answer.text
        assert await users_of(d) == []


@pytest.mark.parametrize("name", HOSTILE)
async def test_whatever_is_typed_arrives_as_it_is(desk, name):
    """Names and paths cannot end their line, name a variable or become another type."""
    async with desk() as d:
        folder = d.folder / "a 'b' \"c\" #d: ${HOME}"
        folder.mkdir()
        (folder / "catalog-info.yaml").write_text(COMPONENT)
        await d.enter()
        await d.choose(name, title=name, source="folder", folder_path=str(folder))
        assert (await d.finish()).status_code == 303
        settings = Settings.load([d.file], env={"HOME": "/root"}, strict=True)
        expected = name.replace("\u2028", " ")
        assert settings.get("organization.name") == expected
        assert settings.get("app.title") == expected
        assert settings.get("catalog.locations[0].target") == f"{folder}/**/catalog-info.yaml"


async def test_tokens_are_written_as_names_of_variables(desk, monkeypatch):
    """The value is nowhere in the file, and the last page tells of variables that are not set."""
    monkeypatch.setenv("ACME_TOKEN", "ghp_very-secret-value")
    async with desk() as d:
        await d.enter()
        await d.choose(source="github", github_owner="acme", github_token="ACME_TOKEN", github_host="github.com")
        await d.finish()
        text = d.file.read_text()
        assert "token: ${ACME_TOKEN}" in text and "ghp_" not in text
        settings = Settings.load([d.file], env={"ACME_TOKEN": "value-of-it"}, strict=True)
        async with make_portal(settings) as portal:
            assert portal.settings.warnings == []
            assert portal.settings.get("catalog.providers.github.main.organization") == "acme"
            assert portal.settings.get("integrations.github[0].token") == "value-of-it"


async def test_gitlab_settings_start_a_portal(desk):
    """As for GitHub; a variable that is not set is named at the end."""
    async with desk() as d:
        await d.enter()
        await d.choose(
            source="gitlab", gitlab_owner="acme/platform", gitlab_token="NO_SUCH_TOKEN", gitlab_host="gitlab.com"
        )
        await d.finish()
        assert "export NO_SUCH_TOKEN" in (await d.get("/setup/done")).text
        async with make_portal(Settings.load([d.file], env={"NO_SUCH_TOKEN": "value"}, strict=True)) as portal:
            assert portal.settings.get("catalog.providers.gitlab.main.group") == "acme/platform"


async def test_a_token_typed_as_a_name_is_not_kept(desk):
    """Neither in the database nor on the next page."""
    async with desk() as d:
        await d.enter()
        answer = await d.choose(source="github", github_owner="acme", github_token="ghp_0123456789abcdef")
        assert answer.status_code == 400 and "not kept" in answer.text
        async with d.portal.db.read() as tx:
            assert "ghp_" not in await tx.fetch_value("SELECT draft FROM setup_state")


async def test_a_backstage_is_taken_over(desk):
    """Its places come along with their paths made absolute; a secret written out becomes a variable."""
    async with desk() as d:
        backstage = d.folder / "backstage"
        (backstage / "packages" / "backend").mkdir(parents=True)
        (backstage / "examples").mkdir()
        (backstage / "examples" / "all.yaml").write_text(COMPONENT)
        (backstage / "app-config.yaml").write_text(
            "app: {title: Old}\n"
            "integrations:\n  github:\n    - host: github.com\n      token: ghp_written-out\n"
            "    - host: ghe.example.com\n      token: ${GHE_TOKEN}\n"
            "catalog:\n  locations:\n    - type: file\n      target: ../../examples/all.yaml\n"
        )
        await d.enter()
        await d.choose(source="backstage", backstage_path="backstage/app-config.yaml")
        assert (await d.finish()).status_code == 303
        text = d.file.read_text()
        assert "ghp_written-out" not in text
        assert "${INTEGRATIONS_GITHUB_0_TOKEN}" in text and "${GHE_TOKEN}" in text
        assert "INTEGRATIONS_GITHUB_0_TOKEN" in (await d.get("/setup/done")).text
        env = {"INTEGRATIONS_GITHUB_0_TOKEN": "value-one", "GHE_TOKEN": "value-two"}
        async with make_portal(Settings.load([d.file], env=env, strict=True)) as portal:
            await portal.jobs.run_due()
            async with portal.client(SYSTEM) as client:
                assert (await client.get("/api/catalog/entities/by-name/component/default/booking")).status_code == 200


async def test_steps_cannot_be_skipped(desk):
    """The last page leads back to what is missing, and sending it does nothing."""
    async with desk() as d:
        await d.enter()
        assert (await d.get("/setup/administrator")).headers["location"] == "/setup"
        await d.post("/setup", organization="Lighthouse Inn")
        await d.post("/setup/software", source="folder", folder_path="")
        assert (await d.get("/setup/administrator")).headers["location"] == "/setup/software"
        answer = await d.client.post(
            "/setup/administrator", data={"user": "ada", "password": PASSWORD, "again": PASSWORD}
        )
        assert answer.status_code in (303, 403) and await users_of(d) == []


@pytest.mark.postgres
async def test_postgresql_keeps_a_setup_as_sqlite_does(desk, postgres_portal_url):
    """From the token to the end, with a start in between."""
    settings = Settings.of(
        {"backend": {"database": {"client": "pg", "connection": postgres_portal_url}}}, has_file=False
    )
    async with desk(settings) as d:
        await d.enter()
        await d.choose("Harbour & Sons")
        await d.enter()
        assert "Harbour &amp; Sons" in (await d.get("/setup")).text
        assert (await d.finish()).headers["location"] == "/setup/done"
        assert "user:default/ada" in (await d.get("/setup/done")).text
        assert await d.setup.make_token() is None


async def test_of_two_who_finish_at_once_one_does(desk):
    """A second click finds everything done: one user, one file."""
    async with desk() as d:
        await d.enter()
        await d.choose()
        page = (await d.get("/setup/administrator")).text
        given = {
            "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1],
            "user": "ada", "password": PASSWORD, "again": PASSWORD,
        }  # fmt: skip
        answers = await asyncio.gather(
            d.client.post("/setup/administrator", data=given), d.client.post("/setup/administrator", data=given)
        )
        first, second = sorted(answer.status_code for answer in answers)
        assert first == 303 and second in (403, 404)  # shut out at the door, or while waiting
        assert await users_of(d) == ["ada"]
