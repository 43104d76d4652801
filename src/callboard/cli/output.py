"""What commands print, and how errors become exit codes."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Iterable, Self, Sequence

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


class Progress:
    """How far long work is, in one line of standard error that is written over; silent when that is no terminal."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._shown = not quiet and sys.stderr.isatty()
        self._next_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._next_at:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def tell(self, done: int, total: int | None = None) -> None:
        """Show ``done`` (of ``total``), ten times a second at most."""
        now = time.monotonic()
        if not self._shown or now < self._next_at:
            return
        self._next_at = now + 0.1
        if total:
            filled = min(24, 24 * done // total)
            text = f"{self._what} [{'#' * filled}{'.' * (24 - filled)}] {done} of {total}"
        else:
            text = f"{self._what} {done}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


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
