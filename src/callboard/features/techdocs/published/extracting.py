"""Pages that mkdocs made, taken apart for a reader of our own: the article, its contents, the navigation. Everything is sanitised.

Source: the templates of mkdocs-material 9 (``main.html``, ``partials/nav.html``): the page is ``article.md-content__inner``, the
navigation ``nav.md-nav--primary``, headings carry ids and a link ``a.headerlink``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Callable, Literal, Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.techdocs.interface import DocsPassage, Heading, NavItem
from callboard.features.techdocs.published.bounding import bounded
from callboard.features.techdocs.rendering import ID_PREFIX
from callboard.features.techdocs.rendering.sanitise import kept_classes
from callboard.features.techdocs.rendering.vocabulary import TEXT_TAGS

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SKIPPED = frozenset({"script", "style", "template", "iframe", "object", "noscript", "form", "button"})
_ATTRIBUTES = {
    "*": {"class", "id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "loading"},
    "input": {"type", "checked", "disabled", "name", "id"},
    "label": {"for"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "ol": {"start", "type"},
    "details": {"open"},
}
MAX_REFERENCES = 5_000
"""Of one page; of more nobody mends any."""
_HEADING = re.compile(r"h[1-6]")


@dataclass(slots=True)
class PublishedPage:
    """``base`` is the address of the first page as this one's links have it (``../..``)."""

    title: str = ""
    html: str = ""
    toc: list[Heading] = field(default_factory=list)
    passages: list[DocsPassage] = field(default_factory=list)
    nav: list[NavItem] = field(default_factory=list)
    ids: frozenset[str] = frozenset()
    references: Sequence[Reference] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A link or picture of the article that names something of the site: ``path`` as published, ``line`` (from 1) in the HTML."""

    kind: Literal["link", "image"]
    path: str
    fragment: str
    line: int


def extract(html: str, path: str, page_url: Callable[[str], str], asset_url: Callable[[str], str]) -> PublishedPage:
    """The page at ``path`` (``guide/setup/index.html``). ``page_url`` and ``asset_url`` make addresses of paths of the site.

    Raises ``LimitError`` for one that would take too long.
    """
    parser = _Parser(path, page_url, asset_url)
    parser.feed(bounded(html, path))
    parser.close()
    return parser.finish()


def _clean(html: str) -> str:
    import nh3

    return nh3.clean(
        html, tags=set(TEXT_TAGS), attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"}, link_rel="noopener noreferrer", clean_content_tags={"script", "style"},
    )  # fmt: skip


class _Parser(HTMLParser):
    def __init__(self, path: str, page_url: Callable[[str], str], asset_url: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self._folder = posixpath.dirname(path)
        self._page_url, self._asset_url = page_url, asset_url
        self._path = path
        self._ids: set[str] = set()
        self._references: list[Reference] = []
        self._out: list[str] = []
        self._title: list[str] = []
        self._toc: list[Heading] = []
        self._sections: list[tuple[str, tuple[str, ...], list[str], list[str]]] = [("", (), [], [])]
        self._above: list[tuple[int, str]] = []
        self._article = 0
        self._skipping = 0
        self._heading: tuple[int, str] | None = None
        self._heading_texts: list[str] = []
        self._is_title = False
        self._code = 0
        self._nav_depth = 0
        self._nav_lists: list[list[NavItem]] = []
        self._nav_text: list[str] = []
        self._nav_href: str | None = None
        self._nav_label: list[str | None] = []
        self._nav: list[NavItem] = []

    # ---- what comes in ------------------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag == "title" and not self._title:
            self._is_title = True
        if self._nav_depth or (tag == "nav" and "md-nav--primary" in classes):
            self._start_nav(tag, given, classes)
            return
        if tag == "article" and not self._article:
            self._article = 1
            return
        if not self._article:
            return
        if self._skipping or tag in _SKIPPED or (tag == "a" and "headerlink" in classes):
            self._skipping += 0 if tag in _VOID else 1
            return
        if tag == "article":
            self._article += 1
            return
        if _HEADING.fullmatch(tag):
            self._heading, self._heading_texts = (int(tag[1]), given.get("id", "")), []
        if tag in ("pre", "code"):
            self._code += tag == "pre"
        self._out.append(self._tag(tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_title = False
        if self._nav_depth:
            self._end_nav(tag)
            return
        if not self._article:
            return
        if self._skipping:
            self._skipping -= tag not in _VOID
            return
        if tag == "article":
            self._article -= 1
            if not self._article:
                self._article = -1_000_000  # a page has one; what follows is the frame
            return
        if tag in _VOID:
            return
        if tag == "pre":
            self._code = max(0, self._code - 1)
        self._out.append(f"</{tag}>")
        if self._heading is not None and _HEADING.fullmatch(tag):
            self._end_heading()

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self._title.append(data)
        if self._nav_depth:
            self._nav_text.append(data)
            return
        if self._article <= 0 or self._skipping:
            return
        self._out.append(escape(data, quote=False))
        if self._heading is not None:
            self._heading_texts.append(data)
        else:
            _, _, texts, code = self._sections[-1]
            (code if self._code else texts).append(data)

    # ---- the article --------------------------------------------------------------------------------------------------

    def _end_heading(self) -> None:
        assert self._heading is not None
        level, id = self._heading
        self._heading = None
        title = " ".join("".join(self._heading_texts).split())
        if not title:
            return
        self._above = [(one, text) for one, text in self._above if one < level] + [(level, title)]
        anchor = ID_PREFIX + id if id else ""
        if id:
            self._toc.append(Heading(level, anchor, title))
        self._sections.append((anchor, tuple(text for _, text in self._above), [], []))

    def _tag(self, tag: str, given: dict[str, str]) -> str:
        if tag == "input" and (given := _harmless_input(given)) == {}:
            return ""
        parts = []
        for name, value in given.items():
            if name == "id" or (name == "name" and tag == "a"):
                self._ids.add(value)
            if name in ("id", "for", "name"):
                value = ID_PREFIX + value
            elif name == "href":
                value = self._link(value)
            elif name == "src":
                value = self._picture(value)
            elif name == "class":
                value = kept_classes(tag, value)  # others would borrow the portal's looks, and its layers
            parts.append(f' {name}="{escape(value)}"')
        return f"<{tag}{''.join(parts)}>" if re.fullmatch(r"[a-z][a-z0-9]*", tag) else ""

    def _link(self, href: str) -> str:
        if href.startswith("#"):
            self._refer("link", self._path, href[1:])
            return f"#{ID_PREFIX}{href[1:]}" if len(href) > 1 else "#"
        inside = self._inside(href)
        if inside is None:
            return href
        path, fragment = inside
        self._refer("link", path, fragment)
        name = posixpath.basename(path)
        is_page = not name or name.endswith(".html") or "." not in name
        address = self._page_url(page_address(path)) if is_page else self._asset_url(path)
        return address + (f"#{ID_PREFIX}{fragment}" if fragment else "")

    def _picture(self, src: str) -> str:
        inside = self._inside(src)
        if inside is None:
            return src
        self._refer("image", inside[0], "")
        return self._asset_url(inside[0])

    def _refer(self, kind: Literal["link", "image"], path: str, fragment: str) -> None:
        if len(self._references) < MAX_REFERENCES:
            self._references.append(Reference(kind, path, unquote(fragment), self.getpos()[0]))

    def _inside(self, url: str) -> tuple[str, str] | None:
        """(path in the site, fragment); None for an address elsewhere."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ("", "")
        if parts.scheme or parts.netloc or url.startswith("/"):
            return None
        joined = posixpath.normpath(posixpath.join("/", self._folder, unquote(parts.path))).lstrip("/")
        if parts.path.endswith("/") or parts.path in (".", "..", ""):
            joined = joined + "/" if joined and joined != "." else ""
        return ("" if joined == "." else joined), parts.fragment

    # ---- the navigation -----------------------------------------------------------------------------------------------

    def _start_nav(self, tag: str, given: dict[str, str], classes: list[str]) -> None:
        if tag == "nav":
            self._nav_depth += 1
        elif tag == "ul":
            self._nav_lists.append([])
        elif tag == "li":
            self._nav_text, self._nav_href = [], None
            self._nav_label.append(None)
        elif tag == "a" and "md-nav__link" in classes and self._nav_label:
            self._nav_text = []
            self._nav_href = given.get("href", "")
        elif tag == "label":
            self._nav_text = []

    def _end_nav(self, tag: str) -> None:
        text = " ".join("".join(self._nav_text).split())
        if tag == "nav":
            self._nav_depth -= 1
        elif tag == "a" and self._nav_href is not None and self._nav_lists and text:
            inside = self._inside(self._nav_href) if not self._nav_href.startswith("#") else None
            if inside is not None:
                self._nav_lists[-1].append(NavItem(text, page_address(inside[0])))
            elif self._nav_href.startswith(("http://", "https://")):
                self._nav_lists[-1].append(NavItem(text, href=self._nav_href))
            self._nav_href = None
        elif tag == "label" and self._nav_label and text and self._nav_label[-1] is None:
            self._nav_label[-1] = text
        elif tag == "ul" and self._nav_lists:
            items = self._nav_lists.pop()
            title = next((label for label in reversed(self._nav_label) if label), None)
            if not self._nav_lists:
                self._nav = items
            elif items and title:
                self._nav_lists[-1].append(NavItem(title, children=tuple(items)))
        elif tag == "li" and self._nav_label:
            self._nav_label.pop()

    def finish(self) -> PublishedPage:
        found = [
            DocsPassage(anchor, headings, " ".join(" ".join(texts).split()), "".join(code).strip())
            for anchor, headings, texts, code in self._sections
        ]
        title = next((one.title for one in self._toc if one.level == 1), "")
        if not title:
            title = re.split(r" - | \| ", "".join(self._title).strip())[0]
        passages = [one for one in found if one.text or one.code or one.headings]
        return PublishedPage(
            title.removesuffix("¶").strip(),
            _clean("".join(self._out)),
            self._toc,
            passages,
            self._nav,
            frozenset(self._ids),
            tuple(self._references),
        )


def _harmless_input(given: dict[str, str]) -> dict[str, str]:
    """Marks of task lists and the switches of tabs; {} for what asks the reader for something."""
    kind = given.get("type")
    if kind == "checkbox":
        return {name: "" for name in ("disabled", "checked") if name == "disabled" or name in given} | {"type": kind}
    return given if kind == "radio" and given.get("name", "").startswith("__tabbed_") else {}


def page_address(path: str) -> str:
    """The address of a page in our reader, from its path in the published site: ``guide/setup/`` of ``guide/setup/index.html``."""
    if path == "index.html":
        return ""
    return path.removesuffix("index.html") if path.endswith("/index.html") else path
