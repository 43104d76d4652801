"""A portal in this process, on a store of its own, and a client that speaks to it without a socket."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Mapping, Sequence

import httpx2

from callboard.app import Portal, create_portal
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock
from callboard.kernel.settings import Settings
from callboard.testing._tables import lay_tables
from callboard.testing.clock import FakeClock

BASE_URL = "http://localhost:7007"


class PortalForTest:
    """A started portal; everything that ``Portal`` has, and ``client``."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def __getattr__(self, name: str) -> Any:
        return getattr(self.portal, name)

    def client(
        self, actor: Actor | None = None, *, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx2.AsyncClient:
        """See ``portal_client``."""
        return portal_client(self.portal, actor, token=token, headers=headers)


@asynccontextmanager
async def make_portal(
    settings: Mapping[str, Any] | Settings | None = None,
    *,
    plugins: Sequence[Any] = (),
    data_dir: Path | None = None,
    clock: Clock | None = None,
    transport: Any = None,
    demo: bool = False,
    start: bool = True,
    jobs: bool = False,
    installed_plugins: bool = False,
) -> AsyncIterator[PortalForTest]:
    """A portal on a fresh SQLite store, closed at the end.

    Args:
        settings: As in app-config.yaml. None is a start without a settings file.
        plugins: Modules, objects, or (name, object) pairs, beside the built-in features.
        data_dir: A temporary folder unless given.
        clock: A ``FakeClock`` unless given.
        transport: For outbound HTTP; give a ``FakeHttp``. Without one the real network would be asked.
        start: Upgrade the tables and run the startup hooks.
        jobs: Let jobs run by themselves; otherwise ``await portal.jobs.run_due()`` runs what is due.
    """
    given = settings if isinstance(settings, Settings) else Settings.of(settings or {}, has_file=settings is not None)
    with tempfile.TemporaryDirectory(prefix="callboard-test-") as temporary:
        folder = data_dir or Path(temporary)
        if start and not given.has("backend.database"):
            await lay_tables(folder)
        portal = await create_portal(
            given, data_dir=folder, clock=clock or FakeClock(), demo=demo, transport=transport,
            plugins=plugins, installed_plugins=installed_plugins,
        )  # fmt: skip
        try:
            if start:
                await portal.start(jobs=jobs)
            yield PortalForTest(portal)
        finally:
            await portal.close()


def portal_client(
    portal: Portal, actor: Actor | None = None, *, token: str | None = None, headers: Mapping[str, str] | None = None
) -> httpx2.AsyncClient:
    """A client of ``portal`` in this process.

    With ``actor`` its requests are made by that actor, whatever the credentials; with ``token`` they carry a bearer
    token; with neither they come from nobody. Errors inside the portal come out as answers, as over a socket.
    """
    sent = dict(headers or {})
    if actor is not None:
        if not isinstance(portal.auth, _ActingAuth):
            portal.auth = _ActingAuth(portal.auth)  # type: ignore[assignment]
        token = portal.auth.token_of(actor)  # type: ignore[attr-defined]
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    transport = httpx2.ASGITransport(app=portal.asgi, raise_app_exceptions=False, client=("127.0.0.1", 50000))
    return httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=sent)


class _ActingAuth:
    """The portal's ``Auth`` which besides knows tokens of actors made up in a test."""

    def __init__(self, auth: Any) -> None:
        self._auth = auth
        self._actors: dict[bytes, Actor] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._auth, name)

    def token_of(self, actor: Actor) -> str:
        token = f"actor-{secrets.token_hex(8)}"
        self._actors[f"Bearer {token}".encode()] = actor
        return token

    def find(self, scope: Mapping[str, Any]) -> Actor | None:
        found: Actor | None = self._acting(scope) or self._auth.find(scope)
        return found

    async def authenticate(self, scope: Mapping[str, Any], **options: Any) -> Actor:
        found: Actor = self._acting(scope) or await self._auth.authenticate(scope, **options)
        return found

    def _acting(self, scope: Mapping[str, Any]) -> Actor | None:
        for name, value in scope["headers"]:
            if name == b"authorization":
                return self._actors.get(value)
        return None
