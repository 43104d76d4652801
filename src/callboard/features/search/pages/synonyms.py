"""The page of synonyms: settings', the portal's own, and what was learnt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Sequence
from urllib.parse import urlencode

from callboard.features.search.curating import Synonym
from callboard.features.search.text.tokens import fold
from callboard.kernel.clock import parse_time_if
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Pager, Tab

PATH = "/search/synonyms"
SIZE = 50
SHOWS = ("all", "own", "learnt", "off", "settings")


@dataclass(frozen=True, slots=True)
class SynonymRow:
    """``more``: documents that teach it beside those named."""

    synonym: Synonym
    more: int
    at: Moment | None


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it was sent, and what was wrong with it."""

    one: str = ""
    other: str = ""
    error: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class SynonymsPage:
    """``everything`` counts all pairs, ``rows`` are those of this page that fit."""

    title: str
    q: str
    show: str
    tabs: Sequence[Tab]
    rows: Sequence[SynonymRow]
    pager: Pager
    everything: int
    may_change: bool
    filled: Filled
    here: str


def synonyms_page(
    every: Sequence[Synonym], params: Any, t: Translator, *, now: datetime, may_change: bool, filled: Filled
) -> SynonymsPage:
    """``params``: ``q``, ``show`` and ``page`` of the address."""
    q = params.get("q", "").strip()[:100]
    show = params.get("show", "all")
    show = show if show in SHOWS else "all"
    fitting = [one for one in every if fold(q) in f"{one.one} {one.other}"]
    chosen = [one for one in fitting if _is(one, show)]
    said = params.get("page", "1")
    last = max(1, -(-len(chosen) // SIZE))
    page = min(max(1, int(said) if said.isdecimal() and len(said) < 6 else 1), last)
    start = (page - 1) * SIZE

    def href(**changes: Any) -> str:
        default: dict[str, Any] = {"q": "", "show": "all", "page": 1}
        given = {"q": q, "show": show, "page": 1, **changes}
        kept = {key: value for key, value in given.items() if value != default[key]}
        return f"{PATH}?{urlencode(kept)}" if kept else PATH

    rows = [
        SynonymRow(
            one, max(0, one.documents - len(one.by)), moment(at, now) if (at := parse_time_if(one.set_at or None)) else None
        )
        for one in chosen[start : start + SIZE]
    ]  # fmt: skip
    tabs = [
        Tab(
            name,
            t(f"search.synonyms.show.{name}"),
            href(show=name),
            name == show,
            sum(_is(one, name) for one in fitting),
        )
        for name in SHOWS
    ]
    pager = Pager(
        start + 1 if rows else 0, start + len(rows), len(chosen), href(page=page - 1) if page > 1 else None,
        href(page=page + 1) if page < last else None,
    )  # fmt: skip
    return SynonymsPage(
        t("search.synonyms.title"), q, show, tabs, rows, pager, len(every), may_change, filled, href(page=page)
    )


def _is(one: Synonym, show: str) -> bool:
    if show == "off":
        return not one.is_on or one.is_excepted
    return show in ("all", one.source)
