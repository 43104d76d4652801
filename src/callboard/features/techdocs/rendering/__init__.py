"""Markdown sites as pages: read a site's configuration and map once, render each page when it is asked for.

    site = read_site(files, SiteDefaults(title="Payments"))          # navigation, addresses, problems of the whole
    task = prepare(site, "guide/setup/", files, address)             # all that the page needs; `task.key` names the result
    page = run_task(task)                                            # safe HTML, contents, problems, passages for search

Nothing here knows a database, the portal or the network, and nothing a site brings along is executed. The dialect is that of
mkdocs-techdocs-core. See docs/explanation/life-of-a-page.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from callboard.features.techdocs.rendering.decisions import parse_decision_record
    from callboard.features.techdocs.rendering.render import prepare, render_file, run_task
    from callboard.features.techdocs.rendering.site import check_site, read_site

_LATE = {
    "parse_decision_record": "decisions",
    "check_site": "site",
    "read_site": "site",
    **dict.fromkeys(("prepare", "render_file", "run_task"), "render"),
}
"""What pulls markdown and all that comes with it, by the module that has it: most processes only pass values on.

``render`` itself is had from the module of that name.
"""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


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
    "render_file",
    "run_task",
]
