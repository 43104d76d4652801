"""YAML that is merged keeps its comments, where a step wants it so."""

from __future__ import annotations

from typing import Any

import pytest
import yaml12
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.features.scaffolder.actions.roadie.keeping import merge_into_text
from callboard.features.scaffolder.actions.roadie.merging import merge
from callboard.model.documents import parse_values
from tests.features.scaffolder.actions.conftest import Bench

UTILS = "roadiehq:utils"
NAME = st.text("abc #-:", min_size=1, max_size=3)
LEAF = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab:# '\n-", max_size=5))
VALUES = st.recursive(
    LEAF, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAME, inner, max_size=3)), max_leaves=6
)
COMMENTED = """\
# of the platform
image: app:1 # pinned
env: # for all
  - name: A # first
    value: "1"

  # second
  - {name: B, value: two}
limits: {cpu: 1}

nothing: null # on purpose
tail: 'q'
"""


@pytest.mark.anyio
async def test_comments_of_yaml_are_kept(bench: Bench):
    """With ``preserveYamlComments``: what does not change stays as it is written, and a second document is left alone."""
    merge, keep = f"{UTILS}:yaml:merge", {"preserveYamlComments": True}
    bench.have("a.yaml", COMMENTED)
    content = {
        "image": "app:2",
        "env": [{"name": "C", "value": None}],
        "limits": {"memory": "1G"},
        "tail": None,
        "new": {"a": [1]},
    }
    await bench.do(merge, path="a.yaml", content=content, mergeArrays=True, **keep)
    told = bench.tree()["a.yaml"]
    assert told.startswith(COMMENTED.partition("limits")[0].replace("app:1", "app:2"))
    assert "\nnothing: null # on purpose\n" in told
    assert yaml12.parse_yaml(told) == {
        "image": "app:2", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "two"}, {"name": "C", "value": None}],
        "limits": {"cpu": 1, "memory": "1G"}, "nothing": None, "tail": None, "new": {"a": [1]},
    }  # fmt: skip
    first = "# one\nkind: A # a\nx: 1\n"
    bench.have("d.yaml", f"{first}---\n# two\nkind: B # b\nx: 1\n...\n")
    await bench.do(
        merge, path="d.yaml", content={"x": 2}, useDocumentIncludingField={"key": "kind", "value": "B"}, **keep
    )
    assert bench.tree()["d.yaml"] == f"{first}---\n# two\nkind: B # b\nx: 2\n...\n"
    bench.have("l.yaml", "- 1 # one\n")
    await bench.do(merge, path="l.yaml", content="[2]", **keep)
    assert bench.tree()["l.yaml"] == "- 2\n" and "cannot be kept" in repr(bench.step.lines)


@settings(max_examples=40, deadline=None)
@given(old=st.dictionaries(NAME, VALUES, min_size=1), new=st.dictionaries(NAME, VALUES), extend=st.booleans())
def test_a_merge_that_keeps_comments_says_what_one_says_that_does_not(old: Any, new: Any, extend: bool):
    text = "".join(f"# {n}\n{line}\n" for n, line in enumerate(yaml12.format_yaml(old).splitlines()))
    if parse_values(text) != [old]:
        text = yaml12.format_yaml(old) + "\n"
    wanted = merge(old, new, extend_lists=extend)
    kept = merge_into_text(text, [old], [wanted])
    assert kept is not None and parse_values(kept) == [wanted]
