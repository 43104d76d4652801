"""The dialect beside mkdocs-techdocs-core, whose text of our rich pages is recorded (``bench/docs.py --record``)."""

from __future__ import annotations

import json
from pathlib import Path

from bench.text_blocks import alike, text_blocks

from callboard.features.techdocs.rendering import (
    FolderFiles,
    RenderOptions,
    SiteAddress,
    SiteDefaults,
    read_site,
)
from callboard.features.techdocs.rendering.render import render
from tests.features.techdocs.rendering.sites import ADDRESS, html_of, page_of, site_of

RICH = Path(__file__).parent / "rich"


def test_pages_read_as_those_of_techdocs_core():
    """At least 99 % of the text blocks of 50 pages are the same, in the same order."""
    recorded = json.loads((RICH / "techdocs-core.json").read_text(encoding="utf-8"))
    files = FolderFiles(RICH)
    site = read_site(files, SiteDefaults(title="Rich", options=RenderOptions(image_hosts=frozenset({"*"}))))
    assert len(recorded) == 50 and site.problems == ()
    total = same = 0
    for document, blocks in recorded.items():
        page = render(site, site.by_document[document], files, SiteAddress("/", "/-/"))
        assert page.problems == () and not page.failed, document
        total += len(blocks)
        same += alike(blocks, text_blocks(page.html))[0]
    assert same / total >= 0.99, (same, total)


def test_what_the_browser_needs_is_told():
    """Mermaid, mathematics and tabs; pages without them load nothing for them."""
    fences = "markdown_extensions:\n  - pymdownx.arithmatex\n"
    page = page_of({"mkdocs.yml": fences, "docs/index.md": '$x$\n\n```mermaid\ngraph TD\n```\n\n=== "A"\n\n    a\n'})
    assert page.uses == {"mermaid", "math", "tabs"}
    assert page_of({"docs/index.md": "costs $5 and $6"}).uses == frozenset()


def test_code_has_classes_and_no_styles():
    """Lines and titles are kept; line numbers come only when asked for, and are no text."""
    html = html_of('``` python title="a.py" linenums="1"\nimport os\n```\n\n```\nplain\n```')
    assert '<span class="kn">import</span>' in html and "a.py" in html
    assert 'data-linenos="1 "' in html and "style=" not in html


def test_icons_and_emoji():
    """Emoji are characters; icons of Material are the portal's where it has one like it, and nothing otherwise."""
    site, source = site_of({"docs/index.md": ":rocket: :material-rocket-launch: :material-zzz: :octocat:"})
    html = render(site, "", source, SiteAddress("/", "/-/", icons="/static/icons.svg")).html
    assert "🚀" in html and '<use href="/static/icons.svg#create">' in html
    assert "material" not in html


def test_drawn_diagrams_need_a_server():
    """PlantUML and Graphviz are pictures of the Kroki server the operator names, and code without one."""
    text = "```plantuml\n@startuml\nA -> B\n@enduml\n```\n\n{% dot a.svg\ndigraph { a -> b }\n%}\n\n::uml::\nC -> D\n::end-uml::\n"
    drawn = html_of(text, kroki_url="https://kroki.example.com")
    assert drawn.count('<img src="https://kroki.example.com/') == 3 and "A -&gt; B" not in drawn
    assert "A -&gt; B" in html_of(text).replace("</span>", "").replace('<span class="w">', "") or "<img" not in html_of(
        text
    )


def test_template_tags_stay_text():
    """ERB and Jinja are for whoever wrote them; here they are text, as are words in angle brackets."""
    html = html_of('Use {{ value }} and {% if x %}.\n\n<%= render "a" %>\n\nReplace <app-name> by yours.\n')
    assert "{{ value }}" in html and "{% if x %}" in html
    assert "render" in html and "&lt;app-name&gt;" in html


def test_front_matter_gives_the_title():
    """Before the first heading, before the file's name; what is no front matter is text."""
    page = page_of({"docs/index.md": "---\ntitle: Named\ntags: [a]\n---\n# Heading\n"})
    assert page.title == "Named" and page.front_matter["tags"] == ["a"] and "tags" not in page.html
    assert page_of({"docs/index.md": "# Heading\n"}).title == "Heading"
    assert page_of({"docs/big-file.md": "text"}, "big-file/").title == "Big file"


def test_blocks_syntax_when_the_site_asks():
    """``techdocs-core: {use_pymdownx_blocks: true}``."""
    config = "plugins:\n  - techdocs-core:\n      use_pymdownx_blocks: true\n"
    page = page_of({"mkdocs.yml": config, "docs/index.md": "/// note | Title\nBody\n///\n"})
    assert 'class="admonition note"' in page.html and "Title" in page.html


def test_search_reads_passages_by_heading():
    """Plain text below each heading with the way down to it; code apart, diagrams not at all."""
    text = "Intro\n\n# Top\n\nText **bold** `code`.\n\n## Sub\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nls\n```\n\n```mermaid\nsecret\n```\n"
    page = page_of({"docs/index.md": text})
    assert [(p.anchor, p.headings, p.text.split("\n"), p.code) for p in page.passages] == [
        ("", (), ["Intro"], ""),
        ("doc-top", ("Top",), ["Text bold code."], ""),
        ("doc-sub", ("Top", "Sub"), ["a", "b", "1", "2"], "ls"),
    ]
    assert [(h.level, h.id, h.title) for h in page.toc] == [(1, "doc-top", "Top"), (2, "doc-sub", "Sub")]


def test_snippets_come_from_inside_the_site():
    """Whole files, lines, sections and snippets in snippets; what is outside, missing or endless is told with its line."""
    files = {
        "docs/index.md": '# A\n\n--8<-- "inc/all.md"\n--8<-- "inc/all.md:1:1"\n--8<-- "inc/part.txt:two"\n;--8<-- "kept"\n\n'
        '--8<-- "../../etc/passwd"\n--8<-- "/etc/passwd"\n--8<-- "no.md"\n--8<-- "https://example.com/x.md"\n--8<-- "inc/loop.md"\n',
        "inc/all.md": "FIRST\nSECOND\n",
        "inc/part.txt": "no\n# --8<-- [start:two]\nSECTION\n# --8<-- [end:two]\nno\n",
        "inc/loop.md": '--8<-- "inc/loop.md"\nLOOP\n',
    }
    page = page_of(files)
    assert (
        page.html.count("FIRST") == 2
        and page.html.count("SECOND") == 1
        and "SECTION" in page.html
        and "LOOP" in page.html
    )
    assert '"kept"' in page.html  # escaped by a semicolon
    found = sorted((p.code, p.file, p.line) for p in page.problems)
    assert found == [
        ("link", "docs/index.md", 10),
        ("refused", "docs/index.md", 8),
        ("refused", "docs/index.md", 9),
        ("refused", "docs/index.md", 11),
        ("refused", "inc/loop.md", 1),
    ]
    assert ADDRESS.pages
