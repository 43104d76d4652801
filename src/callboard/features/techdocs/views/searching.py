"""Searching in one site: by the portal's search where it is there, else in the site's own text."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, Sequence

from starlette.responses import Response

from callboard.features.search.interface import Indexing, Search, SearchQuery
from callboard.features.techdocs.books import Book
from callboard.features.techdocs.domain import triplet
from callboard.features.techdocs.interface import NavItem, PageNotFound, Site
from callboard.features.techdocs.pages.library import pager_of
from callboard.features.techdocs.pages.reading import Found, SearchPage, page_href
from callboard.features.techdocs.views.base import Views, number_of
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect

LIMIT = 30
BUDGET_S = 1.0
"""How long the text of a site is looked through where there is no search; titles are always all looked at."""
CUT = 240


async def search_site(views: Views, ref: str, version: str | None, request: Request) -> Response:
    q = request.query_params["q"].strip()[:200]
    site = await views._docs.site(ref, version=version, actor=request.actor)
    search = views._r.portal.find_service(Search)
    title = views.say(request, "techdocs.search.title", q=q)
    frame, _ = await views.frame(site, request, path=None, title=title, q=q)
    page = None
    indexing = ""
    if search is not None and version is None:
        indexing = await views._r.portal.service(Indexing).sentence(request.actor, views.t(request))
    number = number_of(request.query_params.get("page", ""))
    if search is not None and version is None:
        namespace, kind, name = triplet(ref)
        filters = {"kind": [kind], "namespace": [namespace], "name": [name]}
        asked = SearchQuery(q[:100], ("techdocs",), filters, limit=LIMIT, offset=(number - 1) * LIMIT)
        found = await search.query(asked, actor=request.actor)
        hits = [_found(hit) for hit in found.hits]
        if number > 1 and not hits:  # search ranks the best only: what is beyond them is no page
            return Redirect(page_href(ref, "", q=q), 302)
        # Search counts passages, of which several may be of one page, and not always: how many pages there are is known at their end.
        least = (number - 1) * LIMIT + len(hits) + found.has_more
        pager = pager_of(
            lambda at: page_href(ref, "", q=q, **({"page": str(at)} if at > 1 else {})), number, LIMIT, len(hits), least
        )
        total = None if found.has_more else pager.last
        pager = replace(pager, total=total)
        page = SearchPage(title, frame, q, hits, total, found.has_more, found.corrected, frame.crumbs, pager, indexing)
    # A published site may have come without the index that search reads.
    # While the index is behind, the site's own text answers where it has nothing.
    if page is None or (not page.hits and (site.kind == "published" or indexing)):
        hits, has_more = await _look_through(views, site, version, q, request)
        page = SearchPage(title, frame, q, hits, None if has_more else len(hits), has_more, None, frame.crumbs)
    return request.render("techdocs/search.html", page)


def _found(hit: Any) -> Found:
    document = hit.document
    marked = hit.marked.get("text") or ((document.text[:CUT], False),)
    return Found(document.title, document.location, " › ".join(document.headings), marked)


async def _look_through(
    views: Views, site: Site, version: str | None, q: str, request: Request
) -> tuple[list[Found], bool]:
    """Pages with all words in a title or a passage, titles first; and whether the time was up before the end."""
    words = [word for word in q.lower().split() if word][:10]
    pages = list(dict.fromkeys(_pages(site.nav)))
    by_title = [one for one in pages if all(word in one[0].lower() for word in words)]
    found = [Found(title, page_href(site.ref, path, version), "", ()) for title, path in by_title[:LIMIT]]
    holds = await _sources(views, site, version, words, request)
    until = time.monotonic() + BUDGET_S
    for title, path in pages:
        if len(found) >= LIMIT or time.monotonic() > until:
            return found, True
        if (title, path) in by_title or (holds is not None and path not in holds):
            continue
        try:
            passages = await views._docs.passages(site.ref, path, version=version, actor=request.actor)
        except (PageNotFound, CallboardError):
            continue
        for passage in passages:
            text = f"{passage.text}\n{passage.code}"
            if all(word in f"{' '.join(passage.headings)} {text}".lower() for word in words):
                href = page_href(site.ref, path, version) + (f"#{passage.anchor}" if passage.anchor else "")
                section = passage.headings[-1] if passage.headings and passage.headings[-1] != title else ""
                found.append(Found(title, href, section, mark(text, words)))
                break
    return found, False


async def _sources(
    views: Views, site: Site, version: str | None, words: Sequence[str], request: Request
) -> frozenset[str] | None:
    """Pages whose source has all the words somewhere, which costs little to know; None where there are no sources."""
    _, opened = await views._r.parts.service.open(site.ref, version, actor=request.actor)
    # Of a large site all texts take long enough to be felt by everybody.
    return None if opened.book is None else await asyncio.to_thread(_holding, opened.book, words)


def _holding(book: Book, words: Sequence[str]) -> frozenset[str]:
    found = set()
    for page in book.pages():
        text = book.texts.read(page.file).decode("utf-8", "replace").lower()
        if all(word in text for word in words):
            found.add(page.path)
    return frozenset(found)


def _pages(nav: Sequence[NavItem]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item in nav:
        if item.path is not None:
            found.append((item.title, item.path))
        found += _pages(item.children)
    return found


def mark(text: str, words: Sequence[str]) -> Sequence[tuple[str, bool]]:
    """The text around the first word, in pieces, each with whether it is one of the words."""
    import re

    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, (first.start() if first else 0) - CUT // 3)
    cut = text[start : start + CUT]
    pieces: list[tuple[str, bool]] = [("…", False)] if start else []
    at = 0
    for hit in pattern.finditer(cut):
        if hit.start() > at:
            pieces.append((cut[at : hit.start()], False))
        pieces.append((hit.group(0), True))
        at = hit.end()
    pieces.append((cut[at:] + ("…" if start + CUT < len(text) else ""), False))
    return pieces
