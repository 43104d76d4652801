"""Administration: who may look, what is shown, and what its buttons do."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator

import pytest

from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.jobs import JobFailed, JobKind
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Settings
from callboard.testing import FakeClock, component, make_portal, user

pytestmark = pytest.mark.anyio

SECTIONS = ("", "/users", "/tokens", "/sources", "/jobs", "/audit", "/plugins", "/configuration")
PASSWORD = "a sheet of paper and a pin"


class Doomed:
    """A plugin with a job that can only fail, until it is told to work."""

    def __init__(self) -> None:
        self.works = False
        self.ran = 0

    @hookimpl
    def register_jobs(self, portal: Any) -> list[JobKind]:
        async def handle(job: Any) -> None:
            if not self.works:
                raise JobFailed("the <b>lights</b> are out")
            self.ran += 1

        return [JobKind("doomed.work", handle)]


class Desk:
    """A browser without script, signed in as an administrator by session."""

    def __init__(self, portal: Any, client: Any, doomed: Doomed) -> None:
        self.portal, self.client, self.doomed = portal, client, doomed

    async def text(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return str(answer.text)

    async def post(self, page: str, path: str, **fields: str) -> Any:
        token = re.search(r'name="csrf_token" value="([^"]+)"', await self.text(page))
        assert token is not None, "the page has no form"
        return await self.client.post(path, data={"csrf_token": token[1], **fields})


@asynccontextmanager
async def desk(tmp_path: Path, settings: Settings | dict[str, Any] | None = None) -> AsyncIterator[Desk]:
    doomed = Doomed()
    (tmp_path / "all.json").write_text(json.dumps(component("payments")))
    target = {"type": "file", "target": str(tmp_path / "all.json")}
    given = settings or {"catalog": {"locations": [target]}}
    async with make_portal(given, plugins=[("doomed", doomed)], clock=FakeClock()) as portal:
        await portal.jobs.run_due()
        await portal.auth.users.create_user("root", password=PASSWORD, roles=["admin"], actor=SYSTEM)
        async with portal.client() as client:
            page = (await client.get("/sign-in")).text
            token = re.search(r'name="csrf_token" value="([^"]+)"', page)
            await client.post(
                "/sign-in", data={"csrf_token": token[1], "user": "root", "password": PASSWORD, "next": "/"}
            )
            yield Desk(portal, client, doomed)


async def test_only_those_who_may_look_see_administration(tmp_path: Path) -> None:
    """Members and strangers are refused on every page and find no way to it; administrators see all of them."""
    async with desk(tmp_path) as at:
        for section in SECTIONS:
            assert "<h1>" in await at.text(f"/admin{section}")
        assert 'href="/admin"' in await at.text("/")
        async with at.portal.client(user("mia")) as member:
            assert {(await member.get(f"/admin{section}")).status_code for section in SECTIONS} == {403}
            assert 'href="/admin"' not in (await member.get("/")).text
        async with at.portal.client() as stranger:
            assert {(await stranger.get(f"/admin{section}")).status_code for section in SECTIONS} == {303}


async def test_an_auditor_sees_the_audit_log_alone(tmp_path: Path) -> None:
    """A role of the policy that has the permission gets that page, and the tabs lead nowhere else."""
    policy = {"roles": {"auditor": {"members": ["user:default/ada"], "rules": [{"permission": "audit.event.read"}]}}}
    async with desk(tmp_path, {"permission": {"policy": policy}}) as at, at.portal.client(user("ada")) as auditor:
        page = await auditor.get("/admin/audit")
        assert page.status_code == 200
        assert "/admin/users" not in page.text and "/admin/jobs" not in page.text
        assert (await auditor.get("/admin")).status_code == 403


async def test_an_account_is_made_changed_locked_and_removed(tmp_path: Path) -> None:
    """Each step by its form; the new person can sign in, the locked one cannot, and the log tells all of it."""
    async with desk(tmp_path) as at:
        made = await at.post(
            "/admin/users", "/admin/users", name="Ada", display_name="Ada L.", email="ada@example.com", roles="lead, admin", password=PASSWORD
        )  # fmt: skip
        assert (made.status_code, made.headers["location"]) == (303, "/admin/users/ada?done=created")
        page = await at.text("/admin/users/ada")
        assert "Ada L." in page and "user:default/ada" in page and "lead admin" in page
        assert await at.portal.auth.users.check_password("ada", PASSWORD) is not None
        saved = await at.post(
            "/admin/users/ada", "/admin/users/ada", display_name="Ada", email="", roles="lead", disabled="1"
        )
        assert saved.headers["location"] == "/admin/users/ada?done=saved"
        assert await at.portal.auth.users.check_password("ada", PASSWORD) is None
        assert "locked" in await at.text("/admin/users?q=ada")
        gone = await at.post("/admin/users/ada", "/admin/users/ada/delete")
        assert gone.headers["location"] == "/admin/users?done=deleted"
        assert (await at.client.get("/admin/users/ada")).status_code == 404
        log = await at.text("/admin/audit")
        assert all(event in log for event in ("user-create", "user-update", "user-delete"))


async def test_what_was_typed_wrong_comes_back_with_the_reason(tmp_path: Path) -> None:
    """A bad name, a taken name, a weak password, two passwords that differ: nothing is written, the form says why."""
    async with desk(tmp_path) as at:
        bad = await at.post("/admin/users", "/admin/users", name="No Spaces", email="x@example.com")
        assert bad.status_code == 400 and "cannot be a user name" in bad.text and "x@example.com" in bad.text
        assert "There is a user root" in (await at.post("/admin/users", "/admin/users", name="root")).text
        assert (await at.post("/admin/users", "/admin/users", name="ada", password="short")).status_code == 400
        await at.post("/admin/users", "/admin/users", name="ada", password=PASSWORD)
        differ = await at.post("/admin/users/ada", "/admin/users/ada/password", password=PASSWORD, again="x")
        assert differ.status_code == 400 and "not the same" in differ.text
        assert [u.name for u in await at.portal.auth.users.list_users(actor=SYSTEM)] == ["ada", "root"]


async def test_nobody_locks_themselves_out(tmp_path: Path) -> None:
    """One's own account is neither locked, nor removed, nor made less than an administrator's."""
    async with desk(tmp_path) as at:
        for fields in ({"roles": "admin", "disabled": "1"}, {"roles": "lead"}):
            answer = await at.post("/admin/users/root", "/admin/users/root", **fields)
            assert answer.status_code == 400 and "Ask another administrator" in answer.text
        assert (await at.post("/admin/users/root", "/admin/users/root/delete")).status_code == 403
        (root,) = await at.portal.auth.users.list_users(actor=SYSTEM)
        assert root.roles == ("admin",) and not root.disabled


async def test_a_token_of_anybody_is_found_and_revoked(tmp_path: Path) -> None:
    """By whose it is; once revoked it stops working and moves to the other list."""
    async with desk(tmp_path) as at:
        mia = Actor("user", "user:default/mia", ("user:default/mia",), via="session")
        token, text = await at.portal.auth.api_tokens.create_token("laptop", scopes=["read"], actor=mia)
        page = await at.text("/admin/tokens?q=mia")
        assert "laptop" in page and text not in page
        answer = await at.post("/admin/tokens", f"/admin/tokens/{token.id}/revoke")
        assert answer.headers["location"] == "/admin/tokens?done=revoked"
        assert await at.portal.auth.api_tokens.find_valid(text) is None
        assert "laptop" not in await at.text("/admin/tokens") and "laptop" in await at.text(
            "/admin/tokens?state=revoked"
        )


async def test_sources_tell_how_they_do_and_are_asked_again(tmp_path: Path) -> None:
    """What each gives, since when it fails and why; a press asks it out of turn."""
    async with desk(tmp_path) as at:
        page = await at.text("/admin/sources")
        assert "config" in page.lower() and ">1<" in page
        name = next(iter(re.findall(r'name="name" value="([^"]+)"', page)))
        answer = await at.post("/admin/sources", "/admin/sources/run", name=name)
        assert answer.headers["location"] == "/admin/sources?done=run"
        assert await at.portal.jobs.run_due() >= 1
        assert (await at.post("/admin/sources", "/admin/sources/run", name="nobody")).status_code == 404
        async with at.portal.client(user("mia")) as member:
            refused = await member.post("/admin/sources/run", data={"name": name})
            assert refused.status_code == 403


async def test_a_job_that_was_given_up_is_tried_again(tmp_path: Path) -> None:
    """It is on the overview and in the list with its reason, escaped; after another try that works it is gone."""
    async with desk(tmp_path) as at:
        async with at.portal.db.write() as tx:
            id = await at.portal.jobs.enqueue(tx, "doomed.work", {"stage": "left"})
        await at.portal.jobs.run_due()
        assert "1 job was given up" in await at.text("/admin")
        page = await at.text("/admin/jobs")
        assert "doomed.work" in page and "the &lt;b&gt;lights&lt;/b&gt; are out" in page
        at.doomed.works = True
        answer = await at.post("/admin/jobs", f"/admin/jobs/{id}/retry")
        assert answer.headers["location"] == "/admin/jobs?done=retried"
        await at.portal.jobs.run_due()
        assert at.doomed.ran == 1
        assert "No job was given up." in await at.text("/admin/jobs?state=dead")


async def test_a_schedule_runs_out_of_turn(tmp_path: Path) -> None:
    """The list has every schedule with its rhythm; a press runs it now and is written down."""
    async with desk(tmp_path) as at:
        page = await at.text("/admin/jobs")
        assert "catalog_sweep" in page
        answer = await at.post("/admin/jobs", "/admin/tasks/run", name="catalog_sweep")
        assert answer.headers["location"] == "/admin/jobs?done=triggered"
        assert "task-trigger" in await at.text("/admin/audit?event=task-trigger")


async def test_the_audit_log_is_filtered_and_paged(tmp_path: Path) -> None:
    """By whom, what, outcome and day; 50 a page with a way on; a day that is none is told."""
    async with desk(tmp_path) as at:
        for number in range(60):
            await at.portal.audit.record(
                None, "lamp-lit", actor=user("ada"), meta={"lamp": f"lamp-{number}-<i>"}, status="failed"
            )
        first = await at.text("/admin/audit?actor=user%3Adefault%2Fada&status=failed")
        assert "lamp-59-&lt;i&gt;" in first and "lamp-9-" not in first
        older = re.search(r'href="(/admin/audit\?[^"]*cursor=[^"]+)"', first)
        assert older is not None and "lamp-9-" in await at.text(older[1].replace("&amp;", "&"))
        today = at.portal.clock.now().date().isoformat()
        assert "lamp-lit" in await at.text(f"/admin/audit?since={today}&until={today}")
        assert "No event fits" in await at.text("/admin/audit?until=2001-01-01")
        wrong = await at.client.get("/admin/audit?since=yesterday")
        assert wrong.status_code == 400 and "yesterday is no day" in wrong.text


async def test_settings_say_where_they_come_from_and_keep_secrets(tmp_path: Path) -> None:
    """File, line and column of each value; secrets are hidden, also short ones; the rest of the known keys on demand."""
    file = tmp_path / "app-config.yaml"
    file.write_text(
        "app:\n  title: Backstage Door\nbackend:\n  auth:\n    externalAccess:\n      - type: static\n        options:\n"
        "          token: ${DOOR}\n          subject: ci\nintegrations:\n  github:\n    - host: github.com\n      token: abc\n"
    )
    settings = Settings.load([file], {"DOOR": "a-very-long-secret-token"})
    async with desk(tmp_path, settings) as at:
        page = await at.text("/admin/configuration")
        assert "Backstage Door" in page and f"{file}:2:3" in page
        assert "a-very-long-secret-token" not in page and ">abc<" not in page
        assert "catalog.readonly" not in page
        assert "catalog.readonly" in await at.text("/admin/configuration?defaults=1&q=catalog.readonly")
        assert "app.title" not in await at.text("/admin/configuration?q=integrations")


async def test_plugins_tell_what_is_wrong_with_them(tmp_path: Path) -> None:
    """Those that failed are named first, with the reason; built-in ones are all there."""

    class Broken:
        @hookimpl
        def register_routes(self, portal: Any) -> Any:
            raise RuntimeError("no stage")

    async with (
        make_portal(plugins=[("broken", Broken())]) as portal,
        portal.client(user("root", roles=("admin",))) as client,
    ):
        page = (await client.get("/admin/plugins")).text
        assert "no stage" in page and page.index("no stage") < page.index(">catalog<")
        assert "no stage" in (await client.get("/admin")).text
