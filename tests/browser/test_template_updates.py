"""Keeping up with a template in the browser: every page in every look, and the way from the list to an opened branch by keyboard."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.testing import make_portal
from tests.browser.conftest import PASSWORD, ROOT, _fetch, serve, wait_until
from tests.browser.looks import LOOKS
from tests.browser.test_importing import Place, opened, sign_in
from tests.features.scaffolder.acting import Acting
from tests.features.scaffolder.conftest import Shop
from tests.features.scaffolder.updates.histories import git
from tests.features.scaffolder.updates.test_service import Works, commit_all, service_template

pytestmark = [pytest.mark.browser, pytest.mark.npm]
LONG = "docs/" + "a-very-long-name-" * 6 + ".md"


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A portal with one component that a template made, both of which have changed since."""
    folder = tmp_path_factory.mktemp("updates")
    (folder / "git" / "templates").mkdir(parents=True)
    (folder / "templates.yaml").write_text(json.dumps(service_template(folder / "git")))
    rules = [{"allow": ["Template", "Component"]}]
    settings = {
        "catalog": {
            "locations": [{"type": "file", "target": str(folder / "templates.yaml"), "rules": rules}],
            "rules": rules,
        },
        "integrations": {"git": [{"path": str(folder / "git")}]},
    }
    config, data = folder / "app-config.yaml", folder / "data"
    config.write_text(json.dumps(settings))
    command = [
        sys.executable,
        "-m",
        "callboard",
        "user",
        "add",
        "ada",
        "--role",
        "admin",
        "--password-stdin",
        "--data",
        str(data),
    ]
    subprocess.run(command, cwd=ROOT, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    works = threading.Thread(target=lambda: asyncio.run(_make(settings, folder)))
    works.start()
    works.join()
    with serve(data, "--config", str(config)) as (url, check):
        wait_until(check, "the portal", lambda: _fetch(f"{url}/sign-in") is not None)
        paths = {
            "fleet": "/catalog/default/template/service/made",
            "tab": "/catalog/default/template/service",
            "entity": "/catalog/default/component/payments",
            "update": "/catalog/default/component/payments/template-update",
        }
        yield Place(url, sign_in(browser, url), paths)


async def _make(settings: dict[str, Any], folder: Path) -> None:
    async with make_portal(settings, data_dir=folder / "data") as portal:
        works = Works(Shop(portal, Acting(folder / "journal"), folder / "data"), folder / "git")
        works.skeleton({"README.md": "# ${{ values.name }}\n\nfirst\n", "run.sh": "echo\n"})
        git(folder / "git" / "templates", "init", "-q")
        commit_all(folder / "git" / "templates")
        await portal.jobs.run_due()
        await works.make()
        works.push({"run.sh": "echo ours\n"}, tick=False)
        works.skeleton(
            {"run.sh": "echo theirs\n", LONG: "word " * 60 + "\n", "README.md": "# ${{ values.name }}\n\nsecond\n"}
        )
        commit_all(folder / "git" / "templates")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_pages_have_no_accessibility_violation(looking: Any, place: Place, look: str) -> None:
    """See ``Watched.check``, which looks at dark colours, too; all files unfolded."""
    with looking(look, place.state) as watched:
        page = watched.page
        for path in place.paths.values():
            assert page.goto(place.url + path).status == 200
            page.evaluate("document.querySelectorAll('.update-files details').forEach(one => one.open = true)")
            watched.check(None, look)


def test_from_the_list_to_the_branch(browser: Any, place: Place) -> None:
    """A new version is looked for, the update is seen, and Enter in the field of the branch opens it."""
    with opened(browser, place.state) as page:
        page.goto(place.url + place.paths["fleet"])
        page.get_by_role("button", name="Look for a new version now").press("Enter")
        page.get_by_text("1 version behind").wait_for()
        page.get_by_role("link", name="See the update: payments").press("Enter")
        page.get_by_text("1 file clashes").wait_for()
        page.locator("#branch").fill("from-the-browser")
        page.locator("#branch").press("Enter")
        page.get_by_text("Update opened on from-the-browser").first.wait_for()
