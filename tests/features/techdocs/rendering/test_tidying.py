"""Lists and tables that GitHub shows and Python-Markdown would leave as marks in the text."""

from __future__ import annotations

import pytest

from callboard.features.techdocs.rendering.tidying import tidy
from tests.features.techdocs.rendering.sites import html_of


@pytest.mark.parametrize(
    ("text", "items", "lists"),
    [
        ("- a\n    - b\n    - c\n- d", 4, 2),
        ("1. a\n   - b\n   - c\n2. d", 4, 2),
        ("Text:\n- a\n- b", 2, 1),
        ("Text:\n1. a\n2. b", 2, 1),
        ("- a\n\n    - b\n", 2, 2),
        ("  1. a\n  1. b", 2, 1),
        ("1. a\n\n    text:\n    - b\n", 2, 2),
        ("- a\n\t- b\n\t\t- c", 3, 3),
        ("!!! note\n    Text:\n    - a\n        - b\n", 2, 2),
        ("> Text:\n> - a\n>     - b\n", 2, 2),
    ],
)
def test_lists_are_lists(text, items, lists):
    """Nested by three or four spaces, right below a paragraph, in boxes and quotes."""
    html = html_of(text)
    assert (html.count("<li>"), html.count("<ul>") + html.count("<ol>")) == (items, lists), html


@pytest.mark.parametrize(
    "text",
    [
        "- a\n  - b\n    - c\n- d\n",
        "1. a\n\n    para\n\n    ``` sh\n    x\n    ```\n\n2. b\n",
        "Text\n\n- a\n\n- b\n\n***\n\n- - -\n",
        "A number like\n1986. a year\n",
        "```\nText:\n- a\n    - b\n```\n",
        "<pre>\nText:\n- a\n</pre>\n",
        "    code\n    - in it\n",
        "| a | b |\n|---|---|\n| - | - |\n",
    ],
)
def test_what_fits_is_left_alone(text):
    """A page that the dialect reads is not touched, nor is code."""
    assert tidy(text) == text


def test_tables_and_fences():
    """A table right below a line of text; a fence closed by too many marks, or never."""
    assert "<table>" in html_of("Text\na | b\n--|--\n1 | 2\n")
    html = html_of("```sh\nls\n````\n\nText\n\n```sh\nid\n")
    assert html.count("<pre>") == 2 and "<p>Text</p>" in html
