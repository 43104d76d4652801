"""A portal as a process of its own, which has to be well after every attack."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator

import pytest

from tests.faults.serving import Server, write_settings

GOOD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  description: The one thing here that means no harm
  tags: [java, web]
spec: {type: service, lifecycle: production, owner: team}
"""

ROOT = """\
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: hostile}
spec: {targets: ["./cases/*.yaml"]}
"""


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process for all attacks. Its Location ``hostile`` names every file of the folder ``cases``."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "cases").mkdir()
    (folder / "cases" / "shop.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "root.yaml").write_text(ROOT, encoding="utf-8")
    server = Server(write_settings(folder, folder / "root.yaml", {"catalog": {"watchFiles": False}}), folder / "data")
    try:
        ends = time.monotonic() + 20
        while not server.get("/api/catalog/entities?filter=kind=component"):
            assert time.monotonic() < ends, "the portal never had its entity"
            time.sleep(0.05)
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(running_server: Server) -> Iterator[Server]:
    """The running portal; afterwards it is still the same process, is well, and has what it had."""
    yield running_server
    require_well(running_server)


def require_well(server: Server) -> None:
    assert server.process.poll() is None, server.log.read_text()[-2000:]
    started = time.monotonic()
    assert server.get("/.backstage/health/v1/readiness") == {"status": "ok"}
    entity = server.get("/api/catalog/entities/by-name/component/default/shop")
    assert entity["metadata"]["tags"] == ["java", "web"]
    assert time.monotonic() - started < 5, "it answers, but slowly"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that no location may lead to, beside a folder that one may."""
    secret = tmp_path / "outside" / "secret.yaml"
    secret.parent.mkdir()
    secret.write_text(GOOD.replace("shop", "stolen") + "  # top-secret\n", encoding="utf-8")
    (secret.parent / "secret.txt").write_text("top-secret", encoding="utf-8")
    return secret
