"""YAML as the JavaScript library writes it, and as YAML reads it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callboard.features.scaffolder.actions.yaml_text import MAX_DEPTH, YamlStyle, format_yaml

CASES = [
    json.loads(line) for line in Path(__file__).with_name("yaml-cases.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_texts_are_those_of_the_library():
    """Recorded from npm's yaml 2 on made-up values: folding, quoting, blocks, odd keys, control characters."""
    assert len(CASES) == 400
    assert [case["value"] for case in CASES if format_yaml(case["value"]) != case["text"]] == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"indent": 4}, "a:\n    - b: x y\n"),
        ({"indentSeq": False}, "a:\n- b: x y\n"),
        ({"collectionStyle": "flow"}, "{ a: [ { b: x y } ] }\n"),
        ({"lineWidth": 0}, "a:\n  - b: x y\n"),
    ],
)
def test_style_is_chosen_by_the_options_of_the_library(options: dict[str, object], expected: str):
    assert format_yaml({"a": [{"b": "x y"}]}, YamlStyle.from_options(options)) == expected


def test_depth_has_an_end():
    value: object = 1
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    with pytest.raises(RecursionError):
        format_yaml(value)
