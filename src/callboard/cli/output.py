"""What commands print, and how errors become exit codes."""

from __future__ import annotations

import json
import sys
from typing import Any, Iterable, Sequence

from callboard.kernel.errors import CallboardError, InputError, UnavailableError

OK, PROBLEMS, USAGE, UNAVAILABLE = 0, 1, 2, 3


def exit_code_of(error: CallboardError) -> int:
    """2 for input that cannot be used, 3 for what does not answer, 1 for all else (absent, not allowed, a clash)."""
    if isinstance(error, InputError):
        return USAGE
    return UNAVAILABLE if isinstance(error, UnavailableError) else PROBLEMS


def print_json(value: Any) -> None:
    """One JSON document, indented, to standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Columns as wide as their content; ``empty`` instead when there are no rows."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        print(empty)
        return
    widths = [max(len(row[index]) for row in [list(headings), *texts]) for index in range(len(headings))]
    for row in [[heading.upper() for heading in headings], *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_error(error: CallboardError | str, *, as_json: bool = False) -> None:
    """To standard error, as text or as ``{"error": {code, message, file?, line?, column?, field?}}``."""
    if as_json:
        print(json.dumps({"error": _describe(error)}, ensure_ascii=False), file=sys.stderr)
        return
    text = str(error)
    where = getattr(error, "file", None)
    if where and not text.startswith(str(where)):
        line = getattr(error, "line", None)
        text = f"{where}{f':{line}' if line else ''}: {text}"
    print(f"callboard: {text}", file=sys.stderr)


def _describe(error: CallboardError | str) -> dict[str, Any]:
    if isinstance(error, str):
        return {"code": "error", "message": error}
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    for name in ("file", "line", "column", "field"):
        if getattr(error, name) is not None:
            described[name] = getattr(error, name)
    return described


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(item) for item in value) or "-"
    return str(value)
