"""The pages of editing as a browser without script meets them: forms that post, with nothing typed ever lost."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import group, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import CREATE, READ, owned, policy

pytestmark = pytest.mark.anyio

TILL = "component:default/till"
TILL_PAGE = "/catalog/default/component/till"
EDIT = f"{TILL_PAGE}/edit"
ADA, EVE = user("ada", "group:default/team"), user("eve")
VALIDATE = {"permission": "catalog.entity.validate"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


class Browser:
    """A client that sends forms as a browser does, with what the page before gave it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
        return str(answer.text)

    async def send(self, path: str, page: str, **fields: str) -> Any:
        """The form of ``page`` with these fields; names of paths have a dot for each underscore pair."""
        form = {"csrf_token": hidden(page, "csrf_token"), "mark": hidden(page, "mark"), "as": hidden(page, "as")}
        if form["as"] == "form":
            form["base"] = hidden(page, "base")
        return await self.client.post(path, data=form | {name.replace("__", "."): v for name, v in fields.items()})


FORM = {
    "metadata__name": "till", "metadata__title": "The till", "spec__type": "service", "spec__lifecycle": "production",
    "spec__owner": "group:default/team", "metadata__tags": "java\r\npay", "metadata__links": "https://till.test Dashboard",
}  # fmt: skip


async def test_a_form_makes_an_entity(open_desk: Any, world: Any):
    """Texts, lists one a line, links, and the one that is added to a list of refs; owners are suggested by name."""
    world.write("org.yaml", group("team", metadata={"title": "Team Till"}))
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component")
        assert '<option value="group:default/team">Team Till</option>' in page
        answer = await browser.send("/create-entity", page, **FORM, **{"spec__dependsOn+": "resource:default/db"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/catalog/default/component/till")
        entity = await d.site.get(TILL)
        assert entity["metadata"]["tags"] == ["java", "pay"]
        assert entity["metadata"]["links"] == [{"url": "https://till.test", "title": "Dashboard"}]
        assert entity["spec"] == {
            "type": "service", "lifecycle": "production", "owner": "group:default/team", "dependsOn": ["resource:default/db"],
        }  # fmt: skip


async def test_empty_fields_are_told_all_at_once_and_what_was_typed_stays(open_desk: Any):
    """Each field that is missing is named, and the summary leads to it."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component")
        answer = await browser.send("/create-entity", page, metadata__title="Kept title")
        assert answer.status_code == 400 and "Kept title" in answer.text
        for field in ("metadata.name", "spec.type", "spec.lifecycle", "spec.owner"):
            assert f'href="#{field}"' in answer.text and f'id="{field}-error"' in answer.text


async def test_from_form_to_yaml_and_back_nothing_is_lost(open_desk: Any):
    """The other tab has what was typed; so has the form after a change of the text."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component")
        as_yaml = (await browser.send("/create-entity", page, do="yaml", **FORM)).text
        assert "title: The till" in as_yaml and 'id="text"' in as_yaml
        text = text_of(note="Written").replace("spec:", "  labels: {a: b}\nspec:")
        as_form = (await browser.send("/create-entity", as_yaml, do="form", text=text)).text
        assert "Written" in as_form and "metadata.labels" in as_form
        made = await browser.send("/create-entity", as_form, metadata__title="Now")
        assert made.status_code == 303
        entity = await d.site.get(TILL)
        assert entity["metadata"]["labels"] == {"a": "b"} and entity["metadata"]["title"] == "Now"


async def test_a_form_keeps_the_comments_of_a_text(open_desk: Any):
    """Only the lines of fields of which the form says something else are others."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await d.create(text_of(note="A"))
        browser = Browser(client)
        page = await browser.get(EDIT)
        assert (await browser.send(EDIT, page, metadata__description="A", spec__owner="team")).status_code == 303
        assert (await d.get(TILL)).text == text_of(note="A")
        assert (await browser.send(EDIT, page, metadata__description="B")).status_code == 303
        assert (await d.get(TILL)).text == text_of(note="B")


async def test_links_with_icons_are_edited_in_the_form(open_desk: Any):
    """A line an address; its icon stays with it, whatever it is called and wherever it stands."""
    links = "  links:\n    - {url: https://a.test, title: A, icon: dashboard}\n    - {url: https://b.test, type: docs}\nspec:"
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await d.create(text_of().replace("spec:", links))
        browser = Browser(client)
        page = await browser.get(EDIT)
        assert "https://a.test A\nhttps://b.test</textarea>" in page
        new = "https://c.test C\r\nhttps://b.test\r\nhttps://a.test Now A"
        assert (await browser.send(EDIT, page, metadata__links=new)).status_code == 303
        assert (await d.site.get(TILL))["metadata"]["links"] == [
            {"url": "https://c.test", "title": "C"}, {"url": "https://b.test", "type": "docs"},
            {"url": "https://a.test", "title": "Now A", "icon": "dashboard"},
        ]  # fmt: skip


async def test_what_was_done_is_told_once_on_the_page_that_follows(open_desk: Any):
    """After creating, changing, saving what stands already, and deleting; the way back is with it."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component")
        made = await browser.send("/create-entity", page, **FORM)
        assert "till is in the catalog now" in await browser.get(made.headers["location"])
        assert "is in the catalog now" not in await browser.get(made.headers["location"])
        page = await browser.get(EDIT)
        await browser.send(EDIT, page, metadata__title="Another")
        told = await browser.get(TILL_PAGE)
        assert "Your change to till is saved" in told and "/till/history" in told
        page = await browser.get(EDIT)
        await browser.send(EDIT, page)
        assert "Nothing is changed in till" in await browser.get(TILL_PAGE)
        await browser.send(EDIT.replace("/edit", "/delete"), page)
        gone = await browser.get("/catalog")
        assert "till is deleted" in gone and "/catalog/deleted" in gone


async def test_different_fields_of_two_people_are_put_together(open_desk: Any):
    """The second one is told, and the form holds both; what both changed is for them to sort out."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await d.create(text_of(note="Base"))
        browser = Browser(client)
        first, second, third = [await browser.get(EDIT) for _ in range(3)]
        assert (await browser.send(EDIT, first, spec__lifecycle="retired")).status_code == 303
        both = await browser.send(EDIT, second, metadata__description="Mine")
        assert both.status_code == 409 and "spec.lifecycle" in both.text and "Save both" in both.text
        assert (await d.get(TILL)).document["metadata"].get("description") == "Base"
        assert (await browser.send(EDIT, both.text)).status_code == 303
        assert (await d.get(TILL)).text == text_of(note="Mine").replace("production", "retired")
        same = await browser.send(EDIT, third, metadata__description="Also mine")
        assert same.status_code == 409 and "Save mine over theirs" in same.text


async def test_check_tells_line_and_column_without_script(open_desk: Any):
    """And a text that would be taken is told to be good; neither writes anything."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component&as=yaml")
        bad = await browser.send(
            "/create-entity", page, do="check", text=text_of().replace("owner: team", "owner: [a]")
        )
        assert bad.status_code == 400 and "Line 9, column 3" in bad.text and "1 thing to put right" in bad.text
        good = await browser.send("/create-entity", page, do="check", text=text_of())
        assert good.status_code == 200 and "The catalog would take this" in good.text
        assert await d.site.find(TILL) is None


async def test_the_second_editor_sees_both_versions_and_can_save_over(open_desk: Any):
    """The page of the conflict has the difference, the own text, and the mark of what stands now."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await d.create(text_of(note="Base"))
        browser = Browser(client)
        page = await browser.get(f"{EDIT}?as=yaml")
        assert (await browser.send(EDIT, page, text=text_of(note="First"))).status_code == 303
        told = await browser.send(EDIT, page, text=text_of(note="Second"))
        assert told.status_code == 409 and "Somebody else saved this meanwhile" in told.text
        assert re.search(r"<del>\s*description: First</del>", told.text)
        assert re.search(r"<ins>\s*description: Second</ins>", told.text)
        assert await d.site.description(TILL) == "First"
        assert (await browser.send(EDIT, told.text, text=text_of(note="Both"))).status_code == 303
        assert await d.site.description(TILL) == "Both"


async def test_what_was_deleted_under_an_editor_can_be_created_anew(open_desk: Any):
    """The answer is the page for a new entity, with the text."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await d.create(text_of())
        browser = Browser(client)
        page = await browser.get(f"{EDIT}?as=yaml")
        await d.delete(TILL)
        told = await browser.send(EDIT, page, text=text_of(note="Still here"))
        assert told.status_code == 409 and "Still here" in told.text and 'action="/create-entity"' in told.text
        assert (await browser.send("/create-entity", told.text, text=text_of(note="Still here"))).status_code == 303


async def test_deleting_asks_for_the_version_that_was_seen(open_desk: Any):
    """A version that moved on is shown instead; then it goes."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        made = await d.create(text_of())
        browser, delete = Browser(client), EDIT.removesuffix("edit") + "delete"
        page = await browser.get(EDIT)
        await d.change(TILL, text_of(note="Newer"), made.mark)
        told = await browser.send(delete, page)
        assert told.status_code == 409 and "Newer" in told.text
        assert (await browser.send(delete, told.text)).headers["location"] == "/catalog"
        assert await d.site.find(TILL) is None
        assert (await browser.send(delete, told.text)).status_code == 404


async def test_ways_in_are_shown_to_those_who_may(open_desk: Any):
    """Create in rail, list and home; Edit and Delete on what one may change; a read-only catalog has none of them."""
    rules = policy(ada=[READ, CREATE, VALIDATE, owned("catalog.entity.update")], eve=[READ])
    async with open_desk(more=rules) as d:
        await d.as_(ADA).create(text_of())
        async with d.site.portal.client(ADA) as client:
            browser = Browser(client)
            for path in ("/", "/catalog"):
                assert (await browser.get(path)).count('href="/create-entity"') >= 2, path
            page = await browser.get(EDIT)
            assert ">Delete<" not in page
        async with d.site.portal.client(EVE) as client:
            browser = Browser(client)
            for path in ("/", "/catalog", EDIT.removesuffix("/edit")):
                page = await browser.get(path)
                assert "/create-entity" not in page and EDIT not in page
            await browser.get(EDIT, 403)
            await browser.get("/create-entity", 403)
            await browser.get("/catalog/default/component/nothing/edit", 404)
    async with open_desk(readonly=True) as d, d.site.portal.client(SYSTEM) as client:
        assert "/create-entity" not in await Browser(client).get("/catalog")


async def test_script_in_every_field_is_text(open_desk: Any):
    """In the form, in YAML, in findings, in the comparison and on the entity's page."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get("/create-entity?kind=component")
        fields = dict.fromkeys(
            [*FORM, "metadata__description", "metadata__namespace", "spec__dependsOn", "spec__system"], HOSTILE
        )
        for do in ("save", "check", "yaml", "form"):
            answer = await browser.send("/create-entity", page, do=do, **fields)
            assert "<script>alert" not in answer.text and "<img src=x" not in answer.text, do
        hostile = text_of(note="'" + HOSTILE + "'")
        await d.create(hostile)
        for path in (EDIT, f"{EDIT}?as=yaml", EDIT.removesuffix("/edit")):
            shown = await browser.get(path)
            assert "<script>alert" not in shown and "<img src=x" not in shown and "alert(1)" in shown, path
        page = await browser.get(f"{EDIT}?as=yaml")
        await browser.send(EDIT, page, text=hostile.replace("alert(1)<", "alert(2)<"))
        told = await browser.send(EDIT, page, text=hostile.replace("alert(1)<", "alert(3)<"))
        assert told.status_code == 409 and "<script>alert" not in told.text


async def test_a_kind_of_one_s_own_has_a_form_at_once(open_desk: Any, world: Any):
    """Choices, switches, numbers and lists come from its schema; what a form cannot hold is named."""
    spec = {
        "type": "object", "required": ["tier"],
        "properties": {
            "tier": {"type": "string", "enum": ["gold", "silver"], "description": "How much it matters."},
            "onCall": {"type": "boolean"}, "seats": {"type": "integer"}, "rooms": {"type": "array", "items": {"type": "string"}},
        },
    }  # fmt: skip
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec}}
    kind = {
        "group": "acme.example",
        "names": {"kind": "Desk"},
        "versions": [{"name": "v1", "schema": {"jsonSchema": schema}}],
    }
    async with open_desk(extension=world.extend(kinds=[kind])) as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        assert "Desk" in await browser.get("/create-entity")
        page = await browser.get("/create-entity?kind=desk")
        assert "How much it matters." in page and "<option>gold</option>" in page
        bad = await browser.send("/create-entity", page, metadata__name="a", spec__tier="gold", spec__seats="many")
        assert bad.status_code == 400 and 'id="spec.seats-error"' in bad.text
        answer = await browser.send(
            "/create-entity",
            page,
            metadata__name="a",
            spec__tier="gold",
            spec__onCall="true",
            spec__seats="4",
            spec__rooms="1\n2",
        )
        assert answer.status_code == 303, answer.text
        assert (await d.site.get("desk:default/a"))["spec"] == {
            "tier": "gold",
            "onCall": True,
            "seats": 4,
            "rooms": ["1", "2"],
        }


async def test_rest_says_the_same(open_desk: Any):
    """Create, read, change, conflict with their version, refuse with findings, delete."""
    one = "/api/editing/v1/entities/component/default/till"
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        made = await client.post("/api/editing/v1/entities", json={"text": text_of()})
        assert made.status_code == 201 and made.json()["entityRef"] == TILL
        assert (await client.post("/api/editing/v1/entities", json={"text": text_of()})).json()[
            "outcome"
        ] == "unchanged"
        read = (await client.get(one)).json()
        assert read["text"] == text_of() and read["giver"]["isOwn"] and read["mark"] == made.json()["mark"]
        changed = await client.put(one, json={"text": text_of(note="B"), "mark": read["mark"]})
        assert changed.status_code == 200 and changed.json()["outcome"] == "changed"
        clash = await client.put(one, json={"text": text_of(note="C"), "mark": read["mark"]})
        assert clash.status_code == 409 and clash.headers["content-type"] == "application/problem+json"
        assert "description: B" in clash.json()["theirs"]["text"] and clash.json()["code"] == "editing.conflict"
        bad = await client.put(one, json={"text": "a: [", "mark": read["mark"]})
        assert bad.status_code == 400 and bad.json()["findings"][0]["line"] == 2
        assert (await client.put(one, json={"text": 5, "mark": "x"})).status_code == 400
        assert (await client.delete(one, params={"mark": read["mark"]})).status_code == 409
        assert (await client.delete(one, params={"mark": changed.json()["mark"]})).status_code == 204
        assert (await client.get(one)).status_code == 404


async def test_actions_save_and_delete(open_desk: Any):
    """With a dry run that writes nothing."""
    async with open_desk() as d:
        run = d.site.portal.actions.invoke
        text = {"text": text_of()}
        assert (await run("catalog:save-entity", text, actor=SYSTEM, dry_run=True))["outcome"] == "created"
        assert await d.site.find(TILL) is None
        made = await run("catalog:save-entity", text, actor=SYSTEM)
        assert (
            made["outcome"] == "created"
            and (await run("catalog:save-entity", text, actor=SYSTEM))["outcome"] == "unchanged"
        )
        more = {"text": text_of(note="B"), "entityRef": TILL, "mark": made["mark"]}
        assert (await run("catalog:save-entity", more, actor=SYSTEM))["outcome"] == "changed"
        await run("catalog:delete-entity", {"entityRef": TILL}, actor=SYSTEM, dry_run=True)
        assert await Desk(d.site).find(TILL) is not None
        await run("catalog:delete-entity", {"entityRef": TILL}, actor=SYSTEM)
        assert await d.site.find(TILL) is None
