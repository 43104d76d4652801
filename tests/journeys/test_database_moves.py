"""A portal that moves house: from SQLite to PostgreSQL and back, into a backup and out of it, with everything that it knows."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from callboard.cli import main
from callboard.kernel.auth.actor import SYSTEM
from tests.cli.calls import run, run_json
from tests.features.catalog.conftest import World, _world
from tests.features.importing.conftest import Desk, sheet_of

pytestmark = pytest.mark.anyio

ORGANISATION = str(Path(__file__).parents[2] / "examples" / "organisation" / "all.yaml")
MORE = sheet_of(["late-comer", "team-late", "Came after the move", "service"])
TABLES = (
    "SELECT ref, display_name FROM kernel_user ORDER BY ref", "SELECT kid, private_jwk FROM kernel_signing_key ORDER BY kid",
    "SELECT id, change, actor FROM catalog_history ORDER BY id", "SELECT id, at, event FROM kernel_audit_event ORDER BY seq",
    "SELECT digest, size FROM importing_file ORDER BY digest", "SELECT import_id, ref FROM importing_change ORDER BY 1, 2",
)  # fmt: skip


async def fill(world: World, shared: Path) -> tuple[dict[str, bytes], list[Any], str]:
    """The example organisation and GOV.UK's sheet; REST answers, rows, and the id of the import."""
    async with world.site(ORGANISATION) as site:
        desk = Desk(site)
        content = (shared / "corpus/govuk/repos.xlsx").read_bytes()
        record = await desk.bring_in(content, "repos.xlsx", columns=None)
        return await desk.answers(), [await site.rows(sql) for sql in TABLES], record.id


async def look(world: World) -> tuple[dict[str, bytes], list[Any]]:
    """What a portal that is opened over the store answers, before it does anything."""
    async with world.site(ORGANISATION, settle=False) as site:
        return await Desk(site).answers(), [[tuple(row) for row in await site.rows(sql)] for sql in TABLES]


def call(*arguments: str) -> int:
    """The command line in a thread: it has an event loop of its own."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(main(list(arguments))))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.postgres
async def test_there_and_back_again(tmp_path: Path, postgres_url: str, shared: Path, capsys: Any):
    """Every answer and row is the same on the other engine and after the way back; what comes later gets numbers of its own."""
    start = _world(tmp_path, None)
    answers, rows, record = await fill(start, shared)
    home = str(start.data_dir)
    assert await asyncio.to_thread(call, "db", "copy", "--from", home, "--to", postgres_url) == 0, (
        capsys.readouterr().err
    )
    assert "counted and compared" in capsys.readouterr().out
    away = World(start.folder, tmp_path / "unused", {"client": "pg", "connection": postgres_url})
    assert await look(away) == (answers, [[tuple(row) for row in found] for found in rows])

    back = World(start.folder, tmp_path / "back", None)
    assert await asyncio.to_thread(call, "db", "copy", "--from", postgres_url, "--to", str(back.data_dir)) == 0
    assert await look(back) == (answers, [[tuple(row) for row in found] for found in rows])
    for world in (away, back):
        async with world.site(ORGANISATION) as site:
            desk = Desk(site)
            await desk.bring_in(MORE, "late.csv")
            assert await site.find("component:default/late-comer") is not None
            await desk.undo(record)
            assert await site.find("component:default/publishing-api") is None


@pytest.mark.postgres
async def test_an_archive_of_postgresql_is_restored_on_either_engine(
    tmp_path: Path, postgres_url: str, shared: Path, capsys: Any
):
    """Backed up while it is served; a file that is cut off restores nothing."""
    there = World((tmp_path / "org"), tmp_path / "unused", {"client": "pg", "connection": postgres_url})
    there.folder.mkdir()
    answers, rows, _ = await fill(there, shared)
    config, file = tmp_path / "pg.yaml", tmp_path / "backup.cba"
    config.write_text(f"backend: {{database: {{client: pg, connection: '{postgres_url}'}}}}\n", encoding="utf-8")
    async with there.site(ORGANISATION, settle=False) as site:
        assert await asyncio.to_thread(call, "db", "backup", str(file), "--config", str(config)) == 0
        assert await asyncio.to_thread(call, "db", "restore", str(file), "--config", str(config), "--force") == 1
        assert "in use" in capsys.readouterr().err
        async with site.portal.client(SYSTEM) as client:
            assert (await client.get("/api/catalog/entities")).status_code == 200
    assert file.stat().st_mode & 0o077 == 0
    here = World(there.folder, tmp_path / "here", None)
    cut = tmp_path / "cut.cba"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    assert await asyncio.to_thread(call, "db", "restore", str(cut), "--data", str(here.data_dir)) == 1
    assert "cut off" in capsys.readouterr().err
    assert await asyncio.to_thread(call, "db", "restore", str(file), "--data", str(here.data_dir)) == 0
    assert await look(here) == (answers, [[tuple(row) for row in found] for found in rows])
    assert await asyncio.to_thread(call, "db", "restore", str(file), "--config", str(config)) == 1
    assert "--force" in capsys.readouterr().err
    assert await asyncio.to_thread(call, "db", "restore", str(file), "--config", str(config), "--force") == 0
    assert (await look(there))[0] == answers


async def test_a_backup_of_sqlite_is_of_one_moment_and_comes_back(tmp_path: Path, shared: Path, capsys: Any):
    """Taken while somebody writes; into a used portal only with ``--force``, and never while it is served."""
    world = _world(tmp_path, None)
    answers, _, _ = await fill(world, shared)
    file, data = tmp_path / "backup.sqlite3", str(world.data_dir)
    async with world.site(ORGANISATION, settle=False) as site:
        work = asyncio.create_task(asyncio.to_thread(call, "db", "backup", str(file), "--data", data))
        while not work.done():
            async with site.portal.db.write() as tx:
                await tx.execute(
                    "INSERT INTO kernel_userinfo VALUES ('user:default/x', '{}', '') ON CONFLICT DO NOTHING"
                )
                await tx.execute("DELETE FROM kernel_userinfo")
            await asyncio.sleep(0.005)
        assert work.result() == 0
        assert await asyncio.to_thread(call, "db", "backup", str(file), "--data", data) == 1
        assert "there already" in capsys.readouterr().err
        await Desk(site).bring_in(MORE, "late.csv")
        assert await asyncio.to_thread(call, "db", "restore", str(file), "--data", data, "--force") == 1
        assert "stop the Callboard" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("backup")) == ["backup.sqlite3"]
    assert file.stat().st_mode & 0o077 == 0
    assert await asyncio.to_thread(call, "db", "restore", str(file), "--data", data) == 1
    assert "not empty" in capsys.readouterr().err
    assert await asyncio.to_thread(call, "db", "restore", str(file), "--data", data, "--force") == 0
    assert (await look(world))[0] == answers


def tables_in(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that a portal made, straight from the file."""
    with sqlite3.connect(file) as db:
        names = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'alembic_%'"
        ).fetchall()
        return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for (name,) in names}


def put_rows(file: Path, name: str) -> None:
    """Two rows of made-up values into a table, by the types of its columns; rows of one number belong together in all tables."""
    made = {"INTEGER": int, "REAL": float, "TEXT": "t{}".format, "BLOB": lambda n: b"b%d" % n}
    with sqlite3.connect(file) as db:
        columns = db.execute(f"SELECT name, type FROM pragma_table_info('{name}')").fetchall()
        for n in (1, 2):
            row = [made[kind](n) for _, kind in columns]
            db.execute(f"INSERT OR IGNORE INTO {name} VALUES ({', '.join('?' * len(row))})", row)


@pytest.mark.postgres
async def test_no_table_is_forgotten(tmp_path: Path, postgres_url: str):
    """Whatever tables the features have, now or later: each of them holds rows, and all of these come back from PostgreSQL."""
    first, last, backup = tmp_path / "first", tmp_path / "last", tmp_path / "backup.cba"
    assert await asyncio.to_thread(call, "db", "upgrade", "--data", str(first)) == 0
    file = first / "callboard.sqlite3"
    for name in tables_in(file):
        put_rows(file, name)
    rows = tables_in(file)
    assert len(rows) > 60 and [name for name, found in rows.items() if not found] == []
    assert await asyncio.to_thread(call, "db", "copy", "--from", str(first), "--to", postgres_url) == 0
    assert await asyncio.to_thread(call, "db", "copy", "--from", postgres_url, "--to", str(last)) == 0
    assert tables_in(last / "callboard.sqlite3") == rows

    config = tmp_path / "pg.yaml"
    config.write_text(f"backend: {{database: {{client: pg, connection: '{postgres_url}'}}}}\n", encoding="utf-8")
    assert await asyncio.to_thread(call, "db", "backup", str(backup), "--config", str(config)) == 0
    assert await asyncio.to_thread(call, "db", "restore", str(backup), "--data", str(last), "--force") == 0
    assert tables_in(last / "callboard.sqlite3") == rows


def test_what_cannot_be_moved_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """No file, no database, the same one, another product's URL, no backup; exit codes as everywhere."""
    monkeypatch.chdir(tmp_path)
    note = tmp_path / "note.txt"
    note.write_text("Dear diary", encoding="utf-8")
    for arguments, code, said in (
        (("backup", "b.sqlite3", "--data", "nowhere"), 3, "no database at"),
        (("backup", "no/b.sqlite3"), 1, "folder"),
        (("restore", "b.sqlite3"), 1, "no file"),
        (("restore", "note.txt"), 2, "no backup"),
        (("copy", "--from", "nowhere", "--to", "there"), 1, "no database at"),
        (("copy", "--from", "mysql://x/y", "--to", "there"), 2, "postgresql://"),
    ):
        got, _, err = run(capsys, "db", *arguments)
        assert (got, said in err) == (code, True), (arguments, err)
    assert run(capsys, "db", "upgrade", "--data", "one")[0] == 0
    assert run(capsys, "db", "copy", "--from", "one", "--to", "one/callboard.sqlite3")[0] == 2
    told = run_json(capsys, "db", "copy", "--from", "one", "--to", "two")
    assert {table["name"] for table in told["tables"]} >= {
        "kernel_user",
        "catalog_entity",
        "importing_drift",
        "editing_text",
    }
    assert told["rows"] == 1  # the catalog's revision
    assert (tmp_path / "two" / "callboard.sqlite3").exists()
