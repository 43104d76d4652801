"""CODEOWNERS: the last rule that fits, sections, exclusions, and patterns as hosts read them."""

from __future__ import annotations

import pytest

from callboard.features.proposals.domain.codeowners import compile_pattern, parse_codeowners


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "a/b.c", True), ("*.js", "deep/x.js", True), ("*.js", "x.jsx", False), ("/build/logs/", "build/logs/a/b", True),
        ("/build/logs/", "x/build/logs/a", False), ("docs/*", "docs/a.md", True), ("docs/*", "docs/a/b.md", False), ("apps/", "x/apps/y", True),
        ("/docs", "docs/x", True), ("**/logs", "a/b/logs/c", True), ("/a/**/z", "a/b/c/z", True), ("/a/**/z", "a/z", True), ("src/**", "src/a/b", True),
        ("Makefile", "sub/Makefile", True), ("/Makefile", "sub/Makefile", False), ("a?c", "abc", True), ("a?c", "a/c", False),
        ("*-service/", "x-service/y", True), ("x*y*z", "xaybz", True), ("x*y*z", "xaybzq", False), ("\\#x", "#x", True), ("docs/**/*.md", "docs/a.md", True),
    ],
)  # fmt: skip
def test_patterns_fit_as_on_github(pattern: str, path: str, fits: bool):
    """Rooted or not, a folder or a name, one level or all below."""
    assert (compile_pattern(pattern).match(path) is not None) is fits


def test_the_last_rule_wins_and_may_take_away():
    """A rule without owners leaves a path to nobody."""
    owners = parse_codeowners("CODEOWNERS", "* @a/all\n*.js @a/web # front end\n/lib/\n")
    assert owners.find("x.py").owners == ("@a/all",)
    assert owners.find("x.js").owners == ("@a/web",)
    assert owners.find("lib/x.py").owners == ()


def test_sections_of_gitlab():
    """Defaults of a section, an exclusion, required before optional."""
    text = (
        "[Base] @a/base\n*\n!secret/\n\n^[Docs][2] @a/docs\n*.md\n\n[Data]\n/db/ @a/data dba@example.org @@maintainer\n"
    )
    owners = parse_codeowners("CODEOWNERS", text)
    assert owners.find("x.py").owners == ("@a/base",)
    assert owners.find("x.md").owners == ("@a/base",)  # optional approval does not own
    assert owners.find("db/x.sql").owners == ("@a/data", "dba@example.org")
    assert owners.find("secret/x") is None


def test_lines_that_no_host_takes_are_told():
    """With their numbers."""
    owners = parse_codeowners("CODEOWNERS", "* nobody at all\n/a @a/b\n")
    assert [rule.line for rule in owners.rules] == [2]
    assert "CODEOWNERS:1" in owners.notes[0]
