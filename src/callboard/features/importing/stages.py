"""The stages of an import: what is possible at which, and what to do first where it is not."""

from __future__ import annotations

from typing import Mapping

import orjson

from callboard.features.importing.interface import NotReady
from callboard.features.importing.store import ImportRow

SHARED = ("applied", "undone")
"""Stages whose imports are seen by all who may import."""

_WHAT_FIRST: Mapping[str, str] = {
    "draft": "Its columns are still being chosen: plan it first.",
    "planning": "It is being planned: wait for the plan.",
    "planned": "It is planned and not applied yet.",
    "applying": "It is being applied: wait for the end.",
    "applied": "It was applied already. Undo it, or upload the file again.",
    "undone": "It was undone. Upload the file again.",
    "failed": "It failed; plan it again.",
}


def require_stage(row: ImportRow, *stages: str) -> None:
    """Raise ``NotReady`` unless the import is at one of ``stages``."""
    if row.stage not in stages:
        raise _not_ready(row)


def _not_ready(row: ImportRow) -> NotReady:
    return NotReady(f"{_WHAT_FIRST[row.stage]} {row.error}".rstrip())


def require_planned(row: ImportRow) -> str:
    """The summary as stored. Raises ``NotReady`` while there is none."""
    if row.summary is None:
        raise _not_ready(row)
    return row.summary


def count_to_write(row: ImportRow) -> int:
    """Entities that applying the plan creates or changes."""
    counts = orjson.loads(row.counts)
    return int(counts.get("create", 0)) + int(counts.get("change", 0))
