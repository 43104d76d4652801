"""What goes into rendering and what comes out: plain frozen values that pickle, so that a page may be rendered in another process.

Three kinds of paths, all with ``/`` and without a leading one:

- *file*: where it is in the source (``handbook/docs/setup.md``),
- *document path*: where it is in the site's tree of documents, from which links are resolved (``setup.md``; ``team/setup.md`` in a
  site that an ``!include`` took in under ``team``),
- *address*: what stands in the portal's address below the site (``setup/``; ``""`` is the first page).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.features.techdocs.interface import Heading, NavItem, Problem

ID_PREFIX = "doc-"
"""Stands before every id that a page brings along, so that none can pose as one of the portal's."""


class SiteFiles(Protocol):
    """The source of a site: a folder, an archive of a repository at a commit, an object of a store."""

    def paths(self) -> Sequence[str]:
        """All files, relative to the root of the source. Links that leave the source are not among them."""

    def read(self, path: str) -> bytes:
        """The content of one of ``paths``. Raises ``FileNotFoundError``."""


@dataclass(frozen=True, slots=True)
class LinkRules:
    """How links of a site that was not written for mkdocs find their files.

    ``prefixes``: what links begin with and where that is in the site, longest first: ``{"/": ""}`` reads ``/manual/x.html`` as
    ``manual/x.html`` from the root of the documents; ``{"/docs/": ""}`` takes ``/docs/`` away. A link beginning with ``/`` that no prefix
    covers, or whose file is not there, leads to ``absolute_base`` if given, and is broken otherwise.
    ``suffixes``: endings of files that are pages, and how links may end instead: ``{".html.md": ".html"}``. The ending is no part of
    the page's address. ``.md`` and ``.markdown`` always are pages.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: {"/": ""})
    suffixes: Mapping[str, str] = field(default_factory=lambda: {".html.md": ".html"})
    absolute_base: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that no page or site may pass; what does is refused with a ``Problem``.

    ``render_s`` is CPU time of the rendering thread, looked at between steps: it ends pages that are slow by their number of blocks or
    marks. What a single step may cost is bounded by ``page_bytes`` and by ``guard``. A hard limit needs a process: see ``RenderTask``.
    """

    page_bytes: int = 1_000_000
    config_bytes: int = 256_000
    pages: int = 20_000
    files: int = 200_000
    nav_items: int = 20_000
    nav_depth: int = 12
    includes: int = 200
    snippets: int = 200
    snippet_depth: int = 8
    expanded_bytes: int = 2_000_000
    render_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Words:
    """What the renderer itself says on a page, in the reader's language. ``{…}`` are filled in."""

    permalink: str = "Link to this section"
    link_broken: str = "No such page: {target}"
    anchor_broken: str = "The page has no section “{target}”"
    image_missing: str = "Image not found: {target}"
    image_refused: str = "Image left out: {target}"
    frame_refused: str = "Embedded content left out: {target}"
    diagram: str = "Diagram"
    done: str = "Done"
    to_do: str = "To do"
    too_slow: str = "This page cannot be shown as it was written: {reason} Its text follows."


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the operator decides for a site or all of them.

    ``allowed_plugins`` and ``allowed_keys`` come on top of those that Backstage lets through (``dangerouslyAllow…``); a plugin so allowed
    is not reported, but only the compatible build runs it. ``iframe_hosts`` may be embedded. ``kroki_url`` is the server that draws
    PlantUML, Graphviz and other diagrams; without one their source is shown. ``image_hosts``: foreign hosts whose pictures are shown
    (``*`` for all); others become links. ``readme_as_index``: README.md of the docs folder or the source stands in for a missing index.md.
    """

    allowed_plugins: frozenset[str] = frozenset()
    allowed_keys: frozenset[str] = frozenset()
    iframe_hosts: frozenset[str] = frozenset()
    image_hosts: frozenset[str] = frozenset()
    kroki_url: str | None = None
    readme_as_index: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where the portal shows the site. ``pages`` and ``assets`` end with ``/``; ``query`` (``?version=x``) is put behind each of both.

    ``icons``: address of the sprite of icons, for pages that name icons; without it they are left out.
    """

    pages: str
    assets: str
    query: str = ""
    icons: str = ""


@dataclass(frozen=True, slots=True)
class SiteDefaults:
    """What holds where the site's own ``mkdocs.yml`` says nothing.

    ``root`` is the folder of the source that is the site (``techdocs-ref: dir:./handbook``). ``docs_dir`` is the folder of the Markdown in it;
    ``.`` makes the whole folder the documents. ``repo_url``, ``edit_uri`` and ``edit_uri_template`` are as in mkdocs.
    """

    title: str
    description: str = ""
    root: str = ""
    docs_dir: str = "docs"
    repo_url: str | None = None
    edit_uri: str | None = None
    edit_uri_template: str | None = None
    links: LinkRules = field(default_factory=LinkRules)
    options: RenderOptions = field(default_factory=RenderOptions)


@dataclass(frozen=True, slots=True)
class Extension:
    """A Markdown extension that the site asks for, with its options as plain values."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """``mkdocs.yml`` after sanitising. ``file`` is None where there is none. ``nav`` is as written, with includes resolved."""

    file: str | None
    site_name: str
    site_description: str
    docs_dir: str
    nav: Sequence[Any] | None = None
    exclude_docs: str = ""
    not_in_nav: str = ""
    use_directory_urls: bool = True
    repo_url: str | None = None
    edit_uri: str | None = None
    edit_uri_template: str | None = None
    extensions: tuple[Extension, ...] = ()
    redirects: Mapping[str, str] = field(default_factory=dict)
    pymdownx_blocks: bool = False
    needs_build: tuple[str, ...] = ()
    """Plugins that only the compatible build can run, and that the operator allows."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page of a site. ``document`` is its document path, ``digest`` differs with its text; ``edit_url`` as mkdocs makes it."""

    path: str
    file: str
    document: str
    title: str
    digest: str
    in_nav: bool = True
    edit_url: str | None = None


@dataclass(frozen=True, slots=True)
class SiteModel:
    """A site as read from its source: configuration, navigation, and the map of pages, addresses and files.

    ``pages`` by address and in reading order (navigation first, then those outside it). ``documents``: document path of every page and
    other file -> file. ``by_document``: document path of a page -> its address. ``aliases``: other addresses of a page (without the
    slash, with ``.html`` or ``.md``, as mkdocs would have it), and redirects -> address or ``http(s)`` address.
    ``structure`` differs when any of this does but a page's text; ``digest`` differs when anything does.
    """

    title: str
    description: str
    config: SiteConfig
    defaults: SiteDefaults
    nav: tuple[NavItem, ...]
    pages: Mapping[str, SitePage]
    documents: Mapping[str, str]
    by_document: Mapping[str, str]
    aliases: Mapping[str, str]
    problems: tuple[Problem, ...]
    structure: str
    digest: str

    def find_page(self, path: str) -> SitePage | None:
        """The page of an address as a reader or an old link may have it: with or without slash, ``.html``, ``index.html``, ``.md``."""
        if path in self.pages:
            return self.pages[path]
        target = self.aliases.get(path.strip("/"))
        return None if target is None else self.pages.get(target)

    def find_redirect(self, path: str) -> str | None:
        """Where readers of this address are to be sent: an address of the site (maybe with ``#``) or ``http(s)://…``; None: nowhere."""
        if path in self.pages:
            return None
        return self.aliases.get(path.strip("/"))

    def neighbours(self, path: str) -> tuple[SitePage | None, SitePage | None]:
        """The pages before and after in reading order; a page outside the navigation has none."""
        order = [p for p in self.pages.values() if p.in_nav]
        for index, page in enumerate(order):
            if page.path == path:
                return order[index - 1] if index else None, order[index + 1] if index + 1 < len(order) else None
        return None, None


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link or picture of a page. ``target`` is an address (page), document path (asset) or as written (external, broken)."""

    kind: Literal["page", "asset", "image", "external", "broken"]
    href: str
    target: str
    anchor: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """The text below one heading, for search: plain, without the source of diagrams. ``anchor`` is "" before the first heading.

    ``headings`` are the titles from the page's first level down to this one. ``code`` is the code below the heading, apart.
    """

    anchor: str
    headings: tuple[str, ...]
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """``html`` is sanitised and its links are resolved: it may be put into a page as it is.

    ``toc`` holds all headings with the ids they have in ``html``. ``uses``: what the browser needs: ``mermaid``, ``math``, ``tabs``.
    ``failed``: the text could not be rendered within its bounds and is shown as it is.
    """

    path: str
    file: str
    title: str
    html: str
    toc: tuple[Heading, ...]
    problems: tuple[Problem, ...]
    uses: frozenset[str]
    links: tuple[PageLink, ...]
    passages: tuple[Passage, ...]
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    edit_url: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Everything that one page needs, and nothing else: it pickles, and ``run_task`` of it reads nothing.

    ``key`` differs whenever the result may: page, snippets, pages whose sections it names, structure of the site, options, words,
    address and version of the renderer. A result may be kept under it for ever.
    """

    key: str
    site: SiteModel
    page: SitePage
    texts: Mapping[str, bytes]
    address: SiteAddress
    words: Words


@dataclass(frozen=True, slots=True)
class MarkdownFile:
    """A Markdown file outside a site: README, ADR, runbook. ``file`` is its path, for problems; ``base_url`` is what its links and pictures
    are relative to in the browser (the folder on the source host); without one they are broken.
    """

    file: str
    text: bytes
    title: str | None = None
    base_url: str | None = None
    raw_url: str | None = None
    """The same for pictures (``https://raw.githubusercontent.com/…``)."""
    edit_url: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What an architecture decision record says of itself (MADR, Nygard's template, or front matter).

    ``status`` is one lower-case word or two as written first (``accepted``, ``superseded``), ``date`` is ISO 8601, ``number`` of its title or file name.
    ``superseded_by``: what the status names, as written.
    """

    title: str
    number: int | None = None
    status: str | None = None
    date: str | None = None
    deciders: tuple[str, ...] = ()
    superseded_by: str | None = None
