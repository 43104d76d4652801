"""The schema that holds for given answers: references, dependencies, ``allOf`` and ``if`` are worked out. Pure.

Follows react-jsonschema-form 5 (``retrieveSchema``), which Backstage's forms are written for. Source: its documentation, "Dependencies"
and "oneOf, anyOf, and allOf".
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

from callboard.features.scaffolder.forms.paths import MISSING

Schema = Mapping[str, Any]
MAX_DEPTH = 24
_PARTS = ("$ref", "dependencies", "dependentRequired", "dependentSchemas", "allOf", "if", "then", "else")


class Schemas:
    """Works out schemas within ``root``, whose ``definitions`` references name. ``is_shown`` leaves properties out."""

    def __init__(self, root: Schema, is_shown: Callable[[Schema], bool] = lambda schema: True) -> None:
        self._root = root
        self._is_shown = is_shown

    def resolve(self, schema: Any, value: Any, depth: int = 0) -> dict[str, Any]:
        """``schema`` without conditions, as it is for ``value``. What cannot be read is as if it were not there."""
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return {}
        if "$ref" in schema:
            found = self._find_ref(schema["$ref"])
            rest = {key: one for key, one in schema.items() if key != "$ref"}
            return self.resolve(merge(found, rest), value, depth + 1)
        out = {key: one for key, one in schema.items() if key not in _PARTS}
        have = value if isinstance(value, Mapping) else {}
        for part in schema.get("allOf") or () if isinstance(schema.get("allOf"), list) else ():
            out = merge(out, self.resolve(part, value, depth + 1))
        for name, needed in self._dependencies(schema):
            if have.get(name) is None:
                continue
            if isinstance(needed, list):
                out = merge(out, {"required": [str(one) for one in needed]})
            elif isinstance(needed, Mapping):
                out = merge(out, self._depend(name, needed, have, depth))
        if "if" in schema:
            branch = (
                schema.get("then")
                if is_valid(schema["if"], have if value is MISSING else value)
                else schema.get("else")
            )
            out = merge(out, self.resolve(branch, value, depth + 1))
        if isinstance(out.get("properties"), Mapping):
            out["properties"] = {
                str(name): one
                for name, one in out["properties"].items()
                if not isinstance(one, Mapping) or self._is_shown(one)
            }
        return out

    def follow(self, schema: Schema) -> Schema:
        """The schema that a reference leads to; one without a reference is itself."""
        for _ in range(MAX_DEPTH):
            if "$ref" not in schema:
                break
            schema = self._find_ref(schema["$ref"])
        return schema

    def _dependencies(self, schema: Schema) -> Iterator[tuple[str, Any]]:
        for keyword in ("dependencies", "dependentRequired", "dependentSchemas"):
            said = schema.get(keyword)
            if isinstance(said, Mapping):
                yield from ((str(name), one) for name, one in said.items())

    def _depend(self, name: str, needed: Schema, have: Mapping[str, Any], depth: int) -> Schema:
        out = self.resolve({key: one for key, one in needed.items() if key != "oneOf"}, have, depth + 1)
        for option in needed.get("oneOf") or () if isinstance(needed.get("oneOf"), list) else ():
            option = self.resolve(option, have, depth + 1)
            properties = option.get("properties")
            condition = properties.get(name) if isinstance(properties, Mapping) else None
            if condition is None or is_valid({"properties": {name: condition}}, have):
                rest = {key: one for key, one in (properties or {}).items() if key != name}
                return merge(out, {**option, "properties": rest})
        return out

    def _find_ref(self, ref: Any) -> Schema:
        at: Any = self._root
        if not isinstance(ref, str) or not ref.startswith("#"):
            return {}
        for part in [one for one in ref[1:].split("/") if one]:
            at = at.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(at, Mapping) else None
        return at if isinstance(at, Mapping) else {}


def merge(one: Schema, other: Schema) -> dict[str, Any]:
    """Both; where both say something, ``other`` does, but mappings are merged and ``required`` are joined."""
    out = dict(one)
    for key, value in other.items():
        before = out.get(key)
        if key == "required" and isinstance(before, list) and isinstance(value, list):
            out[key] = list(dict.fromkeys([*before, *value]))
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            out[key] = merge(before, value)
        else:
            out[key] = value
    return out


def is_valid(schema: Any, value: Any) -> bool:
    """Whether ``value`` fits; a schema that cannot be compiled fits nothing. Formats are not looked at."""
    import jsonschema_rs

    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        return False
    try:
        return bool(jsonschema_rs.Draft7Validator(dict(schema)).is_valid(value))
    except (ValueError, TypeError):
        return False


def type_of(schema: Schema) -> str:
    """The type that a field has: the first that is not null, or what the other keywords tell; ``""`` when nothing does."""
    said = schema.get("type")
    if isinstance(said, list):
        said = next((one for one in said if one != "null"), "null")
    if isinstance(said, str):
        return said
    for keyword, meant in (("properties", "object"), ("additionalProperties", "object"), ("items", "array")):
        if keyword in schema:
            return meant
    known = (
        schema.get("enum")
        if isinstance(schema.get("enum"), list)
        else [schema[k] for k in ("const", "default") if k in schema]
    )
    match next(iter(known or ()), None):
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case str():
            return "string"
    return ""


def may_be_null(schema: Schema) -> bool:
    said = schema.get("type")
    return said == "null" or (isinstance(said, list) and "null" in said)


def option(schema: Schema, name: str, default: Any = None) -> Any:
    """``ui:<name>``, or ``<name>`` of ``ui:options``."""
    options = schema.get("ui:options")
    if f"ui:{name}" in schema:
        return schema[f"ui:{name}"]
    return options.get(name, default) if isinstance(options, Mapping) else default


def mentioned(schema: Any, depth: int = 0) -> set[str]:
    """Names of properties that the schema knows at this level, under any condition."""
    names: set[str] = set()
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return names
    if isinstance(schema.get("properties"), Mapping):
        names |= {str(name) for name in schema["properties"]}
    for keyword in ("allOf", "anyOf", "oneOf"):
        for one in schema[keyword] if isinstance(schema.get(keyword), list) else ():
            names |= mentioned(one, depth + 1)
    for keyword in ("then", "else"):
        names |= mentioned(schema.get(keyword), depth + 1)
    for keyword in ("dependencies", "dependentSchemas"):
        for one in schema[keyword].values() if isinstance(schema.get(keyword), Mapping) else ():
            names |= mentioned(one, depth + 1)
    return names


def deciding(schema: Any, depth: int = 0) -> set[str]:
    """Names of properties, at any level, that others depend on."""
    names: set[str] = set()
    if depth > 2 * MAX_DEPTH:
        return names
    if isinstance(schema, list):
        for one in schema:
            names |= deciding(one, depth + 1)
    elif isinstance(schema, Mapping):
        for keyword in ("dependencies", "dependentRequired", "dependentSchemas"):
            if isinstance(schema.get(keyword), Mapping):
                names |= {str(name) for name in schema[keyword]}
        names |= _tested(schema.get("if"))
        for one in schema.values():
            names |= deciding(one, depth + 1)
    return names


def _tested(schema: Any, depth: int = 0) -> set[str]:
    names: set[str] = set()
    if isinstance(schema, Mapping) and depth <= MAX_DEPTH:
        if isinstance(schema.get("properties"), Mapping):
            names |= {str(name) for name in schema["properties"]}
        if isinstance(schema.get("required"), list):
            names |= {str(name) for name in schema["required"]}
        for one in schema.values():
            for part in one if isinstance(one, list) else [*one.values(), one] if isinstance(one, Mapping) else ():
                names |= _tested(part, depth + 1)
    return names


def ordered(names: Sequence[str], order: Any) -> list[str]:
    """``names`` as ``ui:order`` has them; those it does not name stand at its ``*``, else at the end."""
    if not isinstance(order, list):
        return list(names)
    said = [str(one) for one in order]
    rest = [name for name in names if name not in said]
    if "*" not in said:
        said.append("*")
    out: list[str] = []
    for one in dict.fromkeys(said):
        out += rest if one == "*" else [one] if one in names else []
    return out


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)
