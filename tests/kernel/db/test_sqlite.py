"""What only SQLite does: one file, other processes on it, its log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from callboard.kernel.db.sqlite import CHECKPOINT_PAGES, PAGE_BYTES, SqliteDatabase
from callboard.kernel.errors import UnavailableError

pytestmark = pytest.mark.anyio


async def test_reads_do_not_suspend(sqlite_db: SqliteDatabase) -> None:
    """A read runs to its end without giving up the event loop: driven by hand, it never yields."""
    async with sqlite_db.write() as tx:
        await tx.execute("CREATE TABLE item (id TEXT)")

    async def read() -> int:
        async with sqlite_db.read() as tx:
            await tx.fetch_one("SELECT * FROM item")
            return await tx.fetch_value("SELECT count(*) FROM item")

    with pytest.raises(StopIteration) as stopped:
        read().send(None)
    assert stopped.value.value == 0


async def test_a_write_waits_for_another_process_without_blocking_the_loop(sqlite_db: SqliteDatabase) -> None:
    """While another connection holds the write lock, the loop turns; then the write goes through."""
    other = apsw.Connection(str(sqlite_db.path))
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with sqlite_db.write() as tx:
            await tx.execute("CREATE TABLE item (id TEXT)")

    writing = asyncio.create_task(write())
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await asyncio.wait_for(writing, 5)


async def test_a_lock_that_is_never_given_up_is_an_outage(tmp_path: Path) -> None:
    """After the busy timeout, with the file in the message; afterwards writing works again."""
    database = SqliteDatabase.open(tmp_path / "x.sqlite3", busy_timeout_s=0.05)
    other = apsw.Connection(str(database.path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match=r"x\.sqlite3"):
        async with database.write():
            pytest.fail("the lock was held")
    other.close(True)
    async with database.write() as tx:
        await tx.execute("CREATE TABLE item (id TEXT)")
    await database.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """With its name; and it is left as it was."""
    file = tmp_path / "notes.txt"
    file.write_text("no database\n" * 100)
    with pytest.raises(UnavailableError, match=r"notes\.txt"):
        SqliteDatabase.open(file)
    assert file.read_text().startswith("no database\n")


async def test_a_database_in_memory_leaves_nothing_behind() -> None:
    """It is a file all the same, so that readers see committed rows only; its folder goes with it."""
    database = SqliteDatabase.open(":memory:")
    assert database.path.is_file()
    await database.close()
    assert not database.path.parent.exists()


async def test_the_log_is_folded_into_the_file(sqlite_db: SqliteDatabase) -> None:
    """While writing goes on the write-ahead log starts over, so that its file stops growing."""
    async with sqlite_db.write() as tx:
        await tx.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)")
    log = sqlite_db.path.with_name(sqlite_db.path.name + "-wal")
    rows, grown = 0, True
    while grown:  # a busy machine folds late, and the log grows as long as that takes
        before = log.stat().st_size
        for _ in range(8):
            async with sqlite_db.write() as tx:
                await tx.insert_many("item", ["id", "text"], [(rows + n, "x" * 8_000) for n in range(250)])
            rows += 250
            await asyncio.sleep(0.02)
        grown = log.stat().st_size > before
        assert rows < 80_000
    assert rows * 8_000 > CHECKPOINT_PAGES * PAGE_BYTES
    assert sqlite_db.path.stat().st_size > CHECKPOINT_PAGES * PAGE_BYTES // 2


async def test_closing_ends_reads_and_writes_with_a_clear_error(sqlite_db: SqliteDatabase) -> None:
    """Nobody hangs, nobody gets a driver's error."""
    await sqlite_db.close()
    await sqlite_db.close()
    with pytest.raises(UnavailableError, match="closed"):
        async with sqlite_db.read():
            pytest.fail("it is closed")
    with pytest.raises(UnavailableError, match="closed"):
        async with sqlite_db.write():
            pytest.fail("it is closed")


async def test_a_full_disk_is_an_outage_and_loses_nothing(sqlite_db: SqliteDatabase) -> None:
    """The limit on pages stands for the disk: the batch is refused, what was there stays."""
    async with sqlite_db.write() as tx:
        await tx.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)")
        await tx.execute("INSERT INTO item VALUES (-1, 'kept')")
        await tx.execute("PRAGMA max_page_count = 50")
    with pytest.raises(UnavailableError, match="disk"):
        async with sqlite_db.write() as tx:
            await tx.insert_many("item", ["id", "text"], [(number, "x" * 2000) for number in range(500)])
    async with sqlite_db.read() as tx:
        assert await tx.fetch_all("SELECT text FROM item") == [("kept",)]
