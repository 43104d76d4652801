"""``callboard plugin``: which plugins there are, and a package to begin a new one with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callboard.cli.commands import Config, Json, make_group, run_async
from callboard.cli.output import OK, PROBLEMS, print_json, print_table
from callboard.kernel.errors import UnavailableError

app = make_group("Plugins.")


@app.command("list")
def list_(
    config: Config = None,
    builtin: Annotated[bool, typer.Option("--all", help="Built-in features, too.")] = False,
    as_json: Json = False,
) -> None:
    """List plugins; exit code 1 if one cannot be used."""

    async def work() -> int:
        from callboard.app import BUILTINS
        from callboard.kernel.logs import configure_logs
        from callboard.kernel.plugins.loader import PluginManager
        from callboard.kernel.settings import Settings

        configure_logs(level="critical")
        manager = PluginManager(Settings.load(config or ()))
        manager.load(BUILTINS)
        manager.check_manifests()
        listed = []
        for plugin in manager.plugins:
            if plugin.is_builtin and not builtin:
                continue
            manifest = plugin.manifest if plugin.target is not None else None
            problems = [problem for problem in manager.problems if problem.plugin == plugin.name]
            listed.append(
                {
                    "name": plugin.name,
                    "version": manifest.version if manifest else None,
                    "description": manifest.description if manifest else None,
                    "origin": plugin.origin,
                    "enabled": plugin.is_enabled,
                    "hooks": manager.hooks_of(plugin.name),
                    "hosts": list(manifest.hosts) if manifest else [],
                    "problems": [{"severity": one.severity, "message": one.message} for one in problems],
                }
            )
        if as_json:
            print_json({"plugins": listed})
        else:
            rows = [(one["name"], one["version"], one["origin"], one["enabled"], one["description"]) for one in listed]
            print_table(
                ("name", "version", "from", "on", "description"), rows, empty="No plugins: callboard plugin new NAME"
            )
            for problem in manager.problems:
                typer.echo(f"{problem.severity}: {problem.plugin}: {problem.message}", err=True)
        return PROBLEMS if any(problem.severity == "error" for problem in manager.problems) else OK

    run_async(work, as_json=as_json)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")],
    folder: Annotated[Path, typer.Option("--in", help="Folder to make the package in.")] = Path("."),
    as_json: Json = False,
) -> None:
    """Write a package for a new plugin, with a test."""

    async def work() -> int:
        from callboard import __version__
        from callboard.kernel.plugins.scaffold import apply_plugin, plan_plugin

        files = plan_plugin(name, folder, version=__version__)
        try:
            apply_plugin(files)
        except OSError as error:
            raise UnavailableError(f"{error.filename}: {error.strerror}") from None
        if as_json:
            print_json({"name": name, "written": [str(file.path) for file in files]})
            return OK
        for file in files:
            print(f"wrote {file.path}")
        print(f"Next: pip install -e {folder / f'callboard-{name}'} && callboard plugin list")
        return OK

    run_async(work, as_json=as_json)
