"""``callboard db``: the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, make_group, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_portal

Force = Annotated[bool, typer.Option("--force", help="Throw away what is there.")]
Without = Annotated[
    Optional[list[str]], typer.Option("--without", help="Leave the tables of this feature or plugin behind.")
]

app = make_group("The database.")


@app.command("upgrade")
def upgrade(data: Data = DEFAULT_DATA, config: Config = None, as_json: Json = False) -> None:
    """Bring the tables to the version this release needs. `serve` does the same when it starts."""

    async def work() -> int:
        async with open_portal(Target(data, tuple(config or ())), upgrade=False) as portal:
            applied = await portal.upgrade()
        if as_json:
            print_json({"applied": _format(applied)})
            return OK
        for one in applied:
            print(f"{one.name}: {one.current or 'nothing'} -> {one.versions[-1]}")
        if not applied:
            print("The tables are up to date.")
        return OK

    run_async(work, as_json=as_json)


@app.command("check")
def check(data: Data = DEFAULT_DATA, config: Config = None, as_json: Json = False) -> None:
    """Say whether the tables are up to date; exit code 1 if not."""

    async def work() -> int:
        from callboard.kernel.db.migrations import check as check_migrations

        async with open_portal(Target(data, tuple(config or ())), upgrade=False) as portal:
            pending = await check_migrations(portal.db, portal.migrations)
        if as_json:
            print_json({"pending": _format(pending)})
        else:
            for one in pending:
                print(f"{one.name}: at {one.current or 'nothing'}, lacks {', '.join(one.versions)}")
            print("Run `callboard db upgrade`." if pending else "The tables are up to date.")
        return PROBLEMS if pending else OK

    run_async(work, as_json=as_json)


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the whole database to a file, as of one moment, also while it is served.

    Of SQLite it is a database again, of PostgreSQL an archive; `db restore` takes either into either.
    """
    from callboard.cli.transfer import run_backup

    run_async(lambda: run_backup(file, data, config or (), force=force, as_json=as_json), as_json=as_json)


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="What `db backup` wrote.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    force: Force = False,
    without: Without = None,
    as_json: Json = False,
) -> None:
    """Put a backup into the database that the settings name: all of it or nothing. It must be empty, and nobody may use it."""
    from callboard.cli.transfer import run_restore

    run_async(
        lambda: run_restore(file, data, config or (), force=force, without=without or (), as_json=as_json),
        as_json=as_json,
    )


@app.command("copy")
def copy(
    source: Annotated[str, typer.Option("--from", help="A data folder, a SQLite file or postgresql://…")],
    target: Annotated[str, typer.Option("--to", help="The same, of the database to fill.")],
    config: Config = None,
    force: Force = False,
    without: Without = None,
    as_json: Json = False,
) -> None:
    """Copy every table of one database into another, from SQLite to PostgreSQL or back, and compare what arrived."""
    from callboard.cli.transfer import run_copy

    async def work() -> int:
        from callboard.kernel.db.connection import parse_place

        return await run_copy(
            parse_place(source), parse_place(target), config or (), force=force, without=without or (), as_json=as_json
        )

    run_async(work, as_json=as_json)


def _format(pending: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"name": one.name, "current": one.current, "versions": list(one.versions)} for one in pending]
