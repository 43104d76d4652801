"""Markdown sites as pages: read a site's configuration and map once, render each page when it is asked for.

    site = read_site(files, SiteDefaults(title="Payments"))          # navigation, addresses, problems of the whole
    task = prepare(site, "guide/setup/", files, address)             # all that the page needs; `task.key` names the result
    page = run_task(task)                                            # safe HTML, contents, problems, passages for search

Signatures::

    read_site(files: SiteFiles, defaults: SiteDefaults) -> SiteModel
    check_site(site, files) -> tuple[Problem, ...]                   # all pages; orphans; takes seconds on a big site
    prepare(site, path, files, address, words=Words()) -> RenderTask # KeyError: no such page
    run_task(task: RenderTask) -> RenderedPage                       # picklable both ways; reads nothing
    render(site, path, files, address, words=Words()) -> RenderedPage
    render_file(file: MarkdownFile, options=RenderOptions(), words=Words()) -> RenderedPage
    parse_decision_record(text: bytes, file: str) -> DecisionRecord

Nothing here knows a database, the portal or the network, and nothing a site brings along is executed. The dialect is that of
mkdocs-techdocs-core. See docs/explanation/life-of-a-page.md.
"""

from callboard.features.techdocs.rendering.files import FolderFiles, MemoryFiles
from callboard.features.techdocs.rendering.values import (
    ID_PREFIX,
    DecisionRecord,
    Extension,
    Limits,
    LinkRules,
    MarkdownFile,
    PageLink,
    Passage,
    RenderedPage,
    RenderOptions,
    RenderTask,
    SiteAddress,
    SiteConfig,
    SiteDefaults,
    SiteFiles,
    SiteModel,
    SitePage,
    Words,
)

__all__ = [
    "ID_PREFIX",
    "DecisionRecord",
    "Extension",
    "FolderFiles",
    "Limits",
    "LinkRules",
    "MarkdownFile",
    "MemoryFiles",
    "PageLink",
    "Passage",
    "RenderOptions",
    "RenderTask",
    "RenderedPage",
    "SiteAddress",
    "SiteConfig",
    "SiteDefaults",
    "SiteFiles",
    "SiteModel",
    "SitePage",
    "Words",
]
