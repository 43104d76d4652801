"""Servers on loopback that stand for outside hosts: they count, limit, page, answer conditionally, and fail when told."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Awaitable, Callable

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

FILES = {
    "catalog-info.yaml": b"kind: Component\n",
    "docs/api/catalog-info.yaml": b"kind: API\n",
    "docs/readme.md": b"# Read me\n",
    "services/a b/catalog-info.yaml": b"kind: System\n",
}
"""Files of the repository that every emulated host has."""


@dataclass
class Repository:
    """Files at one commit. ``put`` makes another commit."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    branch: str = "main"
    commits: int = 1
    author: str = "Ada\u202e\n<b>Lovelace</b>"
    """Of every commit: hostile, as names in histories may be."""

    @property
    def commit(self) -> str:
        return hashlib.sha1(f"{self.commits}".encode()).hexdigest()

    def put(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.commits += 1

    def blob(self, path: str) -> str:
        return hashlib.sha1(b"blob" + self.files[path]).hexdigest()

    def commit_row(self) -> dict[str, Any]:
        """A commit as git names its parts."""
        person = {"name": self.author, "email": "ada@example.org", "date": "2026-11-23T05:00:00+02:00"}
        return {"author": {**person, "date": "2020-01-01T00:00:00Z"}, "committer": person}

    def knows(self, ref: str | None) -> bool:
        return ref in (None, "", "HEAD", self.branch, self.commit)


@dataclass
class Failure:
    """What to answer instead, for requests whose path and query contain ``part``. ``times`` None is from now on."""

    part: str
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    times: int | None = None
    delay_s: float = 0.0


class Emulator:
    """An ASGI app. Subclasses answer in ``handle``; here are ETags, the limit, failures and the log of requests."""

    limit_prefix = "x-ratelimit-"

    def __init__(self) -> None:
        self.repository = Repository()
        self.base = ""
        self.log: list[str] = []
        self.tokens: list[str | None] = []
        self.counted = 0
        self.limit = 5000
        self.reset_at = 1_795_404_000
        self.failures: list[Failure] = []

    @property
    def host(self) -> str:
        return self.base.removeprefix("http://")

    def fail(self, part: str, status: int = 500, **rest: Any) -> None:
        self.failures.append(Failure(part, status, **rest))

    async def handle(self, request: Request) -> Response:
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        self.log.append(f"{scope['method']} {raw}")
        self.tokens.append(request.headers.get("authorization") or request.headers.get("private-token"))
        response = await self._failure(raw)
        if response is None:
            response = self._conditional(request, await self.handle(request))
            if response.status_code != 304:
                self.counted += 1
        for name, value in (("limit", self.limit), ("remaining", self.limit - self.counted), ("reset", self.reset_at)):
            response.headers.setdefault(self.limit_prefix + name, str(value))
        await response(scope, receive, send)

    async def _failure(self, raw: str) -> Response | None:
        for failure in self.failures:
            if failure.part in raw and failure.times != 0:
                if failure.times is not None:
                    failure.times -= 1
                await asyncio.sleep(failure.delay_s)
                return Response(failure.body, failure.status, headers=failure.headers)
        return None

    def _conditional(self, request: Request, response: Response) -> Response:
        if response.status_code != 200 or request.method != "GET":
            return response
        etag = f'W/"{hashlib.sha1(bytes(response.body)).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        response.headers["etag"] = etag
        return response


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, "application/json; charset=utf-8")


def missing() -> Response:
    return json({"message": "Not Found"}, 404)


def paged(request: Request, items: list[Any], base: str, *, size: int = 2) -> Response:
    """Page by ``?page=``, ``size`` items each, with a ``Link`` header as GitHub and GitLab write it."""
    page = int(request.query_params.get("page", 1))
    headers = {}
    if page * size < len(items):
        query = request.url.include_query_params(page=page + 1).query
        # the path as it was sent: an encoded slash in a project's name must stay one
        headers["link"] = f'<{base}{request.scope["raw_path"].decode()}?{query}>; rel="next", <{base}/x>; rel="last"'
    return json(items[(page - 1) * size : page * size], headers=headers)


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[str]:
    """``http://127.0.0.1:<port>`` where the app answers while the block runs."""
    config = uvicorn.Config(app, "127.0.0.1", 0, log_level="critical", lifespan="off", access_log=False, ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # without the main loop, which looks only ten times a second whether to end
    await server.startup()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        # uvicorn's own shutdown waits for a tenth of a second, which hundreds of tests would add up
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        for task in list(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


@asynccontextmanager
async def emulate(emulator: Emulator) -> AsyncIterator[Emulator]:
    async with serve(emulator) as base:
        emulator.base = base
        yield emulator


def git_http_backend(root: str, *, password: str | None = None) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """An ASGI app that runs ``git http-backend`` as a CGI program over the repositories below ``root``."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        if password and password not in request.headers.get("authorization", ""):
            await Response(status_code=401, headers={"www-authenticate": "Basic"})(scope, receive, send)
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.url.path,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        body = await request.body()
        environment["CONTENT_LENGTH"] = str(len(body))
        process = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
        )
        out, _ = await process.communicate(body)
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        await Response(content, status, headers)(scope, receive, send)

    return app
