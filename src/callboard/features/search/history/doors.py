"""The doors by which people and programs search, as a few bits."""

from __future__ import annotations

from typing import Literal, Sequence, get_args

Door = Literal["page", "rest", "action"]
"""``action``: actions over REST, MCP or in a template, and the command line, which asks by them."""


def bit_of(door: Door) -> int:
    return 1 << get_args(Door).index(door)


def doors_of(bits: int) -> Sequence[Door]:
    return [door for door in get_args(Door) if bits & bit_of(door)]
