"""What the recorded server was, apart from its catalog: token, settings, and the files that it could read by HTTP."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Iterator, Mapping

import uvicorn

from callboard.app import Portal
from callboard.testing.http import FakeAnswer, FakeHttp, SentRequest

TOKEN = "peer-measure-token"
FILES = "http://127.0.0.1:7099"
KINDS = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location"]


class Files:
    """Files at ``http://127.0.0.1:7099``, which ``url`` locations may be read from."""

    def __init__(self, transport: FakeHttp) -> None:
        self.transport = transport
        self._contents: dict[str, str] = {}

    def put(self, name: str, content: str) -> None:
        """Make or change a file."""
        if name not in self._contents:
            for query in ("", "?v=2"):
                self.transport.add_function(f"{FILES}/{name}{query}", self._answer)
        self._contents[name] = content

    def put_nothing(self, name: str) -> None:
        """Have a file be missing, rather than the host be down."""
        self.transport.add(f"{FILES}/{name}", "not here", status=404)

    def _answer(self, request: SentRequest) -> FakeAnswer:
        name = request.url.removeprefix(f"{FILES}/").partition("?")[0]
        return FakeAnswer(200, {"content-type": "text/yaml"}, self._contents[name].encode())


def component(name: str, description: str) -> str:
    """The descriptor that the recorder put at ``one.yaml``."""
    return (
        f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\n  description: {description}\nspec:\n"
        "  type: service\n  lifecycle: production\n  owner: group-000000\n"
    )


def settings(catalog: Path, template: Path) -> Mapping[str, Any]:
    """What the recorded server was set up with."""
    return {
        "backend": {
            "baseUrl": "http://localhost:7007",
            "auth": {"externalAccess": [{"type": "static", "options": {"token": TOKEN, "subject": "measure"}}]},
            "reading": {"allow": [{"host": "127.0.0.1:7099"}]},
        },
        "auth": {"providers": {"guest": {"dangerouslyAllowOutsideDevelopment": True}}},
        "catalog": {
            "rules": [{"allow": KINDS}],
            "locations": [
                {"type": "file", "target": str(catalog / "all.yaml")},
                {"type": "file", "target": str(catalog / "single.yaml")},
                {"type": "file", "target": str(template)},
            ],
        },
    }


@asynccontextmanager
async def serving(portal: Portal) -> AsyncIterator[str]:
    """The portal on a socket of this machine, in this event loop; its URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(portal.asgi, log_config=None, lifespan="off", access_log=False)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
        listener.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the test run."""
        yield
