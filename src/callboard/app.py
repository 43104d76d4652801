"""The composition root: settings in, portal out. The one module that knows everyone.

Order: settings, logs, database, plugins, then what the kernel offers, then each plugin's part in the order of the layers,
then the web application. ``Portal.start`` brings the tables up to date, runs what plugins want at the start, and lets the
jobs loose; until then requests wait.

Two portals in one process do not see each other: nothing here is global.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Mapping, Sequence, TypeVar, cast

from callboard.kernel.clock import Clock, SystemClock
from callboard.kernel.errors import CallboardError, UnavailableError
from callboard.kernel.health import HEALTH_PREFIX, Health, StartGate
from callboard.kernel.logs import bound_context, get_logger
from callboard.kernel.metrics import Metrics
from callboard.kernel.plugins.hooks import LateService
from callboard.kernel.plugins.loader import PluginFailed, PluginManager
from callboard.kernel.restarting import Restarting
from callboard.kernel.settings import CORE_SETTINGS, Setting, Settings

if TYPE_CHECKING:
    from callboard.kernel.actions import Action, ActionRegistry
    from callboard.kernel.audit import Audit
    from callboard.kernel.auth.service import Auth
    from callboard.kernel.db.interface import Database
    from callboard.kernel.db.migrations import Migrations, Pending
    from callboard.kernel.events import Events
    from callboard.kernel.health import ASGIApp
    from callboard.kernel.http_client import HttpClient
    from callboard.kernel.jobs import Jobs
    from callboard.kernel.policy import PolicyPermissions
    from callboard.kernel.signals import Signals
    from callboard.kernel.web.routing import LateRoutes, RawRoute, Route, SocketRoute
    from callboard.kernel.web.shell import NavItem, PageContext

BUILTINS: Mapping[str, str] = {
    "kernel": "callboard.kernel.plugin",
    "events": "callboard.kernel.events.plugin",
    "ui": "callboard.ui.plugin",
    "search": "callboard.features.search.plugin",
    "catalog": "callboard.features.catalog.plugin",
    "notifications": "callboard.features.notifications.plugin",
    "importing": "callboard.features.importing.plugin",
    "scaffolder": "callboard.features.scaffolder.plugin",
    "techdocs": "callboard.features.techdocs.plugin",
    "editing": "callboard.features.editing.plugin",
    "proposals": "callboard.features.proposals.plugin",
    "ownership": "callboard.features.ownership.plugin",
    "announcements": "callboard.features.announcements.plugin",
    "settings": "callboard.features.settings.plugin",
    "setup": "callboard.features.setup.plugin",
    "admin": "callboard.features.admin.plugin",
    "git": "callboard.integrations.git.plugin",
    "github": "callboard.integrations.github.plugin",
    "github-actions": "callboard.integrations.github_actions.plugin",
    "gitlab": "callboard.integrations.gitlab.plugin",
    "bitbucket": "callboard.integrations.bitbucket.plugin",
    "azure": "callboard.integrations.azure.plugin",
    "gitea": "callboard.integrations.gitea.plugin",
    "gerrit": "callboard.integrations.gerrit.plugin",
}
"""Built-in plugins, low to high. One whose folder was taken out is passed over."""

STOP_TIMEOUT_S = 1.5
JOB_GRACE_S = 0.4
"""Running jobs get this long to end by themselves; what is cut off is taken up by another replica or the next start."""
T = TypeVar("T")
log = get_logger(__name__)


class ServiceMissing(UnavailableError):
    """A plugin asked for a service that no other plugin here offers."""

    code = "portal.service_missing"


class Portal:
    """One portal: what plugins and the web see of the rest. Built by ``create_portal``.

    ``asgi`` is the application, ``health`` tells whether it is ready, ``stopping`` is set when open streams should end.
    """

    settings: Settings
    clock: Clock
    data_dir: Path
    demo: bool
    db: Database
    plugins: PluginManager
    metrics: Metrics
    health: Health
    stopping: asyncio.Event
    restarting: Restarting
    events: Events
    signals: Signals
    jobs: Jobs
    audit: Audit
    http: HttpClient
    permissions: PolicyPermissions
    auth: Auth
    actions: ActionRegistry
    migrations: Sequence[Migrations]
    setting_rows: Sequence[Setting]
    early_routes: Sequence[Route]
    late_routes: Sequence[LateRoutes]
    raw_routes: Sequence[RawRoute]
    socket_routes: Sequence[SocketRoute]
    nav_items: Sequence[NavItem]
    settings_pages: Sequence[NavItem]
    page_context: Sequence[PageContext]
    template_packages: Sequence[str]
    asgi: ASGIApp

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path,
        clock: Clock,
        db: Database,
        plugins: PluginManager,
        demo: bool = False,
        transport: Any = None,
    ) -> None:
        """Nothing is connected yet: ``create_portal`` does that."""
        self.settings = settings
        self.data_dir = data_dir
        self.clock = clock
        self.db = db
        self.plugins = plugins
        self.demo = demo
        self.stopping = asyncio.Event()
        self.restarting = Restarting()
        self.metrics = Metrics()
        wait = settings.get_duration("backend.lifecycle.startupRequestPauseTimeout", "5s")
        headers = settings.get("backend.health.headers", {})
        self.health = Health({str(name): str(value) for name, value in headers.items()}, wait.total_seconds())
        self._transport = transport
        self._services: dict[type | str, Any] = {}
        self._offered_by: dict[type | str, str] = {}
        self._startup: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._shutdown: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._is_closed = False
        self._are_jobs_running = False

    def service(self, interface: type[T]) -> T:
        """What the plugin that hosts ``interface`` built. Raises ``ServiceMissing``: it is off, or stands above the asker."""
        found = self.find_service(interface)
        if found is None:
            raise ServiceMissing(
                f"nobody offers {interface.__module__}.{interface.__qualname__}; is the feature that does switched off?"
            )
        return found

    def find_service(self, interface: type[T]) -> T | None:
        """As ``service``, but None when nobody offers it."""
        key: type | str = (
            interface if interface in self._services else f"{interface.__module__}.{interface.__qualname__}"
        )
        found = self._services.get(key)
        return cast("T | None", self._made(key, found) if isinstance(found, LateService) else found)

    def find_made_service(self, key: type | str) -> Any:
        """What is offered under ``key`` (a type, or its full name where it is offered by that), unless it is still put off."""
        found = self._services.get(key)
        return None if isinstance(found, LateService) else found

    def _made(self, key: type | str, late: LateService) -> Any:
        self._services[key] = made = late.make()
        return made

    @property
    def routes(self) -> Sequence[Route]:
        """All of them; what was put off is made for that."""
        return [*self.early_routes, *(route for one in self.late_routes for route in one.routes)]

    # ---- putting it together ---------------------------------------------------------------------------------------

    def assemble(self) -> None:
        """Ask every plugin for its part. Raises ``PluginFailed``; then this portal is of no use."""
        from callboard.kernel.actions import ActionRegistry
        from callboard.kernel.audit import Audit
        from callboard.kernel.auth.service import Auth
        from callboard.kernel.events import Events
        from callboard.kernel.http_client import HttpClient
        from callboard.kernel.jobs import Jobs
        from callboard.kernel.policy import PolicyPermissions
        from callboard.kernel.signals import Signals

        self.plugins.prepare = None
        collect = self.plugins.collect
        self.setting_rows = [*CORE_SETTINGS, *collect("register_settings")]
        self.settings = self.settings.checked(self.setting_rows)
        self.migrations = collect("register_migrations")
        self.http = HttpClient(self.settings, self.clock, self._transport)
        self.audit = Audit(self.db, self.clock)
        self.events = Events(self.db, self.clock)
        self.signals = Signals(self.db)
        self.jobs = Jobs(self.db, self.clock, lease_s=_longest_lease_s(self.settings))
        self.permissions = PolicyPermissions.from_settings(self.settings, demo=self.demo)
        self.permissions.register(
            collect("register_permissions", portal=self), collect("register_permission_rules", portal=self)
        )
        self.auth = Auth(
            db=self.db, clock=self.clock, settings=self.settings, audit=self.audit, http=self.http, demo=self.demo
        )
        self.actions = ActionRegistry(self.permissions, self.audit, self.settings)
        self._build_services()
        for provider in collect("register_sign_in_providers", portal=self):
            self.auth.add_provider(provider)
        self.actions.put_off(self._register_actions)
        if not self._is_all_ours:  # an action that cannot be added leaves its plugin out, and is found now for that
            self.actions.register_now()
        self.jobs.register_kinds(collect("register_jobs", portal=self))
        self.jobs.register_schedules(collect("register_schedules", portal=self))
        self.events.register(collect("register_event_handlers", portal=self))
        self._collect_web()
        self._startup = self._named("register_startup")
        self._shutdown = self._named("register_shutdown")

    @property
    def _is_all_ours(self) -> bool:
        """Whether there are only built-in plugins, whose parts can wait until somebody needs them."""
        return all(one.is_builtin for one in self.plugins.plugins)

    def _build_services(self) -> None:
        """In the order of the layers; but whoever is asked for something else before its turn builds its own first."""
        built: set[str] = set()
        offered_by = self._offered_by

        def build(name: str) -> None:
            if name not in built:
                built.add(name)
                for given in self.plugins.contributions_of(name, "register_services", portal=self):
                    self._services.update(given.value)
                    offered_by.update(dict.fromkeys(given.value, name))

        self.plugins.prepare = build
        for plugin in self.plugins.plugins:
            build(plugin.name)

    def _register_actions(self) -> None:
        for given in self.plugins.contributions("register_actions", portal=self):
            actions: Sequence[Action] = given.value
            self.plugins.attempt(given.plugin, "register_actions", partial(self.actions.register, actions))

    def _collect_web(self) -> None:
        from callboard.kernel.web.asgi import build_asgi
        from callboard.kernel.web.routing import LateRoutes, RawRoute, SocketRoute

        self.template_packages = self.plugins.collect("register_templates")
        self.nav_items = sorted(self.plugins.collect("register_nav_items", portal=self), key=lambda item: item.rank)
        self.settings_pages = self.plugins.collect("register_settings_pages", portal=self)
        self.page_context = self.plugins.collect("register_page_context", portal=self)
        named_routes = self.plugins.collect_named("register_routes", portal=self)
        routes = [route for _, route in named_routes]
        self.raw_routes = [RawRoute(HEALTH_PREFIX, self.health.handle)]
        self.raw_routes += [route for route in routes if isinstance(route, RawRoute)]
        self.socket_routes = [route for route in routes if isinstance(route, SocketRoute)]
        self.late_routes = [route for route in routes if isinstance(route, LateRoutes)]
        self.early_routes = [route for route in routes if not isinstance(route, RawRoute | SocketRoute | LateRoutes)]
        if not self._is_all_ours:
            for key, waiting in [(key, one) for key, one in self._services.items() if isinstance(one, LateService)]:
                if self._services[key] is waiting:  # not made for another of them just now
                    self.plugins.attempt(self._offered_by[key], "register_services", partial(self._made, key, waiting))
            # What such a plugin adds to pages is tried now: it is left out if it fails, and no page fails with it.
            for name, route in named_routes:
                if isinstance(route, LateRoutes):
                    self.plugins.attempt(name, "register_routes", route.make_now)
        self.asgi = StartGate(build_asgi(self), self.health)

    def _named(self, hook: str) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        given = self.plugins.contributions(hook, portal=self)
        return [(one.plugin, function) for one in given for function in one.value]

    # ---- life ------------------------------------------------------------------------------------------------------

    async def upgrade(self) -> Sequence[Pending]:
        """Bring the tables to the version this code needs; what was applied."""
        from callboard.kernel.db.migrations import upgrade

        applied = await upgrade(self.db, self.migrations)
        for pending in applied:
            log.info("tables upgraded", name=pending.name, since=pending.current, versions=list(pending.versions))
        return applied

    async def start(self, *, jobs: bool = True) -> None:
        """Upgrade, run what plugins want at the start, let the jobs loose (unless told not to), and become ready.

        A built-in that fails here stops the start; another plugin is reported, and the rest goes on.
        """
        await self.upgrade()
        for name, function in self._startup:
            await self._run_hook(name, "register_startup", function)
        if jobs:
            self._are_jobs_running = True
            await self.events.start()
            await self.jobs.start()
        self.health.mark_ready()

    async def _run_hook(self, name: str, hook: str, function: Callable[[], Awaitable[None]]) -> None:
        try:
            with bound_context(plugin=name):
                await function()
        except Exception as error:
            if next(one.is_builtin for one in self.plugins.plugins if one.name == name):
                raise
            log.exception("plugin failed at start or stop", plugin=name)
            self.plugins.report(name, "error", f"{hook} failed: {str(error) or type(error).__name__}")

    def begin_stop(self) -> None:
        """Take no new requests and let open streams end. May be repeated; does not wait."""
        self.health.mark_stopping()
        self.stopping.set()

    async def close(self) -> None:
        """Stop everything and let go of the database. May be repeated. Work in progress is taken up by the next start."""
        if self._is_closed:
            return
        self._is_closed = True
        self.begin_stop()
        if self._are_jobs_running:
            await _within(self.jobs.stop(grace_s=JOB_GRACE_S), "jobs")
            await _within(self.events.stop(), "events")
        for name, function in reversed(self._shutdown):
            try:
                await _within(function(), name)
            except Exception:
                log.exception("plugin failed at start or stop", plugin=name)
        await self.http.close()
        await self.db.close()


async def _within(work: Awaitable[None], name: str) -> None:
    """Await ``work``, but no longer than a stop may take."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await work
    except TimeoutError:
        log.warning("stopped without waiting any longer", part=name)


async def create_portal(
    settings: Settings,
    *,
    data_dir: Path,
    clock: Clock | None = None,
    demo: bool = False,
    transport: Any = None,
    plugins: Sequence[Any] = (),
    installed_plugins: bool = True,
) -> Portal:
    """A portal on ``settings``, connected to its database and not yet started.

    Args:
        settings: As loaded; unknown keys become warnings here, because here the plugins are known.
        data_dir: Folder for whatever is kept; made if need be.
        clock: The machine's unless given.
        demo: Show the example organisation, with guests.
        transport: Takes the place of the network for outbound HTTP (``callboard.testing.FakeHttp``).
        plugins: Further ones: modules, objects, or (name, object) pairs.
        installed_plugins: Look for plugins among the installed packages.

    Raises:
        SettingsError: settings that cannot be used.
        PluginFailed: a built-in feature fails. Other plugins that fail are left out and reported.
        UnavailableError: the database does not answer, or the folder cannot be written.
    """
    from callboard.kernel.db.connection import connect

    _ensure_folder(data_dir)
    manager = PluginManager(settings)
    manager.load(BUILTINS, installed=installed_plugins, extra=plugins)
    db = await connect(settings, data_dir)
    try:
        while True:
            portal = Portal(
                settings,
                data_dir=data_dir,
                clock=clock or SystemClock(),
                db=db,
                plugins=manager,
                demo=demo,
                transport=transport,
            )
            try:
                portal.assemble()
            except PluginFailed as failed:
                if failed.is_builtin and isinstance(failed.error, CallboardError):
                    raise failed.error from failed
                manager.exclude(failed)
                continue
            for warning in portal.settings.warnings:
                log.warning("settings", problem=warning)
            return portal
    except BaseException:
        await db.close()
        raise


def _longest_lease_s(settings: Settings) -> float | None:
    """``jobs.lease`` in seconds, None if it is not set. Raises ``SettingsError`` below a second."""
    if not settings.has("jobs.lease"):
        return None
    seconds = settings.get_duration("jobs.lease", "60s").total_seconds()
    if seconds < 1:
        raise settings.error("jobs.lease", "jobs.lease must be at least a second.")
    return seconds


def _ensure_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"the data folder {folder} cannot be made: {error.strerror or error}. Choose another with --data."
        ) from None
