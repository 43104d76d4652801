"""A live site in the shape of one that mkdocs built, for readers that fetch such files: pages, metadata, search index, style.

Source: mkdocs-material 9, names of the parts that Backstage's reader looks for (``md-container``, ``md-sidebar--primary`` …); mkdocs,
"search index" ({config, docs: [{location, title, text}]}).
"""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Sequence

from callboard.features.techdocs.interface import Heading, NavItem, Page, Site
from callboard.features.techdocs.rendering import Passage

STYLE_PATH = "assets/stylesheets/callboard.css"
STYLE = (
    ".md-main__inner{display:flex;gap:2rem;margin:0 auto;max-width:76rem}.md-sidebar{flex:0 0 14rem;font-size:.9rem}.md-content{flex:1 1 auto;"
    "min-width:0}.md-nav__list{list-style:none;margin:0;padding:0 0 0 .75rem}.md-nav__link--active{font-weight:700}"
    ".md-typeset{line-height:1.6}.md-typeset pre{overflow:auto;padding:.75rem}.md-typeset table{border-collapse:collapse}"
    ".md-typeset td,.md-typeset th{border:1px solid;padding:.25rem .5rem}.md-typeset img{max-width:100%}"
)


def page_html(site: Site, page: Page, root: str) -> str:
    """The page as a document. ``root`` leads from it to the first page: ``./`` or ``../../``."""
    contents = "".join(_heading(heading) for heading in page.toc if heading.level > 1)
    return (
        f'<!doctype html>\n<html lang="en" class="no-js"><head><meta charset="utf-8"><title>{escape(page.title)} - {escape(site.title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="stylesheet" href="{root}{STYLE_PATH}"></head>'
        f'<body dir="ltr"><div class="md-container" data-md-component="container"><main class="md-main" data-md-component="main">'
        f'<div class="md-main__inner md-grid">'
        f'<div class="md-sidebar md-sidebar--primary" data-md-component="sidebar" data-md-type="navigation"><div class="md-sidebar__scrollwrap">'
        f'<div class="md-sidebar__inner"><nav class="md-nav md-nav--primary" aria-label="Navigation">{_nav(site.nav, page.path, root)}</nav>'
        f"</div></div></div>"
        f'<div class="md-sidebar md-sidebar--secondary" data-md-component="sidebar" data-md-type="toc"><div class="md-sidebar__scrollwrap">'
        f'<div class="md-sidebar__inner"><nav class="md-nav md-nav--secondary" aria-label="Table of contents">'
        f'<ul class="md-nav__list" data-md-component="toc">{contents}</ul></nav></div></div></div>'
        f'<div class="md-content" data-md-component="content"><article class="md-content__inner md-typeset">{_edit(page)}{page.html}</article>'
        f"</div></div></main></div></body></html>\n"
    )


def _edit(page: Page) -> str:
    if not page.edit_url:
        return ""
    return f'<a href="{escape(page.edit_url)}" title="Edit this page" class="md-content__button md-icon">Edit</a>'


def _heading(heading: Heading) -> str:
    link = f'<a href="#{escape(heading.id)}" class="md-nav__link">{escape(heading.title)}</a>'
    return f'<li class="md-nav__item">{link}</li>'


def _nav(items: Sequence[NavItem], current: str, root: str) -> str:
    rows = []
    for item in items:
        title = escape(item.title)
        inside = _nav(item.children, current, root) if item.children else ""
        if item.path is not None:
            active = " md-nav__link--active" if item.path == current else ""
            head = f'<a href="{root}{escape(item.path)}" class="md-nav__link{active}">{title}</a>'
        elif item.href:
            head = f'<a href="{escape(item.href)}" class="md-nav__link">{title}</a>'
        else:
            head = f'<span class="md-nav__link">{title}</span>'
        nested = " md-nav__item--nested" if inside else ""
        rows.append(f'<li class="md-nav__item{nested}">{head}{inside}</li>')
    return f'<ul class="md-nav__list">{"".join(rows)}</ul>'


def metadata(site: Site, files: Sequence[str]) -> dict[str, Any]:
    """``techdocs_metadata.json``. Source: Backstage techdocs-node ``createOrUpdateMetadata``."""
    return {
        "site_name": site.title,
        "site_description": site.description,
        "build_timestamp": int(site.read_at.timestamp() * 1000),
        "files": list(files),
        "etag": site.etag,
    }


def search_index(pages: Sequence[tuple[str, str, Sequence[Passage]]]) -> Mapping[str, Any]:
    """Of (address, title, passages) of every page: an entry for the page as a whole, and one for each section."""
    docs = []
    for path, title, passages in pages:
        docs.append({"location": path, "title": title, "text": " ".join(p.text for p in passages if p.text)})
        docs += [
            {"location": f"{path}#{p.anchor}", "title": p.headings[-1] if p.headings else title, "text": p.text}
            for p in passages
            if p.anchor
        ]
    config = {"lang": ["en"], "separator": "[\\s\\-]+", "pipeline": ["stopWordFilter"], "fields": {}}
    return {"config": config, "docs": docs}
