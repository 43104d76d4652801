"""Answers against the JSON Schema of a template's pages. Nothing is filled in: defaults are the form's affair.

Templates are written for lenient validators: what is no JSON Schema in them (``required: true`` at a field, an unknown type, a
pattern that cannot be read) is passed over. References never leave the schema. Words of the problems are those of the npm package
``jsonschema`` 1.5, which Backstage answers with.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Callable, Iterable, Mapping, Sequence

import orjson

from callboard.features.scaffolder.interface import ValueProblem
from callboard.kernel.errors import InputError

_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_SCHEMAS = (
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
)
_LISTS = ("allOf", "anyOf", "oneOf")
_MAPS = ("properties", "patternProperties", "definitions", "$defs")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "multipleOf")
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_PLAIN = ("$ref", "format", "const", "enum", "title", "description", "default", "examples")
MAX_DEPTH = 100
CACHED = 256


class ValueChecks:
    """Checks values, with the schemas used last at hand."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Any] = OrderedDict()

    def check(self, schema: Any, values: Any) -> list[ValueProblem]:
        """What of ``values`` does not fit, in order. Raises ``InputError`` for a schema that cannot be used at all."""
        key = orjson.dumps(schema, default=str)
        validator = self._known.get(key)
        if validator is None:
            validator = self._known[key] = _validator(schema)
            if len(self._known) > CACHED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return [problem for error in validator.iter_errors(values) for problem in _problems(error, schema, values)]


def _validator(schema: Any) -> Any:
    import jsonschema_rs

    cleaned = clean(schema, _reads_as_pattern)
    try:
        return jsonschema_rs.Draft7Validator(cleaned, validate_formats=True, retriever=_refuse)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        said = getattr(error, "message", None) or str(error).splitlines()[0]
        raise InputError(
            f"The parameters of the template are no JSON Schema: {said}", field="spec.parameters"
        ) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} lies outside the template")


def _reads_as_pattern(text: str) -> bool:
    import jsonschema_rs

    try:
        jsonschema_rs.Draft7Validator({"pattern": text})
    except (ValueError, jsonschema_rs.ReferencingError):
        return False
    return True


def clean(schema: Any, is_pattern: Callable[[str], bool], depth: int = 0) -> Any:
    """``schema`` with what JSON Schema knows, draft 4 to 7, and nothing else."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return {}

    def below(value: Any) -> Any:
        return clean(value, is_pattern, depth + 1)

    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _SCHEMAS:
            if isinstance(value, list) and name == "items":
                made[name] = [below(one) for one in value]
            elif isinstance(value, (Mapping, bool)):
                made[name] = below(value)
        elif name in _LISTS and isinstance(value, list) and value:
            made[name] = [below(one) for one in value]
        elif name in _MAPS and isinstance(value, Mapping):
            kept = value.items() if name != "patternProperties" else [(k, v) for k, v in value.items() if is_pattern(k)]
            made[name] = {str(key): below(one) for key, one in kept}
        elif name == "dependencies" and isinstance(value, Mapping):
            made[name] = {str(key): _texts(one) if isinstance(one, list) else below(one) for key, one in value.items()}
        elif name == "type":
            types = [one for one in (value if isinstance(value, list) else [value]) if one in _TYPES]
            if types and (isinstance(value, str) or len(types) == len(value)):
                made[name] = types if isinstance(value, list) else types[0]
        elif name == "required" and isinstance(value, list):
            made[name] = _texts(value)
        elif name in _COUNTS and _is_number(value) and value >= 0 and float(value).is_integer():
            made[name] = int(value)
        elif name in _NUMBERS and _is_number(value) and (name != "multipleOf" or value > 0):
            made.setdefault(name, value)
        elif name == "uniqueItems" and isinstance(value, bool):
            made[name] = value
        elif name in ("exclusiveMinimum", "exclusiveMaximum"):
            bound = _BOUNDS[name]
            if _is_number(value):
                made[name] = value
            elif value is True and _is_number(schema.get(bound)):
                made[name] = schema[bound]  # as in draft 4
        elif name == "pattern" and isinstance(value, str) and is_pattern(value):
            made[name] = value
        elif name in _PLAIN and (name != "enum" or (isinstance(value, list) and value)):
            if name not in ("$ref", "format") or isinstance(value, str):
                made[name] = value
    if made.get("additionalProperties") is False:
        made.setdefault("properties", {})  # without it every property would be a fault of its own
    return made


def _texts(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(one for one in values if isinstance(one, str)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---- problems ----------------------------------------------------------------------------------------------------------


def _problems(error: Any, schema: Any, values: Any) -> Iterable[ValueProblem]:
    kind, where = error.kind, list(error.schema_path)
    name = kind.name
    at = where[:-1] if where and where[-1] == name else where
    below = pick_schema(schema, at)
    argument = below.get(name) if isinstance(below, Mapping) else None
    if argument is True and name in _BOUNDS:
        argument = below.get(_BOUNDS[name])
    path = list(error.instance_path)
    if name == "required":
        # What a dependency asks for is told where it is asked for, by the field that asks.
        missing = kind.property
        message = f"requires property {json.dumps(missing)}"
        yield _problem(path, message, name, missing, below, error.instance)
    elif name == "additionalProperties":
        for unexpected in kind.unexpected:
            message = f"is not allowed to have the additional property {json.dumps(unexpected)}"
            yield _problem(path, message, name, unexpected, below, error.instance)
    else:
        yield _problem(path, _message(name, argument, error), name, argument, below, error.instance)


def _problem(
    path: Sequence[str | int], message: str, name: str, argument: Any, schema: Any, instance: Any
) -> ValueProblem:
    return ValueProblem(list(path), property_of(path), message, name, argument, schema, instance)


def property_of(path: Sequence[str | int]) -> str:
    """``instance.list[0].name``."""
    parts = [f"[{part}]" if isinstance(part, int) or not _is_plain(part) else f".{part}" for part in path]
    return "instance" + "".join(parts)


def _is_plain(name: str) -> bool:
    return name.replace("_", "a").replace("$", "a").isalnum()


def pick_schema(schema: Any, path: Sequence[str | int]) -> Any:
    """The part of ``schema`` at a path of keys and indices, as the template has it; the whole where it leads through a reference."""
    found = schema
    for part in path:
        if isinstance(found, Mapping) and part in found:
            found = found[part]
            continue
        if not isinstance(found, list) or not isinstance(part, int) or part >= len(found):
            return schema
        found = found[part]
    return found


def _message(name: str, argument: Any, error: Any) -> str:
    shown = argument if isinstance(argument, str) else json.dumps(argument, ensure_ascii=False, default=str)
    match name:
        case "type":
            return f"is not of a type(s) {','.join(argument) if isinstance(argument, list) else argument}"
        case "enum":
            return f"is not one of enum values: {','.join(_shown(one) for one in argument or ())}"
        case "const":
            return f"does not exactly match expected constant: {shown}"
        case "pattern":
            return f"does not match pattern {json.dumps(argument, ensure_ascii=False)}"
        case "format":
            return f"does not conform to the {json.dumps(argument)} format"
        case "minLength" | "minItems":
            return f"does not meet minimum length of {shown}"
        case "maxLength" | "maxItems":
            return f"does not meet maximum length of {shown}"
        case "minProperties":
            return f"does not meet minimum property length of {shown}"
        case "maxProperties":
            return f"does not meet maximum property length of {shown}"
        case "minimum":
            return f"must be greater than or equal to {shown}"
        case "maximum":
            return f"must be less than or equal to {shown}"
        case "exclusiveMinimum":
            return f"must be strictly greater than {shown}"
        case "exclusiveMaximum":
            return f"must be strictly less than {shown}"
        case "multipleOf":
            return f"is not a multiple of (divisible by) {shown}"
        case "uniqueItems":
            return "contains duplicate item"
        case "anyOf" | "oneOf":
            choices = ",".join(_title(one, index) for index, one in enumerate(argument or ()))
            return f"is not any of {choices}" if name == "anyOf" else f"is not exactly one from {choices}"
        case "not":
            return "is of prohibited type"
    return str(error.message)


def _title(schema: Any, index: int) -> str:
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return json.dumps(title) if isinstance(title, str) else f"[subschema {index}]"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
