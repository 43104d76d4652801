"""Architecture decision records: status, date and number, however they are written."""

from __future__ import annotations

from callboard.features.techdocs.rendering import parse_decision_record


def test_nygard():
    """``# 1. Title``, ``Date:`` and a section with the state; the last state is the one that holds."""
    text = b"# 7. Use SQLite\n\nDate: 2021-03-04\n\n## Status\n\nAccepted\n\nSuperseded by [9. Use Postgres](0009.md)\n\n## Context\n\nx"
    made = parse_decision_record(text, "doc/adr/0007-use-sqlite.md")
    assert (made.title, made.number, made.status, made.date) == ("Use SQLite", 7, "superseded", "2021-03-04")
    assert made.superseded_by == "9. Use Postgres"


def test_madr():
    """A list of fields below the title, or front matter."""
    made = parse_decision_record(
        b"# Use X\n\n* Status: accepted\n* Deciders: Ada, Grace\n* Date: 4.3.2021\n", "docs/0012-x.md"
    )
    assert (made.number, made.status, made.date, made.deciders) == (12, "accepted", "2021-03-04", ("Ada", "Grace"))
    made = parse_decision_record(b"---\nstatus: proposed\ndate: 2024-01-02\n---\n# ADR-3: Choose\n", "x.md")
    assert (made.title, made.number, made.status, made.date) == ("Choose", 3, "proposed", "2024-01-02")


def test_what_is_not_said_is_none():
    """A file that is no record at all still has a title."""
    made = parse_decision_record(b"text", "docs/some-choice.md")
    assert (made.title, made.number, made.status, made.date) == ("Some choice", None, None, None)
