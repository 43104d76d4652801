"""The pages around templates as a browser without script meets them."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from callboard.features.scaffolder.interface import TemplateUses
from callboard.features.scaffolder.pages.answers import about_of
from callboard.kernel.plugins.hooks import hookimpl
from tests.features.catalog.conftest import yaml_of
from tests.features.importing.test_access import READ, policy
from tests.features.scaffolder.conftest import ADA, BOB, step, template, user

pytestmark = pytest.mark.anyio
HOSTILE = '"><script>alert(1)</script>'


def say(**rest: Any) -> dict[str, Any]:
    return step("say", "say", input={"message": "Hello ${{ parameters.name }}"}, **rest)


def described(name: str, *, tags: tuple[str, ...] = (), kind: str = "service", **spec: Any) -> dict[str, Any]:
    made = template(name, say(), **{"type": kind, **spec})
    made["metadata"].update(tags=list(tags), description=f"Makes a {name}.")
    return made


async def get(client: Any, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == status, (path, answer.status_code, answer.text[:400])
    return str(answer.text)


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


def titles(page: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'template-head">.*?<h2><a href="[^"]*">(.*?)</a>', page)]


# ---- which template ----------------------------------------------------------------------------------------------------


async def test_cards_say_how_a_template_fared(open_shop: Any):
    """How often it was used and when it last worked; markup stays text."""
    odd = described("odd")
    odd["metadata"]["title"] = HOSTILE
    async with open_shop(described("service"), odd) as shop, shop.portal.client(ADA) as client:
        page = await get(client, "/create")
        assert titles(page) == [HOSTILE, "Service"] and HOSTILE not in page
        assert page.count("not used yet") == 2
        await shop.run("service", {"name": "x"})
        await shop.run("service", {"name": "y"})
        page = await get(client, "/create")
        assert "used 2 times · last success" in " ".join(page.split())
        assert 'href="/create/templates/default/service"' in page


async def test_cards_are_filtered_with_counts(open_shop: Any):
    """Types are alternatives, tags are conditions, words are looked for; each filter can be taken back."""
    rows = (
        described("lambda", tags=("aws", "python")),
        described("site", tags=("aws",), kind="website"),
        described("tool", tags=("python",), kind="library"),
    )
    async with open_shop(*rows) as shop, shop.portal.client(ADA) as client:
        assert titles(await get(client, "/create?type=website&type=library")) == ["Site", "Tool"]
        assert titles(await get(client, "/create?tag=aws&tag=python")) == ["Lambda"]
        assert titles(await get(client, "/create?q=makes+tool")) == ["Tool"]
        page = await get(client, "/create?tag=aws")
        assert 'href="/create?tag=aws&amp;type=website"' in page and 'href="/create"' in page
        assert "No template fits" in await get(client, "/create?q=nothing")


async def test_starred_templates_come_first_on_every_page(open_shop: Any):
    """The stars of the catalog count; paging goes on after them and shows nothing twice."""
    rows = [described(f"t{n:02}") for n in range(30)]
    async with open_shop(*rows) as shop, shop.portal.client(ADA) as client:
        page = await get(client, "/create")
        data = {"csrf_token": token(page), "star": "template:default/t27", "next": "/create"}
        assert (await client.post("/catalog/stars", data=data)).status_code == 303
        first, second = await get(client, "/create"), await get(client, "/create?start=24")
        assert titles(first)[:2] == ["T27", "T00"] and len(titles(first)) == 24
        assert sorted(titles(first) + titles(second)) == sorted(f"T{n:02}" for n in range(30))
        assert titles(await get(client, "/create?starred=1")) == ["T27"]


async def test_an_empty_gallery_teaches_and_the_form_of_entities_stays_near(open_shop: Any):
    """Without templates it says how one comes here; the rail has one place to create, which leads to both."""
    async with open_shop() as shop, shop.portal.client(ADA) as client:
        page = await get(client, "/create")
        assert "create-steps" in page and 'class="button button-primary" href="/create-entity"' in page
        rail = page[page.index('class="rail"') : page.index('class="rail-foot"')]
        assert rail.count(">Create<") == 1 and 'href="/create"' in rail
        assert re.search(r'href="/create-entity" data-palette="pages" data-keys="g e"', page)
        other = await get(client, "/create-entity")
        assert re.search(r'href="/create" aria-current="page"', other)


async def test_without_the_scaffolder_the_form_of_entities_has_its_place(open_shop: Any):
    """The entry that stands under another one is shown where that one is not."""
    more = {"plugins": {"scaffolder": {"enabled": False}}}
    from callboard.testing import make_portal

    async with make_portal(more) as portal, portal.client(ADA) as client:
        page = await get(client, "/create-entity")
        assert re.search(r'class="rail-item" href="/create-entity" aria-current="page"', page)


async def test_uses_count_what_the_actor_may_see(each_shop: Any):
    """One question for all templates, on each engine; a run that failed is no success."""
    failing = template("failing", step("broken", "fail"))
    async with each_shop(described("service"), failing) as shop:
        shop.acting.failing.add("broken")
        await shop.run("service", {"name": "x"})
        await shop.run("failing")
        refs = ["template:default/service", "template:default/failing", "template:default/none"]
        found = await shop.portal.service(TemplateUses).count(refs, actor=ADA)
        assert [(one.runs, one.completed, one.failed) for one in found.values()] == [(1, 1, 0), (1, 0, 1), (0, 0, 0)]
        assert found[refs[0]].last_success_at is not None and found[refs[1]].last_success_at is None
        assert [found[ref].success_fraction for ref in refs] == [1.0, 0.0, None]


# ---- runs --------------------------------------------------------------------------------------------------------------


async def test_tasks_are_listed_by_state_template_and_person(open_shop: Any):
    """One's own unless asked for all; what cannot be there is an empty list that says so."""
    failing = template("failing", step("broken", "fail"))
    async with open_shop(described("service"), failing) as shop, shop.portal.client(ADA) as client:
        shop.acting.failing.add("broken")
        mine = await shop.create("service", {"name": "x"})
        theirs = await shop.create("failing", actor=BOB)
        await shop.work()

        async def ids(query: str) -> list[str]:
            return re.findall(r'href="/create/tasks/([0-9a-f-]{36})"', await get(client, f"/create/tasks{query}"))

        assert await ids("") == [mine] and await ids("?whose=all") == [theirs, mine]
        assert await ids("?whose=all&state=failed") == [theirs] and await ids("?state=failed") == []
        assert await ids("?whose=all&template=service") == [mine] and await ids("?by=bob") == [theirs]
        assert await ids("?whose=all&template=a:b:c") == [] and await ids("?by=:") == []
        assert "it broke" in await get(client, "/create/tasks?whose=all")


async def test_a_run_shows_steps_log_and_outcome(open_shop: Any):
    """What came out leads on: entities, addresses, texts as sanitised Markdown; no script, no address of another kind."""
    output = {
        "links": [
            {"title": "Repository", "url": "https://example.com/r", "icon": "github"},
            {"title": "In the catalog", "entityRef": "component:default/made"},
            {"title": "Trap", "url": "javascript:alert(1)"},
        ],
        "text": [{"title": "Next", "content": "Go **on** <script>alert(1)</script>"}],
        "remoteUrl": "https://example.com/r.git",
    }
    made = template(
        "made",
        step("one", "say", input={"message": "\x1b[31mred\x1b[0m <b>"}),
        step("two", "say", **{"if": False}),
        output=output,
    )
    async with open_shop(made) as shop, shop.portal.client(ADA) as client:
        task = await shop.run("made", {"name": "shop", "empty": ""})
        page = await get(client, f"/create/tasks/{task.id}")
        assert '<span class="ansi-1">red</span> &lt;b&gt;' in page
        assert 'href="https://example.com/r"' in page and 'href="/catalog/default/component/made"' in page
        assert "<strong>on</strong>" in page and "<script>alert" not in page and "Trap" not in page
        assert "r.git" in page and ">Skipped<" in page and "<dd>shop</dd>" in page and "http-equiv" not in page
        again = html.unescape(re.search(r'href="(/create/templates/default/made\?[^"]*)"', page)[1])  # type: ignore[index]
        assert orjson.loads(parse_qs(urlsplit(again).query)["formData"][0]) == {"name": "shop", "empty": ""}
        log = await client.get(f"/create/tasks/{task.id}/log")
        assert "[one] red <b>\n" in log.text and log.headers["content-type"].startswith("text/plain")


async def test_answers_are_read_as_the_form_asked_them(open_shop: Any):
    """By the titles of the form; secrets do not show, nor how long they are, neither on the page nor in the link that starts over."""
    fields = {
        "name": {"type": "string", "title": "What is it called?"},
        "loud": {"type": "boolean"},
        "parts": {"type": "array", "items": {"type": "string"}},
        "word": {"type": "string", "ui:widget": "password"},
        "token": {"type": "string", "ui:field": "Secret"},
        "box": {
            "type": "object",
            "properties": {"pin": {"type": "string", "ui:widget": "password"}, "size": {"type": "number"}},
        },
    }
    deep = {"allOf": [{"then": {"properties": {"hid": {"title": "Hid", "ui:backstage": {"review": {"mask": "-"}}}}}}]}
    asked = template("asked", say(), parameters=[{"properties": fields}, deep])
    answers = {
        "name": "<till>", "loud": True, "parts": ["a", "b"], "word": "open sesame", "token": "********", "hid": "unseen",
        "box": {"pin": "4711", "size": 2}, "left": "", "none": [],
    }  # fmt: skip
    async with open_shop(asked) as shop, shop.portal.client(ADA) as client:
        task = await shop.run("asked", answers)
        page = await get(client, f"/create/tasks/{task.id}")
        said = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page)
        assert [(name, html.unescape(value)) for name, value in said if name != "Template"][:7] == [
            ("What is it called?", "<till>"), ("loud", "Yes"), ("parts", "a, b"), ("word", "******"), ("token", "******"),
            ("Hid", "******"), ("box", '{"size":2}'),
        ]  # fmt: skip
        assert not any(one in page for one in ("sesame", "4711", "unseen<", "********"))
        assert '<span class="run-about">&lt;till&gt;</span>' in page
        assert '<span class="task-about">&lt;till&gt;</span>' in await get(client, "/create/tasks")


@pytest.mark.parametrize(
    ("answers", "about"),
    [
        ({"size": "big", "component_id": "till", "name": "shop"}, "shop"),
        ({"size": "big", "appName": "till"}, "till"),
        ({"name": "****", "repoUrl": "github.com?owner=acme&repo=till"}, "till"),
        ({"entityRef": "component:default/till", "why": "slow"}, "till"),
        ({"why": "slow", "name": 7}, ""),
    ],
)  # fmt: skip
def test_a_word_tells_runs_of_one_template_apart(answers: dict[str, Any], about: str):
    """A name, a repository or an entity; nothing where none is among the answers."""
    assert about_of({"parameters": answers}) == about


async def test_a_failure_says_where_and_another_try_goes_on_from_there(open_shop: Any):
    """The message, the step, its log; a retry asks for secrets that steps need, and leaves what is done."""
    one = step("first", "note", input={"word": "once"})
    bad = step("broken", "fail", input={"message": "${{ secrets.token }}"})
    async with open_shop(template("frail", one, bad)) as shop, shop.portal.client(ADA) as client:
        shop.acting.failing.add("broken")
        task = await shop.run("frail", secrets={"token": "sesame-123"})
        page = await get(client, f"/create/tasks/{task.id}")
        assert "Failed in “Broken”" in html.unescape(page) and 'href="#step-broken"' in page and "it broke" in page
        assert "sesame" not in page and 'name="secret.token"' in page
        shop.acting.failing.clear()
        data = {"csrf_token": token(page), "do": "retry", "secret.token": "sesame-123"}
        answer = await client.post(f"/create/tasks/{task.id}", data=data)
        assert answer.status_code == 303 and answer.headers["location"] == f"/create/tasks/{task.id}"
        await shop.work()
        assert (await shop.get(task.id)).state == "completed"
        assert [line.split()[1:] for line in shop.acting.lines()] == [["first", "once"], ["broken", "mended"]]
        assert (await client.post(f"/create/tasks/{task.id}", data={**data, "do": "explode"})).status_code == 400


async def test_a_waiting_run_reloads_by_itself_tells_news_and_can_be_cancelled(open_shop: Any):
    """Without script it comes again every three seconds; with it only what is new is asked for."""
    async with open_shop(described("service")) as shop, shop.portal.client(ADA) as client:
        id = await shop.create("service", {"name": "x"})
        path = f"/create/tasks/{id}"
        page = await get(client, path)
        assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page and f"{id}/eventstream" in page
        assert (await client.post(path, data={"csrf_token": token(page), "do": "cancel"})).status_code == 303
        live = await get(client, f"{path}/live?after=0")
        assert 'data-state="cancelled"' in live and 'data-running=""' in live and ">Cancelled</p>" in live
        last = int(re.search(r'data-last="(\d+)"', live)[1])  # type: ignore[index]
        assert last > 0 and "data-event" in live
        assert "data-event" not in await get(client, f"{path}/live?after={last}")


async def test_what_is_hidden_is_absent(open_shop: Any):
    """Another's run under a policy that shows one's own is not found, not listed, and not counted; nor is there a button for it."""
    own = {"rule": "IS_TASK_OWNER", "resourceType": "scaffolder-task", "params": {"claims": ["$ownershipRefs"]}}
    rules = [
        *({"permission": name} for name in ("catalog.entity.read", "scaffolder.task.create", "scaffolder.template.*", "scaffolder.action.execute")),
        {"permission": "scaffolder.task.read", "when": own},
    ]  # fmt: skip
    async with open_shop(described("service"), more=policy(ada=rules, bob=rules)) as shop:
        id = (await shop.run("service", {"name": "x"})).id
        going = await shop.create("service", {"name": "y"})
        async with shop.portal.client(BOB) as client:
            for path in (id, f"{id}/live", f"{id}/log"):
                await get(client, f"/create/tasks/{path}", 404)
            assert id not in await get(client, "/create/tasks?whose=all")
            assert "not used yet" in await get(client, "/create")
            assert "Nobody has used it yet." in await get(client, "/catalog/default/template/service")
            await get(client, "/create/actions/no:such", 404)
            await get(client, "/create/edit", 200)
        async with shop.portal.client(ADA) as client:
            page = await get(client, f"/create/tasks/{going}")
            assert 'value="cancel"' not in page
    async with open_shop(more=policy(bob=[READ])) as shop, shop.portal.client(BOB) as client:
        page = await get(client, "/create/approvals")
        closed = ("/create", "/create/tasks", "/create/edit")
        assert 'href="/create/actions"' in page and not any(f'href="{one}"' in page for one in closed)


async def test_pages_of_the_template_and_home_show_runs(open_shop: Any):
    """The page of a template has a button, figures and the latest runs; home has what goes on, and nothing otherwise."""
    async with open_shop(described("service")) as shop, shop.portal.client(ADA) as client:
        entity = "/catalog/default/template/service"
        page = await get(client, entity)
        assert "Nobody has used it yet." in page and 'href="/create/templates/default/service"' in page
        assert "My tasks" not in await get(client, "/")
        id = await shop.create("service", {"name": "x"})
        assert f'href="/create/tasks/{id}"' in await get(client, "/")
        await shop.work()
        assert f'href="/create/tasks/{id}"' not in await get(client, "/")
        page = await get(client, entity)
        assert f'href="/create/tasks/{id}"' in page and "100 %" in page


# ---- the reference -----------------------------------------------------------------------------------------------------


class Painting:
    """A plugin with an action that says all there is to say."""

    @hookimpl
    def register_actions(self, portal: Any) -> Any:
        from callboard.kernel.actions import Action

        async def paint(context: Any) -> dict[str, Any]:
            return {}

        schema = {
            "type": "object",
            "required": ["wall"],
            "additionalProperties": False,
            "properties": {
                "wall": {
                    "type": "object",
                    "description": "Which `<one>`.",
                    "properties": {"colour": {"enum": ["red", "blue"], "default": "blue"}},
                },
                "coats": {"type": ["integer", "null"]},
                "brushes": {"type": "array", "items": {"type": "string"}},
            },
        }
        output = {"type": "object", "properties": {"area": {"type": "number"}}}
        example = {"description": "Two coats", "example": "steps:\n  - action: house:paint\n"}
        action = Action(
            "house:paint",
            "Paint",
            "Paints **a wall**.",
            paint,
            schema,
            output,
            examples=[example],
            needs_workspace=True,
        )
        return [action]


async def test_actions_are_told_from_the_registry(open_shop: Any, monkeypatch: pytest.MonkeyPatch):
    """Inputs with types, defaults and choices, outputs, examples, a step to copy; found by word."""
    from callboard.testing import make_portal

    async with make_portal(plugins=[("painting", Painting())]) as portal, portal.client(ADA) as client:
        listed = await get(client, "/create/actions?q=paint+coats")
        assert re.findall(r"<a href=\"[^\"]*\"><code>(.*?)</code>", listed) == ["house:paint"]
        page = await get(client, "/create/actions/house:paint")
        for part in (
            "<strong>a wall</strong>",
            "integer | null",
            "string[]",
            "<code>red</code>",
            "Which <code>&lt;one&gt;</code>.",
            "Two coats",
            "area",
        ):
            assert part in page, part
        assert page.count(">required<") == 1 and "runs as a step only" in page
        assert "No action fits" in await get(client, "/create/actions?q=zzz")


# ---- the editor --------------------------------------------------------------------------------------------------------

DRAFT = yaml_of(
    {
        **template("draft", step("make", "write", input={"files": {"README.md": "# ${{ parameters.name }}\nkept\n"}})),
    }
    | {
        "spec": {
            "type": "service",
            "parameters": [
                {
                    "title": "About",
                    "required": ["name"],
                    "properties": {"name": {"type": "string", "title": "Its name"}},
                }
            ],
            "steps": [step("make", "write", input={"files": {"README.md": "# ${{ parameters.name }}\nkept\n"}})],
        }
    }
)


class Editor:
    """The editor's form, posted as a browser does."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.fields: dict[str, str] = {}

    async def open(self, **fields: str) -> str:
        page = await get(self.client, "/create/edit")
        self.fields = {
            "csrf_token": token(page), "at": "0", "pane": "form", "file.0.path": "template.yaml", "file.0.text": DRAFT,
            "file.1.path": "skeleton/README.md", "file.1.text": "# ${{ values.name }}\r\nkept\r\n",
        }  # fmt: skip
        return page

    async def press(self, do: str, status: int = 200, **fields: str) -> str:
        answer = await self.client.post("/create/edit", data={**self.fields, **fields, "do": do})
        assert answer.status_code == status, (answer.status_code, answer.text[:400])
        return str(answer.text)


async def test_a_draft_is_looked_at_tried_and_taken_home(open_shop: Any):
    """The form's fields, a dry run whose files stand beside the skeleton, answers that do not fit, and a zip; nothing is stored."""
    async with open_shop() as shop, shop.portal.client(user("root")) as client:
        editor = Editor(client)
        await editor.open()
        page = await editor.press("form")
        assert "Its name" in page and "The template can be read." in page
        page = await editor.press("run")
        assert "It ran through and made one file" in page and "name: example-name" in page
        assert (
            "<del># ${{ values.name }}</del>" in page
            and "<ins># example-name</ins>" in page
            and "<span>kept</span>" in page
        )
        page = await editor.press("run", 400, values="name: 7")
        assert "The answers do not fit" in page and "name" in page
        page = await editor.press("form", **{"file.0.text": "a: [1\nb: 2"})
        assert re.search(r'data-line="\d+"', page)
        answer = await client.post("/create/edit", data={**editor.fields, "do": "download"})
        assert answer.headers["content-type"] == "application/zip"
        files = {"archive": ("t.zip", answer.content, "application/zip")}
        again = await client.post("/create/edit", data={**editor.fields, "do": "upload"}, files=files)
        assert "skeleton/README.md" in again.text and "name: draft" in again.text
        assert await shop.rows("SELECT id FROM scaffolder_task") == []


async def test_pickers_of_a_draft_offer_what_the_form_will(open_shop: Any):
    """Of what is written now, knowing what stands in other fields; nothing for a draft that cannot be read, or without leave."""
    group = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "crew"},
        "spec": {"type": "team", "children": []},
    }
    text = yaml_of(
        template("draft", say(), parameters=[{"title": "One"}, {"properties": {"owner": {"ui:field": "OwnerPicker"}}}])
    )
    asked = {"file.0.text": text, "page": "1", "suggest": "f/owner", "words": "cr", "f/owner": "cr"}

    async def offered(**changed: str) -> list[str]:
        answer = await client.post("/create/edit/suggest", data={**asked, **changed})
        assert answer.status_code == 200
        return [one["value"] for one in answer.json()["items"]]

    async with open_shop(group) as shop, shop.portal.client(user("root")) as client:
        assert await offered() == ["group:default/crew"]
        assert await offered(words="nobody") == await offered(page="0") == await offered(page="9") == []
        assert (
            await offered(**{"file.0.text": "a: ["})
            == await offered(values="- 1")
            == await offered(suggest="f/x")
            == []
        )
    async with open_shop(group, more=policy(ada=[READ])) as shop, shop.portal.client(ADA) as client:
        assert (await client.post("/create/edit/suggest", data=asked)).status_code == 403


async def test_files_of_a_draft_are_added_opened_and_removed(open_shop: Any):
    """A path that leads out, or one that is there, is refused with what was typed kept."""
    async with open_shop() as shop, shop.portal.client(user("root")) as client:
        editor = Editor(client)
        await editor.open()
        page = await editor.press("add", new_path="skeleton/src/a.txt")
        assert 'name="file.2.path" value="skeleton/src/a.txt"' in page and 'name="at" value="2"' in page
        for path in ("../x", "/etc/passwd", "", "skeleton/README.md"):
            page = await editor.press("add", 400, new_path=path)
            assert "name: draft" in page and "file.2.path" not in page
        assert "file.1.path" not in await editor.press("remove:1")
        assert "file.0.path" in await editor.press("remove:0")
        assert 'name="at" value="1"' in await editor.press("open:1")
        files = {"archive": ("t.zip", b"no zip", "application/zip")}
        answer = await client.post("/create/edit", data={**editor.fields, "do": "upload"}, files=files)
        assert answer.status_code == 400 and "no zip archive" in answer.text


async def test_expressions_are_tried_with_values(open_shop: Any):
    """As a value with its type, as text; a fault with its place; what stands for nothing, plainly."""
    async with open_shop() as shop, shop.portal.client(user("root")) as client:
        editor = Editor(client)
        await editor.open()
        context = "parameters: {names: [a, b]}"

        async def tried(expression: str, **fields: str) -> str:
            page = await editor.press(
                "eval", fields.pop("status", 200), expression=expression, **{"context": context, **fields}
            )  # type: ignore[arg-type]
            return html.unescape(page[page.index('id="edit-result"') :])

        found = await tried("${{ parameters.names }}")
        assert ">array<" in found and '[\n  "a",\n  "b"\n]' in found
        assert ">a,b!</pre>" in await tried("${{ parameters.names }}!", mode="text")
        assert "<code>undefined</code>" in await tried("${{ parameters.nope }}")
        assert "Line 1, column" in await tried("${{ parameters.nope }}", strict="1")
        assert "Line 1, column" in await tried("${{ 1 + }}")
        assert "example-name" in await tried("${{ parameters.name }}", context="")


async def test_the_editor_opens_templates_of_the_catalog(open_shop: Any):
    """As somebody would write it, without what the catalog added; one that is hidden or absent is not found."""
    async with open_shop(described("service", tags=("aws",))) as shop, shop.portal.client(user("root")) as client:
        page = html.unescape(await get(client, "/create/edit?template=service"))
        assert "name: service" in page and "managed-by" not in page and "uid:" not in page
        assert "No template nope is visible to you." in await get(client, "/create/edit?template=nope")
