"""``kill -9`` in the middle of a load: after the next start every entity is there once, and nothing is half done."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.db.sqlite import SqliteDatabase
from tests.faults.catalogue import Catalogue, write_catalogue
from tests.faults.checking import (
    check_answers,
    check_store,
    count_entities,
    count_left,
    uids_of,
    wait_for_entities,
    wait_until_done,
)
from tests.faults.serving import Server, write_settings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SIZES = [pytest.param(2_000, id="small"), pytest.param(10_000, marks=pytest.mark.soak, id="10,000")]
LEASE_S = 2


@pytest.mark.parametrize("size", SIZES)
async def test_a_killed_process_loses_nothing_on_sqlite(tmp_path: Path, size: int) -> None:
    """Killed again and again, each time a little later; the uids that were given out stay."""
    catalogue = write_catalogue(tmp_path / "files", size)
    settings, data = write_settings(tmp_path, catalogue.root), tmp_path / "data"
    killed_at: list[int] = []
    uids: dict[str, str] = {}
    for share in (0.0, 0.2, 0.5, 0.9):
        server = Server(settings, data)
        db = SqliteDatabase.open(_file(data))
        try:
            await wait_for_entities(db, max(1, int(size * share)), timeout_s=60 + size / 50)
            server.kill()
            killed_at.append(await count_entities(db))
            now = await uids_of(db)
            assert {ref: now.get(ref) for ref in uids} == uids
            uids = now
        finally:
            server.stop()
            await db.close()
    assert any(0 < count < size for count in killed_at), f"never in the middle: {killed_at}"
    started = time.monotonic()
    server = Server(settings, data)
    db = SqliteDatabase.open(_file(data))
    try:
        await wait_until_done(db, catalogue, timeout_s=60 + size / 50)
        assert time.monotonic() - started < 50 + size / 50, "the work of a dead process had to wait for its lease"
        check_answers(server, catalogue)
        server.stop()
        await check_store(db, catalogue)
        now = await uids_of(db)
        assert {ref: now.get(ref) for ref in uids} == uids
    finally:
        server.stop()
        await db.close()


@pytest.mark.parametrize("size", SIZES)
async def test_a_change_that_was_cut_off_is_finished(tmp_path: Path, size: int) -> None:
    """Killed while a new version of every file is taken in: changed, removed and untouched entities are right afterwards."""
    catalogue = write_catalogue(tmp_path / "files", size)
    settings, data = write_settings(tmp_path, catalogue.root), tmp_path / "data"
    server = Server(settings, data)
    db = SqliteDatabase.open(_file(data))
    try:
        await wait_until_done(db, catalogue, timeout_s=60 + size / 50)
        before, uids = len(catalogue.documents), await uids_of(db)
        revision = await _revision(db)
        retired = catalogue.change()
        ends = time.monotonic() + 30
        while await _revision(db) == revision and time.monotonic() < ends:
            await asyncio.sleep(0.001)
        server.kill()
        reached = await _count_retired(db)
        assert reached < retired or await count_left(db), f"all of {retired} were changed when it was killed"
        server = Server(settings, data)
        removed = before - len(catalogue.documents)
        await wait_until_done(db, catalogue, timeout_s=60 + size / 50)
        check_answers(server, catalogue)
        server.stop()
        await check_store(db, catalogue, removed=removed)
        assert await _count_retired(db) == retired
        now = await uids_of(db)
        assert {ref: now[ref] for ref in catalogue.refs} == {ref: uids[ref] for ref in catalogue.refs}
    finally:
        server.stop()
        await db.close()


async def _revision(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1"))


async def _count_retired(db: Database) -> int:
    async with db.read() as tx:
        return int(
            await tx.fetch_value(
                "SELECT count(*) FROM catalog_term t JOIN catalog_key k ON k.id = t.key_id"
                " WHERE k.key = 'spec.lifecycle' AND t.value = 'retired'"
            )
        )


def _file(data: Path) -> Path:
    (found,) = data.glob("*.sqlite*3") or data.glob("*.db")
    return found


@pytest.mark.parametrize("size", SIZES)
async def test_another_replica_takes_over_from_one_that_was_killed(
    tmp_path: Path, postgres_portal_url: str, size: int
) -> None:
    """Two replicas on one PostgreSQL: the one that loads is killed, the other finishes once the lease has ended."""
    from callboard.kernel.db.postgres import PostgresDatabase

    catalogue = write_catalogue(tmp_path / "files", size)
    more = {
        "backend": {"database": {"client": "pg", "connection": postgres_portal_url}},
        "jobs": {"lease": f"{LEASE_S}s"},
    }
    settings = write_settings(tmp_path, catalogue.root, more)
    db = await PostgresDatabase.open(postgres_portal_url)
    with ExitStack() as stack:
        replicas = [Server(settings, tmp_path / f"data-{n}") for n in range(2)]
        for replica in replicas:
            stack.callback(replica.stop)
        try:
            await wait_for_entities(db, 1, timeout_s=60)
            loading = await _find_loading(db, replicas)
            await wait_for_entities(db, size // 5, timeout_s=60 + size / 50)
            loading.kill()
            assert await count_entities(db) < size or await count_left(db), "it was done before it could be killed"
            survivor = next(replica for replica in replicas if replica is not loading)
            await wait_until_done(db, catalogue, timeout_s=60 + size / 20)
            await _wait_for_answers(survivor, catalogue)
            survivor.stop()
            await check_store(db, catalogue)
        finally:
            await db.close()


async def _find_loading(db: Database, replicas: list[Server]) -> Server:
    """The replica that holds the lease of a job which reads locations."""
    for _ in range(2_000):
        async with db.read() as tx:
            owners: list[Any] = await tx.fetch_all(
                "SELECT lease_owner FROM kernel_job WHERE state = 'running' AND kind = 'catalog.location'"
            )
        for owner in owners:
            process = int(owner[0].split("/")[1])
            return next(replica for replica in replicas if replica.pid == process)
        await asyncio.sleep(0.002)
    raise AssertionError("nobody is loading")


async def _wait_for_answers(server: Server, catalogue: Catalogue) -> None:
    """What another replica wrote is told within moments."""
    for attempt in range(100):
        try:
            check_answers(server, catalogue)
        except AssertionError:
            if attempt == 99:
                raise
            await asyncio.sleep(0.1)
        else:
            return
