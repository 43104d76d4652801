"""``techdocs/home.html`` and its neighbours: the library of all docs, what is wrong in them, and what readers said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.interface.links import link_to
from callboard.features.techdocs.domain import docs_path
from callboard.features.techdocs.pages.reading import ProblemLine
from callboard.features.techdocs.reading.library import Shelf
from callboard.features.techdocs.reading.store import Check, Feedback
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, EntityLink, Pager, Tab

PATH = "/docs"
SIZE = 50
SHOWS = ("all", "mine", "care")
"""What the library lists: everything, what somebody's groups own, what somebody has to look after."""
ORDERS = ("title", "changed", "problems")


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What the address of the library says. ``owner`` is a ref, or "" for any."""

    q: str = ""
    show: str = "all"
    owner: str = ""
    order: str = "title"
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.owner) or self.show != "all"

    def href(self, **changes: Any) -> str:
        asked = {"q": self.q, "show": self.show, "owner": self.owner, "order": self.order, "page": 1, **changes}
        default = {"q": "", "show": "all", "owner": "", "order": "title", "page": 1}
        kept = {key: value for key, value in asked.items() if value != default[key]}
        return PATH + (f"?{urlencode(kept)}" if kept else "")


@dataclass(frozen=True, slots=True)
class Care:
    """Something about a site that somebody should look at. ``status`` is a word of the parts."""

    text: str
    status: str
    href: str | None = None
    tooltip: str | None = None


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A line of the library. ``changed`` None where no source tells."""

    title: str
    href: str
    entity: EntityLink
    owner: EntityLink | None
    pages: int | None
    changed: Any
    cares: Sequence[Care]


@dataclass(frozen=True, slots=True)
class ReadLink:
    """A page that somebody read, or a site that changed."""

    title: str
    href: str
    site: str
    at: Any


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """``techdocs/home.html``. ``total`` counts what is listed, ``everything`` all sites that the reader may see."""

    title: str
    state: LibraryState
    tabs: Sequence[Tab]
    owners: Sequence[tuple[str, str]]
    rows: Sequence[SiteRow]
    pager: Pager
    total: int
    everything: int
    recent: Sequence[ReadLink]
    changed: Sequence[ReadLink]
    heads: Sequence[tuple[str, str, str | None, bool]]
    unread_feedback: int
    crumbs: Sequence[Crumb] = ()
    unread: int = 0
    """Sites of this page of the list that are being read for the first time."""


@dataclass(frozen=True, slots=True)
class SiteProblems:
    """A site on the page of problems. ``state`` is ``checked``, ``waiting`` or ``failed``; ``more`` are not listed here."""

    entity: EntityLink
    title: str
    href: str
    all_href: str
    owner: EntityLink | None
    state: str
    errors: int
    warnings: int
    lines: Sequence[ProblemLine]
    more: int
    checked: Any
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ProblemsPage:
    """``techdocs/problems.html``."""

    title: str
    whose: Sequence[Tab]
    owner: EntityLink | None
    owners: Sequence[tuple[str, str]]
    chosen: str
    sites: Sequence[SiteProblems]
    clean: int
    pager: Pager | None
    is_one: bool
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """What somebody said. ``href`` is the page, ``site`` what it belongs to."""

    id: str
    page: str
    href: str
    site: str
    is_helpful: bool
    reason: str
    text: str
    person: EntityLink
    at: Any
    is_done: bool


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """``techdocs/feedback.html``."""

    title: str
    tabs: Sequence[Tab]
    site: EntityLink | None
    rows: Sequence[FeedbackRow]
    pager: Pager
    back: str
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class CardPage:
    """``techdocs/card.html``: documentation on the page of an entity."""

    title: str
    href: str
    pages: int | None
    changed: Any
    cares: Sequence[Care]


@dataclass(frozen=True, slots=True)
class HomeCardPage:
    """``techdocs/home_card.html``."""

    recent: Sequence[ReadLink]


def cares_of(
    site: Shelf, check: Check | None, owner_is_gone: bool, old_before: str | None, t: Translator
) -> Sequence[Care]:
    """What is to be said of a site beside its age, the worst first. ``old_before`` is a time as stored, None for never."""
    found = []
    if site.failure is not None:
        found.append(Care(t("techdocs.care.failed"), "bad", docs_path(site.ref), site.failure))
    problems = f"{PATH}/problems?{urlencode({'site': site.ref})}"
    if check is not None and check.links:
        found.append(Care(t("techdocs.care.links", n=check.links), "bad", problems))
    elif check is not None and check.errors:
        found.append(Care(t("techdocs.care.errors", n=check.errors), "bad", problems))
    if site.owner is None:
        found.append(Care(t("techdocs.care.unowned"), "warn", None))
    elif owner_is_gone:
        found.append(Care(t("techdocs.care.owner_gone"), "warn", None, site.owner))
    if old_before is not None and site.changed_at is not None and site.changed_at < old_before:
        found.append(Care(t("techdocs.care.old"), "warn", None))
    return found


def feedback_row(
    one: Feedback, known: Mapping[str, Any], titles: Mapping[str, str], at: Any, t: Translator
) -> FeedbackRow:
    return FeedbackRow(
        one.id, one.title, docs_path(one.ref, one.path), titles.get(one.ref, one.ref), one.is_helpful,
        t(f"techdocs.reason.{one.reason}") if one.reason else "", one.text, link_to(one.person, known.get(one.person)), at,
        one.done_at is not None,
    )  # fmt: skip


def pager_of(href: Any, number: int, size: int, shown: int, total: int) -> Pager:
    """``href(n)`` is the address of page n."""
    first = (number - 1) * size
    return Pager(
        first + 1 if shown else 0, first + shown, total, href(number - 1) if number > 1 else None,
        href(number + 1) if first + shown < total else None,
    )  # fmt: skip
