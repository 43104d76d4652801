"""Opens one spreadsheet, in a process of its own that ``spreadsheet`` starts: the file comes in, lines of JSON go out.

It runs with bounded memory and time, before it looks at a single byte. It imports only what needs nothing of this package, so that it
starts in a few hundredths of a second. It writes one JSON value a line:

- ``{"tab": name}`` opens a tab, with ``start`` (its first column, from 0), ``merges`` ([top, left, bottom, right]), ``colours``
  ({colour: rows}), ``struck`` (rows), ``errors`` and ``uncomputed`` (cells); rows from 1, columns from 0;
- ``[[number, [text, …], …], …]`` are rows of it with something in them, short at the right;
- ``{"cut": [row, …]}`` closes it: rows with a cell that was too long;
- ``{"left_out": name, "why": "hidden" | "empty" | "chart"}`` is a tab without rows to read;
- ``{"end": true}`` comes last, or ``{"refused": why, "told": {…}}`` whenever it has to stop.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
import zipfile
from decimal import Decimal
from typing import Any

from callboard.features.importing.sheets.looking import MOST_MERGES, MOST_TOLD, Refused, TabFacts, look

BATCH_CHARS = 200_000


def emit(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    sys.stdout.write("\n")


def bound(limits: dict[str, Any]) -> None:
    """Hold this process to its limits. No files, no core dumps, no children, and hardly any open descriptors."""
    import resource

    memory = int(limits["opener_bytes"])
    seconds = int(limits["seconds"]) + 1
    for what, most in (
        ("RLIMIT_AS", memory),
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_NOFILE", 16),
    ):
        kind = getattr(resource, what, None)
        if kind is None:
            continue
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # a system without this bound, or with a lower one
            continue


# ---- values to texts ---------------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """What a person would write for a cell's value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dt.datetime):
        text = value.isoformat(" ", "seconds")
        return text[:-9] if text.endswith("00:00:00") else text.removesuffix(":00")
    if isinstance(value, dt.time):
        return value.isoformat("seconds").removesuffix(":00")
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        hours, rest = divmod(abs(seconds), 3600)
        return f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02}:{rest % 60:02}"
    return str(value)  # an int, or a date in its ISO form


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.15g}"  # programs keep 15 digits: 0.1 + 0.2 is 0.3 there
    if "e" in text and abs(int(text.partition("e")[2])) < 30:
        text = format(Decimal(text), "f")
    return text


# ---- tabs --------------------------------------------------------------------------------------------------------------


def open_all(content: bytes, kind: str, limits: dict[str, Any]) -> None:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    facts: dict[str, TabFacts] = {}
    if kind in ("xlsx", "ods"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        facts = look(archive, kind, limits)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    tabs = 0
    total = 0
    for index, about in enumerate(book.sheets_metadata):
        name = str(about.name)
        if about.typ != SheetTypeEnum.WorkSheet:
            emit({"left_out": name, "why": "chart"})
            continue
        if about.visible != SheetVisibleEnum.Visible:
            emit({"left_out": name, "why": "hidden"})
            continue
        sheet = book.get_sheet_by_index(index)
        if sheet.start is None or sheet.end is None:
            emit({"left_out": name, "why": "empty"})
            continue
        tabs += 1
        if tabs > limits["tabs"]:
            raise Refused("tabs")
        total = emit_tab(sheet, name, facts.get(name, {}), limits, total)
    emit({"end": True})


def emit_tab(sheet: Any, name: str, facts: dict[str, Any], limits: dict[str, Any], total: int) -> int:
    """Write one tab; ``total`` rows came before, the new total is returned."""
    start = int(sheet.start[1])
    ranges = sheet.merged_cell_ranges
    if ranges is None:
        merges = facts.get("merges", [])
    else:
        merges = [[top + 1, left, bottom + 1, right] for (top, left), (bottom, right) in ranges[:MOST_MERGES]]
    # What begins left of the first used column holds nothing.
    merges = [[top, left - start, bottom, right - start] for top, left, bottom, right in merges if left >= start]
    told = {key: facts[key] for key in ("colours", "struck", "errors", "uncomputed") if facts.get(key)}
    emit({"tab": name, "start": start, "merges": merges} | told)
    rows: list[Any] = []
    chars = 0
    cut: list[int] = []
    columns: set[int] = set()
    most_chars = int(limits["cell_chars"])
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        texts = [cell if type(cell) is str else text_of(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if not texts:
            continue
        length = sum(map(len, texts))
        if length > most_chars:
            for index, text in enumerate(texts):
                if len(text) > most_chars:
                    texts[index] = text[:most_chars]
                    cut.append(number)
        if len(texts) > limits["columns"]:
            columns.update(index for index, text in enumerate(texts) if text)
            if len(columns) > limits["columns"]:
                raise Refused("columns", tab=name, row=number)
        total += 1
        if total > limits["rows"]:
            raise Refused("rows")
        rows.append([number, texts])
        chars += length
        if chars > BATCH_CHARS or len(rows) >= 1_000:
            emit(rows)
            rows, chars = [], 0
    if rows:
        emit(rows)
    emit({"cut": cut[:MOST_TOLD]})
    return total


def main(task: dict[str, Any]) -> int:
    """Read the file on standard input. ``task`` has its ``format`` and the ``limits``, by name."""
    bound(task["limits"])
    for stream in (sys.stdout, sys.stdin):
        stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]
    content = sys.stdin.buffer.read()
    try:
        open_all(content, task["format"], task["limits"])
    except Refused as refusal:
        emit({"refused": refusal.why, "told": refusal.told})
    except MemoryError:
        emit({"refused": "memory", "told": {}})
    # A panic of native code is no Exception; whatever it was, the file could not be read.
    except BaseException as error:
        why = "password" if type(error).__name__ == "PasswordError" else "damaged"
        emit({"refused": why, "told": {"detail": f"{type(error).__name__}: {error}"[:300]}})
    sys.stdout.flush()
    return 0
