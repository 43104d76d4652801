"""Answers as they are kept and used again: without secrets, with the defaults of questions that came later."""

from __future__ import annotations

import copy
from typing import Any, Iterator, Mapping, Sequence

_SECRET_FIELDS = frozenset({"secret", "secretfield"})
MAX_DEPTH = 16


def pages_of(template: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The schemas of ``spec.parameters``, which may be one or a list."""
    spec = template.get("spec")
    given = spec.get("parameters") if isinstance(spec, Mapping) else None
    pages = given if isinstance(given, list) else [given]
    return [page for page in pages if isinstance(page, Mapping)]


def public_answers(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` without what the form asks for as a secret (``ui:field: Secret``, password widgets)."""
    kept = copy.deepcopy(dict(values))
    for page in pages_of(template):
        _drop(page, kept, 0)
    return kept


def fill_answers(template: Mapping[str, Any], answers: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The answers with defaults of questions that nobody answered, and the names of required ones that are left."""
    filled = copy.deepcopy(dict(answers))
    missing: list[str] = []
    for page in pages_of(template):
        for name, field in _properties(page):
            if name not in filled and "default" in field:
                filled[name] = copy.deepcopy(field["default"])
    for page in pages_of(template):
        required = page.get("required")
        fields = dict(_properties(page))
        for name in required if isinstance(required, list) else ():
            if name not in filled and not _is_secret(fields.get(name, {})):
                missing.append(str(name))
    return filled, missing


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, field in properties.items():
            if isinstance(field, Mapping):
                yield str(name), field


def _is_secret(field: Mapping[str, Any]) -> bool:
    options = field.get("ui:options")
    widget = field.get("ui:widget") or (options.get("widget") if isinstance(options, Mapping) else None)
    return str(field.get("ui:field", "")).lower() in _SECRET_FIELDS or widget == "password"


def _drop(schema: Any, value: Any, depth: int) -> None:
    """Secrets of ``schema``, wherever its branches and items name them."""
    if depth > MAX_DEPTH or not isinstance(schema, Mapping):
        return
    for name, field in _properties(schema):
        if isinstance(value, dict) and name in value:
            if _is_secret(field):
                del value[name]
            else:
                _drop(field, value[name], depth + 1)
    items = schema.get("items")
    if isinstance(value, list):
        for one in value:
            _drop(items, one, depth + 1)
    for word in ("then", "else", "if", "allOf", "anyOf", "oneOf", "dependencies"):
        inner = schema.get(word)
        if isinstance(inner, Mapping):
            _drop(inner, value, depth + 1)
            for one in inner.values() if word == "dependencies" else ():
                _drop(one, value, depth + 1)
        elif isinstance(inner, list):
            for one in inner:
                _drop(one, value, depth + 1)
