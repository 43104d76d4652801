"""The language's face: values and text, faults with their place, strict mode, what programs say about themselves."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.scaffolder.language import (
    UNDEFINED,
    Context,
    Language,
    Options,
    TemplateFaults,
    TemplateLimitFault,
    TemplateRuntimeFault,
    TemplateSyntaxFault,
    UndefinedNameFault,
    is_truthy,
    render_json,
    to_json,
    to_text,
)
from callboard.kernel.errors import InputError

LANGUAGE = Language()
PLAIN = Options()
STRICT = Options(strict=True)


def value(expression: str, **context: Any) -> Any:
    return LANGUAGE.render_value("${{ " + expression + " }}", context)


def text(template: str, options: Options = PLAIN, **context: Any) -> str:
    return LANGUAGE.render_text(template, context, options)


def test_only_a_lone_expression_keeps_its_value() -> None:
    """Anything beside it, a blank even, makes it text; a comment does not."""
    assert LANGUAGE.render_value("${{ 5 }}", {}) == 5
    assert LANGUAGE.render_value("{# five #}${{ 5 }}", {}) == 5
    assert LANGUAGE.render_value(" ${{ 5 }}", {}) == " 5"
    assert LANGUAGE.render_value("{% if true %}${{ 5 }}{% endif %}", {}) == "5"
    assert LANGUAGE.render_value("${{ a }}", {}) is UNDEFINED
    assert LANGUAGE.render_text("${{ a }}", {}) == ""


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("1 / 3", 0.3333333333333333),
        ("0.1 + 0.2", 0.30000000000000004),
        ("1 / 0 ~ ''", "Infinity"),
        ("-7 % 3", -1),
        ("-7 // 2", -4),
        ("2 * 10 % 4 // 3", 0),
        ("2 ** 3 ** 2", 64),
        ("9007199254740993 + 0", 9007199254740992),
        ("1000000000000000000000 ~ ''", "1e+21"),
        ("0.0000001 ~ ''", "1e-7"),
        ("255.5.toString(16)", "ff.8"),
        ("1.005.toFixed(2)", "1.00"),
        ("(1234.5678).toExponential(2)", "1.23e+3"),
        ("0.000123.toPrecision(2)", "0.00012"),
        ("'0x1f' * 1", 31),
        ("' 12 ' * 1", 12),
        ("null + 1", 1),
        ("true + true", 2),
        ("[1, 2] + ''", "1,2"),
        ("{} ~ null ~ missing", "[object Object]nullundefined"),
        ("'10' < '9'", True),
        ("'10' < 9", False),
        ("[2] == 2", True),
        ("null == missing", True),
        ("null == 0", False),
        ("not 1 == 2", False),
        ("1 < 2 < 3", True),
        ("'a' if false", ""),
        ("'😀'.length", 2),
        ("'😀x'.slice(2)", "x"),
        ("['b', 'a', 10, 9].sort()", [10, 9, "a", "b"]),
        ("[1, 2, 3][0:10]", [1, 2, 3, None]),
        ("{'b': 1, '2': 1, '1': 1} | dump", '{"1":1,"2":1,"b":1}'),
    ],
)
def test_values_are_those_of_javascript(expression: str, wanted: Any) -> None:
    """Doubles and their printing, conversions, order of keys, UTF-16: each line checked with JavaScript."""
    got = value(expression)
    assert got == wanted and type(got) is type(wanted)


def test_public_conversions() -> None:
    assert [is_truthy(v) for v in ([], {}, "0", "", 0, float("nan"), None, UNDEFINED)] == [True] * 3 + [False] * 5
    assert to_text([1, [None, True], {}, 1.0]) == "1,,true,[object Object],1"
    assert to_json({"a": [UNDEFINED, 1.0, "é\n"], "b": UNDEFINED}) == '{"a":[null,1,"é\\n"]}'
    assert to_json(UNDEFINED) is UNDEFINED


def test_names_of_scopes() -> None:
    """``set`` in a loop reaches a variable from before it and no other; macros see what the root has set."""
    assert text("{% set a = 1 %}{% for x in [1] %}{% set a = 2 %}{% set b = 3 %}{% endfor %}${{ a }}${{ b }}") == "2"
    assert text("{% set a = 1 %}{% macro m(b, c=2) %}${{ a }}${{ b }}${{ c }}{% endmacro %}${{ m(5, c=6) }}") == "156"
    assert text("{% for x in [1] %}{% macro m() %}[${{ x }}]{% endmacro %}${{ m() }}{% endfor %}") == "[]"
    assert text("{% set v = 1 %}{% for v in none %}{% else %}[${{ v }}]{% endfor %}${{ v }}") == "[]1"
    wrapped = (
        "{% macro w(t) %}<${{ t }}>${{ caller(1) }}</>{% endmacro %}{% call(n) w('b') %}${{ n }}${{ y }}{% endcall %}"
    )
    assert text(wrapped, y="z") == "<b>1z</>"


def test_a_template_changes_its_own_copies_only() -> None:
    """Arrays given to a render stay as they were, whether they are prepared for many renders or not."""
    given = {"a": [1]}
    prepared = Context(given)
    for context in (given, prepared, prepared):
        assert LANGUAGE.render_value("${{ (a.push(2), a) }}", context) == [1, 2]
    assert given == {"a": [1]}
    assert LANGUAGE.render_value("${{ a }}", prepared) == [1]


@pytest.mark.parametrize(
    ("template", "kind", "line", "column"),
    [
        ("a\n  ${{ 1 + }}", TemplateSyntaxFault, 2, 11),
        ("{% if x %}\n", TemplateSyntaxFault, 1, 4),
        ("{% endif %}", TemplateSyntaxFault, 1, 4),
        ("{% include 'x' %}", TemplateSyntaxFault, 1, 1),
        ("{{ a }} #}", TemplateSyntaxFault, 1, 9),
        ("x\n\n${{ y | nope }}", TemplateRuntimeFault, 3, 9),
        ("${{ f() }}", TemplateRuntimeFault, 1, 5),
        ("${{ 'a' in b }}", TemplateRuntimeFault, 1, 5),
        ("${{ range(1000000000) }}", TemplateLimitFault, 1, 5),
        ("${{ x.replace(r/(/, '') }}", TemplateSyntaxFault, 1, 15),
    ],
)
def test_faults_say_where(template: str, kind: type, line: int, column: int) -> None:
    with pytest.raises(kind) as caught:
        text(template)
    fault = caught.value
    assert isinstance(fault, InputError)
    assert (fault.line, fault.column) == (line, column)
    assert fault.excerpt == template.splitlines()[line - 1]


def test_registered_filters_and_functions() -> None:
    """They get copies as plain JSON, UNDEFINED for what is missing, and their errors become faults of the template."""
    seen: list[Any] = []

    def note(*arguments: Any) -> Any:
        seen.append(arguments)
        return {"n": [1, "😀"]}

    def refuse(*arguments: Any) -> Any:
        raise InputError("Not this one.")

    language = Language(filters={"note": note, "my.refuse": refuse}, globals={"note": note, "version": {"a": [1]}})
    assert language.render_value("${{ (['😀', m] | note(m, 1)).n[1].length }}", {}) == 2
    assert seen == [(["😀", None], UNDEFINED, 1)]
    assert language.render_value("${{ note() }}", {}) == {"n": [1, "😀"]}
    assert language.render_value("${{ version.a[0] }}", {}) == 1
    with pytest.raises(TemplateRuntimeFault, match="Not this one"):
        language.render_value("${{ 1 | my.refuse }}", {})
    for bad in (
        "${{ note(a=1) }}",
        "${{ 1 | note(a=1) }}",
        "${{ note(range) }}",
        "${{ [range] | note }}",
        "${{ note }}",
    ):
        with pytest.raises(TemplateRuntimeFault):
            language.render_value(bad, {})
    with pytest.raises(ValueError, match="constructor"):
        Language(globals={"constructor": 1})


def test_strict_mode_minds_what_has_no_value() -> None:
    """An unknown root and an undefined value that would be printed; not where its lack is asked for."""
    for template in ("${{ nope }}", "${{ a.nope }}", "x${{ a.b.c }}", "{% set x = nope %}", "${{ nope | upper }}"):
        with pytest.raises(UndefinedNameFault):
            text(template, STRICT, a={})
    for template in (
        "${{ nope | default('d') }}", "${{ a.nope or 'd' }}", "{% if a.nope %}x{% endif %}", "${{ nope is defined }}",
        "{% for x in a.nope %}x{% endfor %}", "${{ 'x' if nope }}",
    ):  # fmt: skip
        text(template, STRICT, a={})


def test_programs_say_what_they_read() -> None:
    program = LANGUAGE.compile(
        "{% set own = parameters.name %}${{ own.x }}\n${{ steps['fetch'].output.list[i].z | mine }}"
        "{% if always() and parameters.s.split(',') is odd %}{% for e in each.value %}${{ loop.index }}${{ e }}{% endfor %}{% endif %}"
    )
    assert [str(reference) for reference in program.references] == [
        "parameters.name", "steps.fetch.output.list", "i", "parameters.s", "each.value",
    ]  # fmt: skip
    assert [(r.line, r.column) for r in program.references[:3]] == [(1, 14), (2, 5), (2, 32)]
    assert program.names == {"parameters", "steps", "i", "each"}
    assert program.calls == {"always"}
    assert program.filters == program.unknown_filters == {"mine"}


def test_json_is_rendered_string_by_string() -> None:
    """Keys stay, undefined goes, what fails stays as it is written."""
    given = {
        "${{ a }}": "${{ a }}",
        "gone": "${{ b }}",
        "list": ["${{ b }}", "x${{ a }}", 1],
        "raw": "${{ a | nope }}",
        "n": None,
    }
    assert render_json(LANGUAGE, given, {"a": [1]}) == {
        "${{ a }}": [1], "list": [None, "x1", 1], "raw": "${{ a | nope }}", "n": None,
    }  # fmt: skip
    assert render_json(LANGUAGE, "${{ b }}", {}) is UNDEFINED


def test_strict_json_tells_all_faults_with_their_paths() -> None:
    with pytest.raises(TemplateFaults) as caught:
        render_json(LANGUAGE, {"a": ["${{ x }}", {"b": "${{ 1 +}}"}], "c": "${{ 1 }}"}, {}, STRICT)
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [
        ("a[0]", "scaffolder.template_undefined"), ("a[1].b", "scaffolder.template_syntax"),
    ]  # fmt: skip


def test_regular_expressions_are_javascripts() -> None:
    """Classes, groups, look-around, laziness, back references, references in the replacement."""
    cases = {
        r"'aBc'.replace(r/[a-b]/gi, '<$&>')": "<a><B>c",
        r"'2026-01-31'.replace(r/(\d+)-(\d+)-(\d+)/, '$3.$2.$1 $4 $$')": "31.01.2026 $4 $",
        r"'abcabc'.replace(r/(?<x>b)c/g, '[$<x>]')": "a[b]a[b]",
        r"'foobar foobaz'.replace(r/foo(?!bar)/g, 'X')": "foobar Xbaz",
        r"'price: $5 €7'.replace(r/(?<=\$)\d/g, 'N')": "price: $N €7",
        r"'aaa'.replace(r/a+?/, 'b')": "baa",
        r"'abab'.replace(r/^(ab)\1$/, 'ok')": "ok",
        r"'a1b22'.split(r/(\d+)/)": ["a", "1", "b", "22", ""],
        r"'x y'.replace(r/\s+/g, '')": "xy",
        r"'l1\nl2'.replace(r/^l/gm, 'L')": "L1\nL2",
        r"'aXb'.replace(r/x*/g, '-')": "-a-X-b-",
        r"'ab'.replace(r/(z)|b/, '[$1]')": "a[]",
        r"r/^\u0061\x62$/.test('ab')": True,
        r"'zaacbbbcac'.replace(r/(z)((a+)?(b+)?(c))*/, '$1|$2|$3|$4|$5')": "z|ac|a||c",
        r"'aaab'.replace(r/(?:a{2}){1,}/, '-')": "-ab",
    }
    for expression, wanted in cases.items():
        assert value(expression) == wanted, expression
