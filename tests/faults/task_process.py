"""A portal in a process of its own that runs tasks, to be killed. Told what to do by lines on its standard input.

    python -m tests.faults.task_process SETTINGS DATA JOURNAL

``create TEMPLATE`` starts a task of Ada's with a secret and answers with its id.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callboard.app import create_portal
from callboard.features.catalog.interface import CatalogQueries
from callboard.features.scaffolder.interface import NewTask, Tasks
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.logs import configure_logs
from callboard.kernel.settings import Settings
from tests.features.scaffolder.acting import Acting

SECRET = "a-secret-that-must-not-be-found-7731"
ADA = Actor(type="user", subject="user:default/ada", ownership=frozenset(("user:default/ada",)))


async def main(settings: str, data: str, journal: str) -> None:
    configure_logs(True, "debug")
    portal = await create_portal(
        Settings.load([settings]),
        data_dir=Path(data),
        plugins=[("acting", Acting(Path(journal)))],
        installed_plugins=False,
    )
    await portal.start()
    queries, tasks = portal.service(CatalogQueries), portal.service(Tasks)
    while await queries.find_raw("template:default/work", actor=SYSTEM) is None:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    try:
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            id = await tasks.create(NewTask(line[1], {"name": "x"}, {"token": SECRET}), actor=ADA)
            print(id, flush=True)
    finally:
        await portal.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
