"""Markdown sites as pages: read a site's configuration and map once, render each page when it is asked for.

    site = read_site(files, SiteDefaults(title="Payments"))          # navigation, addresses, problems of the whole
    task = prepare(site, "guide/setup/", files, address)             # all that the page needs; `task.key` names the result
    page = run_task(task)                                            # safe HTML, contents, problems, passages for search

Nothing here knows a database, the portal or the network, and nothing a site brings along is executed. The dialect is that of
mkdocs-techdocs-core. See docs/explanation/life-of-a-page.md.
"""

from callboard.features.techdocs.rendering.decisions import parse_decision_record
from callboard.features.techdocs.rendering.files import FolderFiles, MemoryFiles
from callboard.features.techdocs.rendering.render import prepare, render, render_file, run_task
from callboard.features.techdocs.rendering.site import check_site, read_site
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
    "check_site",
    "parse_decision_record",
    "prepare",
    "read_site",
    "render",
    "render_file",
    "run_task",
]
