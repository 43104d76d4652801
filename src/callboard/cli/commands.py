"""The command tree. Each command lives in a module of its own, imported when it runs."""

from __future__ import annotations

import asyncio
import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Awaitable, Callable, Literal, Mapping, Optional, Sequence

import typer
import typer.core
import typer.main

from callboard.cli.output import OK, PROBLEMS, exit_code_of, print_error
from callboard.cli.serve import DEFAULT_DATA, SERVE_OPTIONS, Option, ServeOptions, run_serve
from callboard.kernel.errors import CallboardError

Data = Annotated[Path, typer.Option("--data", help="Folder of the local store.")]
Config = Annotated[Optional[list[Path]], typer.Option("--config", help="A settings file; later ones win.")]
Url = Annotated[
    Optional[str], typer.Option("--url", help="Act on a server instead of the local store. [env: CALLBOARD_URL]")
]
Token = Annotated[Optional[str], typer.Option("--token", help="Token for the server. [env: CALLBOARD_TOKEN]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_KWARGS: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None, "add_completion": False}
COMMAND_GROUPS: Mapping[str, tuple[str, str]] = {
    "catalog": ("callboard.cli.catalog:app", "The software catalog."),
    "user": ("callboard.cli.user:app", "Local users."),
    "token": ("callboard.cli.token:app", "Personal API tokens."),
    "db": ("callboard.cli.database:app", "The database."),
    "action": ("callboard.cli.action:app", "List and run actions."),
    "plugin": ("callboard.cli.plugin:app", "Plugins."),
    "policy": ("callboard.cli.policy:app", "Who may do what."),
}
"""Groups of our own; plugins add theirs by ``register_commands``."""
FEATURE_GROUPS: Mapping[str, tuple[str, str, str]] = {
    "catalog": ("callboard.features.catalog", "callboard.cli.catalog:app", "The software catalog."),
    "docs": ("callboard.features.techdocs", "callboard.cli.docs:app", "Documentation."),
    "template": ("callboard.features.scaffolder", "callboard.cli.template:app", "Software templates."),
}
"""Groups over one feature: offered while its package is there. Known here, so that calling one loads no other feature."""


class _LazyGroup(typer.core.TyperGroup):
    """The root: groups and features' commands are imported when somebody calls or lists them."""

    def list_commands(self, context: Any) -> list[str]:
        return sorted({*super().list_commands(context), *_groups(), *_commands_of_plugins()})

    def get_command(self, context: Any, name: str) -> Any:
        known = super().get_command(context, name)
        if known is not None:
            return known
        group = _groups().get(name)
        if group is not None:
            return _load(name, *group)
        path = _commands_of_plugins().get(name)
        return _load(name, path, None) if path else None


app = typer.Typer(
    name="callboard",
    help="A developer portal in one process.",
    cls=_LazyGroup,
    pretty_exceptions_enable=False,
    **_KWARGS,
)


def make_group(help: str) -> typer.Typer:
    """A typer app for a group of commands, in the house style."""
    return typer.Typer(help=help, **_KWARGS)


def run_async(work: Callable[[], Awaitable[int | None]], *, as_json: bool = False) -> None:
    """Run the body of a command and leave with its exit code; errors go to standard error."""

    async def body() -> int | None:
        return await work()

    try:
        code = asyncio.run(body())
    except CallboardError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(exit_code_of(error)) from None
    raise typer.Exit(code or OK)


def _annotation_of(option: Option) -> Any:
    kinds: dict[str, Any] = {"path": Path, "text": str, "number": int, "flag": bool}
    kind: Any = kinds[option.kind]
    extra: dict[str, Any] = {}
    if option.choices:
        kind = Literal[option.choices]
    if option.kind == "number":
        extra |= {"min": option.minimum, "max": option.maximum}
    if option.repeat:
        kind = Optional[list[kind]]
    elif option.default is None:
        kind = Optional[kind]
    return Annotated[kind, typer.Option(option.flag, help=option.help, **extra)]


def _serve(**given: Any) -> None:
    """Serve the portal."""
    given["config"] = given["config"] or []
    raise typer.Exit(run_serve(ServeOptions(**given)))


_serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=_annotation_of(option)
        )
        for option in SERVE_OPTIONS
    ]
)
app.command("serve")(_serve)


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path("."),
    as_json: Json = False,
) -> None:
    """Write an app-config.yaml and a catalog-info.yaml to begin with. What is there stays."""
    from callboard.cli.init import run_init

    run_async(lambda: run_init(folder, as_json=as_json), as_json=as_json)


@app.command("doctor")
def doctor(
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Look whether everything is in order, and say what to do where it is not."""
    from callboard.cli.doctor import run_doctor
    from callboard.cli.store import Target

    run_async(lambda: run_doctor(Target.of(data, config, url, token), as_json=as_json), as_json=as_json)


@app.command("version")
def version(as_json: Json = False) -> None:
    """Print the version."""
    from callboard import __version__
    from callboard.cli.output import print_json

    if as_json:
        print_json({"version": __version__})
    else:
        print(__version__)


def _load(name: str, path: str, help: str | None) -> Any:
    module, _, attribute = path.partition(":")
    target = getattr(import_module(module), attribute or "app")
    command: Any = typer.main.get_command(target) if isinstance(target, typer.Typer) else target
    command.name = name
    if help and not command.help:
        command.help = help
    return command


@cache
def _groups() -> Mapping[str, tuple[str, str]]:
    """Group name to (``module:attribute``, help), of those whose feature is there."""
    found = {
        name: (path, help) for name, (package, path, help) in FEATURE_GROUPS.items() if find_spec(package) is not None
    }
    return {**COMMAND_GROUPS, **found}


@cache
def _commands_of_plugins() -> Mapping[str, str]:
    """Command name to ``module:attribute``, as plugins register them. A plugin that fails offers none."""
    from callboard.app import BUILTINS
    from callboard.kernel.plugins.loader import PluginFailed, PluginManager
    from callboard.kernel.settings import Settings

    found: dict[str, str] = {}
    manager = PluginManager(Settings.of({}, has_file=False))
    try:
        manager.load(BUILTINS)
        for given in manager.contributions("register_commands"):
            for command, path in given.value.items():
                if command not in _groups():
                    found.setdefault(command, path)
    except PluginFailed as failed:
        print_error(failed)
    return found


def run(arguments: Sequence[str]) -> int:
    """Run a command line through typer; the exit code."""
    try:
        typer.main.get_command(app)(args=list(arguments), prog_name="callboard")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else OK if leaving.code is None else PROBLEMS
    except CallboardError as error:
        print_error(error)
        return exit_code_of(error)
    return OK
