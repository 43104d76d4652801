"""What every database promises, asked of SQLite and of PostgreSQL alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.errors import ConflictError

pytestmark = pytest.mark.anyio

TABLE = "CREATE TABLE item (id TEXT PRIMARY KEY, number BIGINT, data {bytes})"


async def make_table(db: Database, rows: int = 0) -> None:
    kind = "BYTEA" if db.dialect == "postgresql" else "BLOB"
    async with db.write() as tx:
        await tx.execute(TABLE.format(bytes=kind))
        await tx.insert_many("item", ["id", "number"], [(f"i{number:05}", number) for number in range(rows)])


async def count(db: Database) -> int:
    async with db.read() as tx:
        return await tx.fetch_value("SELECT count(*) FROM item")


async def test_values_come_back_as_they_went_in(db: Database) -> None:
    """Unicode, quotes, bytes, None and 64-bit integers survive, by ``execute`` and by ``insert_many``."""
    await make_table(db)
    rows = [
        ("Größe 'x' \"y\" $1 日本 🎉", 2**63 - 1, b"\x00\xff"),
        ("empty", -(2**63), b""),
        ("nothing", None, None),
    ]
    async with db.write() as tx:
        assert await tx.execute("INSERT INTO item VALUES ($1, $2, $3)", *rows[0]) == 1
        await tx.insert_many("item", ["id", "number", "data"], rows[1:])
    async with db.read() as tx:
        found = await tx.fetch_all("SELECT id, number, data FROM item ORDER BY number DESC NULLS LAST")
    assert [tuple(row) for row in found] == rows


async def test_fetching_one_or_a_value_of_nothing_is_none(db: Database) -> None:
    """No row is None from both, not an error."""
    await make_table(db)
    async with db.read() as tx:
        assert await tx.fetch_one("SELECT id FROM item WHERE id = $1", "x") is None
        assert await tx.fetch_value("SELECT id FROM item WHERE id = $1", "x") is None
        assert await tx.fetch_all("SELECT id FROM item") == []


async def test_parameters_may_repeat_and_come_in_any_order(db: Database) -> None:
    """``$2`` before ``$1``, and one of them twice."""
    await make_table(db, rows=10)
    async with db.read() as tx:
        row = await tx.fetch_one(
            "SELECT id FROM item WHERE number < $2 AND id >= $1 AND id <> '$1' AND number + 1 < $2", "i00003", 5
        )
    assert tuple(row or ()) == ("i00003",)


async def test_execute_counts_the_rows_it_changed(db: Database) -> None:
    """Also zero, and zero for a statement that changes no rows after one that did."""
    await make_table(db, rows=10)
    async with db.write() as tx:
        assert await tx.execute("UPDATE item SET number = 0 WHERE number < $1", 4) == 4
        assert await tx.execute("CREATE TABLE other (id TEXT)") == 0
        assert await tx.execute("DELETE FROM item WHERE id = $1", "absent") == 0
        assert await tx.execute("INSERT INTO item (id) VALUES ('i00001') ON CONFLICT (id) DO NOTHING") == 0


async def test_returning_gives_all_changed_rows_or_the_first(db: Database) -> None:
    """``fetch_one`` of a changing statement still changes every row."""
    await make_table(db, rows=10)
    async with db.write() as tx:
        rows = await tx.fetch_all("UPDATE item SET number = number + 100 WHERE number < $1 RETURNING id", 3)
        assert sorted(row[0] for row in rows) == ["i00000", "i00001", "i00002"]
        await tx.fetch_one("DELETE FROM item WHERE number < $1 RETURNING id", 100)
    assert await count(db) == 3


async def test_a_script_of_several_statements_runs_in_one_call(db: Database) -> None:
    """``execute`` without arguments takes a whole file; the rollback takes it back."""
    with pytest.raises(LookupError):
        async with db.write() as tx:
            await tx.execute("CREATE TABLE a (id TEXT); -- note: 'x' %s\nCREATE TABLE b (id TEXT);")
            assert await tx.fetch_all("SELECT * FROM b") == []
            raise LookupError
    async with db.write() as tx:
        await tx.execute("CREATE TABLE a (id TEXT)")


async def test_an_error_rolls_everything_back_and_calls_nobody(db: Database) -> None:
    """Neither rows nor callbacks nor notices of a failed transaction."""
    await make_table(db)
    called: list[str] = []
    db.listen("items", called.append)
    with pytest.raises(LookupError):
        async with db.write() as tx:
            await tx.insert_many("item", ["id", "number"], [(f"i{number}", number) for number in range(1000)])
            tx.after_commit(lambda: called.append("after"))
            await tx.notify("items", "x")
            raise LookupError
    assert await count(db) == 0
    await asyncio.sleep(0.05)
    assert set(called) <= {""}  # PostgreSQL says so once it listens


async def test_callbacks_run_once_committed_and_see_the_change(db: Database) -> None:
    """Not before the commit; and one that fails spoils neither the write nor the next callback."""
    await make_table(db)
    loop = asyncio.get_running_loop()
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    called: list[str] = []
    try:
        async with db.write() as tx:
            tx.after_commit(lambda: called.append("first"))
            tx.after_commit(lambda: called.index("absent"))  # type: ignore[arg-type]
            tx.after_commit(lambda: called.append("last"))
            await tx.execute("INSERT INTO item (id) VALUES ('a')")
            assert called == []
    finally:
        loop.set_exception_handler(None)
    assert called == ["first", "last"]
    assert [type(context["exception"]) for context in reported] == [ValueError]
    assert await count(db) == 1


async def test_a_reader_keeps_its_snapshot_while_others_write(db: Database) -> None:
    """Both statements of one reading transaction see the state of the first."""
    await make_table(db, rows=5)
    async with db.read() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM item") == 5
        async with db.write() as writing:
            await writing.execute("DELETE FROM item")
        assert await tx.fetch_value("SELECT count(*) FROM item") == 5
    assert await count(db) == 0


async def test_a_read_without_snapshot_sees_the_latest_state(db: Database) -> None:
    """Each statement by itself; nothing lingers on the connection afterwards."""
    await make_table(db, rows=5)
    async with db.read(snapshot=False) as tx:
        assert await tx.fetch_one("SELECT id FROM item ORDER BY id") is not None
        async with db.write() as writing:
            await writing.execute("DELETE FROM item")
        assert await tx.fetch_value("SELECT count(*) FROM item") == 0
        async with tx.stream("SELECT id FROM item") as chunks:
            assert [rows async for rows in chunks] == []


async def test_uncommitted_rows_are_hidden_from_readers(db: Database) -> None:
    """Only the writer itself sees them."""
    await make_table(db)
    async with db.write() as tx:
        await tx.execute("INSERT INTO item (id) VALUES ('a')")
        assert await tx.fetch_value("SELECT count(*) FROM item") == 1
        assert await count(db) == 0
    assert await count(db) == 1


async def test_readers_cannot_write(db: Database) -> None:
    """A change in a reading transaction is refused, and the database stays usable."""
    await make_table(db)
    with pytest.raises(Exception, match=r"read.?only"):
        async with db.read() as tx:
            await tx.execute("INSERT INTO item (id) VALUES ('a')")
    assert await count(db) == 0


@pytest.mark.parametrize("rows", [1, 1000])
async def test_a_clash_is_a_conflict(db: Database, rows: int) -> None:
    """By ``execute``, ``execute_many`` and ``insert_many``, few rows or many; the batch leaves nothing behind."""
    await make_table(db, rows=1)
    batch = [(f"n{number}", number) for number in range(rows - 1)] + [("i00000", 0)]
    with pytest.raises(ConflictError):
        async with db.write() as tx:
            await tx.insert_many("item", ["id", "number"], batch)
    with pytest.raises(ConflictError):
        async with db.write() as tx:
            await tx.execute_many("INSERT INTO item (id, number) VALUES ($1, $2)", batch)
    with pytest.raises(ConflictError):
        async with db.write() as tx:
            await tx.fetch_one("INSERT INTO item (id) VALUES ($1) RETURNING id", "i00000")
    assert await count(db) == 1


async def test_a_foreign_key_clash_is_a_conflict(db: Database) -> None:
    """Foreign keys are enforced on both engines."""
    await make_table(db)
    async with db.write() as tx:
        await tx.execute("CREATE TABLE part (item TEXT NOT NULL REFERENCES item (id))")
    with pytest.raises(ConflictError):
        async with db.write() as tx:
            await tx.execute("INSERT INTO part VALUES ('absent')")


async def test_execute_many_takes_any_iterable_and_none_at_all(db: Database) -> None:
    """A generator, and nothing."""
    await make_table(db, rows=100)
    async with db.write() as tx:
        await tx.execute_many(
            "UPDATE item SET number = $2 WHERE id = $1", ((f"i{number:05}", -1) for number in range(100))
        )
        await tx.execute_many("UPDATE item SET number = $2 WHERE id = $1", [])
        await tx.insert_many("item", ["id"], [])
        assert await tx.fetch_value("SELECT sum(number) FROM item") == -100


async def test_a_stream_comes_in_chunks_and_lets_others_run(db: Database) -> None:
    """No chunk is longer than asked, order holds, other statements of the transaction run in between."""
    await make_table(db, rows=1234)
    sizes, seen = [], []
    async with (
        db.read() as tx,
        tx.stream("SELECT id FROM item WHERE number >= $1 ORDER BY id", 10, chunk=500) as chunks,
    ):
        async for rows in chunks:
            sizes.append(len(rows))
            seen.extend(row[0] for row in rows)
            assert await tx.fetch_value("SELECT count(*) FROM item") == 1234
    assert sizes == [500, 500, 224]
    assert seen == [f"i{number:05}" for number in range(10, 1234)]


async def test_a_stream_may_be_left_early(db: Database) -> None:
    """The connection is usable afterwards, also for writing to the same table."""
    await make_table(db, rows=1000)
    async with db.read() as tx, tx.stream("SELECT id FROM item", chunk=10) as chunks:
        async for rows in chunks:
            assert len(rows) == 10
            break
    async with db.write() as tx:
        await tx.execute("DROP TABLE item")


async def test_any_of_takes_ten_thousand_values(db: Database) -> None:
    """Text and numbers, beside other parameters; none at all matches nothing."""
    await make_table(db, rows=20_000)
    async with db.read() as tx:
        names = [f"i{number:05}" for number in range(0, 20_000, 2)]
        sql = f"SELECT count(*) FROM item WHERE number >= $1 AND {tx.any_of('id', 2)}"
        assert await tx.fetch_value(sql, 10_000, tx.list_arg(names)) == 5_000
        assert await tx.fetch_value(sql, 0, tx.list_arg(iter([]))) == 0
        assert await tx.fetch_value(sql, 0, tx.list_arg(["i00002", "Größe'\"", "日本"])) == 1
        sql = f"SELECT count(*) FROM item WHERE {tx.any_of('number', 1, 'bigint')}"
        assert await tx.fetch_value(sql, tx.list_arg(range(-5, 5))) == 5


async def test_writers_at_once_lose_nothing(db: Database) -> None:
    """Twenty concurrent increments of one row add up."""
    await make_table(db, rows=1)

    async def increment() -> None:
        async with db.write() as tx:
            await tx.execute("UPDATE item SET number = number + 1 WHERE id = 'i00000'")
            await asyncio.sleep(0.001)

    await asyncio.gather(*(increment() for _ in range(20)))
    async with db.read() as tx:
        assert await tx.fetch_value("SELECT number FROM item") == 20


async def test_more_readers_than_connections_wait_their_turn(db: Database) -> None:
    """A hundred readers that each hold a transaction for a moment all get an answer."""
    await make_table(db, rows=3)

    async def read() -> int:
        async with db.read() as tx:
            found = await tx.fetch_value("SELECT count(*) FROM item")
            await asyncio.sleep(0.001)
            return found

    assert await asyncio.gather(*(read() for _ in range(100))) == [3] * 100


async def test_a_cancelled_write_is_rolled_back_and_frees_the_writer(db: Database) -> None:
    """Cancelled in the middle of a bulk insert: no rows, and the next writer gets in."""
    await make_table(db)

    async def load() -> None:
        async with db.write() as tx:
            await tx.insert_many("item", ["id", "number"], [(f"i{number}", number) for number in range(200_000)])
            await asyncio.sleep(60)

    task = asyncio.create_task(load())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), db.write() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM item") == 0
        await tx.execute("INSERT INTO item (id) VALUES ('a')")
    assert await count(db) == 1


async def test_a_reader_cancelled_while_waiting_gives_its_turn_on(db: Database) -> None:
    """Cancelled waiters do not swallow the connection that came free for them."""
    await make_table(db, rows=1)

    async def read(pause: float) -> int:
        async with db.read() as tx:
            await asyncio.sleep(pause)
            return await tx.fetch_value("SELECT count(*) FROM item")

    holding = [asyncio.create_task(read(0.05)) for _ in range(20)]
    await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(read(0)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for task in waiting[::2]:
        task.cancel()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*holding, *waiting[1::2]) == [1] * 30


async def test_listeners_hear_what_was_committed(db: Database) -> None:
    """With the payload, until they stop listening."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    stop = db.listen("news", heard.put_nowait)
    await until_listening(db, "news", heard)
    async with db.write() as tx:
        await tx.notify("news", "größer")
        assert heard.empty()
    assert await asyncio.wait_for(heard.get(), 5) == "größer"
    stop()
    async with db.write() as tx:
        await tx.notify("news", "unheard")
    await asyncio.sleep(0.05)
    assert heard.empty()


async def until_listening(db: Database, channel: str, heard: asyncio.Queue[str]) -> None:
    """PostgreSQL listens from a connection of its own, which takes a moment to open."""
    async with asyncio.timeout(10):
        while heard.empty():
            async with db.write() as tx:
                await tx.notify(channel, "ping")
            await asyncio.sleep(0.02)
    while not heard.empty():
        heard.get_nowait()
        await asyncio.sleep(0.02)


async def test_an_ended_transaction_refuses_to_work(db: Database) -> None:
    """A transaction kept beyond its block raises instead of running outside of one."""
    await make_table(db)
    async with db.read() as tx:
        pass
    with pytest.raises(RuntimeError, match="ended"):
        await tx.fetch_all("SELECT 1")


async def test_a_mistake_in_a_statement_is_no_domain_error(db: Database) -> None:
    """Unknown tables surface as the driver's error: nobody should catch a bug as a conflict."""
    with pytest.raises(Exception, match="nowhere") as caught:
        async with db.read() as tx:
            await tx.fetch_all("SELECT * FROM nowhere")
    assert not type(caught.value).__module__.startswith("callboard")
