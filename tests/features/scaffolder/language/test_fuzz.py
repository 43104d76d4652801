"""Whatever text is given: a value, or a fault of the template. Never another error, never without end."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callboard.features.scaffolder.language import UNDEFINED, Language, Limits, Options, TemplateFault

LANGUAGE = Language(filters={"f": lambda *given: given[0]}, globals={"g": lambda *given: len(given)})
LIMITS = Limits(work=20_000)
HEAD, *RECORDED = Path(__file__).with_name("recorded.jsonl").read_text(encoding="utf-8").splitlines()
CONTEXT = json.loads(HEAD)["context"]
TEMPLATES = [json.loads(line)["template"] for line in RECORDED]
PARTS = [
    *[
        "${{",
        "}}",
        "{{",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "if",
        "for",
        "in",
        "set",
        "macro",
        "call",
        "else",
        "elif",
        "endif",
        "endfor",
        "end",
        "case",
        "switch",
        "raw",
    ],
    *[
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "=",
        "==",
        "===",
        "!=",
        "<",
        "+",
        "*",
        "**",
        "//",
        "%",
        "~",
        "|",
        "'a'",
        '"b"',
        "1",
        "2.5",
        "1e",
        "r/a*/g",
        "r/(",
        "\\",
        ";",
        "!",
        "&",
        "$",
    ],
    *[
        "a",
        "s",
        "arr",
        "obj",
        "loop",
        "caller",
        "range",
        "cycler",
        "joiner",
        "true",
        "null",
        "not",
        "and",
        "or",
        "is",
        "odd",
        "defined",
        "sort",
        "join",
        "replace",
        "dump",
    ],
    *[".length", ".push(", ".split(", "constructor", "__proto__", "__class__", "g(", "f", "é", "😀", "�", "\x00"],
    *("\n", "   "),
]


def check(source: str, options: Options) -> None:
    for render in (LANGUAGE.render_value, LANGUAGE.render_text):
        try:
            assert_plain(render(source, CONTEXT, options))
        except TemplateFault as fault:
            placed = fault.line >= 1 and fault.column >= 1
            if not placed or not fault.message:
                raise


def assert_plain(value: Any) -> None:
    assert value is UNDEFINED or value is None or type(value) in (bool, int, float, str, list, dict)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert_plain(item)


def options_of(number: int) -> Options:
    return Options(bool(number & 1), bool(number & 2), bool(number & 4), LIMITS, bool(number & 8))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PARTS), max_size=25), st.integers(0, 15))
def test_any_sequence_of_parts(parts: list[str], number: int) -> None:
    check(" ".join(parts), options_of(number))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PARTS), max_size=12), st.integers(0, 15))
def test_any_expression(parts: list[str], number: int) -> None:
    opening = "{{ " if number & 1 else "${{ "
    check(opening + " ".join(parts) + " }}", options_of(number))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80))
def test_any_text(source: str) -> None:
    check(source, Options(limits=LIMITS))


def mutated(chance: random.Random) -> str:
    """A recorded template with pieces of others put in, cut out and repeated."""
    source = chance.choice(TEMPLATES)
    for _ in range(chance.randrange(1, 4)):
        other = chance.choice(TEMPLATES)
        start, end = sorted(chance.choices(range(len(other) + 1), k=2))
        at, to = sorted(chance.choices(range(len(source) + 1), k=2))
        piece = chance.choice((other[start:end], chance.choice(PARTS), source[at:to] * 2, ""))
        source = source[:at] + piece + source[to if chance.random() < 0.5 else at :]
    return source[:4000]


def run_mutations(count: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(count):
        source = mutated(chance)
        started = time.process_time()
        check(source, options_of(number % 16))
        assert time.process_time() - started < 5, source


def test_mutated_templates() -> None:
    run_mutations(600, seed=4)


@pytest.mark.soak
def test_a_hundred_thousand_mutated_templates() -> None:
    run_mutations(100_000, seed=5)
