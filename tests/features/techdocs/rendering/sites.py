"""Sites in memory, for tests of rendering."""

from __future__ import annotations

from callboard.features.techdocs.rendering import (
    MarkdownFile,
    MemoryFiles,
    RenderOptions,
    SiteAddress,
    SiteDefaults,
    read_site,
    render_file,
)
from callboard.features.techdocs.rendering.render import render

ADDRESS = SiteAddress("/docs/default/component/web/", "/docs/default/component/web/-/")


def site_of(files, **defaults):
    """``(site, files)`` of texts by path."""
    source = MemoryFiles(files)
    return read_site(source, SiteDefaults(**{"title": "Web", **defaults})), source


def page_of(files, path="", **defaults):
    site, source = site_of(files, **defaults)
    return render(site, path, source, ADDRESS)


def html_of(text, **options):
    """The HTML of a Markdown text outside a site."""
    return render_file(MarkdownFile("a.md", text.encode()), RenderOptions(**options)).html


def titles(items):
    """``[(title, path, children)]`` of a navigation."""
    return [(item.title, item.path, titles(item.children)) for item in items]


def told(problems):
    return [(problem.code, problem.file, problem.line) for problem in problems]
