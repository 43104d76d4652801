#!/usr/bin/env python3
"""A sheet of many rows from its bytes to a plan: seconds of the processor, reading, guessing and planning each by itself.

    bench/sheets.py [--rows 20000] [--rounds 3]

Bar: 20,000 rows planned in 10 s. The sheet is an XLSX of sixteen columns with owners, links, tags and dependencies, made
here; the reader's own process is counted in. Ends with 1 when the bar is missed.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import Any, Callable

BAR_S = 10.0
HEADER = (
    "Service", "Team", "Type", "Status", "Repo", "URL", "Dashboard", "Description", "Tags", "Depends on", "System", "Tier",
    "Notes", "Updated", "Slack", "Used by",
)  # fmt: skip


def make_sheet(rows: int) -> bytes:
    import xlsxwriter

    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "in_memory": True})
    page = book.add_worksheet("services")
    page.write_row(0, 0, HEADER)
    for n in range(1, rows + 1):
        page.write_row(
            n, 0,
            (
                f"Service {n:05d}", f"#team-{n % 300}", "Service" if n % 3 else "service", "live", f"https://github.com/acme/s{n}",
                f"https://s{n}.example.org", "false", f"Does thing {n}\nand more", "java, kotlin", f"Service {n // 2 + 1:05d}",
                f"system-{n % 40}", str(n % 3), "", f"2026-01-{n % 28 + 1:02d}", f"#s-{n}", "x",
            ),
        )  # fmt: skip
    book.close()
    return target.getvalue()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What ``work`` gives, and the seconds of this process and of those that it started."""
    before = os.times()
    result = work()
    after = os.times()
    return result, sum(after[:4]) - sum(before[:4])


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rows", type=int, default=20_000)
    ap.add_argument("--rounds", type=int, default=3)
    args = ap.parse_args()
    from callboard.features.importing.domain.columns import guess_columns, mapping_from
    from callboard.features.importing.domain.planning import plan_table
    from callboard.features.importing.interface import Surroundings
    from callboard.features.importing.sheets.reading import read_workbook
    from callboard.model.kinds import KindRegistry
    from callboard.model.refs import EntityRef
    from callboard.model.validation import EntityValidator

    validator = EntityValidator(KindRegistry.built_in())
    content = make_sheet(args.rows)
    best: dict[str, float] = {}
    for _ in range(args.rounds):
        book, read = timed(lambda: read_workbook(content, "services.xlsx"))
        table = book.tables[0]
        mapping, guess = timed(lambda table=table: mapping_from(guess_columns(table)))
        plan, planned = timed(
            lambda table=table, mapping=mapping: plan_table(
                table, mapping, Surroundings(),
                validate=lambda entity: [p.message for p in validator.validate(entity, str(EntityRef.of(entity)))[1]],
            )
        )  # fmt: skip
        for name, seconds in (("read", read), ("guess", guess), ("plan", planned), ("in all", read + guess + planned)):
            best[name] = min(best.get(name, seconds), seconds)
    print(f"{args.rows:,} rows, {len(content):,} bytes; {dict(plan.counts)}")
    for name, seconds in best.items():
        print(f"  {name:8} {seconds:6.2f} s")
    holds = best["in all"] <= BAR_S * max(1.0, args.rows / 20_000)
    print(f"bar {BAR_S:g} s for 20,000 rows: {'holds' if holds else 'missed'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
