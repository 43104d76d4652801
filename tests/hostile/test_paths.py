"""No target, pattern, link or placeholder leads out of the tree that the settings opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, AsyncIterator

import orjson
import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.portal import PortalForTest, make_portal
from tests.hostile.conftest import GOOD

pytestmark = pytest.mark.anyio
EVIL = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: evil}}
spec: {{type: service, lifecycle: x, owner: team, stolen: {{{how}: {target}}}}}
"""


@pytest.fixture
def tree(tmp_path: Path, outside: Path) -> Path:
    """The folder that is open, with every sort of link and special file in it."""
    tree = tmp_path / "open"
    (tree / "sub").mkdir(parents=True)
    (tree / "shop.yaml").write_text(GOOD, encoding="utf-8")
    (tree / "sub" / "inside.txt").write_text("inside", encoding="utf-8")
    (tree / "link.yaml").symlink_to(outside)
    (tree / "link.txt").symlink_to(outside.parent / "secret.txt")
    (tree / "linked").symlink_to(outside.parent)
    (tree / "sub" / "up").symlink_to(tmp_path)
    (tree / "chain.yaml").symlink_to("sub/up/outside/secret.yaml")
    (tree / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tree / "pipe.yaml")
    return tree


@pytest.fixture
async def portal(tree: Path, tmp_path: Path) -> AsyncIterator[PortalForTest]:
    """A portal whose only location is ``root.yaml`` in that folder."""
    (tree / "root.yaml").write_text(GOOD, encoding="utf-8")
    settings = {
        "catalog": {
            "locations": [{"type": "file", "target": str(tree / "root.yaml")}],
            "rules": [{"allow": ["Component", "Location"]}],
        }
    }
    async with make_portal(settings, data_dir=tmp_path / "data") as portal:
        await portal.portal.jobs.run_due()
        yield portal


async def read_again(portal: PortalForTest) -> None:
    async with portal.portal.db.write() as tx:
        await portal.portal.jobs.enqueue(tx, "catalog.sweep", {})
    await portal.portal.jobs.run_due()


async def everything_told(portal: PortalForTest, *asked: str) -> str:
    """All that the portal says of its entities and problems, to somebody who may see all."""
    paths = [
        "/api/catalog/entities",
        "/api/catalog/v1/findings?limit=500",
        "/catalog/problems",
        "/api/catalog/entities/unprocessed/failed",
        "/api/audit/v1/events",
    ]
    paths += [f"/api/catalog/v1/why?asked={one}" for one in asked]
    async with portal.client(SYSTEM) as client:
        return "\n".join([(await client.get(path)).text for path in paths])


TARGETS = [
    "../outside/secret.yaml", "./../outside/secret.yaml", "./sub/../../outside/secret.yaml", "./sub/../../../../../../../../etc/passwd", "/etc/passwd",
    "OUTSIDE", "file://OUTSIDE", "./link.yaml", "./chain.yaml", "./linked/secret.yaml", "./linked/*.yaml", "./*/secret.yaml", "./**/secret.yaml",
    "./sub/up/outside/secret.yaml", "./sub/up/**/*.yaml", "../**/*.yaml", "../*/secret.yaml", "/**/passwd", "./loop.yaml", "./pipe.yaml", "./pip?.yaml*",
    "/dev/zero", "/dev/stdin", "/proc/self/environ", "/proc/self/root/etc/passwd", "%2e%2e/outside/secret.yaml", "..%2foutside%2fsecret.yaml",
    "..\\\\outside\\\\secret.yaml", "./sub/", ".", "..", "./", "~/secret.yaml", "$HOME/secret.yaml", "./shop.yaml/../../outside/secret.yaml",
    "./{.,..}/outside/*.yaml", "./[.][.]/outside/*.yaml", "\\\\\\\\host\\\\share\\\\x.yaml", "./x\\u0000/../../outside/secret.yaml",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_out_of_the_tree_is_refused(
    portal: PortalForTest, tree: Path, outside: Path, target: str
) -> None:
    """It is told as a problem of the Location, and what lies there is told nowhere; the file beside it is read all the same."""
    target = target.replace("OUTSIDE", str(outside))
    body = f'apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: evil}}\nspec: {{targets: ["{target}", ./shop.yaml]}}\n'
    (tree / "root.yaml").write_text(body, encoding="utf-8")
    await read_again(portal)
    said = await everything_told(portal, str(outside), str(tree / "root.yaml"))
    assert "stolen" not in said
    assert "top-secret" not in said
    assert "root:x:" not in said
    async with portal.client(SYSTEM) as client:
        shop = await client.get("/api/catalog/entities/by-name/component/default/shop")
        findings = (await client.get("/api/catalog/v1/findings")).json()["items"]
    assert shop.status_code == 200
    assert any(finding["severity"] == "error" for finding in findings), f"{target} is passed over in silence"


@pytest.mark.parametrize("how", ["$text", "$yaml", "$json"])
@pytest.mark.parametrize(
    "target",
    ["../outside/secret.txt", "OUTSIDE", "file://OUTSIDE", "/etc/passwd", "./link.txt", "./linked/secret.txt", "./sub/up/outside/secret.txt",
     "./sub/../../outside/secret.txt", "/proc/self/environ", "./pipe.yaml", "%2e%2e/outside/secret.txt", "http://127.0.0.1:1/x", "./sub/"],
)  # fmt: skip
async def test_an_include_out_of_the_tree_is_refused(
    portal: PortalForTest, tree: Path, outside: Path, how: str, target: str
) -> None:
    """The document is refused with the reason, and keeps its last good version."""
    target = target.replace("OUTSIDE", str(outside.parent / "secret.txt"))
    (tree / "root.yaml").write_text(EVIL.format(how='"$text"', target="./sub/inside.txt"), encoding="utf-8")
    await read_again(portal)
    (tree / "root.yaml").write_text(EVIL.format(how=f'"{how}"', target=f'"{target}"'), encoding="utf-8")
    await read_again(portal)
    said = await everything_told(portal, str(tree / "root.yaml"))
    assert "top-secret" not in said
    assert "root:x:" not in said
    async with portal.client(SYSTEM) as client:
        entity = (await client.get("/api/catalog/entities/by-name/component/default/evil")).json()
        findings = (await client.get("/api/catalog/v1/findings?ref=component:default/evil")).json()["items"]
    assert entity["spec"]["stolen"] == "inside"
    assert findings
    assert findings[0]["severity"] == "error"


@pytest.mark.parametrize(
    "location",
    [
        {"type": "file", "target": "/etc/passwd"}, {"type": "url", "target": "file:///etc/passwd"}, {"type": "url", "target": "/etc/passwd"},
        {"type": "url", "target": "../../etc/passwd"}, {"type": "url", "target": "git+file:///etc"}, {"type": "url", "target": "ftp://127.0.0.1/x"},
        {"type": "url", "target": "javascript:alert(1)"}, {"type": "url", "target": "data:text/plain,apiVersion"}, {"type": "bootstrap", "target": "bootstrap"},
        {"type": "url", "target": "\0"}, {"type": "", "target": ""}, {"type": "url", "target": "https://x/" + "a" * 50_000},
    ],
    ids=lambda location: f"{location['type']}:{location['target'][:24]!r}",
)  # fmt: skip
async def test_registering_never_reads_a_file(portal: PortalForTest, location: dict[str, Any]) -> None:
    """Neither as a dry run, nor for good, nor when asked what lies there, nor as the place of a document to be judged."""
    async with portal.client(SYSTEM) as client:
        dry = await client.post("/api/catalog/locations?dryRun=true", json=location)
        real = await client.post("/api/catalog/locations", json=location)
        looked = await client.post("/api/catalog/analyze-location", json={"location": location})
        document = orjson.loads(
            orjson.dumps(
                {
                    "apiVersion": "a/b",
                    "kind": "Component",
                    "metadata": {"name": "x"},
                    "spec": {"a": {"$text": location["target"]}},
                }
            )
        )
        judged = await client.post(
            "/api/catalog/validate-entity",
            json={"entity": document, "location": f"{location['type']}:{location['target']}"},
        )
    await portal.portal.jobs.run_due()
    assert 400 <= dry.status_code < 500
    assert real.status_code < 500
    assert looked.status_code < 500
    assert judged.status_code == 400
    said = await everything_told(portal) + dry.text + real.text + looked.text + judged.text
    assert "root:x:" not in said
