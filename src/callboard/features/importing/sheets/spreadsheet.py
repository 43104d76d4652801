"""Workbooks (xlsx, ods, xls) to grids, through the opener's process.

The opener is not trusted: its lines are read as data, its memory and time are bounded, and when it dies, that is one file that
cannot be read. Formulas count with the value that was stored; nothing is computed, no link followed, no macro run.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Generator

from callboard.features.importing.interface import SheetTooLarge, UnreadableSheet
from callboard.features.importing.sheets.grid import Grid, Line, Merge, Texts, fill_merges, told_rows
from callboard.features.importing.sheets.limits import MIB, SheetLimits
from callboard.kernel.errors import CallboardError, UnavailableError

_START = (
    "import json, sys; task = json.loads(sys.argv[1]); sys.path.extend(task['path']); "
    "from callboard.features.importing.sheets.opener import main; sys.exit(main(task))"
)
_PACKAGE_ROOT = Path(__file__).resolve().parents[4]


def read_spreadsheet(
    content: bytes, filename: str, format: str, texts: Texts, limits: SheetLimits
) -> tuple[list[Grid], list[str]]:
    """Read the tabs of a workbook that hold something, with notes on those that were left out.

    Hidden tabs are left out: they hold lists for drop-downs and what somebody did not want to show.

    Raises:
        UnreadableSheet: Damaged, locked with a password, or not what it seems.
        SheetTooLarge: Over a limit, or more than the opener's bounds allow.
        UnavailableError: The opener could not be started.
    """
    grids: list[Grid] = []
    notes: list[str] = []
    rows = 0
    # Closed at once when a limit ends the loop: the opener must not outlive the call.
    with closing(_open(content, filename, format, limits)) as lines:
        for said in lines:
            if isinstance(said, list):
                grid = grids[-1]
                rows += len(said)
                if rows > limits.rows:
                    raise _too_many_rows(filename, limits)
                for number, raw in said:
                    cells = texts.take_row(raw)
                    if any(cells):
                        grid.lines.append(Line(number, cells, cells))
            elif "tab" in said:
                grids.append(_grid_of(said))
            elif "cut" in said:
                _close(grids[-1], said["cut"], limits)
            elif "left_out" in said:
                notes.append(f"The tab “{said['left_out']}” is {_WHY_LEFT_OUT[said['why']]}.")
            elif "refused" in said:
                raise _refusal(said["refused"], said["told"], filename, limits)
    return [grid for grid in grids if grid.lines], notes


_WHY_LEFT_OUT = {
    "hidden": "hidden and was left out",
    "empty": "empty",
    "chart": "a chart, not a sheet, and was left out",
}


def _grid_of(said: dict[str, Any]) -> Grid:
    grid = Grid(
        sheet=str(said["tab"]),
        lines=[],
        width=0,
        first_column=int(said["start"]),
        merges=[Merge(*(int(value) for value in merge)) for merge in said["merges"]],
        colours=said.get("colours", {}),
        struck=said.get("struck", ()),
    )
    for key, words in (
        ("errors", "a formula failed there, and the cell was read as empty"),
        ("uncomputed", "a formula has no stored value there. Open the file in your spreadsheet program and save it"),
    ):
        cells = said.get(key, ())
        if cells:
            some = ", ".join(cells[:5]) + (f" and {len(cells) - 5} more" if len(cells) > 5 else "")
            grid.notes.append(f"{some}: {words}.")
    return grid


def _close(grid: Grid, cut: list[int], limits: SheetLimits) -> None:
    """All rows are there: make them equally wide, and fill merged cells."""
    grid.width = max((len(line.cells) for line in grid.lines), default=0)
    for line in grid.lines:
        line.cells.extend([""] * (grid.width - len(line.cells)))
    if cut:
        grid.notes.append(f"{told_rows(cut)}: a cell with more than {limits.cell_chars:,} characters was cut.")
    if grid.lines:
        fill_merges(grid, limits)


def _too_many_rows(filename: str, limits: SheetLimits) -> SheetTooLarge:
    return SheetTooLarge(f"{filename} has more than {limits.rows:,} rows. Split it.")


def _refusal(why: str, told: dict[str, Any], filename: str, limits: SheetLimits) -> CallboardError:
    """What the opener refused, in words."""
    save_as = "Open it in your spreadsheet program and save it again, or save the tab as CSV."
    if why == "password":
        return UnreadableSheet(f"{filename} is protected with a password. Save a copy without one.")
    if why == "doctype":
        return UnreadableSheet(f"{filename} declares XML entities, as no spreadsheet program does. {save_as}")
    if why == "rows":
        return _too_many_rows(filename, limits)
    if why == "columns":
        return SheetTooLarge(
            f"Row {told['row']} of the tab “{told['tab']}” in {filename} has more than {limits.columns} columns."
        )
    if why == "tabs":
        return SheetTooLarge(f"{filename} has more than {limits.tabs} tabs.")
    if why == "spread":
        return SheetTooLarge(
            f"The tab “{told['tab']}” in {filename} is spread over more than {limits.cells:,} cells: there is something in "
            f"{told['cell']}. Clear what stands far from the table, or save the tab as CSV."
        )
    if why in ("memory", "time"):
        return SheetTooLarge(
            f"{filename} takes more than {limits.opener_bytes / MIB:.0f} MiB or {limits.seconds:.0f} seconds to open. "
            "Save the tab as CSV, or split it."
        )
    return UnreadableSheet(f"{filename} cannot be opened: it is damaged, or not really a workbook. {save_as}")


# ---- the process -------------------------------------------------------------------------------------------------------


def _open(content: bytes, filename: str, format: str, limits: SheetLimits) -> Generator[Any, None, None]:
    """What the opener says, line by line. It has ended, by itself or not, when this generator has."""
    task = {"format": format, "path": _module_path(), "limits": dataclasses.asdict(limits)}
    command = [sys.executable or "python3", "-I", "-S", "-X", "utf8", "-c", _START, json.dumps(task)]
    # Nothing of the environment is handed on: it may hold secrets, and the opener needs none of it.
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise UnavailableError(f"{filename} was not opened: no process could be started for it ({error}).") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(limits.seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        finished = yield from _exchange(process, content)
    finally:
        timer.cancel()
        process.kill()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        try:
            process.stdin.close()
        except OSError:
            pass
        process.wait()
    if not finished:
        # Killed by its bounds, or by native code that could not get memory: a damaged file is told in words instead.
        yield {"refused": "time" if late.is_set() else "memory", "told": {}}


def _exchange(process: subprocess.Popen[bytes], content: bytes) -> Generator[Any, None, bool]:
    """Hand the file over and yield what comes back. The opener reads all before it writes, so neither waits for the other.

    Returns:
        Whether it came to an end of its own.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(content)
        process.stdin.close()
    except OSError:  # it ended before it had read everything
        return False
    for line in process.stdout:
        try:
            said = json.loads(line)
        except ValueError:  # cut off in the middle
            return False
        yield said
        if isinstance(said, dict) and ("end" in said or "refused" in said):
            return True
    return False


def _module_path() -> list[str]:
    """Where the opener finds this package and the one that reads workbooks; the standard library it finds by itself."""
    spec = importlib.util.find_spec("python_calamine")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "Workbooks cannot be read: the package python-calamine is not installed. Install Callboard again."
        )
    return [str(_PACKAGE_ROOT), str(Path(spec.origin).resolve().parent.parent)]
