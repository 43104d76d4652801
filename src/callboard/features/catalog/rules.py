"""Rules that permission policies may use on entities. Source: Backstage catalog-backend, section 4.3 of its facts."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import ENTITY
from callboard.kernel.errors import InputError
from callboard.kernel.permissions import PermissionRule
from callboard.model.predicates import NOTHING, HasKey, Predicate, has_value

_TEXT = {"type": "string"}


def _texts(description: str) -> Mapping[str, Any]:
    return {"type": "array", "items": _TEXT, "description": description}


def _schema(properties: Mapping[str, Any], required: Sequence[str]) -> Mapping[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _any_value(key: str, values: Any) -> Predicate:
    if not isinstance(values, (list, tuple)):
        raise InputError(f"{key}: expected a list")
    return has_value(key, values) if values else NOTHING


def _keyed(prefix: str, name: str) -> Any:
    def compile(params: Mapping[str, Any]) -> Predicate:
        key = f"{prefix}.{params[name]}".lower()
        value = params.get("value")
        return HasKey(key) if value is None else has_value(key, [value])

    return compile


RULES: tuple[PermissionRule, ...] = (
    PermissionRule(
        "IS_ENTITY_OWNER", "Allow entities owned by a specified claim", ENTITY,
        _schema({"claims": _texts("List of claims to match at least one on within ownedBy")}, ["claims"]),
        lambda params: _any_value("relations.ownedby", params["claims"]),
    ),
    PermissionRule(
        "IS_ENTITY_KIND", "Allow entities matching a specified kind", ENTITY,
        _schema({"kinds": _texts("List of kinds to match at least one of")}, ["kinds"]),
        lambda params: _any_value("kind", params["kinds"]),
    ),
    PermissionRule(
        "HAS_ANNOTATION", "Allow entities with the specified annotation", ENTITY,
        _schema({"annotation": _TEXT, "value": _TEXT}, ["annotation"]), _keyed("metadata.annotations", "annotation"),
    ),
    PermissionRule(
        "HAS_LABEL", "Allow entities with the specified label", ENTITY,
        _schema({"label": _TEXT, "value": _TEXT}, ["label"]), _keyed("metadata.labels", "label"),
    ),
    PermissionRule(
        "HAS_METADATA", "Allow entities with the specified metadata subfield", ENTITY,
        _schema({"key": _TEXT, "value": _TEXT}, ["key"]), _keyed("metadata", "key"),
    ),
    PermissionRule(
        "HAS_SPEC", "Allow entities with the specified spec subfield", ENTITY,
        _schema({"key": _TEXT, "value": _TEXT}, ["key"]), _keyed("spec", "key"),
    ),
)  # fmt: skip
"""The six rules of Backstage. Values are compared without regard to case, as everything in a query is."""
