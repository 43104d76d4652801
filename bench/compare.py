#!/usr/bin/env python3
"""Callboard beside a real Backstage 1.55, one after the other, by the same script and on the same settings file.

    bench/compare.py [--n 10000] [--db sqlite|pg] [--phases …] [--ours-only] [--out bench/results/NAME.json]

Needs ``../shared/peers`` (the peer, its settings and ``measure.py``), the peer set up by its ``setup.sh``, wrk, and for
``--db pg`` a PostgreSQL that ``pg.sh`` can start. Both servers get the peer's own ``app-config.yaml``. CPU of the server
(and of PostgreSQL) per unit is what counts; wall times are printed for orientation. Prints a table with the bar of
each row and whether it holds, and writes the raw figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent.parent / "shared" / "peers"
TOKEN = "peer-measure-token"

READS = {  # name in measure.py: (bar on SQLite, bar on PostgreSQL) as peer / ours in CPU
    "by-name": (4, 2),
    "by-query first page of 20, sorted": (80, 5),
    "by-query page of 20, sorted, any offset": (80, 5),
    "by-query first page, three filters": (60, 5),
    "by-query owned by a group": (60, 5),
    "by-query full text": (30, 5),
    "facets spec.type of components": (40, 5),
    "facets kind, all": (5, 5),
    "by-refs 100": (3, 2),
    "by-refs 100, 3 fields": (None, None),
    "entities limit=100, first page": (None, None),
    "entities limit=100, any offset": (None, None),
    "search term": (20, None),
    "readiness": (None, None),
}
AS_USER = {"by-name": (12, 2), "by-query first page of 20, sorted": (80, 5)}


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--n", type=int, default=10_000)
    ap.add_argument("--db", choices=("sqlite", "sqlite-file", "pg"), default="sqlite")
    ap.add_argument("--phases", default="boot,load,settle,reads,user,all,refresh")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--secs", type=int, default=2)
    ap.add_argument("--port", type=int, default=7107)
    ap.add_argument("--ours-only", action="store_true", help="leave the peer out; compare with --peer-result")
    ap.add_argument("--peer-result", type=Path, help="figures of an earlier run of the peer")
    ap.add_argument("--churn", action="store_true", help="one entity changes every second during Callboard's reads")
    ap.add_argument("--only", help="comma list of words: only reads whose name has one of them")
    ap.add_argument("--out", type=Path)
    args = ap.parse_args()
    if not (PEERS / "measure.py").is_file():
        print("bench/compare.py needs ../shared/peers beside the project; skipped.", file=sys.stderr)
        return 0
    work = Path(os.environ.get("PEER_DIR", "/tmp/peer-backstage"))
    catalog = work / "catalogs" / str(args.n)
    if not (catalog / "facts.json").is_file():
        subprocess.run([sys.executable, PEERS / "gen_catalog.py", "--n", str(args.n), "--out", catalog], check=True)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    pg = _postgres(args.db)
    try:
        peer = json.loads(args.peer_result.read_text()) if args.peer_result else None
        if not args.ours_only:
            peer = _measure(args, catalog, work, pg, "peer", results / f"{stamp}-peer-{args.db}-{args.n}.json")
        ours = _measure(args, catalog, work, pg, "callboard", results / f"{stamp}-callboard-{args.db}-{args.n}.json")
    finally:
        if pg:
            subprocess.run([PEERS / "backstage" / "pg.sh", "stop"], check=False)
    rows = _rows(peer, ours, args.db)
    _print(rows)
    if args.out:
        args.out.write_text(json.dumps({"peer": peer, "callboard": ours, "rows": rows}, indent=1))
    return 1 if any(row["holds"] is False for row in rows) else 0


def _postgres(db: str) -> int | None:
    """Start the peers' private PostgreSQL; its process id."""
    if db != "pg":
        return None
    subprocess.run([PEERS / "backstage" / "pg.sh", "start"], check=True)
    return _postmaster()


def _postmaster() -> int:
    folder = Path(os.environ.get("PEER_DIR", "/tmp/peer-backstage"))
    found = next(folder.glob("**/postmaster.pid"))
    return int(found.read_text().split()[0])


def environment_of(catalog: Path, port: int, work: Path) -> dict[str, str]:
    """What both servers' settings refer to. ``work`` is where they may write."""
    return {
        **os.environ,
        "PEER_DIR": os.environ.get("PEER_DIR", "/tmp/peer-backstage"), "PEER_CATALOG": str(catalog), "PEER_QUIET": "1", "PEER_PORT": str(port),
        "PEER_TOKEN": TOKEN, "PORTAL_TOKEN": TOKEN, "PEER_WORK": str(work / f"work-{port}"),
        "PEER_SQLITE_DIR": str(work / f"sqlite-{port}"), "PEER_PG_PORT": os.environ.get("PEER_PG_PORT", "5544"),
        "PEER_PG_USER": "peer", "PEER_PG_PASSWORD": "peer", "PEER_FILES_PORT": os.environ.get("PEER_FILES_PORT", "7099"), "PEER_CPUS": "0",
        "PEER_TEMPLATE": str(PEERS / "backstage" / "template" / "template.yaml"),
    }  # fmt: skip


def server_command(who: str, db: str, port: int, data: Path, *, with_tasks: bool = False) -> list[str]:
    """How ``peer`` or ``callboard`` is started, on core 0."""
    if who == "peer":
        return [str(PEERS / "backstage" / "start.sh"), db, str(port)]
    configs = [
        PEERS / "backstage" / "app-config.yaml",
        HERE / f"app-config.{'pg' if db == 'pg' else 'sqlite'}.yaml",
        *([HERE / "app-config.tasks.yaml"] if with_tasks else []),
    ]
    command = [
        "taskset",
        "-c",
        "0",
        sys.executable,
        "-m",
        "callboard",
        "serve",
        "--data",
        str(data),
        "--log-format",
        "json",
    ]
    for config in configs:
        command += ["--config", str(config)]
    return command


def _measure(
    args: argparse.Namespace, catalog: Path, work: Path, pg: int | None, who: str, out: Path
) -> dict[str, Any]:
    """One run of measure.py; its result."""
    if args.db == "pg":
        subprocess.run([PEERS / "backstage" / "pg.sh", "reset"], check=True)
        port, binaries = os.environ.get("PEER_PG_PORT", "5544"), max(Path("/usr/lib/postgresql").glob("*/bin"))
        drop = [binaries / "dropdb", "-f", "--if-exists", "-h", "127.0.0.1", "-p", port, "-U", "peer", "callboard"]
        subprocess.run(drop, check=True)
        pg = _postmaster()
    data = work / f"callboard-data-{args.db}"
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(work / f"sqlite-{args.port}", ignore_errors=True)
    env = environment_of(catalog, args.port, work)
    command = server_command(who, args.db, args.port, data, with_tasks="scaffold" in args.phases)
    measure = [
        sys.executable, str(PEERS / "measure.py"), "--catalog", str(catalog), "--label", f"{who}-{args.db}-{args.n}",
        "--out", str(out), "--base", f"http://127.0.0.1:{args.port}", "--phases", args.phases,
        "--rounds", str(args.rounds), "--secs", str(args.secs), "--log", str(out.with_suffix(".log")),
    ]  # fmt: skip
    if args.only:
        measure += ["--only", args.only]
    if pg:
        measure += ["--pg-pid", str(pg)]
    churn = None
    if args.churn and who == "callboard":
        churn = subprocess.Popen([sys.executable, str(HERE / "churn.py"), str(catalog)])
    try:
        subprocess.run([*measure, "--", *command], env=env, check=True)
    finally:
        if churn is not None:
            churn.terminate()
            churn.wait()
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def _cpu(result: dict[str, Any], phase: str, name: str, conc: str = "c1") -> float | None:
    row = result.get(phase, {}).get(name, {}).get(conc, {})
    if "cpu_ms_each" not in row:
        return None
    return float(row["cpu_ms_each"]) + float(row.get("pg_cpu_ms_each") or 0)


def _rows(peer: dict[str, Any] | None, ours: dict[str, Any], db: str) -> list[dict[str, Any]]:
    which = 1 if db == "pg" else 0
    rows: list[dict[str, Any]] = []

    def add(name: str, unit: str, theirs: float | None, mine: float | None, bar: float | None) -> None:
        ratio = theirs / mine if theirs is not None and mine else None
        holds = None if ratio is None or bar is None else ratio >= bar
        rows.append(
            {"name": name, "unit": unit, "peer": theirs, "callboard": mine, "ratio": ratio, "bar": bar, "holds": holds}
        )

    def dig(result: dict[str, Any] | None, *path: str) -> Any:
        value: Any = result or {}
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def load_cpu(result: dict[str, Any] | None) -> float | None:
        web, pg = dig(result, "load", "memory_after_load", "cpu_s"), dig(result, "load", "pg_memory", "cpu_s")
        return None if web is None else float(web) + float(pg or 0)

    add("start to ready", "s wall", dig(peer, "boot", "ready_s"), dig(ours, "boot", "ready_s"), 4)
    add(
        "start to ready",
        "CPU s",
        dig(peer, "boot", "memory_at_ready", "cpu_s"),
        dig(ours, "boot", "memory_at_ready", "cpu_s"),
        4,
    )
    add("loading", "CPU s", load_cpu(peer), load_cpu(ours), 10 if which else 25)
    add("loading", "s wall", dig(peer, "load", "all_relations_s"), dig(ours, "load", "all_relations_s"), None)
    for phase, key in (("after load", "load"), ("at the end", None)):
        memory = lambda r: dig(r, "load", "memory_after_load", "rss_mib") if key else dig(r, "memory_at_end", "rss_mib")  # noqa: B023, E731
        add(f"memory {phase}", "MiB", memory(peer), memory(ours), None if which else 4)
    for name, bars in READS.items():
        add(name, "CPU ms", _cpu(peer or {}, "reads", name), _cpu(ours, "reads", name), bars[which])
    for name, bars in AS_USER.items():
        add(
            f"{name}, as user",
            "CPU ms",
            _cpu(peer or {}, "reads_as_user", name),
            _cpu(ours, "reads_as_user", name),
            bars[which],
        )
    add(
        "whole catalog",
        "ms wall",
        dig(peer, "all_entities", "whole", "median_ms"),
        dig(ours, "all_entities", "whole", "median_ms"),
        1 if which else 2,
    )
    for name in ("a location of one entity", "an entity of the big location"):
        add(
            f"refresh: {name}",
            "s",
            dig(peer, "refresh", name, "median_s"),
            dig(ours, "refresh", name, "median_s"),
            None,
        )
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    def text(value: Any) -> str:
        return "" if value is None else f"{value:,.3f}" if value < 10 else f"{value:,.1f}"

    print("| what | unit | Backstage | Callboard | ratio | bar | |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        mark = {True: "holds", False: "**missed**", None: ""}[row["holds"]]
        bar = "" if row["bar"] is None else f"≥ {row['bar']}×"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.1f}×"
        print(
            f"| {row['name']} | {row['unit']} | {text(row['peer'])} | {text(row['callboard'])} | {ratio} | {bar} | {mark} |"
        )


if __name__ == "__main__":
    sys.exit(main())
