#!/usr/bin/env python3
"""What a task costs: from being asked for to its end, alone and twenty at a time, wall and CPU.

    bench/tasks.py [--rounds 5] [--db URL] [--template FILE] [--json FILE]

The template is that of the peer (``../shared/peers/backstage/template``): two renderings of a few files and a rename. Everything
happens in one process, without HTTP: ``bench/compare.py --phases scaffold`` measures the same over the wire beside the peer. Where
``fetch:template`` is not registered, steps that write as many files stand in. Bar: 20 tasks in 1 s of CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Mapping, Sequence

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))
TEMPLATE = HERE.parent.parent / "shared" / "peers" / "backstage" / "template" / "template.yaml"
MANY = 20
BAR_CPU_S = 1.0

from callboard.app import create_portal  # noqa: E402
from callboard.features.catalog.interface import CatalogQueries  # noqa: E402
from callboard.features.scaffolder.interface import NewTask, Tasks  # noqa: E402
from callboard.kernel.actions import Action, ActionContext  # noqa: E402
from callboard.kernel.auth.actor import SYSTEM, Actor  # noqa: E402
from callboard.kernel.plugins.hooks import hookimpl  # noqa: E402
from callboard.kernel.settings import Settings  # noqa: E402

ADA = Actor(type="user", subject="user:default/ada", ownership=frozenset(("user:default/ada",)))


class StandIns:
    """Steps that touch as many files as those of the template."""

    @hookimpl
    def register_actions(self, portal: Any) -> Sequence[Action]:
        anything = {"type": "object"}
        return [Action("bench:write", "Write", "", self._write, anything, anything, needs_workspace=True)]

    async def _write(self, context: ActionContext) -> Mapping[str, Any]:
        for number in range(context.input["files"]):
            context.folder.write(f"{context.input['folder']}/{number}.txt", b"name: made\n" * 20)
            context.log(f"Writing file {number}.txt")
        return {}


def stand_in() -> str:
    steps = [
        {"id": id, "name": id, "action": "bench:write", "input": {"folder": id, "files": files}}
        for id, files in (("skeleton", 5), ("docs", 1), ("rename", 1))
    ]
    spec = {"type": "service", "steps": steps, "parameters": {"properties": {"name": {"type": "string"}}}}
    return json.dumps(
        {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": "peer-three-steps"},
            "spec": spec,
        }
    )


async def measure(rounds: int, url: str | None, template: Path, folder: Path) -> dict[str, Any]:
    from callboard.features.scaffolder.plugin import Scaffolder

    stand_ins = folder / "template.yaml"
    stand_ins.write_text(stand_in())
    backend = {"database": {"client": "pg", "connection": url}} if url else {}
    portal = None
    for target in (template, stand_ins):
        locations = [{"type": "file", "target": str(target)}]
        settings = {"catalog": {"locations": locations, "rules": [{"allow": ["Template"]}]}, "backend": backend}
        portal = await create_portal(
            Settings.of(settings), data_dir=folder / "data", plugins=[("bench", StandIns())], installed_plugins=False
        )
        known = {action.id for action in portal.actions.list(SYSTEM, with_workspace=True)}
        if target == stand_ins or (target.is_file() and "fetch:template" in known):
            break
        await portal.close()
    assert portal is not None
    await portal.start()
    tasks, queries = portal.service(Tasks), portal.service(CatalogQueries)
    while await queries.find_raw("template:default/peer-three-steps", actor=SYSTEM) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)

    async def one(number: int) -> str:
        new = NewTask("peer-three-steps", {"name": f"made-{number}", "description": "x"})
        id = await tasks.create(new, actor=ADA)
        after: int | None = None
        while True:
            events = await tasks.wait_events(id, after=after, timeout_s=30, actor=ADA)
            if events and events[-1].type == "completion":
                return str(events[-1].body["message"])
            after = events[-1].id if events else after

    await one(0)
    alone, cpu, many, many_cpu = [], [], [], []
    for number in range(rounds):
        await asyncio.sleep(0.1)
        wall, used = time.perf_counter(), time.process_time()
        told = await one(number)
        alone.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - used)
        assert told.endswith("completed"), told
    for _ in range(rounds):
        await asyncio.sleep(0.1)
        wall, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(number) for number in range(MANY)))
        many.append(time.perf_counter() - wall)
        many_cpu.append(time.process_time() - used)
    left = list(portal.service(Scaffolder).parts.workspaces.root.iterdir())
    database = portal.db.dialect
    await portal.close()
    return {
        "database": database,
        "real_actions": "fetch:template" in known,
        "one_s": round(statistics.median(alone), 4),
        "one_cpu_s": round(statistics.median(cpu), 4),
        "twenty_s": round(statistics.median(many), 3),
        "twenty_cpu_s": round(statistics.median(many_cpu), 3),
        "tasks_per_s": round(MANY / statistics.median(many), 1),
        "left_on_disk": len(left),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--db", help="URL of a PostgreSQL database; SQLite in a temporary folder without")
    parser.add_argument("--template", type=Path, default=TEMPLATE)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        found = asyncio.run(measure(arguments.rounds, arguments.db, arguments.template, Path(folder)))
    print(json.dumps(found, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if found["twenty_cpu_s"] <= BAR_CPU_S and not found["left_on_disk"] else 1


if __name__ == "__main__":
    sys.exit(main())
