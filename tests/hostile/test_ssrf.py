"""The portal asks no host inside the network for anything, however the address is written or reached."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.portal import PortalForTest, make_portal
from tests.hostile.conftest import GOOD

pytestmark = pytest.mark.anyio


class Inside:
    """A server on the loopback address: ``hits`` are the paths that it was asked for. ``answer`` may be a redirect."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.redirect_to: str | None = None
        inside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inside.hits.append(self.path)
                if inside.redirect_to is not None:
                    self.send_response(302)
                    self.send_header("location", inside.redirect_to)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                body = GOOD.replace("shop", "stolen").encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def inside() -> Iterator[Inside]:
    server = Inside()
    yield server
    server.close()


@pytest.fixture
def door() -> Iterator[Inside]:
    """A second one, which the settings name, so that it may be asked."""
    server = Inside()
    yield server
    server.close()


ADDRESSES = (
    "http://127.0.0.1:PORT/x.yaml", "http://localhost:PORT/x.yaml", "http://LOCALHOST.:PORT/x.yaml", "http://127.1:PORT/x.yaml", "http://0x7f000001:PORT/x.yaml",
    "http://2130706433:PORT/x.yaml", "http://0177.0.0.1:PORT/x.yaml", "http://0.0.0.0:PORT/x.yaml", "http://[::1]:PORT/x.yaml",
    "http://[::ffff:127.0.0.1]:PORT/x.yaml", "http://[::ffff:7f00:1]:PORT/x.yaml", "http://[64:ff9b::7f00:1]:PORT/x.yaml", "http://foo.localhost:PORT/x.yaml",
    "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/x.yaml", "http://[fd00:ec2::254]/latest/", "http://metadata.google.internal/x",
    "http://10.0.0.1/x.yaml", "http://192.168.1.1/x.yaml", "http://172.16.0.1/x.yaml", "http://100.64.0.1/x.yaml", "http://224.0.0.1/x.yaml",
    "http://files.example.com@127.0.0.1:PORT/x.yaml", "http://127.0.0.1:PORT\\@files.example.com/x.yaml", "http://127。0。0。1:PORT/x.yaml",
    "http://①②⑦.0.0.1:PORT/x.yaml", "HTTP://127.0.0.1:PORT/x.yaml", "//127.0.0.1:PORT/x.yaml", "http:127.0.0.1:PORT/x.yaml", "http:///127.0.0.1:PORT/x.yaml",
    "http://127.0.0.1:PORT#@files.example.com/x.yaml", "http://127.0.0.1:PORT?@files.example.com/x.yaml",
)  # fmt: skip


async def try_everything(portal: PortalForTest, target: str) -> list[Any]:
    """Every way to have the portal read an address: dry run, registration, analysis, judging a document there."""
    location = {"type": "url", "target": target}
    entity = {
        "apiVersion": "a/b",
        "kind": "Component",
        "metadata": {"name": "x"},
        "spec": {"type": "a", "lifecycle": "b", "owner": "c", "d": {"$yaml": target}},
    }
    async with portal.client(SYSTEM) as client:
        answers = [
            await client.post("/api/catalog/locations?dryRun=true", json=location),
            await client.post("/api/catalog/locations", json=location),
            await client.post("/api/catalog/analyze-location", json={"location": location}),
            await client.post("/api/catalog/validate-entity", json={"entity": entity, "location": f"url:{target}"}),
            await client.post(
                "/api/catalog/validate-entity",
                json={"entity": entity, "location": "url:https://files.example.com/a.yaml"},
            ),
        ]
    await portal.portal.jobs.run_due()
    return answers


@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_address_inside_is_asked(inside: Inside, tmp_path: Path, address: str) -> None:
    """Registered, analysed, named by a Location or an include: refused each time, and nobody inside hears of it."""
    target = address.replace("PORT", str(inside.port))
    (tmp_path / "root.yaml").write_text(
        f"apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: evil}}\nspec: {{type: url, targets: ['{target}']}}\n---\n"
        + GOOD.replace("shop", "evil").rstrip()[:-1] + f", stolen: {{$yaml: '{target}'}}}}\n",
        encoding="utf-8",
    )  # fmt: skip
    settings = {
        "catalog": {
            "locations": [{"type": "file", "target": str(tmp_path / "root.yaml")}],
            "rules": [{"allow": ["Component", "Location"]}],
        },
        "backend": {"reading": {"allow": [{"host": "files.example.com"}]}},
    }
    async with make_portal(settings, data_dir=tmp_path / "data") as portal:
        await portal.portal.jobs.run_due()
        answers = await try_everything(portal, target)
        assert answers[0].status_code in (400, 403), answers[0].text
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        async with portal.client(SYSTEM) as client:
            said = (await client.get("/api/catalog/entities")).text
            findings = (await client.get("/api/catalog/v1/findings?limit=100")).json()["items"]
        assert "stolen" not in said.replace(target, "")
        assert len(findings) >= 2
    assert inside.hits == []


@pytest.mark.parametrize(
    "where",
    ["http://127.0.0.1:PORT/secret", "http://localhost:PORT/secret", "http://[::ffff:127.0.0.1]:PORT/secret", "http://2130706433:PORT/secret", "//127.0.0.1:PORT/secret",
     "http://169.254.169.254/latest/meta-data/iam", "http://10.0.0.1/secret", "file:///etc/passwd", "http://user@127.0.0.1:PORT/secret", "gopher://127.0.0.1:PORT/secret",
     "http://127.0.0.1:DOOR\r\nX-Evil: 1"],
)  # fmt: skip
async def test_no_redirect_leads_inside(inside: Inside, door: Inside, tmp_path: Path, where: str) -> None:
    """A host that may be asked sends the portal on to one that may not."""
    door.redirect_to = where.replace("PORT", str(inside.port)).replace("DOOR", str(door.port)).replace("\r\n", "%0d%0a")
    settings = {"backend": {"reading": {"allow": [{"host": f"127.0.0.1:{door.port}"}]}}}
    async with make_portal(settings, data_dir=tmp_path / "data") as portal:
        answers = await try_everything(portal, f"http://127.0.0.1:{door.port}/x.yaml")
        assert answers[0].status_code in (400, 403), answers[0].text
        assert all(answer.status_code < 500 for answer in answers)
        async with portal.client(SYSTEM) as client:
            assert (await client.get("/api/catalog/entities?filter=kind=component")).json() == []
    assert door.hits
    assert inside.hits == []


async def test_redirects_that_never_end_are_given_up(door: Inside, tmp_path: Path) -> None:
    """After five, and told so."""
    door.redirect_to = f"http://127.0.0.1:{door.port}/again"
    settings = {"backend": {"reading": {"allow": [{"host": f"127.0.0.1:{door.port}"}]}}}
    async with make_portal(settings, data_dir=tmp_path / "data") as portal, portal.client(SYSTEM) as client:
        answer = await client.post(
            "/api/catalog/locations?dryRun=true",
            json={"type": "url", "target": f"http://127.0.0.1:{door.port}/x.yaml"},
        )
    assert answer.status_code == 400
    assert "redirects more than" in answer.text
    assert len(door.hits) < 10
