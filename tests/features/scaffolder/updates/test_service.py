"""From a run to the branch that brings its repository up to date, in a portal with real repositories."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, AsyncIterator, Callable

import orjson
import pytest

from callboard.features.catalog.interface.overlays import OverlayWrite
from callboard.features.scaffolder.interface import Task
from callboard.features.scaffolder.interface.updates import RUN_ANNOTATION, ChangeSet, OpenedChange
from callboard.features.scaffolder.updates import store
from callboard.features.scaffolder.updates.interface import NotMade, TemplateUpdates
from callboard.features.scaffolder.updates.places import PlaceUnknown, place_of
from callboard.features.scaffolder.updates.record_file import RECORD_PATH
from callboard.features.scaffolder.updates.trees import Node
from callboard.features.scaffolder.updates.updating import AnswersMissing, MarkersLeft
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import ConflictError, NotAllowedError, NotFoundError
from callboard.model.urls import DEFAULT_HOSTS
from tests.features.importing.test_access import READ, policy
from tests.features.scaffolder.conftest import (
    ADA,
    Shop,
    each_shop,
    each_world,
    open_shop,
    postgres_world,
    template,
    user,
    world,
)
from tests.features.scaffolder.updates.histories import git

__all__ = ["each_shop", "each_world", "open_shop", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
REF = "component:default/payments"
TEMPLATE = "template:default/service"


class Works:
    """A template in one git repository, what it makes in another."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.updates: TemplateUpdates = shop.portal.service(TemplateUpdates)
        self.bare = folder / "payments.git"

    async def make(self, **values: Any) -> Task:
        task = await self.shop.run(TEMPLATE, {"name": "payments", "token": "s3cret-word", **values})
        assert task.state == "completed", task.error
        await self.shop.portal.jobs.run_due()
        return task

    def skeleton(self, files: dict[str, str]) -> None:
        """A version of the template more."""
        for path, text in files.items():
            place = self.folder / "templates" / "skeleton" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def clone(self, branch: str = "main") -> Path:
        place = self.folder / f"clone-{len(list(self.folder.iterdir()))}"
        git(self.folder, "clone", "-q", "-b", branch, str(self.bare), str(place))
        return place

    def push(self, files: dict[str, str], *, tick: bool = True) -> None:
        """Somebody works on the repository; then some time goes by."""
        place = self.clone()
        for path, text in files.items():
            (place / path).write_text(text)
        git(place, "add", "-A")
        git(place, "commit", "-q", "-m", "work")
        git(place, "push", "-q", "origin", "main")
        if tick:
            self.shop.portal.clock.advance(60)

    def merge(self, branch: str) -> None:
        place = self.clone()
        git(place, "merge", "-q", "--no-edit", f"origin/{branch}")
        git(place, "push", "-q", "origin", "main")
        self.shop.portal.clock.advance(60)


def service(*, writes: bool = True, **spec: Any) -> dict[str, Any]:
    """``writes``: a step writes the description of the entity, and with it which template it is from."""
    steps = [
        {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}}},
        {"id": "info", "action": "catalog:write", "input": {"entity": {
            "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "${{ parameters.name }}"},
            "spec": {"type": "service", "owner": "guests", "lifecycle": "production"}}}},
        {"id": "publish", "action": "publish:git", "input": {"remoteUrl": "file://FOLDER/${{ parameters.name }}.git"}},
        {"id": "register", "action": "catalog:register", "input": {
            "catalogInfoUrl": "git+file://FOLDER/${{ parameters.name }}.git?ref=main#catalog-info.yaml"}},
    ]  # fmt: skip
    questions = {
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "token": {"type": "string", "ui:field": "Secret"}},
    }
    steps = [one for one in steps if writes or one["id"] != "info"]
    return template("service", *steps, parameters=[questions], **spec)


def service_template(folder: Path, **spec: Any) -> dict[str, Any]:
    """The template of ``folder``, which lies in its repository ``templates``."""
    one: dict[str, Any] = orjson.loads(orjson.dumps(service(**spec)).replace(b"FOLDER", str(folder).encode()))
    one["metadata"]["annotations"] = {"backstage.io/source-location": f"url:git+file://{folder}/templates?ref=main#"}
    return one


@pytest.fixture
def works(each_shop: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    return _opener(each_shop, tmp_path)


@pytest.fixture
def lite(open_shop: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The same on SQLite alone."""
    return _opener(open_shop, tmp_path)


def _opener(open_: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(policy: Any = None, **spec: Any) -> AsyncIterator[Works]:
        folder = tmp_path / "git"
        folder.mkdir()
        one = service_template(folder, **spec)
        made = folder / "templates"
        made.mkdir()
        more = {"integrations": {"git": [{"path": str(folder)}]}, **(policy or {})}
        async with open_(one, more=more) as shop:
            works = Works(shop, folder)
            works.skeleton({"README.md": "# ${{ values.name }}\n\nfirst\n\nlast\n", "run.sh": "echo\n"})
            git(made, "init", "-q")
            commit_all(made)
            yield works

    return opened


def commit_all(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a version")


async def test_from_run_to_merged_update(works: Callable[..., Any]) -> None:
    """Recorded, annotated, behind, previewed, opened on a branch, merged, and up to date then."""
    async with works() as it:
        task = await it.make()
        made = await it.updates.find_made(REF, actor=ADA)
        assert made is not None and (made.id, made.template_ref, made.behind, made.has_tree) == (
            task.id,
            TEMPLATE,
            0,
            True,
        )
        rows = await it.shop.rows("SELECT answers FROM scaffolder_made")
        assert orjson.loads(rows[0][0]) == {"name": "payments"}
        entity = orjson.loads(await it.shop.scaffolder.updates.service._parts.queries.find_raw(REF, actor=SYSTEM))
        annotations = entity["metadata"]["annotations"]
        assert annotations[RUN_ANNOTATION] == task.id and annotations["backstage.io/source-template"] == TEMPLATE

        it.push({"README.md": "# payments\n\nours\n\nlast\n"})
        it.skeleton({"README.md": "# ${{ values.name }}\n\nfirst\n\nnew last\n", "docs.md": "for ${{ values.name }}\n"})
        commit_all(it.folder / "templates")
        it.shop.portal.clock.advance(60)
        await it.updates.look(TEMPLATE, actor=ADA)
        fleet = await it.updates.list_fleet(TEMPLATE, actor=ADA)
        assert (fleet.total, fleet.behind, fleet.items[0].behind) == (1, 1, 1)

        preview = await it.updates.preview(REF, actor=ADA)
        assert {one.path: one.outcome for one in preview.update.trees.changes} == {
            "README.md": "merged", "catalog-info.yaml": "unchanged", "docs.md": "added", "run.sh": "unchanged",
        }  # fmt: skip
        opened = await it.updates.open(REF, mark=preview.mark, actor=SYSTEM)
        assert opened.kind == "branch" and opened.branch == f"template-update-{preview.update.record.version[:12]}"
        place = it.clone(opened.branch)
        assert (place / "README.md").read_text() == "# payments\n\nours\n\nnew last\n"
        assert (place / "docs.md").read_text() == "for payments\n" and (place / RECORD_PATH).is_file()
        assert b"s3cret" not in (place / RECORD_PATH).read_bytes()
        told = await it.updates.find_made(REF, actor=ADA)
        assert told is not None and told.opened is not None and told.opened.branch == opened.branch

        it.merge(opened.branch)
        preview = await it.updates.preview(REF, actor=ADA)
        assert preview.update.trees.is_empty and preview.made.behind == 0 and preview.made.opened is None
        with pytest.raises(ConflictError, match="up to date"):
            await it.updates.open(REF, actor=SYSTEM)
        audited = await it.shop.rows("SELECT count(*) FROM kernel_audit_event WHERE event = 'template-update'")
        assert audited[0][0] == 1


async def test_an_entity_whose_text_does_not_say_so_names_its_template(lite: Callable[..., Any]) -> None:
    """Beside the run that made it, and in the words of other portals."""
    async with lite(writes=False) as it:
        info = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "${{ values.name }}"}}
        it.skeleton(
            {
                "catalog-info.yaml": json.dumps(
                    {**info, "spec": {"type": "service", "owner": "guests", "lifecycle": "production"}}
                )
            }
        )
        commit_all(it.folder / "templates")
        task = await it.make()
        entity = orjson.loads(await it.shop.scaffolder.updates.service._parts.queries.find_raw(REF, actor=SYSTEM))
        annotations = entity["metadata"]["annotations"]
        assert (annotations[RUN_ANNOTATION], annotations["backstage.io/source-template"]) == (task.id, TEMPLATE)


async def test_clashes_are_marked_and_not_updated_over(lite: Callable[..., Any]) -> None:
    """What is opened has the marks; while they stand in the repository no other update is made."""
    async with lite() as it:
        await it.make()
        it.push({"run.sh": "echo ours\n"})
        it.skeleton({"run.sh": "echo theirs\n"})
        commit_all(it.folder / "templates")
        it.shop.portal.clock.advance(60)
        preview = await it.updates.preview(REF, actor=SYSTEM)
        assert [one.path for one in preview.update.trees.clashes] == ["run.sh"]
        opened = await it.updates.open(REF, branch="up", actor=SYSTEM)
        it.merge(opened.branch)
        with pytest.raises(MarkersLeft, match="run.sh"):
            await it.updates.preview(REF, actor=SYSTEM)


class Requests:
    """A ``ChangeOpener`` of a host that has pull requests."""

    def __init__(self) -> None:
        self.changes: list[ChangeSet] = []

    def handles(self, change: ChangeSet) -> bool:
        return True

    async def open(self, change: ChangeSet) -> OpenedChange:
        self.changes.append(change)
        return OpenedChange("pull_request", change.branch, "c0ffee", "https://git.example.com/pull/5")


async def test_a_pull_request_is_told_and_linked(lite: Callable[..., Any]) -> None:
    """With the versions and the clashes in its text; the card, the list and the page of the update lead to it."""
    async with lite() as it, it.shop.portal.client(SYSTEM) as client:
        await it.make()
        it.push({"run.sh": "echo ours\n"})
        it.skeleton({"run.sh": "echo theirs\n"})
        commit_all(it.folder / "templates")
        it.shop.portal.clock.advance(60)
        host = Requests()
        it.shop.scaffolder.updates.service._parts.openers = [host]
        preview = await it.updates.preview(REF, actor=SYSTEM)
        opened = await it.updates.open(REF, branch="up", actor=SYSTEM)
        (change,) = host.changes
        before, after = preview.update.from_version[:12], preview.update.record.version[:12]
        assert TEMPLATE in change.title and f"from its version {before} to {after}" in change.body
        assert "**Clashes to resolve**\n\n- `run.sh`: clash" in change.body
        told = await it.updates.find_made(REF, actor=ADA)
        assert told is not None and told.opened is not None and told.opened.url == opened.url
        link = f'<a href="{opened.url}">Update proposed: pull request from up</a>'
        one = "/catalog/default/component/payments"
        for path in (one, f"{one}/template-update", "/catalog/default/template/service/made"):
            assert link in (await client.get(path, headers={"accept": "text/html"})).text
        german = await client.get(one, headers={"accept": "text/html", "accept-language": "de"})
        assert "Aktualisierung vorgeschlagen: Pull Request von up" in german.text


async def test_what_was_seen_is_what_is_opened(lite: Callable[..., Any]) -> None:
    """A repository that moved on meanwhile is looked at again."""
    async with lite() as it:
        await it.make()
        it.skeleton({"run.sh": "echo 2\n"})
        commit_all(it.folder / "templates")
        it.shop.portal.clock.advance(60)
        preview = await it.updates.preview(REF, actor=SYSTEM)
        it.push({"more.txt": "more\n"})
        with pytest.raises(ConflictError, match="changed since"):
            await it.updates.open(REF, mark=preview.mark, actor=SYSTEM)


async def test_what_is_hidden_is_not_there(lite: Callable[..., Any]) -> None:
    """Unknown entities and templates; a run without an entity leaves nothing."""
    async with lite() as it:
        assert await it.updates.find_made("component:default/other", actor=ADA) is None
        with pytest.raises(NotMade):
            await it.updates.preview("component:default/other", actor=ADA)
        with pytest.raises(NotFoundError):
            await it.updates.list_fleet("template:default/other", actor=ADA)


async def test_who_may_not_see_or_change_it(lite: Callable[..., Any]) -> None:
    """A hidden entity is neither found nor counted; whoever may only read does not open an update."""
    kinds = {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Template"]}}
    rules = {
        "bob": [{"permission": "catalog.entity.read", "when": kinds}],
        "eve": [READ, {"permission": "scaffolder.task.create"}],
    }
    async with lite(policy=policy(ada=[{"permission": "*"}], **rules)) as it:
        await it.make()
        bob, eve = user("bob"), user("eve")
        fleet = await it.updates.list_fleet(TEMPLATE, actor=bob)
        assert (fleet.total, fleet.behind, list(fleet.items)) == (0, 0, [])
        assert await it.updates.find_made(REF, actor=bob) is None
        with pytest.raises(NotMade):
            await it.updates.preview(REF, actor=bob)
        assert (await it.updates.list_fleet(TEMPLATE, actor=eve)).total == 1
        with pytest.raises(NotAllowedError, match="may not change"):
            await it.updates.open(REF, actor=eve)
        async with it.shop.portal.client(eve) as client:
            page = await client.get("/catalog/default/component/payments/template-update")
            assert page.status_code == 200 and 'name="branch"' not in page.text


async def _forget_place(it: Works, **values: str) -> None:
    """As where the steps of a run tell no address."""
    async with it.shop.portal.db.write() as tx:
        row = await store.find_made(tx, REF)
        assert row is not None
        await store.change_made(tx, row.id, **{"contents": "", "remote": "", **values})


async def test_an_annotation_leads_the_portal_nowhere(lite: Callable[..., Any]) -> None:
    """Whoever describes an entity cannot have another repository read or written: who manages templates names the address, once."""
    rules = {
        "owner": [READ, {"permission": "catalog.entity.update"}, {"permission": "scaffolder.task.create"}],
        "author": [READ, {"permission": "scaffolder.template.management"}],
    }
    async with lite(policy=policy(ada=[{"permission": "*"}], **rules)) as it:
        await it.make()
        victim = it.folder / "victim"
        victim.mkdir()
        git(victim, "init", "-q", "-b", "main")
        (victim / "README.md").write_text("s3cret plans\n")
        commit_all(victim)
        await _forget_place(it)
        parts = it.shop.scaffolder.updates.service._parts
        field = 'metadata.annotations["backstage.io/source-location"]'
        async with it.shop.portal.db.write() as tx:
            await parts.overlays.write(
                tx, [OverlayWrite(REF, {field: f"url:git+file://{victim}?ref=main#"})], actor="user:default/owner"
            )
        await it.shop.portal.jobs.run_due()
        entity = await parts.find_entity(REF, SYSTEM)
        assert entity is not None and "victim" in entity["metadata"]["annotations"]["backstage.io/source-location"]
        owner, address = user("owner"), f"git+file://{it.folder}/payments.git?ref=main#"
        for actor in (owner, SYSTEM):
            with pytest.raises(PlaceUnknown):
                await it.updates.preview(REF, actor=actor)
            with pytest.raises(PlaceUnknown):
                await it.updates.open(REF, actor=actor)
        for actor in (owner, user("author")):
            with pytest.raises(NotAllowedError):
                await it.updates.name_place(REF, address, actor=actor)
        assert git(victim, "branch", "--list").stdout == b"* main\n"
        path = "/catalog/default/component/payments/template-update"
        async with it.shop.portal.client(owner) as client:
            page = await client.get(path)
            assert page.status_code == 409 and "was not recorded" in page.text and 'name="contents"' not in page.text
            assert "s3cret plans" not in page.text
        async with it.shop.portal.client(ADA) as client:
            page = await client.get(path)
            assert "victim" in page.text and 'name="contents"' in page.text
            token = html.unescape(re.findall(r'name="csrf_token" value="([^"]*)"', page.text)[0])
            bad = await client.post(
                f"{path}/place", data={"csrf_token": token, "contents": "git+file:///none?ref=main#"}
            )
            assert bad.status_code == 409 and "cannot be made" in bad.text
            sent = await client.post(f"{path}/place", data={"csrf_token": token, "contents": address})
            assert sent.status_code == 303 and (await client.get(path)).status_code == 200
        with pytest.raises(ConflictError, match="recorded already"):
            await it.updates.name_place(REF, address, actor=ADA)
        rows = await it.shop.rows("SELECT meta FROM kernel_audit_event WHERE event = 'template-update'")
        assert [orjson.loads(meta)["contents"] for (meta,) in rows] == [address]
        assert (await it.updates.preview(REF, actor=owner)).made.entity_ref == REF


@pytest.mark.parametrize(
    ("remote", "said", "is_same"),
    [
        ("https://github.com/acme/tools.git", "https://github.com/Acme/tools/tree/main/svc/", True),
        ("https://gitlab.com/a/b/tools.git", "https://gitlab.com/a/b/tools/-/tree/main/", True),
        ("https://bb.test/scm/PLAT/tools.git", "https://bb.test/projects/PLAT/repos/tools/browse", True),
        ("https://github.com/acme/tools.git", "https://github.com/acme/other/tree/main/", False),
        ("https://github.com/acme/tools.git", "https://gitlab.com/acme/tools/-/tree/main/", False),
        ("https://git.test/acme/tools.git", "https://git.test/acme/tools", False),
        ("", "https://github.com/acme/tools/tree/main/", False),
        ("https://github.com/acme/tools.git", "", False),
    ],
)
def test_an_annotation_in_the_recorded_repository_counts(remote: str, said: str, is_same: bool) -> None:
    """It says the folder and the branch, where a run told only what is cloned. Hosts that nobody knows do not count."""
    row = store.MadeRow("1", TEMPLATE, REF, "", "", 0, "{}", "{}", "{}", remote, "", "", "", 1, "", "")
    entity = {"metadata": {"annotations": {"backstage.io/source-location": f"url:{said}"} if said else {}}}
    hosts = {**DEFAULT_HOSTS, "bb.test": "bitbucketServer"}
    if is_same:
        assert place_of(row, entity, hosts) == said
    else:
        with pytest.raises(PlaceUnknown) as caught:
            place_of(row, entity, hosts)
        assert caught.value.suggested == said


async def test_contents_that_nobody_names_go(lite: Callable[..., Any]) -> None:
    """Another run for the same entity takes the place of the first; texts are kept once, and what no tree names goes."""
    async with lite() as it:
        await it.make()
        async with it.shop.portal.db.write() as tx:
            row = await store.find_made(tx, REF)
            assert row is not None
            before = await store.load_tree(tx, row.id)
            old, new = Node.of_file(b"old\n"), Node.of_file(b"new\n", is_executable=True)
            link, binary = Node.of_link("a"), Node.of_file(b"\0")
            await store.keep_made(tx, replace(row, id="second"), {**before, "a": old, "b": old, "c": link, "d": binary})
            await store.keep_made(tx, replace(row, id="third"), {"a": new, "c": link, "d": binary})
            assert await store.load_tree(tx, "third") == {"a": new, "c": link, "d": binary}
            kept = await store.load_tree(tx, "third")
            assert kept["a"].content == b"new\n" and kept["d"].content is None
            assert await tx.fetch_value("SELECT count(*) FROM scaffolder_blob") == 1
            assert await tx.fetch_value("SELECT count(*) FROM scaffolder_made") == 1


async def test_a_question_without_an_answer(lite: Callable[..., Any]) -> None:
    """Is told by name, and can be answered."""
    async with lite() as it:
        await it.make()
        async with it.shop.portal.db.write() as tx:
            await tx.execute("UPDATE scaffolder_made SET answers = '{}'")
        with pytest.raises(AnswersMissing, match="name"):
            await it.updates.preview(REF, actor=SYSTEM)
        preview = await it.updates.preview(REF, answers={"name": "payments"}, actor=SYSTEM)
        assert preview.update.trees.is_empty


async def test_pages(lite: Callable[..., Any]) -> None:
    """The fleet, the card of the entity, the preview with its differences, and the branch, without a script."""
    async with lite() as it, it.shop.portal.client(SYSTEM) as client:
        empty = await client.get("/catalog/default/template/service/made")
        assert empty.status_code == 200 and "Nothing was made from this template yet" in empty.text
        await it.make()
        it.push({"run.sh": "echo <ours>\n"})
        it.skeleton({"run.sh": "echo theirs\n", "docs.md": "new for ${{ values.name }}\n"})
        commit_all(it.folder / "templates")
        it.shop.portal.clock.advance(60)
        fleet = await client.get("/catalog/default/template/service/made")
        token = html.unescape(re.findall(r'name="csrf_token" value="([^"]*)"', fleet.text)[0])
        looked = await client.post("/catalog/default/template/service/made", data={"csrf_token": token})
        assert looked.status_code == 303
        fleet = await client.get("/catalog/default/template/service/made?only=behind")
        assert "1 version behind" in fleet.text and "payments" in fleet.text
        tab = await client.get("/catalog/default/template/service/made")
        assert "1 of 1 is behind" in tab.text or "of 1" in tab.text
        entity = await client.get("/catalog/default/component/payments", headers={"accept": "text/html"})
        assert (
            "1 version behind" in entity.text and "/catalog/default/component/payments/template-update" in entity.text
        )
        page = await client.get("/catalog/default/component/payments/template-update")
        assert page.status_code == 200 and "1 file clashes" in page.text
        assert "echo &lt;ours&gt;" in page.text and "new for payments" in page.text and "<ours>" not in page.text
        fields = {
            name: html.unescape(value) for name, value in re.findall(r'name="([a-z_]+)" value="([^"]*)"', page.text)
        }
        sent = await client.post("/catalog/default/component/payments/template-update", data={**fields, "branch": "up"})
        assert sent.status_code == 303, sent.text
        assert "echo theirs" in (it.clone("up") / "run.sh").read_text()
        again = await client.post(
            "/catalog/default/component/payments/template-update", data={**fields, "mark": "0", "branch": "up2"}
        )
        assert again.status_code == 409 and "changed since you looked" in again.text
        absent = await client.get("/catalog/default/component/other/template-update", headers={"accept": "text/html"})
        assert absent.status_code == 404
        german = await client.get(
            "/catalog/default/component/payments/template-update", headers={"accept-language": "de"}
        )
        assert "Konflikt" in german.text and "scaffolder.update." not in german.text + page.text + fleet.text
