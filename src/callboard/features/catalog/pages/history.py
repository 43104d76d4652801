"""The history of an entity as a page shows it: each change with what differs, cut where it gets long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import HistoryEntry
from callboard.features.catalog.interface.overlays import OVERLAY_ANNOTATION
from callboard.features.catalog.pages.links import bare_location, short_file
from callboard.ui.code import format_yaml
from callboard.ui.moments import Moment, moment


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history. ``lines`` are (sign, path, before, after): sign is +, − or ~; ``fields`` names what differs.

    ``actor`` is None where the catalog itself made it, ``source`` the file or provider it came from, ``source_title`` that
    in short. ``is_status`` says that nothing but the entity's problems changed, which are told elsewhere.
    """

    id: int
    at: Moment
    change: str
    status: str
    source: str | None
    source_title: str | None
    actor: str | None
    fields: Sequence[str]
    lines: Sequence[tuple[str, str, str | None, str | None]]
    unlisted: int
    is_status: bool


MAX_FIELDS = 6
_OVERLAY_PATH = f"/metadata/annotations/{OVERLAY_ANNOTATION.replace('/', '~1')}"
_STATUS = {"failed": "bad", "deleted": "warn", "recovered": "ok", "restored": "ok", "created": "ok"}


def change_view(entry: HistoryEntry, now: datetime, *, max_lines: int = 12) -> Change:
    diff = [step for step in entry.diff if not _is_told_elsewhere(str(step.get("path", "")))]
    lines = []
    for step in diff[:max_lines]:
        sign = {"add": "+", "remove": "−"}.get(str(step.get("op")), "~")
        path = str(step.get("path", "")).removeprefix("/").replace("/", ".")
        lines.append((sign, path, _brief(step, "from"), _brief(step, "to")))
    fields = dict.fromkeys(".".join(str(step.get("path", "")).split("/")[1:3]) for step in diff)
    source = bare_location(entry.source) if entry.source else None
    return Change(
        id=entry.id,
        at=moment(entry.at, now),
        change=entry.change,
        status=_STATUS.get(entry.change, ""),
        source=source,
        source_title=short_file(source) if source else None,
        actor=None if entry.actor.startswith("plugin:") else entry.actor,
        fields=list(fields)[:MAX_FIELDS],
        lines=lines,
        unlisted=max(0, len(diff) - max_lines),
        is_status=bool(entry.diff) and not diff,
    )


def _is_told_elsewhere(path: str) -> bool:
    """Problems, and the mark of what is laid over: the fields themselves are in the change."""
    return path.startswith("/status") or path == _OVERLAY_PATH


def _brief(step: Mapping[str, Any], key: str) -> str | None:
    if key not in step:
        return None
    value = step[key]
    words = value if isinstance(value, str) else format_yaml(value).strip()
    words = " ".join(words.split())
    return words if len(words) <= 120 else words[:119] + "…"
