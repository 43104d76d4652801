"""JSON Schema in few words, and examples as Backstage lists them."""

from __future__ import annotations

import functools
import json
from typing import Any, Mapping, Sequence

DRAFT = "http://json-schema.org/draft-07/schema#"


def text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def flag(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "boolean", "description": description, **more}


def number(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "number", "description": description, **more}


def texts(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description, **more}


def mapping(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": True, **more}


def anything(description: str) -> dict[str, Any]:
    return {"description": description}


def fields(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """The schema of an object; fields that it does not name are let through, as in Backstage."""
    schema: dict[str, Any] = {"$schema": DRAFT, "type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return schema


NOTHING = fields({})


def example(description: str, action: str, input: Mapping[str, Any], *, name: str = "") -> dict[str, str]:
    """One example: a template's ``steps`` as YAML."""
    step = {"action": action, "id": action.replace(":", "-"), "name": name or description, "input": dict(input)}
    return {"description": description, "example": _written(json.dumps(step))}


@functools.cache
def _written(step: str) -> str:
    from callboard.features.scaffolder.actions.yaml_text import format_yaml

    return format_yaml({"steps": [json.loads(step)]})
