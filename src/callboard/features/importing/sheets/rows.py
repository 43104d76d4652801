"""Which rows below the header are data, and why the others are not.

When in doubt a row is data: it then shows up in the plan, where somebody can see it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Sequence

from callboard.features.importing.interface import SkippedRow
from callboard.features.importing.sheets.grid import Line, Merge
from callboard.features.importing.sheets.headers import typical_width
from callboard.features.importing.sheets.words import HEADING, HINT, REMARK, TOTAL, is_number

ABOVE = "It stands above the header."
HEADER_AGAIN = "The header again."
HINT_BELOW = "It explains the columns."
RULE = "A line, not an entry."
TOTALS = "A total, not an entry."
HEADING_ABOVE = "A heading: the column “{column}” says it for every row below it."
REMARK_BELOW = "A remark below the entries."


_RULE = re.compile(r"[-–—=_*:.\s]{2,}")


@dataclass(slots=True)
class Sorted:
    """``sections`` has the heading that each of ``data`` stands below, by position; it is empty where there are none."""

    data: list[Line] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    headings: list[SkippedRow] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)


def said_by(line: Line) -> str:
    """What a row says, for people: its texts in order, cut at 200 characters."""
    text = " · ".join(text.replace("\n", " ") for text in line.cells if text)
    return text if len(text) <= 200 else text[:199] + "…"


def sort_rows(lines: Sequence[Line], header: Sequence[Line], merges: Sequence[Merge], *, opening: str = "") -> Sorted:
    """Tell data from totals, headings, remarks and repeats of ``header`` (its rows, none if there is no header).

    ``opening`` is a text right above the header: the heading of the first rows if there turn out to be headings further below.
    """
    found = Sorted()
    typical = typical_width(lines)
    heads = [[text.casefold() for text in row.cells] for row in header]
    lead = Lead.of(lines, typical)
    wide = {m.top for m in merges if m.right - m.left + 1 >= max(2, typical // 2) and m.top == m.bottom}
    section = opening.rstrip(" :")
    last_full = max((i for i, line in enumerate(lines) if len(line.said()) > 1 or typical < 3), default=-1)
    set_apart = _set_apart(lines, lead) if typical >= 3 else frozenset()
    for position, line in enumerate(lines):
        said = line.said()
        if heads and _repeats(line, said, heads):
            found.skipped.append(SkippedRow(line.number, said_by(line), HEADER_AGAIN))
        elif position == 0 and header and (_is_hint(line, said) or _has_units(line, said, lead, lines[1:60])):
            found.skipped.append(SkippedRow(line.number, said_by(line), HINT_BELOW))
        elif _is_rule(line, said):
            found.skipped.append(SkippedRow(line.number, said_by(line), RULE))
        elif _is_total(line, said, lead, is_last=position == len(lines) - 1):
            found.skipped.append(SkippedRow(line.number, said_by(line), TOTALS))
        elif _is_aside(line, said, lead, typical, wide=line.number in wide, set_apart=line.number in set_apart):
            text = said_by(line)
            if position > last_full or (REMARK.match(text) and not HEADING.match(text)):
                found.skipped.append(SkippedRow(line.number, text, REMARK_BELOW))
            else:
                section = " ".join(line.cells[column] for column in said).rstrip(" :")
                found.headings.append(SkippedRow(line.number, text, HEADING_ABOVE))
        else:
            found.data.append(line)
            found.sections.append(section)
    if not found.headings:
        found.sections = []
    return found


@dataclass(frozen=True, slots=True)
class Lead:
    """The first column that most rows fill: names, as a rule. ``column`` is -1 if there is none.

    ``spaced``, ``upper`` and ``capital`` are the shares of its texts with a space, in capitals throughout, and with a capital.
    """

    column: int
    spaced: float = 0.0
    upper: float = 0.0
    capital: float = 0.0

    @classmethod
    def of(cls, lines: Sequence[Line], typical: int) -> Lead:
        full = [line for line in lines[:2_000] if len(line.said()) >= max(2, typical // 2)]
        if not full:
            return cls(-1)
        for column in range(len(full[0].cells)):
            texts = [line.cells[column] for line in full if line.cells[column]]
            if len(texts) > len(full) / 2:
                return cls(
                    column,
                    spaced=sum(" " in text for text in texts) / len(texts),
                    upper=sum(text.isupper() for text in texts) / len(texts),
                    capital=sum(text != text.lower() for text in texts) / len(texts),
                )
        return cls(-1)

    def is_like(self, text: str) -> bool:
        """Whether ``text`` looks like the column's other texts."""
        if text.endswith(":") or len(text) > 120:
            return False
        if " " in text and self.spaced < 0.2:
            return False
        if text.isupper() and len(text) > 3 and self.upper < 0.2:
            return False
        return not (text != text.lower() and self.capital < 0.2)


def _repeats(line: Line, said: list[int], heads: list[list[str]]) -> bool:
    for head in heads:
        same = sum(line.cells[column].casefold() == head[column] for column in said)
        of_head = sum(1 for text in head if text)
        if same == len(said) and (same >= 2 or of_head == 1):
            return True
        if same >= 3 and same >= 0.8 * len(said) and same >= 0.5 * of_head:
            return True
    return False


def _is_hint(line: Line, said: list[int]) -> bool:
    hints = sum(HINT.fullmatch(line.cells[column]) is not None for column in said)
    return hints >= 1 and hints > 0.5 * len(said)


def _has_units(line: Line, said: list[int], lead: Lead, below: Sequence[Line]) -> bool:
    """Whether it says without a name what the numbers below it are counted in."""
    if lead.column < 0 or line.cells[lead.column] or not said or not below:
        return False
    for column in said:
        texts = [other.cells[column] for other in below if other.cells[column]]
        if is_number(line.cells[column]) or sum(is_number(text) for text in texts) <= len(texts) / 2:
            return False
    return True


def _is_rule(line: Line, said: list[int]) -> bool:
    """Dashes across, as plain text draws tables."""
    return all(_RULE.fullmatch(line.cells[column]) for column in said)


def _set_apart(lines: Sequence[Line], lead: Lead) -> frozenset[int]:
    """Numbers of rows with a name alone that follow a blank row, if there is more than one: then it is how groups are kept."""
    found = [line.number for line in lines[:1] if line.said() == [lead.column]]
    for before, line in pairwise(lines):
        if line.number > before.number + 1 and line.said() == [lead.column]:
            found.append(line.number)
    return frozenset(found) if len(found) > 1 else frozenset()


def _is_total(line: Line, said: list[int], lead: Lead, *, is_last: bool) -> bool:
    """``Total`` with nothing but numbers beside it, or a last row of numbers without a name."""
    if not said:
        return False
    first = line.cells[said[0]]
    rest = [line.cells[column] for column in said[1:]]
    if not all(is_number(text) for text in rest):
        return False
    if len(first) <= 60 and TOTAL.fullmatch(first.partition(":")[0].strip().rstrip("0123456789 .=")):
        after = first.partition(":")[2].strip()
        return not after or is_number(after)
    return is_last and lead.column >= 0 and not line.cells[lead.column] and is_number(first)


def _is_aside(line: Line, said: list[int], lead: Lead, typical: int, *, wide: bool, set_apart: bool) -> bool:
    """Whether it is one text by itself among rows of several: a heading or a remark, and no entry with only a name."""
    if not said:
        return False
    text = line.cells[said[0]]
    if len(said) == 1 and wide:
        return True
    if len(said) == 2 and typical >= 4 and text.endswith(":"):
        return True
    if len(said) != 1 or typical < 3 or said[0] > max(lead.column, 0):
        return False
    return (
        said[0] != lead.column
        or not lead.is_like(text)
        or (lead.spaced >= 0.2 and (set_apart or bool(HEADING.match(text))))
    )
