"""What commands act on: a local store (``--data``), opened as the server opens it, or a server (``--url``)."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncIterator, Mapping, Protocol, Sequence
from urllib.parse import quote

from callboard.cli.serve import DEFAULT_DATA
from callboard.kernel.errors import (
    AuthenticationError,
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)  # fmt: skip

if TYPE_CHECKING:
    from callboard.app import Portal

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a command acts. With ``url`` a server, else the local store."""

    data: Path = DEFAULT_DATA
    config: tuple[Path, ...] = ()
    url: str | None = None
    token: str | None = None

    @classmethod
    def of(cls, data: Path, config: Sequence[Path] | None, url: str | None, token: str | None) -> Target:
        """``CALLBOARD_URL`` and ``CALLBOARD_TOKEN`` stand in for options that are not given."""
        return cls(
            data, tuple(config or ()), url or os.environ.get("CALLBOARD_URL") or None,
            token or os.environ.get("CALLBOARD_TOKEN") or None,
        )  # fmt: skip


class Door(Protocol):
    """Actions, near or far."""

    async def list(self) -> Sequence[Mapping[str, Any]]:
        """As ``GET /api/actions/v1/actions`` lists them."""

    async def invoke(
        self, id: str, input: Mapping[str, Any], *, secrets: Mapping[str, str] | None = None, dry_run: bool = False
    ) -> Mapping[str, Any]: ...


@asynccontextmanager
async def open_portal(target: Target, *, upgrade: bool = True) -> AsyncIterator[Portal]:
    """The local store as a portal that serves nobody and runs no jobs."""
    from callboard.app import create_portal
    from callboard.kernel.logs import configure_logs
    from callboard.kernel.settings import Settings

    settings = Settings.load(target.config)
    configure_logs(level="error", secrets=settings.secrets)
    portal = await create_portal(settings, data_dir=target.data)
    try:
        if upgrade:
            await portal.upgrade()
        yield portal
    finally:
        await portal.close()


@asynccontextmanager
async def open_door(target: Target) -> AsyncIterator[Door]:
    """The actions of ``target``; a local store is acted on as the portal itself, so everything is allowed."""
    if target.url is not None:
        async with open_server(target) as server:
            yield RemoteActions(server)
        return
    async with open_portal(target) as portal:
        yield LocalActions(portal)


class LocalActions:
    """Actions of a store on this machine. Whoever may write the files is trusted with all of them."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def list(self) -> Sequence[Mapping[str, Any]]:
        from callboard.kernel.actions import format_action
        from callboard.kernel.auth.actor import SYSTEM

        return [
            {**format_action(one), "supportsDryRun": one.supports_dry_run, "needsWorkspace": one.needs_workspace}
            for one in self._portal.actions.list(SYSTEM, with_workspace=True)
        ]

    async def invoke(
        self, id: str, input: Mapping[str, Any], *, secrets: Mapping[str, str] | None = None, dry_run: bool = False
    ) -> Mapping[str, Any]:
        from callboard.kernel.auth.actor import SYSTEM

        return await self._portal.actions.invoke(id, dict(input), actor=SYSTEM, secrets=secrets, dry_run=dry_run)


class RemoteActions:
    """Actions of a server, within what the token allows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = (await self._server.get("/api/actions/v1/actions"))["actions"]
        return found

    async def invoke(
        self, id: str, input: Mapping[str, Any], *, secrets: Mapping[str, str] | None = None, dry_run: bool = False
    ) -> Mapping[str, Any]:
        body = {"input": dict(input), "secrets": dict(secrets or {}), "dryRun": dry_run}
        answer = await self._server.post(f"/api/actions/v1/actions/{quote(id, safe='')}/invoke", body)
        output: Mapping[str, Any] = answer["output"]
        return output


class Server:
    """A running Callboard, asked over HTTP. Error answers become the errors they stand for."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._has_asked_in = "authorization" in client.headers

    async def get(self, path: str) -> Any:
        """The JSON at ``path``. Raises a ``CallboardError`` for any answer but 2xx."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: Any) -> Any:
        return await self._ask("POST", path, body)

    async def put(self, path: str, body: Any) -> Any:
        return await self._ask("PUT", path, body)

    async def post_bytes(self, path: str, content: bytes) -> Any:
        """Send a file as it is."""
        return await self._ask("POST", path, None, content)

    async def get_text(self, path: str) -> str:
        """What stands at ``path``, as text. Errors as ``get``."""
        answer = await self._send("GET", path, None)
        if not answer.is_success:
            raise _error_of(answer)
        return str(answer.text)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path, None)

    async def status_of(self, path: str) -> int:
        return int((await self._send("GET", path, None)).status_code)

    async def _ask(self, method: str, path: str, body: Any, content: bytes | None = None) -> Any:
        if method != "GET" and not self._has_asked_in:
            await self._ask_in()
        answer = await self._send(method, path, body, content)
        if answer.is_success:
            try:
                return answer.json() if answer.content else None
            except ValueError:
                raise UnavailableError(f"{answer.url} did not answer with JSON; is it a Callboard server?") from None
        raise _error_of(answer)

    async def _ask_in(self) -> None:
        """Without a token, changes are made as the guest where there is one: a request with no token at all is taken for a
        page's form, and refused for not being one.
        """
        self._has_asked_in = True
        answer = await self._send("GET", "/api/auth/guest/refresh", None)
        if answer.is_success:
            token = ((answer.json() or {}).get("backstageIdentity") or {}).get("token")
            if token:
                self._client.headers["authorization"] = f"Bearer {token}"

    async def _send(self, method: str, path: str, body: Any, content: bytes | None = None) -> Any:
        import httpx2

        sent: dict[str, Any] = {"json": body}
        if content is not None:
            sent = {"content": content, "headers": {"content-type": "application/octet-stream"}}
        try:
            return await self._client.request(method, path, **sent)
        except httpx2.InvalidURL as error:
            raise InputError(f"--url: {error}") from None
        except httpx2.HTTPError as error:
            raise UnavailableError(
                f"{self._client.base_url} does not answer: {error or type(error).__name__}"
            ) from None


@asynccontextmanager
async def open_server(target: Target) -> AsyncIterator[Server]:
    """The server at ``target.url``."""
    import httpx2

    url = target.url or ""
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--url {url!r} is not an http or https URL")
    headers = {"accept": "application/json"}
    if target.token:
        headers["authorization"] = f"Bearer {target.token}"
    async with httpx2.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=_TIMEOUT_S) as client:
        yield Server(client)


_BY_STATUS: Mapping[int, type[CallboardError]] = {
    400: InputError, 401: AuthenticationError, 403: NotAllowedError, 404: NotFoundError, 409: ConflictError, 413: LimitError,
    422: InputError, 429: LimitError,
}  # fmt: skip


def _error_of(answer: Any) -> CallboardError:
    message = ""
    try:
        body = answer.json()
        if isinstance(body, dict):
            nested = body.get("error")
            message = str(
                (nested.get("message") if isinstance(nested, dict) else None)
                or body.get("detail")
                or body.get("title")
                or ""
            )
    except json.JSONDecodeError:
        pass
    kind = _BY_STATUS.get(answer.status_code, UnavailableError)
    return kind(message or f"{answer.url} answered {answer.status_code}")
