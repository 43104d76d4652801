"""Templates in the browser: chosen and run, followed live, written and tried; every page holds in every look."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Iterator

import pytest

from tests.browser.conftest import PASSWORD, ROOT, _fetch, serve, wait_until
from tests.browser.looks import LOOKS, Watched
from tests.browser.test_importing import Place, opened, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.npm]

LONG = "Averylongnamewithoutanyblank" * 3


def _template(name: str, title: str, *steps: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "title": title, "description": "Makes one.", "tags": ["python", "recommended"]}
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3", "kind": "Template", "metadata": metadata,
        "spec": {"type": "service", "owner": "platform", "steps": list(steps), **spec},
    }  # fmt: skip


def _step(id: str, action: str, **input: Any) -> dict[str, Any]:
    return {"id": id, "name": id.title(), "action": action, "input": input}


TEMPLATES = [
    _template(
        "slow", "Slow service", _step("say", "debug:log", message="Hello ${{ parameters.name }}"),
        _step("pause", "debug:wait", milliseconds=1500),
        parameters={"title": "About", "properties": {"name": {"type": "string", "title": "Name", "default": "till"}}},
        output={"links": [{"title": "Its page", "entityRef": "component:default/till"}], "text": [{"title": "Next", "content": "Go **on**"}]},
    ),
    _template("broken", LONG, _step("find", "catalog:fetch", entityRef="component:default/nope"), _step("never", "debug:log", message="x")),
    {"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "platform"}, "spec": {"type": "team", "children": []}},
]  # fmt: skip


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A portal with two templates, of which one was run and failed, and one is run to its end while one looks."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "templates.yaml").write_text("\n---\n".join(json.dumps(one) for one in TEMPLATES))
    settings = {
        "catalog": {
            "rules": [{"allow": ["Template", "Group"]}],
            "locations": [{"type": "file", "target": str(folder / "templates.yaml")}],
        }
    }
    (folder / "app-config.yaml").write_text(json.dumps(settings))
    data = folder / "data"
    command = [
        sys.executable, "-m", "callboard", "user", "add", "ada", "--role", "admin", "--password-stdin", "--data", str(data),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    with serve(data, "--config", str(folder / "app-config.yaml")) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        state = sign_in(browser, url)
        with opened(browser, state) as page:

            def is_loaded() -> bool:
                page.goto(f"{url}/create")
                return bool(page.locator(".template-card").count() == 2)

            wait_until(check, "the templates", is_loaded)
            runs = {}
            for name in ("broken", "slow"):
                page.goto(f"{url}/create/templates/default/{name}")
                while "/create/tasks/" not in page.url:
                    page.locator("#form .button-primary").last.click()
                    page.wait_for_load_state()
                runs[name] = page.url.removeprefix(url)
            assert page.locator(".run-state").first.inner_text() in ("Queued", "Running", "Completed")
            # nothing is pressed: the page follows by itself
            page.get_by_role("link", name="Its page").wait_for(timeout=15_000)
            assert page.locator("[data-live=told]").inner_text() == "Completed"
            assert page.locator("noscript").count() == 1 and page.locator("#step-pause .is-ok").count() == 1
        paths = {
            "cards": "/create", "tasks": "/create/tasks", "failed": runs["broken"], "completed": runs["slow"],
            "actions": "/create/actions", "action": "/create/actions/debug:log", "editor": "/create/edit",
            "template": "/catalog/default/template/slow", "home": "/",
        }  # fmt: skip
        yield Place(url, state, paths)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_hold_in_every_look(browser: Any, place: Place, axe_source: str, look: str) -> None:
    """See ``Watched.check``, which looks at dark colours, too."""
    with opened(browser, place.state, **LOOKS[look]) as page:
        watched = Watched(page)
        for path in place.paths.values():
            page.goto(f"{place.url}{path}")
            page.wait_for_timeout(200)
            watched.check(axe_source, look)


def test_a_template_is_written_and_tried_without_leaving_the_page(browser: Any, place: Place) -> None:
    """The form follows what is typed, other files keep what was typed into them, expressions and dry runs answer beside it."""
    with opened(browser, place.state) as page:
        page.goto(f"{place.url}/create/edit")
        page.locator(".has-editor").wait_for()
        page.locator(".cm-content").click()
        page.keyboard.press("Control+Home")
        page.keyboard.type("@")
        page.locator("#edit-problem [data-line]").wait_for()
        page.keyboard.press("Backspace")
        page.get_by_role("heading", name="About it").wait_for()
        page.locator("#edit-result").get_by_label("Owner").fill("plat")
        page.locator("#edit-result option[value='group:default/platform']").wait_for(state="attached")
        page.get_by_role("button", name="README.md", exact=True).click()
        page.locator("#edit-path", has_text="skeleton/README.md").wait_for()
        page.locator("#text").fill("# ${{ values.name }}\nas typed\n")
        page.get_by_role("button", name="Dry run", exact=True).click()
        page.get_by_role("button", name="Try without effect").click()
        page.locator(".diff-lines ins", has_text="# example-name").wait_for(timeout=15_000)
        page.get_by_role("button", name="Expression", exact=True).click()
        page.locator("#expression").fill("${{ parameters.name | upper }}")
        page.get_by_role("button", name="Evaluate").click()
        page.locator(".eval-answer", has_text="EXAMPLE-NAME").wait_for()
        assert page.url == f"{place.url}/create/edit"
        page.get_by_role("button", name="template.yaml", exact=True).click()
        page.locator("#edit-path", has_text="template.yaml").wait_for()
        assert "as typed" in page.locator("textarea[name='file.1.text']").input_value()
