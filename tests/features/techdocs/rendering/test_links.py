"""Links and pictures: where they lead, and how it shows when they lead nowhere."""

from __future__ import annotations

from callboard.features.techdocs.rendering import MarkdownFile, RenderOptions, render_file
from tests.features.techdocs.rendering.sites import page_of, told

PAGES = {"docs/index.md": "# Hi\n", "docs/guide/setup.md": "# Set up\n\n## First steps\n", "docs/img/a b.png": "x"}


def test_links_lead_to_portal_addresses():
    """From the file, from the address, from the root; with sections, to files, to elsewhere."""
    text = (
        "[1](guide/setup.md#first-steps) [2](guide/setup/) [3](/guide/setup.html) [4](img/a%20b.png) "
        "[5](https://example.com) [6](#own)\n\n## Own\n"
    )
    html = page_of({**PAGES, "docs/index.md": text}).html
    base = "/docs/default/component/web/"
    assert f'href="{base}guide/setup/#doc-first-steps"' in html and html.count(f'href="{base}guide/setup/"') == 2
    assert f'href="{base}-/img/a%20b.png"' in html and 'href="#doc-own"' in html
    assert 'href="https://example.com" rel="noopener noreferrer"' in html


def test_broken_links_are_marked_and_told_with_their_line():
    """A page, a section here and there, and a picture that are not there."""
    text = "---\ntitle: T\n---\n[a](no.md)\n\n[b](#no)\n\n[c](guide/setup.md#no) ![d](no.png)\n"
    page = page_of({**PAGES, "docs/index.md": text})
    assert told(page.problems) == [
        ("link", "docs/index.md", 4),
        ("anchor", "docs/index.md", 6),
        ("anchor", "docs/index.md", 8),
        ("image", "docs/index.md", 8),
    ]
    assert '<a class="doc-broken" title="No such page: no.md">' in page.html
    assert page.html.count("doc-broken-anchor") == 2
    assert '<span class="doc-image-missing">Image not found: no.png <span>d</span></span>' in page.html


def test_links_out_of_the_site_are_refused():
    """However the way up is written, no address leaves the site."""
    text = "[a](../../../etc/passwd) [b](..%2F..%2F..%2Fetc%2Fpasswd) ![c](../../../x.png)"
    page = page_of({**PAGES, "docs/index.md": text})
    assert [p.code for p in page.problems] == ["refused"] * 3
    assert "etc/passwd" not in page.html.replace('title="No such page: ../../../etc/passwd"', "").replace(
        'title="No such page: ..%2F..%2F..%2Fetc%2Fpasswd"', ""
    )


def test_sections_are_found_however_their_names_are_made():
    """GitHub, kramdown and mkdocs make different slugs of one heading."""
    files = {
        "docs/index.md": "[a](b.md#whats-new--changed) [b](b.md#Top)",
        "docs/b.md": "# Top {#Top}\n\n## What's new & changed\n",
    }
    page = page_of(files)
    assert page.problems == () and "#doc-whats-new-changed" in page.html and "#doc-Top" in page.html


def test_foreign_pictures_are_links_unless_their_host_is_allowed():
    """A picture from elsewhere tells that host who reads what."""
    text = "![logo](https://pics.example.com/a.png)"
    assert "<img" not in page_of({"docs/index.md": text}).html
    options = RenderOptions(image_hosts=frozenset({"pics.example.com"}))
    assert (
        '<img src="https://pics.example.com/a.png" alt="logo"' in page_of({"docs/index.md": text}, options=options).html
    )


def test_a_file_outside_a_site():
    """A README's links are relative to where it is shown on its source host."""
    file = MarkdownFile(
        "README.md",
        b"# Read\n\n[a](docs/a.md) ![i](i.png)",
        base_url="https://github.com/o/r/blob/main/",
        raw_url="https://raw.example.com/o/r/main/",
    )
    page = render_file(file, RenderOptions(image_hosts=frozenset({"raw.example.com"})))
    assert page.title == "Read" and 'href="https://github.com/o/r/blob/main/docs/a.md"' in page.html
    assert 'src="https://raw.example.com/o/r/main/i.png"' in page.html
