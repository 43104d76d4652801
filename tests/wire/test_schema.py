"""The OpenAPI document against the running server: whatever is made up from it is answered as it says."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, Iterator

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from callboard.testing.http import FakeHttp
from callboard.testing.portal import make_portal
from tests.wire import peer

pytestmark = pytest.mark.slow
EXAMPLES = [pytest.param(5, id="few"), pytest.param(50, marks=pytest.mark.soak, id="many")]  # for each operation


@pytest.fixture(scope="module")
def server(peer_catalog: Path, peer_template: Path) -> Iterator[str]:
    """The portal in a thread of its own, for a client that blocks."""
    started = threading.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        async with make_portal(peer.settings(peer_catalog, peer_template), transport=FakeHttp()) as portal:
            await portal.jobs.run_due()
            async with peer.serving(portal.portal) as url:
                found.update(url=url, loop=asyncio.get_running_loop(), stop=asyncio.Event())
                started.set()
                await found["stop"].wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30)
    yield found["url"]
    found["loop"].call_soon_threadsafe(found["stop"].set)
    thread.join(10)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("plugin", ["catalog", "scaffolder"])
def test_made_up_requests_are_answered_as_the_document_says(server: str, plugin: str, examples: int) -> None:
    """No server errors, no status, type or body that the document does not name; for good and for bad input."""
    base = f"{server}/api/{plugin}"
    document = httpx2.get(f"{base}/openapi.json", headers={"authorization": f"Bearer {peer.TOKEN}"}).json()
    schema = schemathesis.openapi.from_dict(document)
    asked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        asked.add(operation.label)
        _check(operation, base, examples)
    assert len(asked) == sum(len(methods) for methods in document["paths"].values())


def _check(operation: Any, base: str, examples: int) -> None:
    good = operation.as_strategy()
    bad = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    for strategy in (good, bad):

        @settings(
            max_examples=examples, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def ask(case: Any) -> None:
            response = case.call(base_url=base, headers={"authorization": f"Bearer {peer.TOKEN}"})
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    *(
                        schemathesis.checks.CHECKS.get_one(name)
                        for name in (
                            "status_code_conformance",
                            "content_type_conformance",
                            "response_schema_conformance",
                        )
                    ),
                ],
            )

        ask()
