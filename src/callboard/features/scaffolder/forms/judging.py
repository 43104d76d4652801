"""What is wrong with each field by itself, by the schema that holds for it now. Pure.

Where a condition chooses among schemas, a check of the whole only says that none of them fits; this names the field.
"""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.forms.model import Field, FormPage, collect_field
from callboard.features.scaffolder.forms.paths import MISSING
from callboard.features.scaffolder.interface import ValueProblem

_OWN = (
    "type", "enum", "const", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
COMBINING = frozenset(("oneOf", "anyOf", "allOf", "not", "if", "then", "else", "dependencies", "dependentSchemas"))


def judge(page: FormPage) -> list[ValueProblem]:
    """Problems of the fields of a page, at most one each."""
    found: list[ValueProblem] = []
    for field in page.fields:
        _judge(field, found)
    return found


def _judge(field: Field, found: list[ValueProblem]) -> None:
    value = collect_field(field)
    if value is MISSING:
        if field.is_required and field.kind != "hidden":
            found.append(_problem(field, "required", str(field.path[-1])))
        return
    wrong = _first(field.schema, value)
    if wrong is not None:
        found.append(_problem(field, *wrong))
    for below in field.fields:
        _judge(below, found)


def _first(schema: Mapping[str, Any], value: Any) -> tuple[str, Any] | None:
    """The first keyword of the schema's own that the value breaks, and what it says."""
    import jsonschema_rs

    own = {key: schema[key] for key in _OWN if key in schema}
    try:
        errors = jsonschema_rs.Draft7Validator(own).iter_errors(value)
    except (ValueError, TypeError):
        return None
    for error in errors:
        if not error.instance_path:
            keyword = str(error.schema_path[0])
            return keyword, own.get(keyword)
    return None


def _problem(field: Field, name: str, argument: Any) -> ValueProblem:
    path = field.path[:-1] if name == "required" else field.path
    return ValueProblem(
        path, ".".join(["instance", *map(str, path)]), f"breaks {name}", name, argument, field.schema, None
    )
