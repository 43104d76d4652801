"""Pages, addresses and navigation of a site."""

from __future__ import annotations

import pickle

from callboard.features.techdocs.rendering import (
    FolderFiles,
    LinkRules,
    SiteDefaults,
    check_site,
    prepare,
    read_site,
    run_task,
)
from tests.features.techdocs.rendering.sites import ADDRESS, site_of, titles, told


def test_navigation_from_the_folder():
    """The index first, then pages by weight and name, then folders; a folder with an index is led by it."""
    site, _ = site_of(
        {
            "docs/zebra.md": "no heading",
            "docs/apple.md": "---\ntitle: 'An apple'\n---\n",
            "docs/index.md": "# Start\n",
            "docs/first.md": "---\nweight: 1\n---\n# First\n",
            "docs/deep-down/index.md": "# Deep",
            "docs/deep-down/in.md": "Setext\n===\n",
            "docs/plain_folder/x.md": "## Second level only",
            "docs/.hidden/x.md": "# no",
        }
    )
    assert titles(site.nav) == [
        ("Start", "", []),
        ("First", "first/", []),
        ("An apple", "apple/", []),
        ("Zebra", "zebra/", []),
        ("Deep", "deep-down/", [("Setext", "deep-down/in/", [])]),
        ("Plain folder", None, [("X", "plain_folder/x/", [])]),
    ]


def test_old_addresses_find_their_page():
    """With or without slash, .html, index.html and .md; and for files named X.html.md."""
    site, _ = site_of({"docs/guide/setup.md": "x", "docs/guide/index.md": "x", "docs/manual/dns.html.md": "x"})
    for path in ("guide/setup", "guide/setup/", "guide/setup.html", "guide/setup/index.html", "guide/setup.md"):
        found = site.find_page(path)
        assert found is not None and found.path == "guide/setup/", path
    assert site.find_page("guide").path == "guide/"
    assert site.find_page("manual/dns.html").path == "manual/dns/"
    assert site.find_redirect("") == next(iter(site.pages))
    assert site.find_page("guide/nothing") is None


def test_addresses_without_folders():
    """use_directory_urls: false makes setup.html; the first page stays at the root."""
    site, _ = site_of({"mkdocs.yml": "use_directory_urls: false", "docs/index.md": "x", "docs/a/b.md": "x"})
    assert list(site.pages) == ["", "a/b.html"]


def test_excluded_and_unlisted_documents():
    """exclude_docs takes pages away, not_in_nav only hides them."""
    config = "exclude_docs: |\n  drafts/\n  *.draft.md\n  !keep.draft.md\nnot_in_nav: |\n  /hidden.md\n"
    files = dict.fromkeys(
        ["docs/index.md", "docs/drafts/a.md", "docs/x.draft.md", "docs/keep.draft.md", "docs/hidden.md"], "x"
    )
    site, _ = site_of({"mkdocs.yml": config, **files})
    assert sorted(site.pages) == ["", "hidden/", "keep.draft/"]
    assert [p.path for p in site.pages.values() if not p.in_nav] == ["hidden/"]


def test_redirects():
    """To pages, with sections, and to elsewhere; a target that is not there is told."""
    config = (
        "plugins:\n  - redirects:\n      redirect_maps:\n        old.md: new.md#top\n        gone.md: https://example.com/\n"
        "        bad.md: nowhere.md\n        evil.md: javascript:alert(1)\n"
    )
    site, _ = site_of({"mkdocs.yml": config, "docs/new.md": "x"})
    assert site.find_redirect("old/") == "new/#top"
    assert site.find_redirect("gone") == "https://example.com/"
    assert told(site.problems) == [("nav", "mkdocs.yml", 6), ("nav", "mkdocs.yml", 7)]


def test_included_sites():
    """!include and *include put other sites below their name; links between them hold."""
    files = {
        "mkdocs.yml": "site_name: All\nnav:\n  - index.md\n  - Team: '!include ./team/mkdocs.yml'\n  - Libs: '*include libs/*/mkdocs.yml'\n",
        "docs/index.md": "[to the team](team-docs/a.md)",
        "team/mkdocs.yml": "site_name: Team Docs\nnav:\n  - a.md\n  - More:\n      - Deep: sub/b.md\n",
        "team/docs/a.md": "# A\n\n[b](sub/b.md)",
        "team/docs/sub/b.md": "# B",
        "libs/one/mkdocs.yml": "site_name: one\n",
        "libs/one/docs/index.md": "# One",
    }
    site, source = site_of(files)
    assert titles(site.nav) == [
        ("Home", "", []),
        ("Team", None, [("A", "team-docs/a/", []), ("More", None, [("Deep", "team-docs/sub/b/", [])])]),
        ("Libs", None, [("one", None, [("One", "one/", [])])]),
    ]
    assert site.problems == () and check_site(site, source) == ()
    assert site.pages["team-docs/a/"].file == "team/docs/a.md"


def test_includes_stay_inside_and_end():
    """An include above the site, of itself, or of nothing is told; the rest of the site is there."""
    config = "nav:\n  - index.md\n  - A: '!include ../x/mkdocs.yml'\n  - B: '!include mkdocs.yml'\n  - C: '!include no/mkdocs.yml'\n"
    site, _ = site_of({"s/mkdocs.yml": config, "s/docs/index.md": "# Hi", "x/mkdocs.yml": "site_name: X"}, root="s")
    assert ("refused", "s/mkdocs.yml", 3) in told(site.problems) and ("nav", "s/mkdocs.yml", 5) in told(site.problems)
    assert "" in site.pages


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    """A symlink to a file outside is as if it were not there, and told; one inside is followed."""
    (tmp_path / "secret.md").write_text("# Secret")
    docs = tmp_path / "site" / "docs"
    docs.mkdir(parents=True)
    (docs / "index.md").write_text("# Hi")
    (docs / "out.md").symlink_to(tmp_path / "secret.md")
    (docs / "in.md").symlink_to(docs / "index.md")
    (docs / "loop").symlink_to(docs)
    site = read_site(FolderFiles(tmp_path / "site"), SiteDefaults(title="S"))
    assert sorted(site.pages) == ["", "in/"]
    assert told(site.problems) == [("refused", "docs/out.md", None)]


def test_a_task_pickles_and_its_key_follows_what_it_needs():
    """Rendering may run in another process; the key changes with page, snippet and section named, and not with other pages."""
    files = {
        "docs/index.md": '# A\n\n--8<-- "part.txt"\n\n[b](b.md#x)',
        "part.txt": "one",
        "docs/b.md": "# X",
        "docs/c.md": "c",
    }

    def key(**changed):
        site, source = site_of({**files, **changed})
        task = prepare(site, "", source, ADDRESS)
        assert pickle.loads(pickle.dumps(run_task(pickle.loads(pickle.dumps(task))))).html == run_task(task).html
        return task.key

    first = key()
    assert key() == first == key(**{"docs/c.md": "other"})
    assert len({first, key(**{"part.txt": "two"}), key(**{"docs/b.md": "# Y"}), key(**{"docs/index.md": "n"})}) == 4


def test_orphans_are_told_by_the_check():
    """A page that neither navigation nor a link leads to."""
    files = {"mkdocs.yml": "nav: [index.md]", "docs/index.md": "[a](a.md)", "docs/a.md": "a", "docs/lost.md": "l"}
    assert told(check_site(*site_of(files))) == [("orphan", "docs/lost.md", None)]


def test_a_site_of_another_generator():
    """Root-relative links find their files by prefixes and endings; what is not there leads to the published site if one is named."""
    files = {"src/manual/a.html.md": "[b](/docs/manual/b.html) [r](/repos/x.html)", "src/manual/b.html.md": "# B"}
    rules = LinkRules(prefixes={"/docs/": ""}, absolute_base="https://docs.example.org")
    site, source = site_of(files, root="src", docs_dir=".", links=rules)
    html = run_task(prepare(site, "manual/a/", source, ADDRESS)).html
    assert 'href="/docs/default/component/web/manual/b/"' in html
    assert 'href="https://docs.example.org/repos/x.html"' in html
