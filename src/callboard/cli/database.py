"""``callboard db``: the tables."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.cli.commands import Config, Data, Json, make_group, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_portal

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


def _format(pending: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"name": one.name, "current": one.current, "versions": list(one.versions)} for one in pending]
