"""``kill -9`` while tasks run: each ends all the same, no finished step runs twice, and nothing is left behind.

Each round starts tasks with a secret, kills the process at some moment, and starts it again, which goes on with what was under way
while the next round has begun.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from callboard.kernel.db.interface import Database
from callboard.kernel.db.sqlite import SqliteDatabase
from tests.faults.task_process import SECRET
from tests.features.scaffolder.conftest import step, template

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROUNDS = [pytest.param(2, id="2"), pytest.param(50, marks=pytest.mark.soak, id="50")]
ROOT = Path(__file__).resolve().parents[2]
TASKS_A_ROUND = 2
LONGEST_S = 0.6
TABLES = ("task", "task_step", "task_event", "task_checkpoint", "workspace")

WORK = template(
    "work",
    step("one", "note", input={"word": "one"}),
    step("two", "write", input={"files": {"token.txt": "${{ secrets.token }}", "src/a.txt": "${{ parameters.name }}"}}),
    step("three", "sleep", input={"seconds": 0.1}),
    step("four", "keep"),
    step("five", "write", input={"files": {"more.txt": "more"}}),
    step("six", "sleep", input={"seconds": 0.1}),
    step("seven", "list"),
    output={"count": "${{ steps.seven.output.files | length }}", "files": "${{ steps.seven.output.files }}"},
)


class Process:
    """``tests.faults.task_process``."""

    def __init__(self, folder: Path, name: str, settings: Path) -> None:
        self.data = folder / name
        self._command = [
            sys.executable, "-m", "tests.faults.task_process", str(settings), str(self.data), str(folder / "journal"),
        ]  # fmt: skip
        self.log = folder / f"{name}.log"
        self._start()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, text=True
            )
        assert self._answer() == "ready", self.log.read_text()[-2000:]

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def create(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write("create work\n")
        self._process.stdin.flush()
        return self._answer()

    def kill(self) -> None:
        self._process.kill()
        self._ended()

    def restart(self) -> None:
        self._start()

    def stop(self) -> None:
        """Its input ends, and it goes by itself."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._ended()

    def _ended(self) -> None:
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Watch:
    """What must not happen again: steps that were marked as finished when a process was killed."""

    def __init__(self, db: Database, journal: Path) -> None:
        self._db = db
        self._journal = journal
        self._finished: dict[tuple[str, str], int] = {}
        self.killed_within = 0

    def _counts(self) -> Counter[tuple[str, str]]:
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        return Counter((line.split()[0], line.split()[1]) for line in lines)

    async def note(self) -> None:
        """After a kill."""
        async with self._db.read() as tx:
            rows = await tx.fetch_all("SELECT task_id, id FROM scaffolder_task_step WHERE state = 'completed'")
            self.killed_within += await tx.fetch_value("SELECT count(*) FROM scaffolder_task WHERE run IS NOT NULL")
        counts = self._counts()
        for row in rows:
            self._finished.setdefault((row[0], row[1]), counts[(row[0], row[1])])

    async def begun(self) -> None:
        """Until some step has ended, and a task is not done."""
        async with asyncio.timeout(20):
            while True:
                async with self._db.read() as tx:
                    done = await tx.fetch_value("SELECT count(*) FROM scaffolder_task_step WHERE state = 'completed'")
                    runs = await tx.fetch_value("SELECT count(*) FROM scaffolder_task WHERE run IS NOT NULL")
                if done and runs:
                    return
                await asyncio.sleep(0.005)

    async def check(self, ids: list[str]) -> None:
        """At the end: all have ended as they should."""
        async with self._db.read() as tx:
            rows = await tx.fetch_all("SELECT id, state, error, output FROM scaffolder_task")
        assert {row[0] for row in rows} == set(ids)
        for id, state, error, output in rows:
            assert state in ("completed", "failed"), f"{id} is {state}"
            assert state == "completed" or error, f"{id} failed without a reason"
            if state == "completed":
                assert '"count":3' in output and '"token.txt":"***"' in output, output
        assert Counter(row[1] for row in rows)["completed"] >= len(ids) * 0.9, [row[:3] for row in rows]
        counts = self._counts()
        again = {step: counts[step] - had for step, had in self._finished.items() if counts[step] > had}
        assert not again, f"ran again though it was finished: {again}"
        assert all(count == 1 for (_, name), count in counts.items() if name == "four"), "a checkpoint was done twice"

    async def wait(self, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while await self._left():
                await asyncio.sleep(0.05)

    async def _left(self) -> int:
        async with self._db.read() as tx:
            return int(
                await tx.fetch_value("SELECT count(*) FROM scaffolder_task WHERE state IN ('open', 'processing')")
            )


def _settings(folder: Path, more: dict[str, Any]) -> Path:
    (folder / "templates.yaml").write_text(yaml.safe_dump(WORK))
    catalog = {
        "locations": [{"type": "file", "target": str(folder / "templates.yaml")}],
        "rules": [{"allow": ["Template"]}],
    }
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump({"catalog": {**catalog, "watchFiles": False}, **more}))
    return path


async def _check_nothing_left(folder: Path, db: Database) -> None:
    """No workspace, no snapshot of what is done, and the secret nowhere."""
    left = [str(path) for path in folder.glob("*/scaffolder/*/*") if "snapshots" not in path.parts]
    assert left == []
    needle = SECRET.encode()
    found = [str(path) for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]
    for table in TABLES:
        async with db.read() as tx:
            rows = await tx.fetch_all(f"SELECT * FROM scaffolder_{table}")
        found += [table for row in rows for value in row if isinstance(value, bytes) and needle in value]
        found += [table for row in rows for value in row if isinstance(value, str) and SECRET in value]
    async with db.read() as tx:
        found += [row[0] for row in await tx.fetch_all("SELECT meta FROM kernel_audit_event") if SECRET in row[0]]
        assert await tx.fetch_value("SELECT count(*) FROM scaffolder_task WHERE secrets IS NOT NULL") == 0
    assert found == []


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_a_killed_process_on_sqlite(tmp_path: Path, rounds: int) -> None:
    """One process, killed again and again."""
    process = Process(tmp_path, "data", _settings(tmp_path, {}))
    (file,) = process.data.glob("*.sqlite*3")
    db = SqliteDatabase.open(file)
    watch, ids = Watch(db, tmp_path / "journal"), []
    try:
        for number in range(rounds):
            ids += [process.create() for _ in range(TASKS_A_ROUND)]
            if number == 0:  # once surely in the middle
                await watch.begun()
            else:
                await asyncio.sleep(random.uniform(0, LONGEST_S))
            process.kill()
            await watch.note()
            await _check_no_secret_on_disk(tmp_path)
            process.restart()
        await watch.wait(30)
        process.stop()
        await watch.check(ids)
        await _check_nothing_left(tmp_path, db)
        assert watch.killed_within, "never killed while a task ran"
    finally:
        process.stop()
        await db.close()


async def _check_no_secret_on_disk(folder: Path) -> None:
    """While work lies about, too; but for the files that a step itself was told to write it into."""
    needle = SECRET.encode()
    files = [path for path in folder.rglob("*") if path.is_file() and "workspaces" not in path.parts]
    assert [str(path) for path in files if needle in path.read_bytes()] == []


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_a_killed_replica_on_postgresql(tmp_path: Path, postgres_portal_url: str, rounds: int) -> None:
    """Two processes: what the one that is killed had begun, the other takes over when the lease has ended."""
    from callboard.kernel.db.postgres import PostgresDatabase

    more = {"backend": {"database": {"client": "pg", "connection": postgres_portal_url}}, "jobs": {"lease": "1s"}}
    settings = _settings(tmp_path, more)
    replicas = [Process(tmp_path, "one", settings), Process(tmp_path, "two", settings)]
    db = await PostgresDatabase.open(postgres_portal_url)
    watch, ids = Watch(db, tmp_path / "journal"), []
    try:
        for _ in range(rounds):
            ids += [replica.create() for replica in replicas for _ in range(TASKS_A_ROUND // 2)]
            await asyncio.sleep(random.uniform(0, LONGEST_S))
            killed = random.choice(replicas)
            killed.kill()
            await watch.note()
            await _check_no_secret_on_disk(tmp_path)
            killed.restart()
        await watch.wait(30)
        for replica in replicas:
            replica.stop()
            # Started again before the other took over, it still held the task it was killed in: the next start clears up.
            if any(replica.data.glob("scaffolder/workspaces/*")):
                replica.restart()
                replica.stop()
        await watch.check(ids)
        await _check_nothing_left(tmp_path, db)
    finally:
        for replica in replicas:
            replica.stop()
        await db.close()
