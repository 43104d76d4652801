"""Nothing runs away, and nothing but values is within reach: every hostile template ends in a clean fault, soon."""

from __future__ import annotations

import time

import pytest

from callboard.features.scaffolder.language import (
    Language,
    Limits,
    Options,
    TemplateFault,
    TemplateLimitFault,
    TemplateRuntimeFault,
    TemplateSyntaxFault,
)

LANGUAGE = Language()
CONTEXT = {"s": "a" * 1000, "arr": [1, 2, 3], "obj": {"a": 1}}
LONG = "'a'|center(1000000)"
LIMITED = {
    "loops": "{% for a in range(900) %}{% for b in range(900) %}{% for c in range(900) %}x{% endfor %}{% endfor %}{% endfor %}",
    "range": "${{ range(1000000000) }}",
    "endless range": "${{ range(0, 1 / 0) }}",
    "text range": "${{ range('a', 'b') }}",
    "doubling": "{% set x = 'ab' %}{% for i in range(100) %}{% set x = x + x %}{% endfor %}",
    "doubling by ~": "{% set x = 'ab' %}{% for i in range(100) %}{% set x = x ~ x %}{% endfor %}",
    "shared parts printed": "{% set x = [1] %}{% for i in range(100) %}{% set x = [x, x] %}{% endfor %}${{ x }}",
    "shared parts dumped": "{% set x = [1] %}{% for i in range(60) %}{% set x = {a: x, b: x} %}{% endfor %}${{ x|dump }}",
    "deep value": "{% set x = [1] %}{% for i in range(5000) %}{% set x = [x] %}{% endfor %}${{ x|dump }}",
    "macro": "{% macro m() %}${{ m() }}{% endmacro %}${{ m() }}",
    "macro twice": "{% macro m(n) %}{% if n %}${{ m(n - 1) }}${{ m(n - 1) }}{% endif %}{% endmacro %}${{ m(40) }}",
    "caller": "{% macro m() %}{% call m() %}${{ caller() }}{% endcall %}{% endmacro %}${{ m() }}",
    "brackets": "${{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "subscripts": "${{ a" + "[a" * 5000 + " }}",
    "nots": "${{ " + "not " * 5000 + "1 }}",
    "signs": "${{ " + "-+" * 5000 + "1 }}",
    "sum": "${{ " + "1+" * 5000 + "1 }}",
    "members": "${{ a" + ".b" * 5000 + " }}",
    "filters": "${{ 1" + "|abs" * 5000 + " }}",
    "calls": "${{ a" + "()" * 5000 + " }}",
    "tags": "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "source": "a" * (4 * 1024 * 1024 + 1),
    "tokens": "${{ [" + "1," * 250_000 + "1] }}",
    "replacement": f"{{% set x = {LONG} %}}${{{{ x | replace(' ', x) }}}}",
    "center": "${{ 'a' | center(1000000000000) }}",
    "indent": "{% set x = '\\n' | center(100000) | replace(' ', '\\n') %}${{ x | indent(1000000) }}",
    "join": f"${{{{ range(100000) | join({LONG}) }}}}",
    "split": f"${{{{ ({LONG}).split('') }}}}",
    "slice": "${{ [1] | slice(1000000000) }}",
    "batch": "${{ [1] | batch(1000000000, 'x') }}",
    "fine slice": "${{ 'abc'[0:1000000000:0.0000001] }}",
    "array-like": "${{ {length: 1000000000} | sort }}",
    "sorting": "{% for i in range(100000) %}{% set q = range(100000) | sort %}{% endfor %}",
    "push": "{% for i in arr %}{% set q = arr.push(i) %}{% endfor %}",
    "kept": f"{{% set a = [] %}}{{% set b = {LONG} %}}{{% for i in range(9000) %}}{{% set q = a.push(b ~ i) %}}{{% endfor %}}",
    "long texts": f"{{% set b = {LONG} %}}{{% for i in range(90000) %}}{{% set q = b | upper %}}{{% endfor %}}",
    "long comparisons": f"{{% set b = {LONG} %}}{{% for i in range(90000) %}}{{% if b == b ~ '' %}}{{% endif %}}{{% endfor %}}",
    "long searches": f"{{% set b = {LONG} %}}{{% for i in range(90000) %}}{{% if 'xy' in b %}}{{% endif %}}{{% endfor %}}",
    "long numbers": f"{{% set b = {LONG} | replace(' ', '1') %}}{{% for i in range(90000) %}}{{% set q = b * 1 %}}{{% endfor %}}",
    "output": "{% for i in range(100000) %}${{ s }}{% endfor %}",
    "backtracking": "${{ ('a' | center(60) | replace(' ', 'a') ~ 'b').replace(r/(a+)+$/, 'x') }}",
    "many choices": f"${{{{ ({LONG}).replace(r/(?: | )*b/, 'x') }}}}",
    "look ahead": "${{ ('a' | center(2000)).replace(r/(?= *(?= *(?= *b)))/g, 'x') }}",
    "dollars": "${{ ('a' | center(100000)).replace(r/ /g, \"$'$`\") }}",
}
LINEAR = {
    "unclosed tags": ("${{ ('x' | center(300000) | replace(' ', '<a')) | striptags | length }}", 599_999),
    "unclosed comments": ("${{ ('x' | center(300000) | replace(' ', '<!--')) | striptags | length }}", 1_199_997),
}
OUT_OF_REACH = (
    "s.__class__", "s['__class__']", "range.__globals__", "range.call", "cycler('a').values", "s.format", "s.upper",
    "(s | safe).text", "obj.keys", "obj['__pro' ~ 'to__']", "arr.append", "none.real", "true.real", "5.0.real",
    "joiner().used", "r/a/.source",
)  # fmt: skip
RESERVED = ("s.constructor", "s['constructor']", "obj.__proto__", "{constructor: 1}", "prototype", "s | constructor")


def limited(template: str, options: Options, most_s: float) -> None:
    """Ends in a clean fault after so many seconds of the processor at most, and it says where."""
    started = time.process_time()
    with pytest.raises(TemplateLimitFault) as caught:
        LANGUAGE.render_value(template, CONTEXT, options)
    assert time.process_time() - started < most_s
    assert caught.value.line >= 1 and caught.value.column >= 1


@pytest.mark.parametrize("template", LIMITED.values(), ids=LIMITED)
def test_runaway_ends_in_a_limit(template: str) -> None:
    """With a tenth of the usual limits, so that all of them take a second or two together."""
    limited(template, Options(limits=Limits(work=100_000, tokens=40_000, output_chars=1_600_000)), 2)


@pytest.mark.soak
@pytest.mark.parametrize("template", LIMITED.values(), ids=LIMITED)
def test_runaway_ends_in_the_usual_limit(template: str) -> None:
    limited(template, Options(), 10)


@pytest.mark.parametrize(("template", "wanted"), LINEAR.values(), ids=LINEAR)
def test_long_input_takes_time_in_proportion(template: str, wanted: int) -> None:
    """Markup that never closes is gone through once."""
    started = time.process_time()
    assert LANGUAGE.render_value(template, CONTEXT) == wanted
    assert time.process_time() - started < 3


@pytest.mark.parametrize("expression", OUT_OF_REACH)
def test_no_attribute_of_python_is_reachable(expression: str) -> None:
    """What is no member of a value of the language is undefined."""
    assert LANGUAGE.render_value(f"${{{{ ({expression}) is undefined }}}}", CONTEXT) is True


@pytest.mark.parametrize("expression", RESERVED)
def test_reserved_names_are_faults(expression: str) -> None:
    with pytest.raises(TemplateSyntaxFault, match="reserved"):
        LANGUAGE.render_value(f"${{{{ {expression} }}}}", CONTEXT)


def test_an_array_never_holds_itself() -> None:
    for change in (
        "arr.push(arr)",
        "arr.push([{a: arr}])",
        "arr.unshift(arr)",
        "arr.splice(0, 0, arr)",
        "arr.fill(arr)",
    ):
        with pytest.raises(TemplateRuntimeFault, match="into itself"):
            LANGUAGE.render_value(f"${{{{ {change} }}}}", CONTEXT)


def test_depth_within_the_limit_works() -> None:
    """Brackets, conditions and recursion well below 512 levels need no more of Python's stack than there is."""
    assert LANGUAGE.render_value("${{ " + "(" * 450 + "1" + ")" * 450 + " }}", {}) == 1
    assert LANGUAGE.render_text("{% if 1 %}" * 250 + "x" + "{% endif %}" * 250, {}) == "x"
    assert LANGUAGE.render_text("{% if 0 %}a" + "{% elif 0 %}a" * 3000 + "{% else %}b{% endif %}", {}) == "b"
    recursion = "{% macro m(n) %}${{ n }}{% if n %}${{ m(n - 1) }}{% endif %}{% endmacro %}${{ m(50) }}"
    assert LANGUAGE.render_text(recursion, {}).startswith("5049")


def test_limits_are_settings_of_a_render() -> None:
    tight = Options(limits=Limits(work=50, output_chars=20, host_calls=1))
    language = Language(globals={"f": lambda: 1})
    assert language.render_text("${{ f() }}", {}, tight) == "1"
    for template in ("${{ f() }}${{ f() }}", "x" * 21, "{% for i in range(60) %}{% endfor %}"):
        with pytest.raises(TemplateFault):
            language.render_text(template, {}, tight)
