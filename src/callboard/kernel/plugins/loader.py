"""One plugin manager a portal: finds plugins, keeps those that are on, asks their hooks.

Built-in features come first, in the order given, then installed packages (entry points of group ``callboard.plugins``),
then what a program passes in. ``plugins.disabled: [name]`` or ``plugins.<name>.enabled: false`` keeps one off.

A built-in that fails stops the start: the portal would lie about what it can do. Another plugin that fails is reported
and left out whole, so that nothing half-registered stays behind; the portal runs without it and ``callboard doctor`` tells.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import pluggy

from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.logs import get_logger
from callboard.kernel.plugins.hooks import PROJECT, CoreHooks
from callboard.kernel.plugins.manifest import PLUGIN_NAME, Manifest, is_version_in, read_manifest
from callboard.kernel.settings import Settings

GROUP = "callboard.plugins"
log = get_logger(__name__)


class PluginFailed(CallboardError):
    """A plugin raised in a hook. ``is_builtin`` tells whether the portal can go on without it."""

    code = "plugin.failed"

    def __init__(self, plugin: str, hook: str, error: Exception, *, is_builtin: bool) -> None:
        said = str(error) or type(error).__name__
        super().__init__(f"plugin {plugin}: {hook}: {said}")
        self.plugin = plugin
        self.hook = hook
        self.error = error
        self.is_builtin = is_builtin


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Something to tell about a plugin. An ``error`` left the plugin out; a ``warning`` did not."""

    plugin: str
    severity: str
    message: str


@dataclass(slots=True)
class Plugin:
    """A plugin that was found. ``origin`` says where: ``built-in``, the distribution, or ``program``."""

    name: str
    target: Any
    is_builtin: bool
    origin: str
    is_enabled: bool = True
    _manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """Read when first asked for. Raises ``ManifestError``."""
        if self._manifest is None:
            self._manifest = read_manifest(self.name, self.target)
        return self._manifest


@dataclass(frozen=True, slots=True)
class Contribution:
    """One value that a plugin's hook gave."""

    plugin: str
    value: Any


class _Hooks(pluggy.PluginManager):
    """Passes over what a module merely imports before looking closely: pluggy inspects every name as it would a class's."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        if type(plugin) is ModuleType:
            value = vars(plugin).get(name)
            if type(value) is FunctionType:
                if f"{PROJECT}_impl" not in vars(value):
                    return None
            elif not isinstance(value, (staticmethod, classmethod, MethodType)):
                return None
        return super().parse_hookimpl_opts(plugin, name)


class PluginManager:
    """Plugins of one portal. ``load`` once, then ``collect``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._disabled = {str(name) for name in settings.get_list("plugins.disabled")}
        self._hooks = _Hooks(PROJECT)
        self._hooks.add_hookspecs(CoreHooks)
        self._plugins: dict[str, Plugin] = {}
        self._problems: list[PluginProblem] = []
        self.prepare: Callable[[str], None] | None = None
        """Called with a plugin's name before a hook of it that takes the portal is asked. Set by the portal."""

    def load(
        self,
        builtins: Mapping[str, str],
        *,
        installed: bool = True,
        extra: Iterable[Any] = (),
    ) -> None:
        """Find and register everything.

        Args:
            builtins: Name to dotted module, in the order of the layers. A module that is not there is passed over,
                so that a feature can be taken out by removing its folder.
            installed: Look for entry points of installed packages.
            extra: Plugins of a program or test: modules, objects, or (name, object) pairs.

        Raises:
            PluginFailed: a built-in cannot be imported.
            InputError: ``plugins.disabled`` names nothing that is here.
        """
        for name, path in builtins.items():
            if self._is_on(name):
                self._load_builtin(name, path)
            else:
                self._plugins[name] = Plugin(name, None, True, "built-in", is_enabled=False)
        if installed:
            for name, path, origin in find_installed():
                self._load_installed(name, path, origin)
        for given in extra:
            name, target = given if isinstance(given, tuple) else (_name_of(given), given)
            self._add(Plugin(name, target, False, "program"))
        self._check_names()
        self._add_hookspecs()
        self._report_unknown_hooks()

    @property
    def plugins(self) -> Sequence[Plugin]:
        """All that were found, those switched off included, in order of registration."""
        return list(self._plugins.values())

    @property
    def problems(self) -> Sequence[PluginProblem]:
        return list(self._problems)

    def has(self, name: str) -> bool:
        """Whether this plugin is here and takes part."""
        plugin = self._plugins.get(name)
        return plugin is not None and plugin.is_enabled

    def hooks_of(self, name: str) -> list[str]:
        """Names of the hooks that a plugin implements."""
        plugin = self._plugins[name]
        callers = self._hooks.get_hookcallers(plugin.target) if plugin.is_enabled else None
        return sorted(caller.name for caller in callers or ())

    def contributions(self, hook: str, **arguments: Any) -> Iterator[Contribution]:
        """Ask each plugin in turn (in order of registration; ``tryfirst`` before, ``trylast`` after) and give what it says,
        before the next one is asked.

        Raises ``PluginFailed``. A hook that nobody specifies gives nothing.
        """
        caller = getattr(self._hooks.hook, hook, None)
        if caller is None or caller.spec is None:
            return
        implementations = list(caller.get_hookimpls())
        ordered = [one for one in implementations if one.tryfirst]
        ordered += [one for one in implementations if not one.tryfirst and not one.trylast]
        ordered += [one for one in implementations if one.trylast]
        for implementation in ordered:
            name = implementation.plugin_name
            if self.prepare is not None and "portal" in implementation.argnames:
                self.prepare(name)
            value = self._ask(name, implementation, hook, arguments)
            if value is not None:
                yield Contribution(name, value)

    def contributions_of(self, name: str, hook: str, **arguments: Any) -> list[Contribution]:
        """As ``contributions``, of one plugin only and without ``prepare``. Raises ``PluginFailed``."""
        plugin = self._plugins[name]
        if not plugin.is_enabled:
            return []
        caller = getattr(self._hooks.hook, hook, None)
        found = caller.get_hookimpls() if caller is not None else ()
        values = [self._ask(name, one, hook, arguments) for one in found if one.plugin is plugin.target]
        return [Contribution(name, value) for value in values if value is not None]

    def _ask(self, name: str, implementation: Any, hook: str, arguments: Mapping[str, Any]) -> Any:
        given = [arguments[argument] for argument in implementation.argnames]
        return self.attempt(name, hook, lambda: implementation.function(*given))

    def attempt(self, plugin: str, hook: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, for ``hook`` of ``plugin``. Raises ``PluginFailed`` for whatever goes wrong."""
        try:
            return make()
        except PluginFailed:
            raise  # it asked others, and one of them failed: that one is to blame
        except Exception as error:
            raise self._failure(plugin, hook, error) from error

    def collect(self, hook: str, **arguments: Any) -> list[Any]:
        """The items of the sequences that all plugins give for ``hook``. Raises ``PluginFailed``."""
        return [item for _, item in self.collect_named(hook, **arguments)]

    def collect_named(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """As ``collect``, each with the name of its plugin."""
        items: list[tuple[str, Any]] = []
        for contribution in self.contributions(hook, **arguments):
            if isinstance(contribution.value, (str, bytes, Mapping)) or not isinstance(contribution.value, Iterable):
                given = type(contribution.value).__name__
                raise self._failure(contribution.plugin, hook, InputError(f"must give a sequence, not {given}"))
            items.extend((contribution.plugin, item) for item in contribution.value)
        return items

    def exclude(self, failed: PluginFailed) -> None:
        """Leave a failed plugin out for good and report it. Raises the failure itself when it is a built-in."""
        if failed.is_builtin:
            raise failed
        self._drop(failed.plugin, f"{failed.hook} failed: {str(failed.error) or type(failed.error).__name__}")

    def report(self, plugin: str, severity: str, message: str) -> None:
        """Note a problem; it is logged, and shown by ``doctor`` and ``plugin list``."""
        self._problems.append(PluginProblem(plugin, severity, message))
        (log.error if severity == "error" else log.warning)("plugin problem", plugin=plugin, problem=message)

    def check_manifests(self) -> None:
        """Compare what each manifest declares with what the code does, and report differences."""
        for plugin in self._plugins.values():
            if not plugin.is_enabled:
                continue
            declared = plugin.manifest.hooks
            if declared is None:
                continue
            actual = self.hooks_of(plugin.name)
            if missing := sorted(set(actual) - set(declared)):
                self.report(
                    plugin.name, "warning", f"uses hooks that its manifest does not declare: {', '.join(missing)}"
                )
            if unused := sorted(set(declared) - set(actual)):
                self.report(
                    plugin.name, "warning", f"its manifest declares hooks that it does not use: {', '.join(unused)}"
                )

    # ---- loading -----------------------------------------------------------------------------------------------------

    def _is_on(self, name: str) -> bool:
        return name not in self._disabled and bool(self._settings.get_bool(f"plugins.{name}.enabled", True))

    def _load_builtin(self, name: str, path: str) -> None:
        try:
            target = load_target(path)
        except ModuleNotFoundError as error:
            if error.name and (path == error.name or path.startswith(f"{error.name}.")):
                return
            raise PluginFailed(name, "import", error, is_builtin=True) from error
        self._add(Plugin(name, target, True, "built-in"))

    def _load_installed(self, name: str, path: str, origin: str) -> None:
        if not self._is_on(name):
            self._plugins[name] = Plugin(name, None, False, origin, is_enabled=False)
            return
        try:
            self._add(Plugin(name, load_target(path), False, origin))
        except Exception as error:  # whatever somebody else's module does on import
            self._plugins.setdefault(name, Plugin(name, None, False, origin, is_enabled=False))
            self.report(name, "error", f"cannot be loaded from {path}: {str(error) or type(error).__name__}")

    def _add(self, plugin: Plugin) -> None:
        if not PLUGIN_NAME.fullmatch(plugin.name):
            raise InputError(f"{plugin.name!r} is no plugin name: lower-case letters, digits and dashes")
        if plugin.name in self._plugins:
            if plugin.is_builtin or plugin.origin == "program":
                raise InputError(f"two plugins have the name {plugin.name}")
            self.report(plugin.name, "error", f"{plugin.origin} is left out: another plugin has the name {plugin.name}")
            return
        if not self._is_on(plugin.name):
            plugin.is_enabled = False
            self._plugins[plugin.name] = plugin
            return
        if not plugin.is_builtin and (problem := _version_problem(plugin)):
            plugin.is_enabled = False
            self._plugins[plugin.name] = plugin
            self.report(plugin.name, "error", problem)
            return
        self._plugins[plugin.name] = plugin
        self._hooks.register(plugin.target, plugin.name)
        if any(one.wrapper or one.hookwrapper for one in self._implementations(plugin)):
            self._drop(plugin.name, "hook wrappers are not supported: a hook gives values and changes nothing")

    def _implementations(self, plugin: Plugin) -> list[Any]:
        callers = self._hooks.get_hookcallers(plugin.target) or ()
        return [one for caller in callers for one in caller.get_hookimpls() if one.plugin is plugin.target]

    def _add_hookspecs(self) -> None:
        while True:
            try:
                hosted = self.collect("register_hookspecs")
                break
            except PluginFailed as failed:
                self.exclude(failed)
        for specification in hosted:
            try:
                self._hooks.add_hookspecs(specification)
            except (pluggy.PluginValidationError, ValueError) as error:
                plugin = getattr(getattr(error, "plugin", None), "__name__", None)
                name = next(
                    (one.name for one in self._plugins.values() if one.target is getattr(error, "plugin", None)), plugin
                )
                if name is None or name not in self._plugins or self._plugins[name].is_builtin:
                    raise
                self._drop(name, str(error).replace("\n", " "))

    def _report_unknown_hooks(self) -> None:
        known = {name for name, caller in vars(self._hooks.hook).items() if getattr(caller, "spec", None) is not None}
        for plugin in [one for one in self._plugins.values() if one.is_enabled]:
            for implementation in self._implementations(plugin):
                name = implementation.function.__name__
                if name in known or implementation.optionalhook:
                    continue
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
                hint = f"; did you mean {near[0]}?" if near else "; is the feature that hosts it switched off?"
                self.report(plugin.name, "warning", f"implements {name}, which nobody asks for{hint}")

    def _check_names(self) -> None:
        for name in sorted(self._disabled - set(self._plugins)):
            near = difflib.get_close_matches(name, self._plugins, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.report(name, "warning", f"plugins.disabled names {name}, and there is no such plugin{hint}")

    def _drop(self, name: str, message: str) -> None:
        plugin = self._plugins[name]
        self._hooks.unregister(plugin.target)
        plugin.is_enabled = False
        self.report(name, "error", message)

    def _failure(self, name: str, hook: str, error: Exception) -> PluginFailed:
        return PluginFailed(name, hook, error, is_builtin=self._plugins[name].is_builtin)


def load_target(path: str) -> Any:
    """The plugin at ``package.module`` or ``package.module:attribute``; a class is instantiated without arguments.

    A module with an attribute ``plugin`` that is not itself a module stands for that object.
    """
    module_name, _, attribute = path.partition(":")
    target: Any = importlib.import_module(module_name)
    if not attribute:
        inner = getattr(target, "plugin", None)
        if inner is not None and not isinstance(inner, ModuleType):
            target = inner
    for part in attribute.split(".") if attribute else ():
        target = getattr(target, part)
    return target() if isinstance(target, type) else target


def find_installed(search_path: Sequence[str] | None = None) -> list[tuple[str, str, str]]:
    """(name, path, distribution) of each installed plugin, by name.

    The files are looked through by hand first: ``importlib.metadata`` costs more than the rest of the loader, and most
    portals have no plugin.
    """
    places = [place or os.getcwd() for place in (sys.path if search_path is None else search_path)]
    if not any(_mentions_group(place) for place in dict.fromkeys(places)):
        return []
    from importlib.metadata import distributions

    found: dict[str, tuple[str, str, str]] = {}
    for distribution in distributions(path=places):
        for point in distribution.entry_points:
            if point.group == GROUP and point.name not in found:
                found[point.name] = (point.name, point.value, f"{distribution.name} {distribution.version}")
    return [found[name] for name in sorted(found)]


def _mentions_group(place: str) -> bool:
    try:
        with os.scandir(place) as entries:
            names = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return False
    for name in names:
        try:
            if f"[{GROUP}]" in Path(name, "entry_points.txt").read_text(encoding="utf-8"):
                return True
        except (OSError, UnicodeDecodeError):
            continue
    return False


def _name_of(target: Any) -> str:
    name = getattr(target, "name", None)
    if isinstance(name, str):
        return name
    if isinstance(target, ModuleType):
        last = target.__name__.rpartition(".")
        return (last[0].rpartition(".")[2] if last[2] == "plugin" else last[2]).replace("_", "-").lower()
    return type(target).__name__.removesuffix("Plugin").lower() or "plugin"


def _version_problem(plugin: Plugin) -> str | None:
    from callboard import __version__

    try:
        requires = plugin.manifest.requires
        if not is_version_in(__version__, requires):
            return f"needs Callboard {requires}, this is {__version__}"
    except InputError as error:
        return str(error)
    return None
