"""``regex:replace``: texts changed by JavaScript's regular expressions, which cannot run away."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.schemas import example, fields, mapping, text
from callboard.features.scaffolder.language import Limits
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Meter
from callboard.features.scaffolder.language.regex import replace
from callboard.features.scaffolder.language.text import from_units, to_units
from callboard.features.scaffolder.language.values import Regex
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError

_IGNORED_FLAGS = frozenset("usd")
"""They change nothing about what is replaced in ordinary patterns; the matcher knows g, i, m and y."""
_WORK, _WORK_PER_CHARACTER = 1_000_000, 8


def replace_all(value: str, pattern: str, flags: str, replacement: str) -> str:
    """``value.replace(new RegExp(pattern, flags), replacement)``. Raises ``InputError``, also when it takes too much work."""
    try:
        regex = Regex(to_units(pattern), "".join(flag for flag in flags if flag not in _IGNORED_FLAGS))
        meter = Meter(Limits(work=_WORK + _WORK_PER_CHARACTER * len(value)))
        return from_units(replace(to_units(value), regex, to_units(replacement), meter))
    except Problem as problem:
        raise InputError(f"The regular expression {pattern!r} cannot be used: {problem.message}") from None


async def replace_values(context: ActionContext) -> Mapping[str, Any]:
    """Keys are unique over all expressions: the output has them beside each other."""
    import asyncio

    values: dict[str, str] = {}
    for index, one in enumerate(context.input["regExps"]):
        pattern, flags = one["pattern"], "".join(one.get("flags") or ())
        if pattern.startswith("/") or pattern.endswith("/"):
            raise InputError(
                "The RegExp constructor cannot take a string pattern with a leading or trailing forward slash.",
                field=f"regExps[{index}].pattern",
            )
        if len(set(flags)) != len(flags):
            raise InputError("A flag is given twice.", field=f"regExps[{index}].flags")
        for value in one["values"]:
            if value["key"] in values:
                raise InputError(f"The key {value['key']!r} is given twice.", field=f"regExps[{index}].values")
            values[value["key"]] = await asyncio.to_thread(
                replace_all, value["value"], pattern, flags, one["replacement"]
            )
    return {"values": values}


def regex_actions() -> Sequence[Action]:
    return [
        Action(
            "regex:replace", "Replace by regular expressions",
            "Replaces strings that match a regular expression pattern with a specified replacement string", replace_values,
            input_schema=fields(
                {
                    "regExps": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["pattern", "replacement", "values"],
                            "properties": {
                                "pattern": text("The regex pattern to match the value like in String.prototype.replace()",
                                                minLength=1),
                                "flags": {"type": "array", "items": {"type": "string", "enum": list("gmiyusd")},
                                          "description": "The flags for the regex"},
                                "replacement": text("The replacement value for the regex like in String.prototype.replace()"),
                                "values": {
                                    "type": "array",
                                    "items": {
                                        "type": "object", "required": ["key", "value"],
                                        "properties": {"key": text("The key to access the regex value", minLength=1),
                                                       "value": text("The input value of the regex")},
                                    },
                                },
                            },
                        },
                    }
                },
                ["regExps"],
            ),
            output_schema=fields({"values": mapping("The changed text of each key")}),
            attributes=ActionAttributes(read_only=True, idempotent=True), supports_dry_run=True,
            examples=[
                example("Replaces spaces with dashes", "regex:replace",
                        {"regExps": [{"pattern": " +", "flags": ["g"], "replacement": "-",
                                      "values": [{"key": "slug", "value": "${{ parameters.title }}"}]}]}),
            ],
        )
    ]  # fmt: skip
