"""Shares and trends as pictures: what the templates draw as SVG, with the numbers beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.ownership.interface import STATES, Share, State
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink

TREND_WIDTH, TREND_HEIGHT = 300, 48


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: ``x`` and ``width`` in per cent."""

    state: State
    x: float
    width: float
    n: int


@dataclass(frozen=True, slots=True)
class ShareView:
    """A bar with what it says. ``title`` is what it is of, ``link`` the entity that is, ``href`` the list behind it."""

    title: str
    link: EntityLink | None
    href: str | None
    percent: int | None
    total: int
    open: int
    segments: Sequence[Segment]
    told: str


@dataclass(frozen=True, slots=True)
class TrendView:
    """``points`` of a polyline in a box of ``TREND_WIDTH`` by ``TREND_HEIGHT``; days and per cents of its ends."""

    points: str
    first: str
    last: str
    percents: tuple[int, int]
    rows: Sequence[tuple[str, int]]


def share_view(
    title: str, share: Share, t: Translator, *, link: EntityLink | None = None, href: str | None = None
) -> ShareView:
    segments = []
    at = 0.0
    for state in STATES:
        n = getattr(share, state)
        if n:
            width = 100 * n / share.total
            segments.append(Segment(state, round(at, 3), round(width, 3), n))
            at += width
    told = ", ".join(f"{t('ownership.state.' + s.state)}: {s.n}" for s in segments)
    return ShareView(
        title, link, href, share.percent, share.total, share.due + share.overdue + share.unowned, segments, told
    )


def trend_view(trend: Sequence[tuple[str, Share]]) -> TrendView | None:
    """None for fewer than two days: there is no line to draw."""
    rows = [(day, share.percent) for day, share in trend if share.percent is not None]
    if len(rows) < 2:
        return None
    step = TREND_WIDTH / (len(rows) - 1)
    points = " ".join(
        f"{i * step:.1f},{2 + (TREND_HEIGHT - 4) * (100 - percent) / 100:.1f}" for i, (_, percent) in enumerate(rows)
    )
    return TrendView(points, rows[0][0], rows[-1][0], (rows[0][1], rows[-1][1]), rows)
