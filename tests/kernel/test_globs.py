"""Globs in paths."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.kernel import globs


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("**/a.yaml", ["a.yaml", "x/a.yaml", "x/y/a.yaml"], ["xa.yaml", "a.yaml/x"]),
        ("x/**/a.yaml", ["x/a.yaml", "x/y/z/a.yaml"], ["a.yaml", "y/x/a.yaml"]),
        ("x/**", ["x/a", "x/y/z"], ["y/a"]),
        ("*.yaml", ["a.yaml", ".yaml"], ["x/a.yaml", "a.yml"]),
        ("a*c*e", ["ace", "abcde", "axxcyye", "acce"], ["ac", "a/c/e", "acef"]),
        ("?.yaml", ["a.yaml"], ["ab.yaml", "/.yaml"]),
        ("[ab].y", ["a.y", "b.y"], ["c.y"]),
        ("[!ab].y", ["c.y"], ["a.y", "/.y"]),
        ("{a,b}/*.{yml,yaml}", ["a/x.yml", "b/x.yaml"], ["c/x.yml", "a/x.json"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
        ("[", ["["], []),
        ("{a}", ["{a}"], ["a"]),
    ],
)
def test_patterns_name_what_they_say(pattern: str, yes: list[str], no: list[str]):
    """Stars stop at slashes, double stars do not."""
    assert [p for p in yes if not globs.matches(pattern, p)] == []
    assert [p for p in no if globs.matches(pattern, p)] == []


@given(st.text(alphabet="ab./", min_size=1, max_size=12))
def test_a_path_without_wildcards_names_itself(path: str):
    """And nothing else."""
    assert globs.matches(path, path)
    assert not globs.matches(path, path + "x")


@pytest.mark.parametrize("pattern", ["**/a/**/b/**/c/**/d/**/e", "{a,b}" * 7, "[z-a]"])
def test_costly_or_broken_patterns_are_refused(pattern: str):
    """Before they meet a tree."""
    with pytest.raises(ValueError, match="pattern"):
        globs.compile_glob(pattern)


def test_many_stars_cost_little():
    """No pattern makes matching grow beyond the length of the path."""
    pattern = globs.compile_glob("*a" * 40 + "*b")
    started = time.process_time()
    assert pattern.fullmatch("a" * 4000) is None
    assert time.process_time() - started < 1


def test_the_static_prefix_ends_before_the_first_wildcard():
    """A folder, never the file itself."""
    assert globs.static_prefix("docs/api/**/x.yaml") == "docs/api"
    assert globs.static_prefix("*.yaml") == ""
    assert globs.static_prefix("a/b.yaml") == "a"
