"""Icons, moments, code and Markdown: the small values that every page is made of."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from callboard.ui.code import format_yaml, show_code
from callboard.ui.icons import HUES, ICONS, initials, kind_mark, stable_hue
from callboard.ui.markdown import render_markdown
from callboard.ui.moments import moment

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_unknown_kinds_get_a_stable_hue_of_their_own() -> None:
    """The same on every machine, in any case, and within the palette."""
    assert kind_mark("Runbook") == kind_mark("runbook")
    assert kind_mark("Runbook").icon == "kind"
    assert {stable_hue(f"kind-{n}") for n in range(300)} == set(range(HUES))


def test_marks_of_known_kinds_are_in_the_sprite() -> None:
    """Backstage's kinds each have an icon."""
    kinds = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "Template", "AIResource")
    assert {kind_mark(kind).icon for kind in kinds} <= ICONS.keys()


@pytest.mark.parametrize(
    ("title", "letters"),
    [("Ada Lovelace", "AL"), ("team-ledger", "TL"), ("web", "WE"), ("x", "X"), ("", "?"), ("!!", "?")],
)
def test_initials_are_one_or_two_letters(title: str, letters: str) -> None:
    """Of the first and the last word."""
    assert initials(title) == letters


@pytest.mark.parametrize(
    ("ago", "unit", "n"),
    [
        (timedelta(seconds=5), "now", 0),
        (timedelta(minutes=59, seconds=59), "minutes", 59),
        (timedelta(hours=23, minutes=59), "hours", 23),
        (timedelta(days=1), "days", 1),
        (timedelta(days=13, hours=23), "days", 13),
        (timedelta(days=15), "weeks", 2),
        (timedelta(days=400), "date", 0),
        (timedelta(minutes=-5), "soon", 0),
    ],
)
def test_moments_read_as_people_say_them(ago: timedelta, unit: str, n: int) -> None:
    """Each step of the ladder, at its edge."""
    seen = moment(NOW - ago, NOW)
    assert (seen.unit, seen.n) == (unit, n)


@given(st.text(max_size=400), st.sampled_from(["yaml", "json", "text"]))
def test_shown_code_says_what_the_text_says(text: str, language: str) -> None:
    """Colouring adds spans and escapes; it changes no character and lets no tag through."""
    text = text.replace("\r", "").replace("\0", "")
    html = str(show_code(text, language).html)
    without_spans = html.replace("</span>", "")
    for token in "knscp":
        without_spans = without_spans.replace(f'<span class="tok-{token}">', "")
    assert "<" not in without_spans
    assert without_spans.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_long_code_is_cut_at_a_line_and_says_how_much() -> None:
    """The page stays small; the number of bytes left out is told."""
    code = show_code("line\n" * 100, "text", max_bytes=52)
    assert code.html == Markup("line\n" * 9 + "line")
    assert code.truncated_bytes == 500 - 49


def test_yaml_keys_strings_and_comments_are_told_apart() -> None:
    """A line of each sort carries its class."""
    html = show_code('# why\nname: "a b"\ncount: 3\ntext: |\n  free: text\n', "yaml").html
    assert '<span class="tok-c"># why</span>' in html
    assert '<span class="tok-k">name</span>' in html and '<span class="tok-s">"a b"</span>' in html
    assert '<span class="tok-n">3</span>' in html and '<span class="tok-s">  free: text</span>' in html


def test_format_yaml_keeps_the_order_of_keys() -> None:
    """As the document has them."""
    assert format_yaml({"b": 1, "a": ["x"]}) == "b: 1\na:\n  - x\n"


def test_format_yaml_takes_a_number_of_any_size() -> None:
    """A document may hold what fits no machine word; it is shown digit by digit."""
    text = format_yaml({"b": 2**64 - 1, "a": -(2**63)})
    assert yaml.safe_load(text) == {"b": 2**64 - 1, "a": -(2**63)}


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        '<a href="java\tscript:alert(1)">x</a>',
        "<svg onload=alert(1)>",
        '<p style="position:fixed">x</p>',
        "![x](https://evil.example/p.png)",
    ],
)
def test_markdown_lets_nothing_dangerous_through(evil: str) -> None:
    """Scripts, handlers, styles, foreign schemes and pictures are gone."""
    html = render_markdown(evil).lower()
    # What is left in text is escaped; what is left in tags is on the list of the allowed.
    assert "<script" not in html and "<img" not in html and "<svg" not in html and 'href="java' not in html
    assert " style=" not in html and "<p onerror" not in html


@pytest.mark.parametrize(
    "text", [">" * 50_000, "> " * 25_000, "+ " + ">\t" * 25_000, ">" * 30 + "\n" + ">" * 49_000, "+ " * 25_000]
)
def test_quotes_in_quotes_cost_nothing(text: str) -> None:
    """However deep a description nests them; what is quoted a few times stays as it is."""
    begun = time.process_time()
    render_markdown(text + "deep")
    assert time.process_time() - begun < 1
    assert render_markdown(">>> a").count("<blockquote>") == 3


def test_markdown_headings_stand_below_those_of_the_page() -> None:
    """The first level becomes the third, and links keep their distance."""
    assert render_markdown("# One\n\n[x](https://example.com)") == Markup(
        '<h3>One</h3>\n<p><a href="https://example.com" rel="noopener noreferrer nofollow">x</a></p>\n'
    )
