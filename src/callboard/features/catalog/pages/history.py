"""The history of an entity as a page shows it: each change with what differs, cut where it gets long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import HistoryEntry
from callboard.ui.code import format_yaml
from callboard.ui.moments import Moment, moment


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history. ``lines`` are (sign, path, before, after): sign is +, − or ~."""

    id: int
    at: Moment
    change: str
    status: str
    source: str
    actor: str
    lines: Sequence[tuple[str, str, str | None, str | None]]
    unlisted: int


def change_view(entry: HistoryEntry, now: datetime, *, max_lines: int = 12) -> Change:
    lines = []
    for step in entry.diff[:max_lines]:
        sign = {"add": "+", "remove": "−"}.get(str(step.get("op")), "~")
        lines.append((sign, str(step.get("path", "")), _brief(step, "from"), _brief(step, "to")))
    status = {"failed": "bad", "deleted": "warn", "recovered": "ok", "restored": "ok", "created": "ok"}.get(
        entry.change, ""
    )
    return Change(
        entry.id,
        moment(entry.at, now),
        entry.change,
        status,
        entry.source,
        entry.actor,
        lines,
        max(0, len(entry.diff) - max_lines),
    )


def _brief(step: Mapping[str, Any], key: str) -> str | None:
    if key not in step:
        return None
    value = step[key]
    words = value if isinstance(value, str) else format_yaml(value).strip()
    words = " ".join(words.split())
    return words if len(words) <= 120 else words[:119] + "…"
