"""What the address of a search says, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.search.interface import SearchQuery

PATH: Final = "/search"
SIZE: Final = 20
MAX_START: Final = 1_000
MAX_TERM: Final = 400
MAX_VALUES: Final = 20
FACETS: Final[Mapping[str, str]] = {
    "kind": "kind",
    "owner": "owner",
    "lifecycle": "lifecycle",
    "is": "componentType",
    "tag": "tags",
}
"""Query parameter to the field of documents that it filters by."""


@dataclass(frozen=True, slots=True)
class SearchState:
    """``type`` empty: all. ``chosen``: values by facet, any of them will do. ``start``: results before the page."""

    q: str = ""
    type: str = ""
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start: int = 0

    @classmethod
    def parse(cls, params: Any, types: Sequence[str]) -> SearchState:
        """Read query parameters (a multi-dict). What it does not understand is left out."""
        chosen = []
        for name in FACETS:
            values = tuple(dict.fromkeys(v.strip()[:200] for v in params.getlist(name) if v.strip()))
            if values:
                chosen.append((name, values[:MAX_VALUES]))
        start = params.get("start", "")
        type = params.get("type", "")
        return cls(
            q=" ".join(params.get("q", "").split())[:MAX_TERM].strip(),
            type=type if type in types else "",
            chosen=tuple(chosen),
            start=min(int(start), MAX_START) if start.isdecimal() and len(start) < 6 else 0,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.type or self.chosen)

    def values(self, name: str) -> tuple[str, ...]:
        return dict(self.chosen).get(name, ())

    def has(self, name: str, value: str) -> bool:
        return value.lower() in {one.lower() for one in self.values(name)}

    def toggled(self, name: str, value: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """``chosen`` with this value put in, or taken out if it was there (any case)."""
        now = self.values(name)
        then = tuple(one for one in now if one.lower() != value.lower())
        rest = {**dict(self.chosen), name: then if len(then) < len(now) else (*now, value)}
        return tuple((one, rest[one]) for one in FACETS if rest.get(one))

    def params(self) -> list[tuple[str, str]]:
        """What ``parse`` reads back, defaults left out."""
        out = [("q", self.q)] if self.q else []
        if self.type:
            out.append(("type", self.type))
        out += [(name, value) for name, values in self.chosen for value in values]
        if self.start:
            out.append(("start", str(self.start)))
        return out

    def href(self, **changes: Any) -> str:
        """The address after ``changes``; any but of ``start`` leads to the first page."""
        given = urlencode(replace(self, **{"start": 0, **changes}).params())
        return f"{PATH}?{given}" if given else PATH

    def query(self, *, facets: Sequence[str] = (), without: str = "", limit: int = SIZE) -> SearchQuery:
        """``without``: a facet whose choice does not count, or ``type``. With another ``limit`` than a page's it begins at the first result.

        The last word may be only begun, whether somebody is typing or not: nothing that was seen while typing goes away.
        """
        filters = {FACETS[name]: values for name, values in self.chosen if name != without}
        types = [self.type] if self.type and without != "type" else []
        return SearchQuery(
            self.q, types=types, filters=filters, facets=facets, limit=limit, offset=self.start if limit == SIZE else 0,
            as_typed=True,
        )  # fmt: skip
