"""A small portal with real identity, permission, routing and tables, and nothing above the kernel."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import httpx2
import pytest

from callboard.kernel.actions import ActionRegistry
from callboard.kernel.auth.ownership import OwnershipResolver
from callboard.kernel.auth.service import Auth
from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.http_client import HttpClient
from callboard.kernel.jobs import Jobs
from callboard.kernel.metrics import Metrics
from callboard.kernel.migrations import MIGRATIONS
from callboard.kernel.policy import PolicyPermissions
from callboard.kernel.settings import Settings
from callboard.kernel.signals import Signals
from callboard.kernel.web.asgi import build_asgi
from callboard.testing.clock import FakeClock

TOKEN = "a-token-for-tests"
ACCESS = {"type": "static", "options": {"token": TOKEN, "subject": "test"}}


class RecordingAudit:
    """Keeps what was recorded."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def record(self, tx: Any, event: str, *, actor: Any, **fields: Any) -> None:
        await self.add(tx, [self.prepare(event, actor=actor, **fields)])

    def prepare(self, event: str, *, actor: Any, **fields: Any) -> dict[str, Any]:
        return {"event": event, "actor": actor.subject, **fields}

    async def add(self, tx: Any, entries: list[dict[str, Any]]) -> None:
        self.events.extend(entries)


class Groups:
    """An ownership resolver whose answers a test sets."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = {}
        self.number = 0
        self.asked = 0

    def revision(self) -> int:
        return self.number

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        self.asked += 1
        return frozenset(self.of.get(user_ref, ())) | {user_ref}


class SmallPortal:
    """What ``build_asgi`` reads of a portal, real as far as it goes."""

    def __init__(
        self,
        db: Any,
        clock: FakeClock,
        settings: Settings,
        *,
        routes: Sequence[Any] = (),
        raw_routes: Sequence[Any] = (),
        demo: bool = False,
        services: Mapping[type, Any] | None = None,
        transport: Any = None,
    ) -> None:
        self.db, self.clock, self.settings, self.demo = db, clock, settings, demo
        self.audit: Any = RecordingAudit()
        self.http = HttpClient(settings, clock, transport)
        self.groups = Groups()
        self._services = {OwnershipResolver: self.groups, **(services or {})}
        self.permissions = PolicyPermissions.from_settings(settings, demo=demo)
        self.auth = Auth(db=db, clock=clock, settings=settings, audit=self.audit, http=self.http, demo=demo)
        self.actions = ActionRegistry(self.permissions, self.audit, settings)
        self.jobs = Jobs(db, clock)
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        self.signals = Signals(db)
        self.early_routes, self.raw_routes, self.socket_routes = list(routes), list(raw_routes), []
        self.late_routes: list[Any] = []
        self.nav_items: list[Any] = []
        self.settings_pages: list[Any] = []
        self.page_context: list[Any] = []
        self.template_packages: list[str] = []
        self.asgi = build_asgi(self)

    def find_service(self, interface: type) -> Any:
        return self._services.get(interface)

    def client(
        self, *, base_url: str = "http://localhost:7007", address: str = "127.0.0.1", **options: Any
    ) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.asgi, client=(address, 4711), raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=base_url, **options)


@pytest.fixture
async def make_small_portal(sqlite_db: Any, clock: FakeClock) -> AsyncIterator[Callable[..., SmallPortal]]:
    """Builds portals over one SQLite database; ``settings`` None means that there is no settings file."""
    await upgrade(sqlite_db, [MIGRATIONS])
    async with AsyncExitStack() as stack:

        def make(settings: Mapping[str, Any] | None = None, *, db: Any = None, **options: Any) -> SmallPortal:
            given = Settings.of(settings or {}, has_file=settings is not None)
            portal = SmallPortal(db or sqlite_db, clock, given, **options)
            stack.push_async_callback(portal.http.close)
            return portal

        yield make


@pytest.fixture
def guest_settings() -> dict[str, Any]:
    """Settings with a guest provider and one static token, as the recorded Backstage had."""
    return {
        "backend": {
            "baseUrl": "http://127.0.0.1:7007",
            "listen": "127.0.0.1:7007",
            "auth": {"externalAccess": [ACCESS]},
        },
        "auth": {"providers": {"guest": {}, "local": {}}},
        "permission": {"enabled": False},
    }


@pytest.fixture
def bearer() -> dict[str, str]:
    """The header of the static token in ``guest_settings``."""
    return {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def store(db: Database) -> Database:
    """A database with the kernel's tables."""
    await upgrade(db, [MIGRATIONS])
    return db
