"""Values that the parts of a page take: what ``templates/ui/parts.html`` draws. Frozen, without queries or I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Sequence

Status = Literal["ok", "warn", "bad", "info", "unknown"]


@dataclass(frozen=True, slots=True)
class EntityLink:
    """A link to an entity, with the mark of its kind.

    ``ref`` is lower-cased. ``short`` is how the ref reads beside the icon (kind left out, namespace left out when default).
    ``absent``: nothing by that ref is visible; ``href`` then leads to the page that says why.
    """

    ref: str
    href: str
    title: str
    short: str
    kind: str
    icon: str
    hue: int
    absent: bool = False
    note: str | None = None

    @property
    def is_person(self) -> bool:
        return self.kind in ("user", "group")


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the breadcrumb; without ``href`` it is where one is."""

    title: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of several pages that belong together. ``href`` leads to one that can be gone to from here."""

    title: str
    href: str | None
    state: Literal["done", "current", "ahead"]


def steps_to(current: int, steps: Sequence[tuple[str, str | None]]) -> Sequence[Step]:
    """Steps by (title, href), counted from 0; a link stands only at those before ``current``."""
    return [
        Step(title, href if n < current else None, "current" if n == current else "done" if n < current else "ahead")
        for n, (title, href) in enumerate(steps)
    ]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab with an address of its own. ``count`` None shows no number; ``bad`` paints it as a problem."""

    id: str
    title: str
    href: str
    current: bool = False
    count: int | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True)
class FacetOption:
    """A value one can filter by. ``href`` toggles it; ``count`` is how many rows it would leave or has."""

    title: str
    count: int
    href: str
    selected: bool = False
    tooltip: str | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """A list of values with counts. ``more`` are folded away; ``unlisted`` were too many to send."""

    id: str
    title: str
    options: Sequence[FacetOption]
    more: Sequence[FacetOption] = ()
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A table head. ``href`` sorts by it; ``sorted`` is the direction now. ``css`` names the class when it is not the id."""

    id: str
    title: str
    href: str | None = None
    sorted: Literal["asc", "desc"] | None = None
    css: str | None = None
    tooltip: str | None = None


@dataclass(frozen=True, slots=True)
class Pager:
    """Range of total and ways on. ``first`` and ``last`` count from 1; both 0 when empty. ``total`` None is not counted."""

    first: int
    last: int
    total: int | None
    previous_href: str | None = None
    next_href: str | None = None
    sizes: Sequence[tuple[int, str, bool]] = ()
    formats: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class LinkItem:
    """An outside link: ``icon`` of ``icons.ICONS``, ``href`` http(s), mailto or a path."""

    title: str
    href: str
    icon: str = "link"
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Banner:
    """A thin notice. ``body`` lines are plain text; ``actions`` lead to where it can be put right."""

    status: Status
    title: str
    body: Sequence[str] = ()
    actions: Sequence[LinkItem] = field(default=())
