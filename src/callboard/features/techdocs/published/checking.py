"""What is wrong with a published site, told from its HTML: its source is not at hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import AbstractSet, Mapping, Sequence

from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.published.extracting import PublishedPage, extract
from callboard.features.techdocs.published.reading import METADATA, PublishedSites, candidates

MAX_PAGES = 2_000
MAX_PROBLEMS = 2_000
AT_ONCE = 8
SHOWN = 200
NOT_FOUND = "404.html"
"""What a server gives for other addresses; its links are of no place."""


async def check_published(
    published: PublishedSites, plan: SitePlan, now: datetime, stale_after: timedelta | None
) -> Sequence[Problem]:
    """Links and pictures that lead to nothing, sections that are missing, and a site that was built long ago.

    Raises as the store does.
    """
    found = await published.require(plan)
    files = frozenset(found.files) or await published.list_files(plan)
    names = sorted(path for path in files if path.endswith(".html") and path != NOT_FOUND)
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(path: str) -> PublishedPage | None:
        async with gate:
            stored = await published.file(plan, path)
            if stored is None:
                return None
            text = stored.content.decode("utf-8", "replace")
            return await asyncio.to_thread(extract, text, path, lambda to: to, lambda to: to)

    read_pages = await asyncio.gather(*(read(path) for path in names[:MAX_PAGES]))
    pages = {path: page for path, page in zip(names, read_pages, strict=False) if page is not None}
    problems = check_pages(pages, files)
    problems += [
        Problem("link", f"{path} was published, and is not there.", path)
        for path in names[:MAX_PAGES]
        if path not in pages
    ]
    if len(names) > MAX_PAGES:
        problems.append(
            Problem("refused", f"Of {len(names)} pages the first {MAX_PAGES} were checked.", METADATA, is_error=False)
        )
    if stale_after is not None and found.is_dated and now - found.built_at > stale_after:
        message = f"Nobody published this site for {(now - found.built_at).days} days. Is it still right?"
        problems.append(Problem("stale", message, METADATA, is_error=False))
    return sorted(problems, key=lambda one: (one.file, one.line or 0, one.code, one.message))[:MAX_PROBLEMS]


def check_pages(pages: Mapping[str, PublishedPage], files: AbstractSet[str]) -> list[Problem]:
    """By the files of the site and the ids of its pages."""
    problems: dict[Problem, None] = {}
    for file, page in pages.items():
        for one in page.references:
            shown = one.path[:SHOWN] or "the first page"
            target = next((path for path in (one.path, *candidates(one.path)) if path in files), None)
            if target is None and one.kind == "image":
                found = Problem("image", f"The picture {shown} is not among the files of the site.", file, one.line)
            elif target is None:
                found = Problem("link", f"The link {shown} leads to no page or file of the site.", file, one.line)
            elif one.fragment and target in pages and one.fragment not in pages[target].ids:
                where = "The page" if target == file else shown
                found = Problem(
                    "anchor", f"{where} has no section #{one.fragment[:SHOWN]}.", file, one.line, is_error=False
                )
            else:
                continue
            problems[found] = None
    return list(problems)
