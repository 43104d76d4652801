"""``techdocs/page.html`` and the tab of entities: a page of documentation with all that stands around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Sequence
from urllib.parse import quote, urlencode

from markupsafe import Markup

from callboard.features.techdocs.domain import docs_path
from callboard.features.techdocs.interface import Heading, NavItem, Page, Problem
from callboard.features.techdocs.reading.store import Feedback, Tally
from callboard.ui.parts import Banner, Crumb, EntityLink, Pager

WHOLE_NAV = 500
"""Entries of a navigation that is shown whole; of a larger one only what is near the page."""
MENU_VERSIONS = 10
"""Versions in the menu of a page; the others have a page of their own."""
TOC_LEVELS = (2, 3)
SHOWN_PROBLEMS = 20
_WIDE = re.compile(r"<(table|pre)\b([^>]*)>|</table>")


@dataclass(frozen=True, slots=True)
class NavNode:
    """An entry of the navigation. Without ``href`` it is a heading over ``children``; ``is_open`` while the page is below it."""

    title: str
    href: str | None
    is_current: bool = False
    is_open: bool = False
    is_elsewhere: bool = False
    children: Sequence[NavNode] = ()


@dataclass(frozen=True, slots=True)
class TocEntry:
    """``depth`` is 0 for sections, 1 for what is in them."""

    title: str
    id: str
    depth: int


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A problem of a page or site. ``href`` leads to the line at the host, None where nobody knows."""

    message: str
    place: str
    href: str | None
    is_error: bool
    code: str


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """The question under a page. ``state`` is ``ask``, ``helpful``, ``not`` or ``guest``; ``tally`` is for owners."""

    action: str
    state: str
    reason: str = ""
    text: str = ""
    sent: bool = False
    tally: Tally | None = None
    list_href: str = ""


@dataclass(frozen=True, slots=True)
class VersionLink:
    """The same page in another version."""

    name: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page of a site: who it is, its navigation, its search.

    ``versions`` are the first of all there are at ``versions_href``; ``version_default`` is this page in what the entity names.
    """

    site_title: str
    home: str
    entity: EntityLink
    owner: EntityLink | None
    nav: Sequence[NavNode]
    crumbs: Sequence[Crumb]
    search_action: str
    version: str | None = None
    versions_href: str | None = None
    versions: Sequence[VersionLink] = ()
    version_default: str = ""
    q: str = ""
    banners: Sequence[Banner] = ()
    is_tab: bool = False


@dataclass(frozen=True, slots=True)
class ReaderPage:
    """A page. ``html`` is safe; ``has_title`` whether its first heading stands in it."""

    title: str
    frame: Frame
    html: Markup
    has_title: bool
    toc: Sequence[TocEntry]
    previous: tuple[str, str] | None
    next: tuple[str, str] | None
    address: str
    changed: Any
    changed_by: str | None
    minutes: int
    edit_href: str | None
    source_href: str | None
    raw_href: str
    report_href: str | None
    broken: int
    problems: Sequence[ProblemLine]
    problems_href: str | None
    feedback: FeedbackView | None
    uses: frozenset[str]
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A result of searching in the site: ``marked`` is text in pieces, each with whether it matched."""

    title: str
    href: str
    section: str
    marked: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """``techdocs/search.html``: what was found in one site. ``corrected`` is what was looked for instead."""

    title: str
    frame: Frame
    q: str
    hits: Sequence[Found]
    total: int | None
    has_more: bool
    corrected: str | None = None
    crumbs: Sequence[Crumb] = ()
    pager: Pager | None = None
    indexing: str = ""
    """Says that the index is behind, and how far it is."""


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """``techdocs/versions.html``: branches and tags, each with the same page in it."""

    title: str
    frame: Frame
    versions: Sequence[tuple[str, str, bool]]
    action: str
    default_href: str
    failure: str | None = None
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class MissingPage:
    """``techdocs/missing.html``: the site has no such page. ``suggestions`` are (title, address)."""

    title: str
    frame: Frame
    asked: str
    suggestions: Sequence[tuple[str, str]]
    default_href: str | None
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """``techdocs/unreadable.html``: the site cannot be read now. ``annotation`` is what its entity says of where it is."""

    title: str
    entity: EntityLink
    owner: EntityLink | None
    reason: str
    annotation: str | None
    retry_href: str
    version: str | None
    crumbs: Sequence[Crumb] = ()


# ---- making them -------------------------------------------------------------------------------------------------------


def page_href(ref: str, path: str, version: str | None = None, **query: str) -> str:
    asked = {**({"version": version} if version else {}), **query}
    return docs_path(ref, quote(path, safe="/~!$&'()*+,;=:@")) + (f"?{urlencode(asked)}" if asked else "")


def version_links(names: Sequence[str], ref: str, path: str, version: str | None) -> Sequence[VersionLink]:
    """The first ``MENU_VERSIONS`` of them; the one that is read is there in any case."""
    shown = list(names[:MENU_VERSIONS])
    if version is not None and version not in shown:
        shown.insert(0, version)
    return [VersionLink(name, page_href(ref, path, name), name == version) for name in shown]


def nav_nodes(nav: Sequence[NavItem], ref: str, current: str | None, version: str | None) -> Sequence[NavNode]:
    """The whole of it where it is small; else what is not near ``current`` stands as its first page only."""
    is_whole = _count(nav) <= WHOLE_NAV

    def make(item: NavItem) -> NavNode:
        is_current = item.path is not None and item.path == current
        href = item.href if item.path is None else page_href(ref, item.path, version)
        if not item.children:
            return NavNode(item.title, href, is_current, False, item.path is None and href is not None)
        is_near = is_current or _holds(item, current)
        if not is_whole and not is_near:
            first = item.path if item.path is not None else _first(item)
            return NavNode(item.title, None if first is None else page_href(ref, first, version))
        children = [make(child) for child in item.children]
        if item.path is not None:  # the page of the section itself stands first in it
            children.insert(0, NavNode(item.title, href, is_current))
        return NavNode(item.title, None, False, is_near, False, children)

    return [make(item) for item in nav]


def _count(nav: Sequence[NavItem]) -> int:
    return sum(1 + _count(item.children) for item in nav)


def _holds(item: NavItem, path: str | None) -> bool:
    return path is not None and any(child.path == path or _holds(child, path) for child in item.children)


def _first(item: NavItem) -> str | None:
    for child in item.children:
        found = child.path if child.path is not None else _first(child)
        if found is not None:
            return found
    return None


def trail(nav: Sequence[NavItem], path: str) -> list[str]:
    """Titles of the headings over the page, from the top."""
    for item in nav:
        if item.path == path:
            return []
        if _holds(item, path):
            return [item.title, *trail(item.children, path)]
    return []


def toc_of(headings: Sequence[Heading]) -> Sequence[TocEntry]:
    """Two levels: the highest that stands more than once below the title, and the next."""
    below = [one for one in headings if one.level > 1] or list(headings[1:])
    if not below:
        return ()
    top = min(one.level for one in below)
    return [TocEntry(one.title, one.id, one.level - top) for one in below if one.level - top < len(TOC_LEVELS)]


@lru_cache(maxsize=64)
def readable_html(html: str, table: str) -> Markup:
    """Tables and code that are wider than the page scroll by themselves, with the keyboard, too. ``table`` is what a table is called."""
    boxed: list[bool] = []

    def seen(found: re.Match[str]) -> str:
        tag, rest = found.group(1), found.group(2)
        if tag is None:
            return "</table></div>" if boxed and boxed.pop() else "</table>"
        if tag == "pre":
            return f'<pre{rest} tabindex="0">'
        boxed.append("highlighttable" not in rest)
        return (
            f'<div class="docs-scroll" tabindex="0" role="group" aria-label="{table}">{found.group(0)}'
            if boxed[-1]
            else found.group(0)
        )

    return Markup(_WIDE.sub(seen, html))


def minutes_of(html: str) -> int:
    """How long reading takes, at 220 words a minute; markup is not counted."""
    return max(1, round(len(re.sub(r"<[^>]*>", " ", html).split()) / 220))


def problem_line(problem: Problem, href: str | None) -> ProblemLine:
    place = problem.file + (f":{problem.line}" if problem.line else "")
    return ProblemLine(problem.message, place, href, problem.is_error, problem.code)


def feedback_view(
    action: str, own: Feedback | None, may_give: bool, sent: bool, tally: Tally | None, list_href: str
) -> FeedbackView:
    if not may_give:
        return FeedbackView(action, "guest", tally=tally, list_href=list_href)
    if own is None:
        return FeedbackView(action, "ask", tally=tally, list_href=list_href)
    state = "helpful" if own.is_helpful else "not"
    return FeedbackView(action, state, own.reason, own.text, sent, tally, list_href)


def broken_of(page: Page) -> int:
    """Marks on the page that say that something is missing."""
    return sum(1 for one in page.problems if one.code in ("link", "image", "anchor"))
