"""Errors of JSON Schema in the words that Backstage's validator (Ajv) uses, so that people find the same text elsewhere."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

from callboard.model.problems import FieldPath

_MAX_ERRORS = 20


class SchemaError(NamedTuple):
    """``path`` is where it stands (for a missing property: where it should); ``pointer`` is Ajv's instance path."""

    path: FieldPath
    pointer: str
    message: str
    params: str
    fix: str | None

    def format(self, *, with_params: bool = True) -> str:
        """``/spec must have required property 'type' - missingProperty: type``"""
        tail = f" - {self.params}" if with_params and self.params else ""
        return f"{self.pointer or '<root>'} {self.message}{tail}"


_TYPE_NAMES = {"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false"}
_LIMITS = {
    "minLength": "must NOT have fewer than {} characters", "maxLength": "must NOT have more than {} characters",
    "minItems": "must NOT have fewer than {} items", "maxItems": "must NOT have more than {} items",
    "minProperties": "must NOT have fewer than {} properties", "maxProperties": "must NOT have more than {} properties",
    "minimum": "must be >= {}", "maximum": "must be <= {}", "exclusiveMinimum": "must be > {}",
    "exclusiveMaximum": "must be < {}", "multipleOf": "must be multiple of {}",
}  # fmt: skip


def explain(validator: Any, instance: Any) -> list[SchemaError]:
    """What ``validator`` (jsonschema-rs) finds wrong, the outermost first; missing properties before wrong ones."""
    errors: Iterable[Any] = validator.iter_errors(instance)
    found: list[tuple[tuple[int, int, int], SchemaError]] = []
    for number, error in enumerate(errors):
        converted = _convert(error)
        depth = len(error.instance_path)
        found.append(((depth, converted.params.startswith("missingProperty") is False, number), converted))
        if number >= 10 * _MAX_ERRORS:
            break
    found.sort(key=lambda pair: pair[0])
    return [error for _, error in found[:_MAX_ERRORS]]


def _convert(error: Any) -> SchemaError:
    path: FieldPath = tuple(error.instance_path)
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    name, value = error.kind.name, error.kind.value
    if name == "required":
        fix = f"Add {value}."
        return SchemaError(
            (*path, value), pointer, f"must have required property '{value}'", f"missingProperty: {value}", fix
        )
    if name == "type":
        types = [value] if isinstance(value, str) else list(value)
        words = " or ".join(_TYPE_NAMES.get(t, f"a {t}") for t in types)
        fix = f"Remove it, or give it {words}." if error.instance is None else f"Give it {words}."
        if types == ["string"] and isinstance(error.instance, (int, float, bool)):
            fix = "Put it in quotes."
        joined = ",".join(types)
        return SchemaError(path, pointer, f"must be {joined}", f"type: {joined}", fix)
    if name == "additionalProperties":
        extra = value[0] if value else ""
        message = "must NOT have additional properties"
        return SchemaError((*path, extra), pointer, message, f"additionalProperty: {extra}", f"Remove {extra}.")
    if name == "enum":
        allowed = ",".join(map(str, value))
        fix = f"Use one of: {', '.join(map(str, value))}."
        return SchemaError(
            path, pointer, "must be equal to one of the allowed values", f"allowedValues: {allowed}", fix
        )
    if name in ("const", "constant"):
        return SchemaError(path, pointer, "must be equal to constant", f"allowedValue: {value}", f"Use {value}.")
    if name == "pattern":
        return SchemaError(path, pointer, f'must match pattern "{value}"', f"pattern: {value}", None)
    if name.startswith("oneOf"):
        return SchemaError(path, pointer, "must match exactly one schema in oneOf", "passingSchemas: null", None)
    if name == "anyOf":
        return SchemaError(path, pointer, "must match a schema in anyOf", "", None)
    if name in _LIMITS:
        return SchemaError(path, pointer, _LIMITS[name].format(value), f"limit: {value}", None)
    return SchemaError(path, pointer, error.message[:500], "", None)
