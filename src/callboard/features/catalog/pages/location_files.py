"""The files that a Location names: what came of each, what is wrong in it, and when it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.pages.findings import shorten
from callboard.features.catalog.pages.links import bare_location, kind_rank, kind_title, short_file, why_href
from callboard.features.catalog.pages.list_state import LOCATION_FILTER
from callboard.features.catalog.problems import Around, LocationFile
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Status

SHOWN_WRONG: Final = 3
"""Problems of a file that a Location's page tells under it."""


@dataclass(frozen=True, slots=True)
class KindCount:
    """So many entities of a kind, and where they are listed."""

    title: str
    icon: str
    hue: int
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that a Location names. ``error`` is short; ``documents`` and ``good`` count what is in it.

    ``brought``: the kinds of what came of it; ``wrong``: the first of its ``wrong_count`` problems, each with its line.
    """

    title: str
    file: str
    status: Status
    error: str | None
    read_at: Moment | None
    documents: int
    good: int
    why_href: str
    brought: Sequence[KindCount] = ()
    wrong: Sequence[tuple[str | None, str]] = ()
    wrong_count: int = 0


def file_views(
    files: Sequence[LocationFile],
    around: Around,
    now: datetime,
    t: Translator,
    brought: Mapping[str, Mapping[str, int]] | None = None,
) -> tuple[list[FileView], int]:
    """The files that a Location names, and how many of them were never read: these are known by their errors alone.

    ``brought`` maps the location of a file to how many entities of each kind came of it.
    """
    named = {bare_location(file.location) for file in files}
    views = []
    for problem in around.own:
        finding = problem.finding
        unread_file = bare_location(finding.file) if finding.file else ""
        if finding.stage == "read" and unread_file and unread_file not in named:
            error, since = shorten(finding.message, t), moment(finding.since, now) if finding.since else None
            views.append(
                FileView(short_file(unread_file), unread_file, "bad", error, since, 0, 0, why_href(unread_file))
            )
    unread = len(views)
    of_file: dict[str, list[Finding]] = {}
    for problem in [*around.own, *around.below]:
        if problem.finding.file and problem.finding.stage != "read":
            of_file.setdefault(bare_location(problem.finding.file), []).append(problem.finding)
    for file in files:
        wrong = of_file.get(bare_location(file.location), [])
        status: Status = (
            "bad" if file.error else "info" if not file.is_read else "warn" if file.good < file.documents else "ok"
        )
        views.append(
            FileView(
                title=short_file(file.location),
                file=bare_location(file.location),
                status=status,
                error=shorten(file.error, t) if file.error else None,
                read_at=moment(file.read_at, now) if file.read_at else None,
                documents=file.documents,
                good=file.good,
                why_href=why_href(bare_location(file.location)),
                brought=_kind_counts(file.location, (brought or {}).get(file.location, {}), t),
                wrong=[(_line_of(finding), shorten(finding.message, t)) for finding in wrong[:SHOWN_WRONG]],
                wrong_count=len(wrong),
            )
        )
    return views, unread


def _line_of(finding: Finding) -> str | None:
    return None if finding.line is None else str(finding.line)


def _kind_counts(location: str, counts: Mapping[str, int], t: Translator) -> list[KindCount]:
    shown = []
    for kind in sorted(counts, key=lambda kind: (kind_rank(kind), kind)):
        mark = kind_mark(kind)
        href = "/catalog?" + urlencode({"kind": kind, LOCATION_FILTER: location})
        shown.append(KindCount(kind_title(kind, t), mark.icon, mark.hue, counts[kind], href))
    return shown
