"""The composition root: a portal comes together, starts, survives what is broken, and stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

import pytest

from callboard.app import BUILTINS, ServiceMissing, create_portal
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import UnavailableError
from callboard.kernel.plugins.hooks import LateService, hookimpl
from callboard.kernel.settings import Setting, Settings, SettingsError
from callboard.kernel.web.routing import RawRoute, Route
from callboard.testing import admin, make_portal, user

pytestmark = pytest.mark.anyio


class Weather:
    """What a plugin may be asked for."""

    def __init__(self, word: str) -> None:
        self.word = word


class WeatherPlugin:
    """Uses most doors: a setting, a service, a route, a raw route, an action, start and stop."""

    name = "weather"

    def __init__(self) -> None:
        self.life: list[str] = []

    @hookimpl
    def register_settings(self) -> Sequence[Setting]:
        return [Setting("plugins.weather.word", "text", "sunny")]

    @hookimpl
    def register_services(self, portal: Any) -> Mapping[type, Any]:
        return {Weather: Weather(portal.settings.get_str("plugins.weather.word", "sunny"))}

    @hookimpl
    def register_routes(self, portal: Any) -> Sequence[Any]:
        from starlette.responses import PlainTextResponse

        async def show(request: Any) -> Any:
            return PlainTextResponse(f"{portal.service(Weather).word} for {request.actor.subject}")

        async def quick(scope: Any, receive: Any, send: Any) -> bool:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"quick"})
            return True

        return [Route("/api/weather/v1/now", show), RawRoute("/api/weather/quick", quick)]

    @hookimpl
    def register_actions(self, portal: Any) -> Sequence[Action]:
        async def handler(context: ActionContext) -> Mapping[str, Any]:
            return {"word": portal.service(Weather).word}

        return [Action("weather:tell", "Tell the weather", "Tells it.", handler)]

    @hookimpl
    def register_startup(self, portal: Any) -> Sequence[Any]:
        async def started() -> None:
            self.life.append("started")

        return [started]

    @hookimpl
    def register_shutdown(self, portal: Any) -> Sequence[Any]:
        async def stopped() -> None:
            self.life.append("stopped")

        return [stopped]


async def test_a_plugin_enters_by_the_hooks_and_is_reached_by_every_door() -> None:
    """Service, route, raw route, action, setting, start and stop of one plugin in one portal."""
    plugin = WeatherPlugin()
    async with make_portal({"plugins": {"weather": {"word": "rainy"}}}, plugins=[plugin]) as portal:
        assert portal.settings.warnings == []
        assert portal.service(Weather).word == "rainy"
        async with portal.client(user("ada")) as client:
            assert (await client.get("/api/weather/v1/now")).text == "rainy for user:default/ada"
            assert (await client.get("/api/weather/quick")).text == "quick"
            answer = await client.post("/api/actions/v1/actions/weather:tell/invoke", json={"input": {}})
            assert answer.json() == {"output": {"word": "rainy"}}
        assert plugin.life == ["started"]
    assert plugin.life == ["started", "stopped"]


async def test_an_unknown_key_is_told_where_plugins_are_known() -> None:
    """A plugin's section is closed by its rows, so a typing error in it is found; strict settings refuse it."""
    given = {"plugins": {"weather": {"wrod": "x"}}}
    async with make_portal(given, plugins=[WeatherPlugin()], start=False) as portal:
        assert portal.settings.warnings == [
            "unknown key plugins.weather.wrod, ignored; did you mean plugins.weather.word?"
        ]
    with pytest.raises(SettingsError, match="wrod"):
        async with make_portal(Settings.of(given, strict=True), plugins=[WeatherPlugin()], start=False):
            pass


@pytest.mark.parametrize(
    "hook", ["register_services", "register_routes", "register_actions", "register_settings", "register_migrations"]
)
async def test_a_plugin_that_fails_is_left_out_whole(hook: str) -> None:
    """Whichever hook fails, nothing of the plugin stays, the report says why, and the portal serves."""

    class Failing(WeatherPlugin):
        pass

    def fail(self: Any, portal: Any = None) -> Any:
        raise RuntimeError("out of order")

    def fail_without_portal(self: Any) -> Any:
        raise RuntimeError("out of order")

    without = hook in ("register_settings", "register_migrations")
    setattr(Failing, hook, hookimpl(_renamed(fail_without_portal if without else _with_portal(fail), hook)))
    async with make_portal(plugins=[("failing", Failing())]) as portal:
        assert not portal.plugins.has("failing")
        assert "out of order" in " ".join(problem.message for problem in portal.plugins.problems)
        assert portal.find_service(Weather) is None
        async with portal.client(admin()) as client:
            assert (await client.get("/api/weather/v1/now")).status_code == 404
            assert (await client.get("/metrics")).status_code == 200


def _renamed(function: Any, name: str) -> Any:
    function.__name__ = name
    return function


def _with_portal(function: Any) -> Any:
    def asked(self: Any, portal: Any) -> Any:
        return function(self, portal)

    return asked


async def test_a_plugin_that_fails_at_the_start_does_not_stop_it() -> None:
    """It is reported, and the portal becomes ready."""

    class Failing:
        name = "failing"

        @hookimpl
        def register_startup(self, portal: Any) -> Sequence[Any]:
            async def start() -> None:
                raise RuntimeError("no fuel")

            return [start]

    async with make_portal(plugins=[Failing()]) as portal:
        assert portal.health.is_ready
        assert "no fuel" in portal.plugins.problems[0].message


async def test_actions_of_two_plugins_with_one_id_leave_the_second_out() -> None:
    """The first keeps its action; the other plugin is reported."""

    class Copy:
        name = "copy"

        @hookimpl
        def register_actions(self, portal: Any) -> Sequence[Action]:
            return WeatherPlugin().register_actions(portal)

    async with make_portal(plugins=[WeatherPlugin(), Copy()]) as portal:
        assert [plugin.is_enabled for plugin in portal.plugins.plugins if not plugin.is_builtin] == [True, False]
        assert "weather:tell" in portal.plugins.problems[0].message


async def test_a_service_that_nobody_offers_is_told_by_name() -> None:
    """With what to look at."""
    async with make_portal(start=False) as portal:
        with pytest.raises(ServiceMissing, match="Weather"):
            portal.service(Weather)


async def test_a_plugin_asked_before_its_turn_builds_its_services_first() -> None:
    """A host below collects from a contributor above while it is being built; the contributor has its own service by then."""

    class Contributor:
        name = "contributor"

        @hookimpl
        def register_services(self, portal: Any) -> Mapping[type, Any]:
            return {Weather: Weather("foggy")}

        @hookimpl
        def register_templates(self) -> Sequence[str]:
            return []

        @hookimpl
        def register_nav_items(self, portal: Any) -> Sequence[Any]:
            assert portal.service(Weather).word == "foggy"
            return []

    class Host:
        name = "host"

        @hookimpl
        def register_services(self, portal: Any) -> Mapping[type, Any]:
            portal.plugins.collect("register_nav_items", portal=portal)
            return {}

    async with make_portal(plugins=[Host(), Contributor()], start=False) as portal:
        assert portal.plugins.problems == []
        assert portal.service(Weather).word == "foggy"


async def test_a_late_service_is_made_once() -> None:
    """At the start, where a plugin is not built in: one with a fault is found then. Its key may be the full name of the interface."""
    made: list[Weather] = []

    def make() -> Weather:
        made.append(Weather("late"))
        return made[-1]

    name = f"{Weather.__module__}.{Weather.__qualname__}"

    class Late:
        name = "late"

        @hookimpl
        def register_services(self, portal: Any) -> Mapping[type | str, Any]:
            return {name: LateService(make)}

    async with make_portal(plugins=[Late()]) as portal:
        assert portal.service(Weather) is portal.service(Weather) is portal.find_made_service(name)
        assert len(made) == 1


async def test_a_fault_of_a_late_service_leaves_its_plugin_out() -> None:
    """The others go on, and the problem says why."""

    class Faulty:
        name = "faulty"

        @hookimpl
        def register_services(self, portal: Any) -> Mapping[type, Any]:
            def make() -> Weather:
                raise RuntimeError("no instruments")

            return {Weather: LateService(make)}

    async with make_portal(plugins=[Faulty()]) as portal:
        assert portal.find_service(Weather) is None
        assert [(problem.plugin, "no instruments" in problem.message) for problem in portal.plugins.problems] == [
            ("faulty", True)
        ]


async def test_two_portals_in_one_process_do_not_see_each_other() -> None:
    """Stores, plugins, metrics and readiness apart."""
    async with make_portal(plugins=[WeatherPlugin()]) as one, make_portal() as two:
        assert (one.find_service(Weather) is None, two.find_service(Weather) is None) == (False, True)
        assert one.data_dir != two.data_dir
        one.begin_stop()
        assert two.health.is_ready


async def test_a_portal_starts_without_features() -> None:
    """The kernel alone serves health, sign-in and actions."""
    features = [name for name in BUILTINS if name != "kernel"]
    async with make_portal({"plugins": {"disabled": features}}) as portal, portal.client(admin()) as client:
        assert (await client.get("/.backstage/health/v1/readiness")).status_code == 200
        assert (await client.get("/api/actions/v1/actions")).status_code == 200


async def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The message names the folder and the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="--data"):
        await create_portal(Settings.of({}), data_dir=tmp_path / "file" / "data", installed_plugins=False)


async def test_health_and_metrics_are_open_and_the_rest_is_not() -> None:
    """Probes and scrapers have no credentials; everybody else needs some."""
    async with make_portal({}) as portal, portal.client() as client:
        assert (await client.get("/.backstage/health/v1/readiness")).json() == {"status": "ok"}
        assert "callboard_http_request_duration_seconds" in (await client.get("/metrics")).text
        assert (await client.get("/api/actions/v1/actions")).status_code == 401


def test_the_import_of_the_composition_root_is_light() -> None:
    """What makes a start slow is not imported before it is needed."""
    heavy = "sqlalchemy alembic typer click rich httpx2 psycopg asyncpg pydantic structlog starlette uvicorn jinja2 prometheus_client yaml"
    code = f"import sys, callboard.app; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
