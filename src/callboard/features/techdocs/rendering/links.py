"""Where links and pictures of a page lead: to pages and files of the site, elsewhere, or nowhere."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

from callboard.features.techdocs.rendering.files import join_inside
from callboard.features.techdocs.rendering.values import ID_PREFIX, MarkdownFile, SiteAddress, SiteModel, SitePage

_KEPT = ("/docs/", "/catalog/", "/create", "/search", "/api-docs", "/settings")
"""Addresses of the portal, as authors write them for Backstage."""
Kind = Literal["page", "asset", "external", "broken", "outside"]


@dataclass(frozen=True, slots=True)
class Target:
    """``href`` as it goes into the page, without anchor. ``name``: address, document path, or what was written. ``outside``: it leaves the
    source, and is refused.
    """

    kind: Kind
    href: str
    name: str
    anchor: str = ""
    page: SitePage | None = None


class Resolver(Protocol):
    """Knows what addresses on a page mean."""

    def link(self, written: str) -> Target:
        """The target of a link other than to a section of the page itself."""

    def picture(self, written: str) -> Target:
        """The target of a picture, video or sound."""


def _scheme(written: str) -> Target | None:
    """The target of what has a scheme or host; None for the rest."""
    try:
        parts = urlsplit(written)
    except ValueError:
        return Target("broken", "", written)
    if parts.scheme in {"http", "https", "mailto", "tel"}:
        return Target("external", written, written)
    if parts.netloc and not parts.scheme:
        return Target("external", f"https:{written}", f"https:{written}")
    return Target("broken", "", written) if parts.scheme else None


class SiteResolver:
    """Links of a page of a site."""

    def __init__(self, site: SiteModel, page: SitePage, address: SiteAddress) -> None:
        self._site = site
        self._page = page
        self._address = address
        self._folder = posixpath.dirname(page.document)
        self._rules = site.defaults.links
        self._documents: dict[str, list[str]] | None = None
        self._prefixes = sorted(self._rules.prefixes.items(), key=lambda item: -len(item[0]))

    def link(self, written: str) -> Target:
        return _scheme(written) or self._inside(written, picture=False)

    def picture(self, written: str) -> Target:
        return _scheme(written) or self._inside(written, picture=True)

    def _inside(self, written: str, *, picture: bool) -> Target:
        path, _, anchor = written.partition("#")
        path, _, query = path.partition("?")
        path = unquote(path)
        candidates, escapes = self._candidates(path, picture=picture)
        for document in candidates:
            found = self._find(document, anchor, query)
            if found is not None:
                return found
        if path.startswith("/"):
            if self._rules.absolute_base:
                base = self._rules.absolute_base.rstrip("/")
                return Target("external", base + written, base + written)
            if path.startswith(_KEPT):
                return Target("external", written, written)
        return Target("outside" if escapes else "broken", "", written, anchor)

    def _candidates(self, path: str, *, picture: bool) -> tuple[list[str], bool]:
        """Document paths to try, likeliest first, and whether the link climbs out of the documents."""
        if path.startswith("/"):
            found = [to + path[len(start) :] for start, to in self._prefixes if path.startswith(start)]
            inside = [join_inside("", name.lstrip("/")) for name in found]
            return [name for name in inside if name is not None], False
        from_file = join_inside(self._folder, path)
        from_address = join_inside(
            self._page.path.rstrip("/") if self._page.path.endswith("/") else posixpath.dirname(self._page.path), path
        )
        from_source = join_inside(posixpath.dirname(self._page.file), path)
        made = [name for name in (from_file, from_address) if name is not None]
        if from_source is not None:
            made.extend(document for document in self._by_file(from_source) if document not in made)
        return made, from_file is None and from_source is None

    def _by_file(self, file: str) -> list[str]:
        """Documents that a file of the source is, for pages whose links are relative to where the file really lies."""
        if self._page.document == self._page.file:
            return []
        if self._page.file.endswith("/" + self._page.document) and not file:
            return []
        if self._documents is None:
            self._documents = {}
            for document, found in self._site.documents.items():
                self._documents.setdefault(found, []).append(document)
        return self._documents.get(file, [])

    def _find(self, document: str, anchor: str, query: str) -> Target | None:
        site = self._site
        address = site.by_document.get(document)
        if address is None and document in site.pages:
            address = document
        if address is None and document in site.documents:
            href = self._address.assets + quote(document, safe="/~:@!$&'()*+,;=-._") + self._address.query
            return Target("asset", href, document)
        if address is None:
            alias = site.aliases.get(document.strip("/"))
            if alias is None:
                return None
            if "://" in alias:
                return Target("external", alias, alias)
            address, _, fixed = alias.partition("#")
            anchor = anchor or fixed
        page = site.pages.get(address)
        if page is None:
            return None
        href = self._address.pages + quote(address, safe="/~:@!$&'()*+,;=-._") + self._address.query
        if query and not self._address.query:
            href += f"?{quote(query, safe='=&+%/:,')}"
        return Target("page", href, address, unquote(anchor), page)


class FileResolver:
    """Links of a Markdown file outside a site: relative to where the file can be seen on its source host."""

    def __init__(self, file: MarkdownFile) -> None:
        self._file = file

    def link(self, written: str) -> Target:
        return _scheme(written) or self._join(self._file.base_url, written)

    def picture(self, written: str) -> Target:
        return _scheme(written) or self._join(self._file.raw_url or self._file.base_url, written)

    def _join(self, base: str | None, written: str) -> Target:
        if not base:
            return Target("broken", "", written)
        try:
            joined = urljoin(base if base.endswith("/") else base + "/", written.lstrip("/"))
        except ValueError:
            return Target("broken", "", written)
        return Target("external", joined, joined)


def own_anchor(anchor: str) -> str:
    """An id as it stands in a rendered page."""
    return ID_PREFIX + "".join("-" if c.isspace() or c in "\"'<>`" else c for c in anchor)[:200]
