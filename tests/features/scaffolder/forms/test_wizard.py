"""The wizard as people use it, without script."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

import pytest

from callboard.features.scaffolder.forms import form_views
from callboard.features.scaffolder.interface import Autocomplete
from callboard.testing.actors import user
from callboard.ui.messages import Messages
from tests.features.scaffolder.forms.conftest import ADA, ENTITIES, entity

pytestmark = pytest.mark.anyio

NAME = {"title": "About", "required": ["name"], "properties": {"name": {"type": "string", "title": "Name"}}}


def asking(**properties: Any) -> dict[str, Any]:
    return {"title": "Questions", "properties": properties}


async def test_a_form_is_walked_to_its_end(open_forms: Any) -> None:
    """Each page is checked where it stands; the review shows all; a task is made of the answers and its page follows."""
    second = {"title": "More", "properties": {"port": {"type": "integer", "title": "Port", "minimum": 1024}}}
    async with open_forms(NAME, second) as desk:
        form = await desk.fill()
        await form.press("next")
        assert form.answer.status_code == 400 and form.errors == ["Answer this."]
        assert 'href="#f/name"' in form.html
        await form.set("f/name", "till").press("next")
        assert form.answer.status_code == 200, form.html
        await form.set("f/port", "80").press("next")
        assert form.errors == ["Use 1024 or more."]
        await form.set("f/port", "8080").press("next")
        assert "till" in form.words and "8080" in form.words
        assert desk.made == []
        await form.press("create")
        assert (
            form.answer.status_code == 303 and form.answer.headers["location"] == f"/create/tasks/{desk.tasks.ids[0]}"
        )
        assert (
            desk.made[0].values == {"name": "till", "port": 8080}
            and desk.made[0].template_ref == "template:default/form"
        )


async def test_people_go_back_and_change_their_minds(open_forms: Any) -> None:
    """Nothing typed is lost on the way back, even where it would not pass; the review leads to each page and on to itself."""
    async with open_forms(NAME, asking(a={"type": "integer"}), asking(b={"type": "string"})) as desk:
        form = await desk.fill()
        await form.set("f/name", "till").press("next")
        await form.set("f/a", "no number").press("back")
        assert form["f/name"] == "till"
        await form.press("go:1")
        assert form["f/a"] == "no number"
        await form.set("f/a", "3").press("next")
        await form.press("next")
        await form.press("go:0")
        await form.set("f/name", "desk").press("review")
        await form.press("create")
        assert desk.made[0].values == {"name": "desk", "a": 3}


async def test_a_link_fills_the_form(open_forms: Any) -> None:
    """``formData`` gives answers to any page, also such that the form does not ask for; what is no JSON is told."""
    async with open_forms(NAME, asking(port={"type": "integer"})) as desk:
        form = await desk.fill(values={"name": "till", "port": 81, "hidden": ["x"]})
        assert form["f/name"] == "till"
        await form.press("next")
        assert form["f/port"] == "81"
        await form.press("next")
        await form.press("create")
        assert desk.made[0].values == {"name": "till", "port": 81, "hidden": ["x"]}
        answer = await desk.client.get(f"{form.url}?formData={{a")
        assert answer.status_code == 200 and "The answers in the link cannot be read" in answer.text


async def test_further_questions_are_asked_before_one_goes_on(open_forms: Any) -> None:
    """Without script a page comes again when answers open fields that were not there; with it the fields come at once."""
    page = {
        **asking(env={"type": "string", "enum": ["dev", "prod"], "title": "Environment"}),
        "dependencies": {"env": {"oneOf": [
            {"properties": {"env": {"const": "dev"}}},
            {"properties": {"env": {"const": "prod"}, "oncall": {"type": "string", "title": "On call"}}, "required": ["oncall"]},
        ]}},
    }  # fmt: skip
    async with open_forms(page) as desk:
        form = await desk.fill()
        form.set("f/env", "prod")
        part = await form.part("fields")
        assert 'name="f/oncall"' in part.text and "<html" not in part.text
        await form.press("next")
        assert form.answer.status_code == 200 and "Your answers open further questions" in form.words
        await form.press("next")
        assert form.answer.status_code == 400 and form.errors == ["Answer this."]
        await form.set("f/oncall", "ada").press("next")
        await form.press("create")
        assert desk.made[0].values == {"env": "prod", "oncall": "ada"}


async def test_a_colour_that_nobody_chose_is_no_answer(open_forms: Any) -> None:
    """Colour fields of browsers always hold one, so there is none before there is a colour."""
    async with open_forms(asking(paint={"type": "string", "ui:widget": "color"}), NAME) as desk:
        form = await desk.fill()
        assert 'type="color"' not in form.html
        await form.set("f/paint", "#1d4f9e").press("next")
        await form.press("back")
        assert 'type="color"' in form.html and form["f/paint"] == "#1d4f9e"


async def test_secrets_are_nowhere_in_clear(open_forms: Any) -> None:
    """Neither in later pages nor in hidden fields; they arrive as secrets, a password as a value; another session cannot open them."""
    page = asking(
        key={"type": "string", "title": "Key", "ui:field": "Secret", "minLength": 6}, pw={"type": "string", "ui:widget": "password"}
    )  # fmt: skip
    async with open_forms(page, NAME) as desk:
        form = await desk.fill()
        await form.set("f/key", "abc").press("next")
        assert form.errors == ["Use at least 6 characters."]
        await form.set("f/key", "s3cret-key").set("f/pw", "hunter2!").press("next")
        assert form.answer.status_code == 200
        for step in ("f/name", None):
            assert "s3cret" not in form.html and "hunter2" not in form.html
            if step:
                await form.set(step, "till").press("next")
        assert form.words.count("******") == 2
        sealed = form["sealed"]
        await form.press("go:0")
        assert form["f/key"] == "" and "Kept. Type to replace it." in form.html
        await form.press("review")
        form.read.fields = [(k, v if k != "sealed" else sealed[:-4] + "AAAA") for k, v in form.read.fields]
        lost = await desk.client.post(form.url, data=form.body(do="create"))
        assert lost.status_code == 409 and "cannot be read any more" in lost.text and desk.made == []
        form.read.fields = [(k, v if k != "sealed" else sealed) for k, v in form.read.fields]
        await form.press("create")
        assert desk.made[0].secrets == {"key": "s3cret-key"}
        assert desk.made[0].values == {"key": "*" * 10, "pw": "hunter2!", "name": "till"}


async def test_the_review_shows_and_hides_as_the_template_says(open_forms: Any) -> None:
    """Masks, names, hidden answers, names of choices, mappings and lists; buttons have the template's own words."""
    page = asking(
        mask={"type": "string", "title": "Number", "default": "4711", "ui:backstage": {"review": {"mask": "<hidden>"}}},
        gone={"type": "string", "default": "not-shown", "ui:backstage": {"review": {"show": False}}},
        named={"type": "string", "default": "v", "ui:backstage": {"review": {"name": "Another name"}}},
        env={"type": "string", "enum": ["p"], "enumNames": ["Production"], "default": "p"},
        on={"type": "boolean", "default": True},
        db={
            "type": "object",
            "title": "Database",
            "properties": {"size": {"type": "integer", "title": "Size", "default": 12}},
        },
        hosts={"type": "array", "items": {"type": "string"}, "default": ["h1", "h2"]},
    )
    labels = {"backButtonText": "Retreat", "createButtonText": "Launch", "reviewButtonText": "Inspect"}
    async with open_forms(page, presentation={"buttonLabels": labels}) as desk:
        form = await desk.fill()
        assert "Inspect" in form.words
        await form.press("next")
        for said in (
            "<hidden>",
            "Another name",
            "Production",
            "Yes",
            "Database",
            "Size",
            "12",
            "h1",
            "h2",
            "Retreat",
            "Launch",
        ):
            assert said in form.words, said
        assert "4711" not in form.words and "not-shown" not in form.words


async def test_pickers_reach_every_entity(open_forms: Any) -> None:
    """By search on the server, by name or title without script; only what the filter lets through, and only what one may see."""
    crowd = [entity("Component", f"part-{n:03}", title=f"Part {n}") for n in range(70)]
    page = asking(
        part={"type": "string", "title": "Part", "ui:field": "EntityPicker", "ui:options": {"catalogFilter": {"kind": "Component"}, "allowArbitraryValues": False}},
        owner={"type": "string", "ui:field": "OwnerPicker"},
        mine={"type": "string", "ui:field": "MyGroupsPicker"},
        owned={"type": "string", "ui:field": "OwnedEntityPicker", "ui:options": {"catalogFilter": [{"kind": "Component", "metadata.tags": {"exists": True}}], "allowArbitraryValues": False}},
        uses={"type": "array", "items": {"type": "string"}, "ui:field": "MultiEntityPicker", "ui:options": {"catalogFilter": {"kind": ["System"]}}},
    )  # fmt: skip
    async with open_forms(page, entities=[*ENTITIES, *crowd]) as desk:
        form = await desk.fill()
        assert "component:default/part-069" not in form.read.options["f/part:list"]
        assert form.read.options["f/mine"] == ["", "group:default/payments"]
        assert form.read.options["f/owned"] == ["", "component:default/basket"]
        found = (await form.part("suggest", suggest="f/part", words="part-069")).json()["items"]
        assert found == [{"value": "component:default/part-069", "title": "Part 69", "note": "component"}]
        assert (await form.part("suggest", suggest="f/part", words="till")).json()["items"] == []
        await form.set("f/part", "part-06").press("find:f/part")
        assert "component:default/part-069" in form.read.options["f/part:list"]
        await form.set("f/part", "Part 69").set("f/owner", "payments").set("f/uses:new", "till").press("next")
        await form.press("create")
        assert desk.made[0].values == {
            "part": "component:default/part-069", "owner": "group:default/payments", "uses": ["system:default/till"],
        }  # fmt: skip
        await (await desk.fill()).set("f/part", "nothing").press("next")
        form = await desk.fill(values={"part": "component:default/nothing"})
        await form.press("next")
        assert form.errors == ["component:default/nothing is not among those to choose from."]


async def test_hidden_entities_are_not_offered(open_forms: Any) -> None:
    """What the policy keeps from somebody is not suggested, not found by name, and not accepted where only entities are."""
    options = {"catalogFilter": {"kind": "Component"}, "allowArbitraryValues": False}
    page = asking(it={"type": "string", "ui:field": "EntityPicker", "ui:options": options})
    owned = {
        "anyOf": [
            {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["$ownershipRefs"]}},
            {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Template"]}},
        ]
    }
    rules = [{"permission": "catalog.entity.read", "when": owned}, {"permission": "scaffolder.*"}]
    role = {"members": ["user:default/ada"], "rules": rules}
    policy = {"permission": {"policy": {"defaults": False, "roles": {"some": role}}}}
    async with open_forms(page, settings=policy) as desk:
        form = await desk.fill()
        assert form.read.options["f/it"] == ["", "component:default/basket"]
        for words in ("ledger", "component:default/ledger"):
            assert (await form.part("suggest", suggest="f/it", words=words)).json()["items"] == []
        form = await desk.fill(values={"it": "component:default/ledger"})
        await form.press("next")
        assert form.errors == ["component:default/ledger is not among those to choose from."]


async def test_repositories_are_asked_by_the_parts_of_their_host(open_forms: Any) -> None:
    """Another host, other parts; what the template allows is a list; each part that lacks is named; the token goes sealed."""

    async def complete(token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        assert token == "tok-en" and context["host"] == "github.com"
        return [{"id": "1", "title": f"{context['owner']}-one"}, {"id": "2", "title": "other"}]

    options = {
        "allowedHosts": ["github.com", "dev.azure.com"],
        "allowedOwners": ["acme", "shop"],
        "requestUserCredentials": {"secretsKey": "T"},
    }
    page = {
        **asking(repoUrl={"type": "string", "title": "Repository", "ui:field": "RepoUrlPicker", "ui:options": options}),
        "required": ["repoUrl"],
    }
    provider = Autocomplete("github", "repositoriesWithOwner", complete)
    async with open_forms(page, providers=[provider]) as desk:
        form = await desk.fill()
        assert {"f/repoUrl:owner", "f/repoUrl:repo"} < form.names and form.read.options["f/repoUrl:owner"] == [
            "",
            "acme",
            "shop",
        ]
        await form.set("f/repoUrl:owner", "acme").set("f/repoUrl:token", "tok-en").press("next")
        assert form.errors == ["Give the Repository."]
        found = (await form.part("suggest", suggest="f/repoUrl:repo", words="one")).json()["items"]
        assert [one["value"] for one in found] == ["acme-one"]
        await form.set("f/repoUrl:host", "dev.azure.com").press("next")
        assert {"f/repoUrl:organization", "f/repoUrl:project", "f/repoUrl:repo"} < form.names
        form.set("f/repoUrl:organization", "o").set("f/repoUrl:project", "p").set("f/repoUrl:repo", "r")
        await form.press("next")
        await form.press("create")
        assert desk.made[0].values == {"repoUrl": "dev.azure.com?repo=r&organization=o&project=p"}
        assert desk.made[0].secrets == {"T": "tok-en"}


async def test_lists_are_changed_by_buttons(open_forms: Any) -> None:
    """Rows are added, carried and removed with what was typed in the others; empty rows are not sent."""
    page = asking(
        hosts={"type": "array", "title": "Hosts", "items": {"type": "string"}},
        tags={"type": "array", "ui:field": "EntityTagsPicker"},
    )
    async with open_forms(page) as desk:
        form = await desk.fill()
        await form.press("add:f/hosts")
        await form.set("f/hosts/0", "one").press("add:f/hosts")
        await form.set("f/hosts/1", "two").press("up:f/hosts/1")
        assert (form["f/hosts/0"], form["f/hosts/1"]) == ("two", "one")
        await form.press("add:f/hosts")
        await form.press("remove:f/hosts/0")
        await form.set("f/tags:new", "web, python").press("add:f/tags")
        assert form.all("f/tags") == ["web", "python"]
        await form.set("f/tags:new", "Not a tag").press("next")
        assert any("is no tag" in one for one in form.errors)
        await form.set("f/tags", "web").press("next")
        await form.press("create")
        assert desk.made[0].values == {"hosts": ["one"], "tags": ["web"]}


async def test_names_of_entities_are_checked(open_forms: Any) -> None:
    """The rule of ``metadata.name``."""
    async with open_forms(asking(it={"type": "string", "ui:field": "EntityNamePicker"})) as desk:
        form = await desk.fill()
        await form.set("f/it", "no name").press("next")
        assert form.errors[0].startswith("Use letters, digits")
        await form.set("f/it", "a.name_1").press("next")
        assert "a.name_1" in form.words


async def test_pages_behind_a_flag_are_there_when_it_is_on(open_forms: Any) -> None:
    """``scaffolder.featureFlags`` names those that are on."""
    flagged = {**asking(x={"type": "string"}), "title": "Experiment", "backstage:featureFlag": "lab"}
    async with open_forms(flagged, NAME) as desk:
        assert "Experiment" not in (await desk.fill()).words


async def test_flags_of_settings_are_on(open_forms: Any) -> None:
    """The same page with its flag."""
    flagged = {**asking(x={"type": "string"}), "title": "Experiment", "backstage:featureFlag": "lab"}
    async with open_forms(flagged, NAME, settings={"scaffolder": {"featureFlags": ["lab"]}}) as desk:
        assert "Experiment" in (await desk.fill()).words


async def test_words_of_templates_are_escaped_and_sanitised(open_forms: Any) -> None:
    """Markdown in descriptions, nothing that runs; answers come back as text."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    page = asking(
        it={
            "type": "string",
            "title": evil,
            "description": f"**bold** {evil}",
            "ui:help": f"[x](javascript:alert(1)) {evil}",
            "default": f'"{evil}',
        }
    )
    async with open_forms(page) as desk:
        form = await desk.fill()
        assert "<script>alert" not in form.html and "<img" not in form.html and 'href="javascript' not in form.html
        assert "<strong>bold</strong>" in form.html and form["f/it"] == f'"{evil}'
        await form.press("next")
        assert "<script>alert" not in form.html


async def test_files_are_sent_as_data_urls(open_forms: Any) -> None:
    """With their names; the form is sent in parts only where it may have one."""
    async with open_forms(asking(logo={"type": "string", "format": "data-url", "title": "Logo"}), NAME) as desk:
        form = await desk.fill()
        assert 'enctype="multipart/form-data"' in form.html
        form._take(
            await desk.client.post(
                form.url, data=form.body(do="next"), files={"f/logo": ("a b.txt", b"hi", "text/plain")}
            )
        )
        assert form.answer.status_code == 200 and "enctype" not in form.html
        await form.set("f/name", "till").press("next")
        assert "a b.txt" in form.words
        await form.press("create")
        assert desk.made[0].values["logo"] == "data:text/plain;name=a%20b.txt;base64,aGk="


async def test_german_forms_say_german_words(open_forms: Any) -> None:
    """Buttons, faults and the review."""
    async with open_forms(NAME) as desk:
        desk.client.headers["accept-language"] = "de"
        form = await desk.fill()
        assert "Prüfen" in form.words
        await form.press("next")
        assert form.errors == ["Beantworten Sie das."]


async def test_what_is_not_there_and_what_is_too_large(open_forms: Any) -> None:
    """An unknown template is not found, for parts too; strangers sign in; answers without end are refused."""
    async with open_forms(NAME) as desk:
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/fields"), ("POST", "/suggest")):
            answer = await desk.client.request(
                method, f"/create/templates/default/gone{path}", data={"do": "next"} if method == "POST" else None
            )
            assert answer.status_code == 404, (method, path)
        form = await desk.fill()
        form.read.fields = [
            (k, v if k != "state" else json.dumps({"values": {"x": "y" * 1_200_000}})) for k, v in form.read.fields
        ]
        answer = await desk.client.post(form.url, data=form.body(do="next"))
        assert answer.status_code == 400 and "1024KB" in answer.text
        parts = {"files": {"f/logo": ("a.txt", b"x")}, "data": {"state": "x" * 1_200_000}}
        assert (await desk.client.post(form.url, **parts)).status_code == 400
        async with desk.site.portal.client() as stranger:
            assert (await stranger.get(form.url)).status_code in (302, 303, 401)


async def test_who_may_not_make_tasks_is_told_before_typing(open_forms: Any) -> None:
    """The template may be read; the form says which permission it takes."""
    role = {
        "members": ["user:default/ada"],
        "rules": [{"permission": "catalog.*"}, {"permission": "scaffolder.template.*"}],
    }
    policy = {"permission": {"policy": {"defaults": False, "roles": {"some": role}}}}
    async with open_forms(NAME, settings=policy) as desk:
        form = await desk.fill()
        assert form.answer.status_code == 403 and "scaffolder.task.create" in form.html


async def test_others_draw_one_page_of_any_schema(open_forms: Any) -> None:
    """``FormViews.preview`` has the fields with their values, and nothing in it posts."""
    async with open_forms(NAME) as desk:
        portal = desk.site.portal
        t = portal.service(Messages).translator("en")
        step = {
            "title": "Any",
            "schema": {
                **NAME,
                "properties": {**NAME["properties"], "on": {"type": "array", "items": {"type": "string"}}},
            },
        }
        view = await form_views(portal).preview(step, {"name": "till"}, t, actor=ADA)
        assert [(one.name, one.shape, one.text) for one in view.root.fields] == [
            ("f/name", "text", "till"),
            ("f/on", "list", ""),
        ]
        assert view.action == "" and not view.is_empty


async def test_the_review_of_nothing_can_be_sent(open_forms: Any) -> None:
    """A template that asks nothing begins at its review."""
    async with open_forms(actor=user("bob")) as desk:
        form = await desk.fill()
        assert "create" in form.read.buttons
        await form.press("create")
        assert desk.made[0].values == {}
