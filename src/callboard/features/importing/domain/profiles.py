"""What the values of a column look like, measured once: the evidence beside its header."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import AbstractSet, Any, Callable, Final, Sequence

from callboard.features.importing.domain.naming import (
    KIND_NAMES,
    clean_name,
    is_blank,
    is_lifecycle,
    is_no,
    is_nothing,
    is_repository_address,
    is_yes,
    short,
    split_cell,
)
from callboard.features.importing.interface import Table
from callboard.model.validation import is_label_value, is_object_name

_SHORT: Final = 100
"""Characters that a channel or a number may have: patterns of nothing but digits take long to fail on long texts."""
MOST: Final = 500
"""Different values that are looked at; the first of a column tell as much as all of them."""

_URL: Final = re.compile(r"(?:\S+:\s+|\[.*\]\()?(?:https?://|www\.)\S+", re.IGNORECASE | re.DOTALL)
_CHANNEL: Final = re.compile(r"#[\w.-]*[A-Za-z][\w.-]*")
_EMAIL: Final = re.compile(r"[^@\s]+@[\w.-]+\.\w+")
_INTEGER: Final = re.compile(r"\d+\.?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_NUMBER: Final = re.compile(r"[-+]?[\d.,' ]*\d[\d.,]*\s*(?:%|[€$£]|[A-Za-z]{1,3})?")
_TICKET: Final = re.compile(r"[A-Z]{1,6}[-_]?\d+")


@dataclass(frozen=True, slots=True)
class Profile:
    """One column. Shares are of its values that say something, from 0 to 1; ``fill`` of all rows.

    ``urls`` leaves yes and no aside (``false`` among addresses says that there is none); ``repeats`` is how many rows have a
    value that an earlier row has.
    """

    column: str
    index: int
    rows: int
    filled: int
    distinct: int
    samples: tuple[str, ...]
    names: frozenset[str]
    urls: float = 0.0
    repositories: float = 0.0
    channels: float = 0.0
    emails: float = 0.0
    booleans: float = 0.0
    numbers: float = 0.0
    dates: float = 0.0
    tickets: float = 0.0
    slugs: float = 0.0
    label_values: float = 0.0
    lifecycles: float = 0.0
    kinds: float = 0.0
    lists: float = 0.0
    mean_words: float = 0.0
    counts_rows: bool = False

    @property
    def fill(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    @property
    def unique(self) -> float:
        return self.distinct / self.filled if self.filled else 0.0


def profiles_of(table: Table) -> list[Profile]:
    return [_profile(table, index) for index in range(len(table.columns))]


def _profile(table: Table, index: int) -> Profile:
    column = table.columns[index]
    values = [row.cells[index] for row in table.rows if index < len(row.cells)]
    counter = Counter(values)
    said = {value: count for value, count in counter.items() if not is_blank(value)}
    filled = sum(said.values())
    if not filled:
        return Profile(column, index, len(table.rows), 0, 0, (), frozenset())
    looked_at = list(said.items())[:MOST]
    plain = [(v, n) for v, n in looked_at if not is_nothing(v)]
    plain = plain or looked_at
    not_booleans = [(v, n) for v, n in plain if not (is_no(v) or (is_yes(v) and not v.isdigit()))]
    one_a_line = [(v, n) for v, n in plain if "\n" not in v]

    def share(test: Callable[[str], Any], among: Sequence[tuple[str, int]] = plain) -> float:
        total = sum(n for _v, n in among)
        return sum(n for v, n in among if test(v)) / total if total else 0.0

    return Profile(
        column, index, len(table.rows), filled, len(said),
        samples=tuple(short(value) for value in list(said)[:4]),
        names=frozenset(clean_name(value)[0].lower() for value, _n in looked_at if len(value) <= 200),
        urls=share(lambda v: _URL.match(v) is not None, not_booleans),
        repositories=share(is_repository_address, not_booleans),
        channels=share(lambda v: len(v) <= _SHORT and all(_CHANNEL.fullmatch(item) for item in split_cell(v)), one_a_line),
        emails=share(lambda v: _EMAIL.fullmatch(v) is not None),
        booleans=share(lambda v: is_no(v) or is_yes(v)),
        numbers=share(lambda v: len(v) <= _SHORT and _NUMBER.fullmatch(v) is not None),
        dates=share(lambda v: _DATE.fullmatch(v) is not None),
        tickets=share(lambda v: _TICKET.fullmatch(v) is not None),
        slugs=share(lambda v: is_object_name(v) and any(c.isalpha() for c in v)),
        label_values=share(lambda v: is_label_value(v) or (len(v) <= 40 and len(v.split()) <= 4 and not _SEPARATED.search(v))),
        lifecycles=share(is_lifecycle),
        kinds=share(lambda v: v.casefold() in KIND_NAMES),
        lists=share(lambda v: len(split_cell(v)) > 1),
        mean_words=sum(len(v.split()) for v, _n in plain) / len(plain),
        counts_rows=_counts_rows(values),
    )  # fmt: skip


_SEPARATED: Final = re.compile(r"[,;|\n:/@]")


def _counts_rows(values: Sequence[str]) -> bool:
    """Whether the values are 1, 2, 3 … or nearly: numbers of rows, not of things."""
    numbers = [int(v.rstrip(".")) for v in values if _INTEGER.fullmatch(v) and len(v) < 8]
    if len(numbers) < max(2, 0.9 * len(values)) or len(numbers) < len([v for v in values if v]):
        return False
    return all(a < b for a, b in pairwise(numbers)) and numbers[-1] - numbers[0] <= 2 * len(numbers)


def item_share(profile: Profile, table: Table, names: AbstractSet[str]) -> float:
    """The share of listed items that are in ``names`` (cleaned, lower-cased): whether a column points at rows."""
    items = Counter(
        item
        for row in table.rows[: 4 * MOST]
        if profile.index < len(row.cells)
        for item in split_cell(row.cells[profile.index])
    )
    total = sum(items.values())
    return sum(n for item, n in items.items() if clean_name(item)[0].lower() in names) / total if total else 0.0
