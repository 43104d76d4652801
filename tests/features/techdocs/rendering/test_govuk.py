"""A real site that was not written for mkdocs: 231 pages of GOV.UK's developer documentation."""

from __future__ import annotations

import html
import re

import pytest

from callboard.features.techdocs.rendering import FolderFiles, SiteDefaults, read_site
from callboard.features.techdocs.rendering.render import render
from tests.features.techdocs.rendering.sites import ADDRESS

RAW = re.compile(
    r"\*\*|\]\(|```|~~~|^#{2,6} |^!!!|^\?\?\?|^===|\{:|\[\^\w|^\s*[-+] \S|^\s*1\. \S|\|\s*-{3}|-{3}\s*\||&lt;!--|--8<",
    re.MULTILINE,
)
"""Marks of Markdown that no reader of running text should meet."""


@pytest.fixture(scope="module")
def govuk(shared):
    files = FolderFiles(shared / "corpus" / "govuk" / "docs")
    return read_site(files, SiteDefaults(title="GOV.UK", docs_dir=".")), files


def running_text(page: str) -> str:
    page = re.sub(r"<(pre|code|h[1-6])\b.*?</\1>", "code", page, flags=re.DOTALL)
    page = re.sub(r"<(?!/?(?:p|li|td|th|dd|dt)\b)[^>]+>", "", page)
    return html.unescape(re.sub(r"<[^>]+>\n?", "\n", page))


@pytest.mark.slow
def test_all_pages_render_without_marks_left_over(govuk):
    """231 of 231, no raw syntax in running text; every broken link's target is really not there."""
    site, files = govuk
    assert len(site.pages) == 231 and site.problems == ()
    for path in site.pages:
        page = render(site, path, files, ADDRESS)
        assert not page.failed and page.title
        assert RAW.findall(running_text(page.html)) == [], path
        for problem in page.problems:
            assert problem.line is not None, problem
            if problem.code == "link":
                target = re.search(r"The link (\S+) leads", problem.message).group(1).split("#")[0]
                name = target.rstrip("/").rsplit("/", 1)[-1].removesuffix(".html")
                there = [p for p in site.documents if p.startswith(target.strip("/").removesuffix(".html") + ".")]
                assert there == [], (path, target, name)


def test_addresses_of_the_published_site_find_their_pages(govuk):
    """``/manual/X.html`` is the file ``manual/X.html.md``; images, which are not there, are told and shown as missing."""
    site, files = govuk
    assert site.find_page("manual/heroku.html").path == "manual/heroku/"
    page = render(site, "manual/amazonmq/", files, ADDRESS)
    assert 'href="/docs/default/component/web/manual/secrets-manager/"' in page.html
    assert 'class="doc-image-missing"' in page.html
    erb = render(site, "manual/components/", files, ADDRESS)
    text = html.unescape(re.sub(r"<[^>]+>", "", erb.html))
    assert "<%= render 'components/lead-paragraph', text:" in text
