"""Tables are made and upgraded the same way on both engines, with Alembic and without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import Migrations, Pending, SchemaTooNew, check, upgrade
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.kernel.migrations import MIGRATIONS as KERNEL

pytestmark = pytest.mark.anyio

REVISION = """
from callboard.kernel.db.revisions import run_sql_file

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    run_sql_file(__file__)
"""

NOTES = [
    (
        "0001_note",
        "CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT); -- 100% ':name' \nCREATE INDEX note_text ON note (text);",
    ),
    ("0002_author", "ALTER TABLE note ADD COLUMN author TEXT;\nUPDATE note SET author = 'unknown: %s';"),
    ("0003_tag", "CREATE TABLE tag (note TEXT NOT NULL REFERENCES note (id), name TEXT DEFAULT ':x');"),
]


class Package:
    """A package of migrations that grows in the course of a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        (self.folder / "versions").mkdir(parents=True)
        (self.folder / "__init__.py").touch()
        self.migrations = Migrations(name.split("_")[1], name)

    def add(self, *versions: tuple[str, str]) -> Package:
        names = sorted(path.stem for path in self.folder.glob("versions/*.py"))
        for name, sql in versions:
            versions_folder = self.folder / "versions"
            (versions_folder / f"{name}.py").write_text(
                REVISION.format(revision=name, before=names[-1] if names else None)
            )
            for dialect in ("sqlite", "postgresql"):
                (versions_folder / f"{name}.{dialect}.sql").write_text(sql)
            names.append(name)
        return self


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes importable packages of migrations, forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(name: str, *versions: tuple[str, str]) -> Package:
        package = Package(tmp_path, f"test{len(made)}_{name}")
        made.append(package.folder.name)
        return package.add(*versions)

    yield make
    for name in made:
        sys.modules.pop(name, None)


async def schema_of(db: Database) -> list[Any]:
    """Every table, column, default, index and constraint, comparable between two databases."""
    async with db.read() as tx:
        if db.dialect == "sqlite":
            rows = await tx.fetch_all("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
            # Alembic ends its own table with a blank line; what it means is the same.
            return [(*row[:3], " ".join(row[3].split()) if row[3] else None) for row in rows]
        columns = await tx.fetch_all(
            "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity,"
            " character_maximum_length FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        )
        indexes = await tx.fetch_all("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
        constraints = await tx.fetch_all(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1"
        )
        return [*map(tuple, columns), *map(tuple, indexes), *map(tuple, constraints)]


async def drop_all(db: Database) -> None:
    async with db.write() as tx:
        if db.dialect == "postgresql":
            await tx.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
            return
        names = await tx.fetch_all(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid DESC"
        )
        for (name,) in names:
            await tx.execute(f"DROP TABLE {name}")


async def upgrade_by_alembic(db: Database, *migrations: Migrations) -> list[Pending]:
    from callboard.kernel.db.alembic_upgrade import upgrade_with_alembic

    return await asyncio.to_thread(upgrade_with_alembic, db, migrations)


@pytest.mark.slow
async def test_both_ways_give_one_schema(db: Database, packages: Any) -> None:
    """The kernel's tables and three versions of a plugin's: from the SQL files alone, or by Alembic step by step."""
    notes = packages("notes", *NOTES).migrations
    await upgrade(db, [KERNEL, notes])
    quick = await schema_of(db)
    await drop_all(db)
    await upgrade_by_alembic(db, KERNEL, notes)
    assert await schema_of(db) == quick
    assert len(quick) > 30
    assert await check(db, [KERNEL, notes]) == []


async def test_an_upgrade_may_be_repeated(db: Database, packages: Any) -> None:
    """The second run has nothing to do, and says so."""
    notes = packages("notes", *NOTES).migrations
    assert await check(db, [notes]) == [Pending("notes", None, ("0001_note", "0002_author", "0003_tag"))]
    assert await upgrade(db, [notes]) == [Pending("notes", None, ("0001_note", "0002_author", "0003_tag"))]
    assert await check(db, [notes]) == []
    assert await upgrade(db, [notes]) == []


@pytest.mark.slow
async def test_older_tables_are_brought_up_with_their_rows(db: Database, packages: Any) -> None:
    """Rows written at the first version are there at the third, changed as the second says."""
    package = packages("notes", NOTES[0])
    await upgrade(db, [package.migrations])
    async with db.write() as tx:
        await tx.execute("INSERT INTO note VALUES ('a', 'Größe')")
    package.add(*NOTES[1:])
    assert await check(db, [package.migrations]) == [Pending("notes", "0001_note", ("0002_author", "0003_tag"))]
    assert await upgrade(db, [package.migrations]) == [Pending("notes", "0001_note", ("0002_author", "0003_tag"))]
    async with db.read() as tx:
        assert tuple(await tx.fetch_one("SELECT * FROM note") or ()) == ("a", "Größe", "unknown: %s")
        assert await tx.fetch_value("SELECT version_num FROM alembic_version_notes") == "0003_tag"


@pytest.mark.slow
async def test_a_plugin_added_later_comes_with_the_upgrade_of_another(db: Database, packages: Any) -> None:
    """One is behind, one is absent: both arrive in one run."""
    notes, marks = packages("notes", NOTES[0]), packages("marks", ("0001_mark", "CREATE TABLE mark (id TEXT);"))
    await upgrade(db, [notes.migrations])
    notes.add(NOTES[1])
    applied = await upgrade(db, [notes.migrations, marks.migrations])
    assert applied == [Pending("notes", "0001_note", ("0002_author",)), Pending("marks", None, ("0001_mark",))]
    assert await check(db, [notes.migrations, marks.migrations]) == []


async def test_a_failing_first_version_leaves_nothing(db: Database, packages: Any) -> None:
    """Not even the tables before the mistake."""
    broken = packages("notes", *NOTES, ("0004_oops", "CREATE TABLE fine (id TEXT); CREATE TABLE note (id TEXT);"))
    with pytest.raises(Exception, match="note"):
        await upgrade(db, [broken.migrations])
    assert await schema_of(db) == []


@pytest.mark.slow
async def test_a_failing_upgrade_leaves_the_old_tables(db: Database, packages: Any) -> None:
    """The good step before the bad one is taken back too, and a repaired release gets through."""
    package = packages("notes", NOTES[0])
    await upgrade(db, [package.migrations])
    before = await schema_of(db)
    package.add(NOTES[1], ("0003_oops", "CREATE TABLE fine (id TEXT); CREATE TABLE note (id TEXT);"))
    with pytest.raises(Exception, match="note"):
        await upgrade(db, [package.migrations])
    assert await schema_of(db) == before
    for dialect in ("sqlite", "postgresql"):
        (package.folder / "versions" / f"0003_oops.{dialect}.sql").write_text("CREATE TABLE fine (id TEXT);")
    assert await upgrade(db, [package.migrations]) != []


async def test_tables_of_a_later_release_are_left_alone(db: Database, packages: Any) -> None:
    """An unknown version is refused, with the newest that is known."""
    notes = packages("notes", NOTES[0]).migrations
    await upgrade(db, [notes])
    async with db.write() as tx:
        await tx.execute("UPDATE alembic_version_notes SET version_num = '0009_future'")
    with pytest.raises(SchemaTooNew, match="0009_future.*0001_note"):
        await upgrade(db, [notes])


@pytest.mark.postgres
async def test_replicas_that_start_together_make_the_tables_once(postgres_db: Any, postgres_url: str) -> None:
    """Four at once on one empty database: one makes them, the others find them."""
    from callboard.kernel.db.postgres import PostgresDatabase

    others = [await PostgresDatabase.open(postgres_url) for _ in range(3)]
    applied = await asyncio.gather(*(upgrade(db, [KERNEL]) for db in (postgres_db, *others)))
    assert [bool(pending) for pending in applied].count(True) == 1
    for other in others:
        await other.close()


async def test_two_processes_on_one_file_make_the_tables_once(tmp_path: Path) -> None:
    """As replicas do, with SQLite's write lock."""
    databases = [SqliteDatabase.open(tmp_path / "one.sqlite3") for _ in range(3)]
    applied = await asyncio.gather(*(upgrade(db, [KERNEL]) for db in databases))
    assert [bool(pending) for pending in applied].count(True) == 1
    for database in databases:
        await database.close()


def test_the_first_start_imports_no_alembic(tmp_path: Path) -> None:
    """It would double the time to the first page."""
    program = (
        "import asyncio, sys\n"
        "from callboard.kernel.db.migrations import upgrade\n"
        "from callboard.kernel.db.sqlite import SqliteDatabase\n"
        "from callboard.kernel.migrations import MIGRATIONS\n"
        "asyncio.run(upgrade(SqliteDatabase.open(sys.argv[1]), [MIGRATIONS]))\n"
        "print(sorted({'alembic', 'sqlalchemy', 'asyncpg', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.sqlite3")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_every_revision_follows_the_one_before_it() -> None:
    """Names of files, revisions and their order agree, and both engines have a file for each."""
    from alembic.script import ScriptDirectory

    versions = KERNEL.versions()
    script = ScriptDirectory(str(KERNEL.folder.parent), version_locations=[str(KERNEL.folder)])
    assert [revision.revision for revision in reversed(list(script.walk_revisions()))] == versions
    for version in versions:
        assert KERNEL.sql_of(version, "sqlite")
        assert KERNEL.sql_of(version, "postgresql")
        assert len(version) <= 32
