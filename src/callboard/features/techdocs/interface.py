"""What pages, REST, search and plugins use of the documentation.

A *site* is the documentation of one entity (``backstage.io/techdocs-ref``, or of another that shows it). It is *live* (Markdown, read
from its source and rendered when asked) or *published* (HTML that mkdocs made, from a folder or bucket). A *version* is a branch, tag or
commit of its repository; None is what its address names. Times are UTC. Refs are lower-cased. A site whose entity the actor may not
see is as one that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from markupsafe import Markup

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotFoundError


class SiteNotFound(NotFoundError):
    """The entity has no documentation, or is not visible to the caller."""

    code = "techdocs.site_not_found"


class PageNotFound(NotFoundError):
    """The site has no page or file of that path. ``suggestions``: (title, path) of pages that look like it."""

    code = "techdocs.page_not_found"

    def __init__(self, message: str, suggestions: Sequence[tuple[str, str]] = ()) -> None:
        self.suggestions = suggestions
        super().__init__(message)


class PageMoved(PageNotFound):
    """The site sends readers of this path elsewhere: to ``target``, a path of the site (maybe with ``#``) or an http(s) address."""

    code = "techdocs.page_moved"

    def __init__(self, message: str, target: str) -> None:
        self.target = target
        super().__init__(message)


SITE_CHANGED = "techdocs.site.changed"
"""Event: {ref, version (None is what the address names), digest, isNew, changed and removed (files of its source; left out when many)}."""
PAGES_CHANGED = "techdocs.pages.changed"
"""Event: {ref, changed and removed (paths of pages; left out when many, or when what the site is called changed)}."""
SITE_REMOVED = "techdocs.site.removed"
"""Event: {ref}. The entity has no documentation any more."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a site. ``file`` and ``line`` (from 1) are in its source; ``is_error`` False is a warning."""

    code: Literal["link", "anchor", "image", "orphan", "stale", "nav", "settings", "syntax", "refused"]
    message: str
    file: str
    line: int | None = None
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the navigation: a page (``path`` within the site, as in its address), a link elsewhere (``href``) or a heading over others."""

    title: str
    path: str | None = None
    href: str | None = None
    children: Sequence[NavItem] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of the table of contents: level 1 to 6, ``id`` is its anchor."""

    level: int
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Site:
    """A site as readers meet it. ``etag`` changes with its content; ``pages`` counts them."""

    ref: str
    title: str
    description: str
    kind: Literal["live", "published"]
    version: str | None
    etag: str
    nav: Sequence[NavItem]
    pages: int
    read_at: datetime
    source_url: str | None = None
    problems: Sequence[Problem] = ()
    failure: str | None = None
    """Why the source could not be read the last time; what is shown is the last good version."""


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered page. ``path`` as in its address below the site (``""`` is the first page); ``html`` is sanitised, its links resolved.

    ``changed_at`` and ``changed_by`` are of its file's last change, where its source tells. ``edit_url`` and ``source_url`` lead to the file.
    """

    site: Site
    path: str
    file: str
    title: str
    html: Markup
    toc: Sequence[Heading]
    previous: tuple[str, str] | None = None
    next: tuple[str, str] | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None
    edit_url: str | None = None
    source_url: str | None = None
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    uses: frozenset[str] = frozenset()
    """What the page needs in the browser: ``mermaid``, ``math``."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a site as it is served."""

    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """A line of the library of all docs. ``problems`` counts errors; None before the site was first read."""

    ref: str
    title: str
    owner: str | None
    kind: Literal["live", "published"]
    pages: int | None
    changed_at: datetime | None
    read_at: datetime | None
    problems: int | None
    failure: str | None = None
    """Why it could not be read the last time."""


@dataclass(frozen=True, slots=True)
class SiteQuery:
    """Which sites: ``owners`` and ``refs`` any of them; None is no condition."""

    text: str = ""
    owners: Sequence[str] | None = None
    refs: Sequence[str] | None = None
    order: Literal["title", "changed", "problems"] = "title"
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class DocsPlace:
    """Where the documentation of an entity is: the site of ``ref`` (its own, or of the entity that it names), at ``path``."""

    ref: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class DocsPassage:
    """The text below one heading of a page, plain: for search and for programs. ``anchor`` is "" before the first heading.

    ``headings`` lead from the top of the page down to this one; ``code`` is the code below the heading, apart.
    """

    anchor: str
    headings: Sequence[str]
    text: str
    code: str = ""


class TechDocs(Protocol):
    """Reading documentation. An entity that shows the site of another is answered with that one (``Site.ref``)."""

    async def find_docs(self, ref: str, *, actor: Actor) -> DocsPlace | None:
        """Whether the entity has documentation, without reading it: for tabs and links. None also for a hidden entity."""

    async def list_sites(self, query: SiteQuery, *, actor: Actor) -> tuple[Sequence[SiteSummary], int]:
        """A page of them, and how many there are."""

    async def site(self, ref: str, *, version: str | None = None, actor: Actor) -> Site:
        """Reads the source when it was not read before, or differs. Raises ``SiteNotFound``."""

    async def page(self, ref: str, path: str, *, version: str | None = None, locale: str = "en", actor: Actor) -> Page:
        """The page at an address, also at one that mkdocs would give it (``.html``, ``index.html``): its ``path`` says the right one.

        ``locale`` is the language of what the portal itself says on the page. Raises ``SiteNotFound``, ``PageNotFound``, ``PageMoved``.
        """

    async def passages(self, ref: str, path: str, *, version: str | None = None, actor: Actor) -> Sequence[DocsPassage]:
        """The page as text, by headings. Raises as ``page``."""

    async def asset(self, ref: str, path: str, *, version: str | None = None, actor: Actor) -> Asset:
        """A picture or another file of the site; Markdown as its text. Raises ``SiteNotFound``, ``PageNotFound``."""

    async def versions(self, ref: str, *, actor: Actor) -> Sequence[str]:
        """Branches and tags of its repository, the default first; empty where the source has none."""

    async def refresh(self, ref: str, *, actor: Actor) -> bool:
        """Look whether the source differs, and read it again if so; whether it did."""

    async def check(self, ref: str, *, actor: Actor) -> Sequence[Problem]:
        """All that is wrong with the site, links between its pages and anchors included."""
