"""Forms of templates in Chromium: with script, by keyboard, without script, on phones and in the dark."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import quote

import pytest

from callboard.kernel.clock import SystemClock
from callboard.testing.portal import make_portal
from tests.browser.looks import LOOKS, Watched
from tests.features.scaffolder.forms.conftest import ENTITIES, formed, template
from tests.features.scaffolder.forms.filling import Recorded
from tests.features.scaffolder.forms.test_corpus import SHARED, corpus_templates, entities_of, is_within

pytestmark = pytest.mark.browser
KITCHEN = template(
    {
        "title": "Basics", "required": ["name", "owner"],
        "properties": {
            "name": {"type": "string", "title": "Name", "ui:autofocus": True, "ui:help": "It becomes part of the *address*."},
            "env": {"type": "string", "title": "Environment", "enum": ["dev", "prod"]},
            "owner": {"type": "string", "title": "Owner", "ui:field": "OwnerPicker"},
            "load": {"type": "number", "title": "Load", "ui:widget": "range", "minimum": 0, "maximum": 1, "multipleOf": 0.5, "default": 0.5},
            "public": {"type": "boolean", "title": "Public"},
            "kinds": {"type": "array", "title": "Runs on", "uniqueItems": True, "items": {"type": "string", "enum": ["linux", "mac"]}},
            "locked": {"type": "string", "title": "Region", "default": "eu", "ui:readonly": True},
        },
        "dependencies": {"env": {"oneOf": [
            {"properties": {"env": {"enum": ["dev"]}}},
            {"properties": {"env": {"enum": ["prod"]}, "oncall": {"type": "string", "title": "Who is on call"}}, "required": ["oncall"]},
        ]}},
    },
    {
        "title": "Structure",
        "properties": {
            "hosts": {"type": "array", "title": "Host names", "items": {"type": "string"}},
            "ports": {"type": "array", "title": "Ports", "items": {"type": "object", "properties": {"number": {"type": "integer", "title": "Number"}}}},
            "labels": {"type": "object", "title": "Labels", "additionalProperties": {"type": "string"}},
            "repoUrl": {"type": "string", "title": "Repository", "ui:field": "RepoUrlPicker", "ui:options": {"allowedHosts": ["github.com", "dev.azure.com"]}},
            "key": {"type": "string", "title": "Key", "ui:field": "Secret"},
        },
    },
    name="kitchen",
)  # fmt: skip


class Stand:
    """A portal in a thread of its own, with templates and what was made."""

    def __init__(self, url: str, tasks: Recorded, numbers: dict[str, str]) -> None:
        self.url, self.tasks, self.numbers = url, tasks, numbers

    @property
    def made(self) -> list[Any]:
        return self.tasks.made

    def form(self, name: str, values: Any = None) -> str:
        query = f"?formData={quote(json.dumps(values))}" if values is not None else ""
        return f"{self.url}/create/templates/default/{name}{query}"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> Iterator[Stand]:
    """Forms over a small catalog; a guest fills them in."""
    import uvicorn

    folder = tmp_path_factory.mktemp("forms")
    corpus = corpus_templates() if SHARED.is_dir() else {}
    numbers = {name: f"t{n}" for n, name in enumerate(corpus)}
    documents = {numbers[name]: document for name, (document, _) in corpus.items()}
    known = {one["metadata"]["name"] for one in ENTITIES if one["kind"] == "Group"}
    seeded = (
        [one for one in entities_of(corpus) if one["kind"] != "Group" or one["metadata"]["name"] not in known]
        if corpus
        else []
    )
    own = [
        one
        for one in ENTITIES
        if (one["kind"], one["metadata"]["name"]) not in {(s["kind"], s["metadata"]["name"]) for s in seeded}
    ]
    templates = [KITCHEN, *(formed(document, name) for name, document in documents.items())]
    file = Path(folder / "all.yaml")
    file.write_text("\n---\n".join(json.dumps(one) for one in [*own, *seeded, *templates]))
    settings = {
        "auth": {"providers": {"guest": {"dangerouslyAllowOutsideDevelopment": True}}},
        "catalog": {
            "locations": [{"type": "file", "target": str(file)}],
            "rules": [{"allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template"]}],
        },
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ready, servers, recorded = threading.Event(), [], []

    async def run() -> None:
        async with make_portal(settings, data_dir=folder / "data", clock=SystemClock(), jobs=True, demo=True) as portal:
            from callboard.features.catalog.interface import CatalogQueries
            from callboard.kernel.auth.actor import SYSTEM

            while await portal.service(CatalogQueries).count(None, actor=SYSTEM) < len(own) + len(seeded) + len(
                templates
            ):
                await asyncio.sleep(0.05)
            server = uvicorn.Server(uvicorn.Config(portal.asgi, port=port, log_level="warning"))
            recorded.append(Recorded(portal))
            servers.append(server)
            ready.set()
            await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    yield Stand(f"http://127.0.0.1:{port}", recorded[0], numbers)
    servers[0].should_exit = True
    thread.join(20)


def enter(page: Any, stand: Stand) -> None:
    """Sign in as the guest, where one is asked to."""
    page.set_default_timeout(10_000)
    page.goto(stand.url)
    if "/sign-in" in page.url:
        page.locator("main button[type=submit]").first.click()
        page.wait_for_load_state()


def test_a_form_is_filled_in_by_keyboard_and_follows_what_is_typed(browser: Any, stand: Stand, axe_source: str) -> None:
    """Dependent questions come at once and focus stays; pickers search; lists grow, move and shrink; faults lead to their fields."""
    context = browser.new_context(**LOOKS["desktop"])
    page = context.new_page()
    watched = Watched(page)
    enter(page, stand)
    page.goto(stand.form("kitchen"))
    assert page.evaluate("document.activeElement.id") == "f/name"
    watched.check(axe_source)
    page.keyboard.press("Tab")
    page.keyboard.press("p")  # chooses prod
    page.get_by_label("Who is on call").wait_for()
    assert page.evaluate("document.activeElement.id") == "f/env"
    page.get_by_role("button", name="Next").click()
    page.locator(".form-faults").wait_for()
    assert page.locator(".form-faults li").count() == 3
    watched.check(axe_source)
    page.locator(".form-faults a", has_text="Who is on call").click()
    assert page.evaluate("document.activeElement.id") == "f/oncall"
    page.keyboard.type("ada")
    page.locator("[id='f/name']").fill("till")
    owner = page.locator("[id='f/owner']")
    with page.expect_response("**/suggest"):
        owner.press_sequentially("payments te")
    page.wait_for_function("() => document.querySelector(\"datalist[id='f/owner:list']\").options.length === 1")
    owner.fill("Payments team")
    page.get_by_role("button", name="Next").click()

    page.get_by_role("heading", name="Structure").wait_for()
    hosts = page.locator("fieldset[id='f/hosts']")
    for n, text in enumerate(("one", "two")):
        hosts.get_by_role("button", name="Add item").click()
        page.wait_for_function(f"() => document.activeElement.id === 'f/hosts/{n}'")
        page.keyboard.type(text)
    hosts.get_by_role("button", name="Move Item 2 up").click()
    page.wait_for_function("() => document.querySelector(\"[id='f/hosts/0']\").value === 'two'")
    hosts.get_by_role("button", name="Remove Item 2").click()
    page.wait_for_function("() => !document.querySelector(\"[id='f/hosts/1']\")")
    page.locator("fieldset[id='f/ports']").get_by_role("button", name="Add item").click()
    page.locator("[id='f/ports/0/number']").fill("8080")
    page.locator("[id='f/labels:key0']").fill("tier")
    page.locator("[id='f/labels:value0']").fill("one")
    page.locator("[id='f/repoUrl:host']").select_option("dev.azure.com")
    page.locator("[id='f/repoUrl:organization']").fill("acme")
    page.locator("[id='f/repoUrl:project']").fill("shop")
    page.locator("[id='f/repoUrl:repo']").fill("till")
    page.locator("[id='f/key']").fill("hunter2-hunter2")
    page.evaluate("scrollTo(0, 0)")  # what the top line covers cannot be pressed, and need not be
    watched.check(axe_source)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("heading", name="Review").wait_for()
    assert "hunter2" not in page.content()
    watched.check(axe_source)
    before = len(stand.made)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url("**/create/tasks/*")
    assert len(stand.made) == before + 1
    made = stand.made[-1]
    assert made.values == {
        "name": "till", "env": "prod", "oncall": "ada", "owner": "group:default/payments", "load": 0.5, "kinds": [], "locked": "eu",
        "hosts": ["two"], "ports": [{"number": 8080}], "labels": {"tier": "one"},
        "repoUrl": "dev.azure.com?repo=till&organization=acme&project=shop", "key": "*" * 15,
    }  # fmt: skip
    assert made.secrets == {"key": "hunter2-hunter2"}
    context.close()


SOME = ("13__Vikaspogu", "16__agile-lab", "24__giantswarm", "34__redhat")


def _walk(page: Any, stand: Stand, name: str, answers: Any) -> None:
    page.goto(stand.form(stand.numbers[name], answers))
    for _ in range(20):
        page.locator(".form-do .button-primary").click()
        page.wait_for_load_state()
        if "/create/tasks/" in page.url:
            break
    assert "/create/tasks/" in page.url, (name, page.locator(".form-faults").all_inner_texts())
    assert is_within(answers, stand.made[-1].values) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_real_templates_are_filled_in_on_a_phone_without_script(browser: Any, stand: Stand, axe_source: str) -> None:
    """What needs script shows nowhere; the answers arrive as they were given."""
    phone = browser.new_context(**LOOKS["phone"])
    watched = Watched(phone.new_page())
    plain = browser.new_context(**LOOKS["phone"], java_script_enabled=False)
    page = plain.new_page()
    enter(watched.page, stand)
    enter(page, stand)
    for name, (_, answers) in corpus_templates().items():
        if name.startswith(SOME):
            watched.page.goto(stand.form(stand.numbers[name], answers))
            watched.check(axe_source, "phone")
            _walk(page, stand, name, answers)
    page.goto(stand.form("kitchen"))
    page.locator("[id='f/env']").select_option("prod")
    page.get_by_role("button", name="Update the questions").click()
    page.get_by_label("Who is on call").wait_for()
    phone.close()
    plain.close()


@pytest.mark.soak
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_every_real_template_submits_in_chromium(browser: Any, stand: Stand, axe_source: str) -> None:
    """35 of 35, each page without a fault of axe and nothing refused by the content policy."""
    context = browser.new_context(**LOOKS["desktop"])
    page = context.new_page()
    watched = Watched(page)
    enter(page, stand)
    templates = corpus_templates()
    assert len(templates) == 35
    for name, (_, answers) in templates.items():
        page.goto(stand.form(stand.numbers[name], answers))
        watched.check(axe_source)
        _walk(page, stand, name, answers)
    context.close()
