"""The tab's HTML."""

from __future__ import annotations

from datetime import UTC, date, datetime

from callboard_example.rota import Rota
from callboard_example.tab import render_duty

AT = datetime(2026, 1, 14, 12, tzinfo=UTC)


def test_the_tab_says_who_until_when_and_who_is_next():
    """The second week belongs to the second person, until Monday at nine."""
    html = render_duty([Rota("shop", "Shop", "o", ("amara.okafor", "user:ext/tomasz"), date(2026, 1, 5))], AT)
    assert '<a href="/catalog/ext/user/tomasz">tomasz</a>' in html
    assert "Mon 19 Jan, 09:00 UTC" in html
    assert html.index("tomasz") < html.index("amara.okafor")


def test_what_a_file_says_is_escaped():
    """A title is text, whatever stands in it."""
    html = render_duty([Rota("x", "<script>alert(1)</script>", "o", ('a"><b>',), date(2026, 1, 5))], AT)
    assert "<script" not in html
    assert "<b>" not in html


def test_a_thing_without_a_rota_says_what_to_do():
    """An empty state teaches."""
    assert "covers" in render_duty([], AT)


def test_a_rota_in_the_future_says_when_it_begins():
    """Nobody is named before the first turn."""
    assert "begins on 2027-01-04" in render_duty([Rota("x", "X", "o", ("a",), date(2027, 1, 4))], AT)
