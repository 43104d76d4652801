"""Which plugins take part, in which order, and what happens to a broken one."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, Iterator, Sequence

import pytest

from callboard.kernel.errors import InputError
from callboard.kernel.plugins.hooks import hookimpl, hookspec
from callboard.kernel.plugins.loader import PluginFailed, PluginManager, find_installed
from callboard.kernel.settings import Settings


class Named:
    """A plugin that gives its name as a template package."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def register_templates(self) -> Sequence[str]:
        return [self.name]


class Broken(Named):
    """A plugin that fails when asked."""

    @hookimpl
    def register_templates(self) -> Sequence[str]:
        raise RuntimeError("out of order")


@pytest.fixture
def modules() -> Iterator[dict[str, Any]]:
    """Modules that exist for one test: fill by dotted name."""
    made: dict[str, Any] = {}

    class Registry(dict[str, Any]):
        def __setitem__(self, name: str, plugin: Any) -> None:
            module = types.ModuleType(name)
            module.plugin = plugin  # type: ignore[attr-defined]
            sys.modules[name] = module
            made[name] = module

    yield Registry()
    for name in made:
        del sys.modules[name]


def manager(
    settings: dict[str, Any] | None = None, builtins: dict[str, str] | None = None, *extra: Any
) -> PluginManager:
    made = PluginManager(Settings.of(settings or {}))
    made.load(builtins or {}, installed=False, extra=extra)
    return made


def test_plugins_are_asked_in_the_order_of_their_layers(modules: dict[str, Any]) -> None:
    """Built-ins as listed, then those that a program adds."""
    modules["cb_test_one"] = Named("one")
    modules["cb_test_two"] = Named("two")
    plugins = manager({}, {"one": "cb_test_one", "two": "cb_test_two"}, Named("three"))
    assert plugins.collect("register_templates") == ["one", "two", "three"]
    assert [plugin.name for plugin in plugins.plugins] == ["one", "two", "three"]
    assert plugins.has("two")


@pytest.mark.parametrize(
    "settings",
    [
        {"plugins": {"disabled": ["one", "three"]}},
        {"plugins": {"one": {"enabled": False}, "three": {"enabled": "false"}}},
    ],
)
def test_plugins_that_the_settings_switch_off_take_no_part(modules: dict[str, Any], settings: dict[str, Any]) -> None:
    """Built-ins and others alike, by either form; they are listed as off."""
    modules["cb_test_one"] = Named("one")
    plugins = manager(settings, {"one": "cb_test_one"}, Named("two"), Named("three"))
    assert plugins.collect("register_templates") == ["two"]
    assert [(plugin.name, plugin.is_enabled) for plugin in plugins.plugins] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]


def test_a_feature_whose_folder_is_gone_is_passed_over() -> None:
    """Removing a feature's code is enough to do without it; a broken import inside it is not the same."""
    assert manager({}, {"gone": "callboard.features.gone.plugin"}).plugins == []


def test_a_built_in_that_fails_stops_the_start(modules: dict[str, Any]) -> None:
    """The portal would lie about what it can do."""
    modules["cb_test_bad"] = Broken("bad")
    plugins = manager({}, {"bad": "cb_test_bad"})
    with pytest.raises(PluginFailed, match="bad: register_templates: out of order") as caught:
        plugins.collect("register_templates")
    with pytest.raises(PluginFailed):
        plugins.exclude(caught.value)


def test_another_plugin_that_fails_is_left_out_and_reported() -> None:
    """The rest goes on without it, and the report says why."""
    plugins = manager({}, {}, Named("good"), Broken("bad"))
    with pytest.raises(PluginFailed) as caught:
        plugins.collect("register_templates")
    plugins.exclude(caught.value)
    assert plugins.collect("register_templates") == ["good"]
    assert [(one.plugin, one.severity) for one in plugins.problems] == [("bad", "error")]
    assert "out of order" in plugins.problems[0].message


def test_a_hook_that_gives_no_sequence_is_a_failure() -> None:
    """A string would be taken apart letter by letter."""

    class Wrong:
        name = "wrong"

        @hookimpl
        def register_templates(self) -> Any:
            return "catalog"

    with pytest.raises(PluginFailed, match="must give a sequence, not str"):
        manager({}, {}, Wrong()).collect("register_templates")


def test_plugins_host_hooks_for_others() -> None:
    """A feature's own hook is asked like those of the kernel; without the feature nobody is asked, and it is told."""

    class WeatherHooks:
        @hookspec
        def register_forecasts(self, portal: Any) -> Sequence[str]: ...

    class Host:
        name = "weather"

        @hookimpl
        def register_hookspecs(self) -> Sequence[type]:
            return [WeatherHooks]

    class Contributor:
        name = "sun"

        @hookimpl
        def register_forecasts(self, portal: Any) -> Sequence[str]:
            return [f"sunny in {portal}"]

    assert manager({}, {}, Contributor(), Host()).collect("register_forecasts", portal="Oslo") == ["sunny in Oslo"]
    alone = manager({}, {}, Contributor())
    assert alone.collect("register_forecasts", portal="Oslo") == []
    assert "which nobody asks for" in alone.problems[0].message


def test_a_misspelled_hook_is_told_with_the_nearest_one() -> None:
    """Otherwise the plugin would do nothing, silently."""

    class Misspelled:
        name = "misspelled"

        @hookimpl
        def register_rotues(self, portal: Any) -> Sequence[Any]:
            return []

    [problem] = manager({}, {}, Misspelled()).problems
    assert problem.severity == "warning"
    assert "register_rotues" in problem.message
    assert "did you mean register_routes?" in problem.message


def test_two_portals_do_not_see_each_others_plugins() -> None:
    """One manager a portal: what one loads, the other lacks."""
    shared = Named("shared")
    first = manager({}, {}, shared, Named("own"))
    second = manager({}, {}, shared)
    assert (first.has("own"), second.has("own")) == (True, False)
    assert second.collect("register_templates") == ["shared"]


def test_two_plugins_of_one_name_clash() -> None:
    """Names are how people switch plugins off, so they are unique."""
    with pytest.raises(InputError, match="two plugins have the name one"):
        manager({}, {}, Named("one"), Named("one"))


def test_a_disabled_name_that_is_nobodys_is_told() -> None:
    """A typing error would leave the plugin on."""
    [problem] = manager({"plugins": {"disabled": ["weathr"]}}, {}, Named("weather")).problems
    assert "did you mean weather?" in problem.message


def install(folder: Path, name: str, module: str, code: str, manifest: str | None = None) -> None:
    """A package as pip leaves it."""
    package = folder / module
    package.mkdir()
    (package / "__init__.py").write_text(code)
    if manifest is not None:
        (package / "manifest.toml").write_text(manifest)
    info = folder / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[callboard.plugins]\n{name} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("cb_installed_"):
            del sys.modules[name]


GOOD = "from callboard.kernel.plugins.hooks import hookimpl\n@hookimpl\ndef register_templates():\n    return ['installed']\n"


def test_installed_packages_are_found_by_their_entry_point(site: Path) -> None:
    """Name, module and distribution; packages without the entry point are not looked at further."""
    install(
        site,
        "good",
        "cb_installed_good",
        GOOD,
        'name = "good"\nversion = "1.2"\ndescription = "Good."\nhosts = ["a.example"]\n',
    )
    assert find_installed([str(site)]) == [("good", "cb_installed_good", "cb_installed_good 1.2")]
    plugins = PluginManager(Settings.of({}))
    plugins.load({})
    assert plugins.collect("register_templates") == ["installed"]
    [plugin] = plugins.plugins
    assert (plugin.origin, plugin.manifest.version, plugin.manifest.hosts) == (
        "cb_installed_good 1.2",
        "1.2",
        ("a.example",),
    )


@pytest.mark.parametrize(
    ("code", "manifest", "said"),
    [
        ("raise RuntimeError('boom')", None, "boom"),
        ("import nothing_like_this", None, "nothing_like_this"),
        (GOOD, 'name = "bad"\nrequires = ">=99"\n', "needs Callboard >=99"),
        (GOOD, "name = ", "not TOML"),
        (GOOD, 'name = "bad"\nhoks = []\n', "unknown keys: hoks"),
        (GOOD, 'name = "bad"\nrequires = "new"\n', "no version range"),
        (
            GOOD.replace("@hookimpl", "@hookimpl(wrapper=True)").replace("return", "yield"),
            None,
            "wrappers are not supported",
        ),
    ],
)
def test_an_installed_plugin_that_cannot_be_used_is_reported_and_skipped(
    site: Path, code: str, manifest: str | None, said: str
) -> None:
    """Whatever its module does on import, the portal starts."""
    install(site, "bad", "cb_installed_bad", code, manifest)
    install(site, "good", "cb_installed_good", GOOD)
    plugins = PluginManager(Settings.of({}))
    plugins.load({})
    assert plugins.collect("register_templates") == ["installed"]
    assert [(one.plugin, one.severity) for one in plugins.problems] == [("bad", "error")]
    assert said in plugins.problems[0].message


def test_a_manifest_is_compared_with_the_code(site: Path) -> None:
    """A plugin that uses more than it declares, or less, is told."""
    install(site, "good", "cb_installed_good", GOOD, 'name = "good"\nhooks = ["register_routes"]\n')
    plugins = PluginManager(Settings.of({}))
    plugins.load({})
    plugins.check_manifests()
    told = " ".join(problem.message for problem in plugins.problems)
    assert "does not declare: register_templates" in told
    assert "does not use: register_routes" in told
