"""mkdocs.yml: what is followed, what is left out, and that it is told where."""

from __future__ import annotations

from tests.features.techdocs.rendering.sites import page_of, site_of, titles, told

INDEX = {"docs/index.md": "# Hello\n"}


def test_keys_that_run_code_are_left_out_and_told_with_their_line():
    """Hooks, INHERIT, scripts, templates and unknown plugins are what Backstage drops."""
    config = (
        "site_name: Shop\nINHERIT: ../base.yml\nhooks:\n  - hook.py\nextra_javascript: [a.js]\n"
        "theme:\n  name: material\n  custom_dir: overrides\nplugins:\n  - techdocs-core\n  - macros\n  - search\n"
    )
    site, _ = site_of({"mkdocs.yml": config, **INDEX})
    assert site.title == "Shop"
    assert told(site.problems) == [("refused", "mkdocs.yml", line) for line in (2, 3, 5, 8, 11)]


def test_python_tags_are_never_followed():
    """A tag may name the emoji of material; whatever else it asks for is left out, with its line."""
    config = (
        "site_name: !!python/object/apply:os.system ['touch /tmp/x']\n"
        "repo_url: !ENV REPO\n"
        "markdown_extensions:\n  - pymdownx.emoji:\n      emoji_index: !!python/name:materialx.emoji.twemoji\n"
        "      emoji_generator: !!python/name:subprocess.run\n"
    )
    site, _ = site_of({"mkdocs.yml": config, **INDEX})
    assert site.title == "Web"
    assert [(p.line, p.code) for p in site.problems] == [(1, "refused"), (2, "refused"), (6, "refused")]


def test_aliases_that_multiply_are_refused():
    """Ten lines that stand for a billion values cost nothing."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    site, _ = site_of({"mkdocs.yml": "site_name: S\n" + "\n".join(lines), **INDEX})
    assert [p.code for p in site.problems] == ["refused"]
    assert site.find_page("") is not None


def test_a_broken_file_leaves_the_defaults():
    """YAML that cannot be read is told with its line; pages are there all the same."""
    site, _ = site_of({"mkdocs.yml": "site_name: S\nnav: [\n", **INDEX})
    assert site.title == "Web" and list(site.pages) == [""]
    assert site.problems[0].code == "settings"


def test_docs_dir_stays_inside():
    """A docs_dir above the site is refused, and docs holds."""
    site, _ = site_of({"mkdocs.yml": "docs_dir: ../secrets\n", "docs/index.md": "# Hi", "secrets/a.md": "# No"})
    assert told(site.problems) == [("refused", "mkdocs.yml", 1)]
    assert [p.file for p in site.pages.values()] == ["docs/index.md"]


def test_yaml_comes_before_yml():
    """Backstage prefers mkdocs.yaml."""
    site, _ = site_of({"mkdocs.yaml": "site_name: A", "mkdocs.yml": "site_name: B", **INDEX})
    assert site.title == "A"


def test_a_site_without_configuration_has_defaults():
    """README.md stands in for an index that is not there, and links of it are found from where it lies."""
    page = page_of({"README.md": "# Web\n\n[Setup](docs/setup.md)", "docs/setup.md": "# Setup\n"})
    assert page.title == "Web"
    assert 'href="/docs/default/component/web/setup/"' in page.html


def test_edit_addresses_are_those_of_mkdocs():
    """edit_uri is below repo_url; a template names the path; what SITES knows of the source is the default."""
    site, _ = site_of({"mkdocs.yml": "repo_url: https://github.com/o/r\n", "docs/a b.md": "x"})
    assert site.pages["a b/"].edit_url == "https://github.com/o/r/edit/master/docs/a%20b.md"
    site, _ = site_of({"mkdocs.yml": "edit_uri_template: 'https://e.x/{path_noext!q}'\n", "docs/s/a.md": "x"})
    assert site.pages["s/a/"].edit_url == "https://e.x/s%2Fa"
    site, _ = site_of({"docs/a.md": "x"}, repo_url="https://g.x/r", edit_uri="edit/main/docs/")
    assert site.pages["a/"].edit_url == "https://g.x/r/edit/main/docs/a.md"


def test_extensions_that_read_files_are_left_out():
    """Options are followed where they are plain; an option nobody knows is told, and the page is rendered."""
    config = "markdown_extensions:\n  - markdown_include.include\n  - toc:\n      separator: _\n      nonsense: 1\n  - nl2br\n"
    page = page_of({"mkdocs.yml": config, "docs/index.md": "# Two words\n\na\nb"})
    assert 'id="doc-two_words"' in page.html and "a<br>\nb" in page.html
    from callboard.features.techdocs.rendering.site import check_site

    site, source = site_of({"mkdocs.yml": config, "docs/index.md": "# A"})
    assert len([p for p in check_site(site, source) if p.file == "mkdocs.yml"]) == 2


def test_nav_as_written():
    """Titles, sections, links; what is not there is told with its line."""
    config = (
        "nav:\n  - Home: index.md\n  - Guides:\n      - setup.md\n      - Site: https://example.com\n"
        "      - Bad: 'javascript:alert(1)'\n  - missing.md\n"
    )
    site, _ = site_of({"mkdocs.yml": config, "docs/index.md": "# I", "docs/setup.md": "# Set up", "docs/other.md": "x"})
    assert titles(site.nav) == [("Home", "", []), ("Guides", None, [("Set up", "setup/", []), ("Site", None, [])])]
    assert told(site.problems) == [("refused", "mkdocs.yml", 6), ("nav", "mkdocs.yml", 7)]
    assert [p.in_nav for p in site.pages.values()] == [True, True, False]
    assert [page and page.path for page in site.neighbours("setup/")] == ["", None]
