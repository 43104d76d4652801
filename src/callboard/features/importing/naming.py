"""Which source a sheet is: the same file next month must be known again, and another team's file of that name must not be."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import AbstractSet, Iterable, Mapping, Sequence

from callboard.features.importing.interface import SheetMapping

PREFIX = "sheet:"
MAX_SLUG = 60
MAX_FILENAME = 200
_VERSION = re.compile(r"(?:[\s._-]*(?:\(\d+\)|v?\d+|copy|kopie|final|new))+$", re.IGNORECASE)
"""What people and browsers put behind a name: (1), 2026-11, v2, final, copy."""


def columns_key(columns: Iterable[str]) -> str:
    """One text for a set of column names, whatever their order, case and blanks."""
    names = sorted({" ".join(column.lower().split()) for column in columns})
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]


def source_name(filename: str, sheet: str, *, is_only_tab: bool) -> str:
    """``sheet:repos`` of ``repos (1).xlsx``; with the tab's name where the file has several."""
    stem = filename.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    stem = stem.rpartition(".")[0] or stem
    stem = _VERSION.sub("", stem) or stem
    return PREFIX + slug(stem if is_only_tab else f"{stem} {sheet}")


def clean_filename(filename: str) -> str:
    """The name alone, without folders and what cannot be shown; never empty."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].encode("utf-8", "replace").decode()
    name = "".join(char for char in name if char.isprintable()).strip()
    return name[-MAX_FILENAME:] or "sheet"


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    found = "-".join(words)[:MAX_SLUG].strip("-")
    # names in other alphabets have nothing left of them, and still must differ
    return found or hashlib.sha256(text.encode()).hexdigest()[:10]


def pick_source(
    wanted: str, mapping: SheetMapping, standing: Mapping[str, SheetMapping], taken: AbstractSet[str]
) -> str:
    """The source that a new upload belongs to.

    Args:
        wanted: Its ``source_name``.
        standing: Sources that give entities now, with the mapping of their newest import.
        taken: Every name that was ever used.
    """
    if wanted not in standing:
        return wanted
    if _alike([c.column for c in mapping.columns], [c.column for c in standing[wanted].columns]):
        return wanted
    return free_source(wanted, {*standing, *taken})


def free_source(wanted: str, taken: AbstractSet[str]) -> str:
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}" if wanted in taken else wanted


def _alike(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether at least half of all their columns are the same."""
    a, b = ({" ".join(column.lower().split()) for column in columns} for columns in (ours, theirs))
    return bool(a | b) and len(a & b) * 2 >= len(a | b)
