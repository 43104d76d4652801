"""Outputs of an action that was not run, made from the schema of its output: dry runs go on with them.

By Backstage's rules: the first of ``examples`` where there is one, else ``<example>``, 0, false, a list of one, an object of its fields.
"""

from __future__ import annotations

from typing import Any, Mapping

MAX_DEPTH = 8


def fake_output(schema: Mapping[str, Any]) -> dict[str, Any]:
    made = _fake(schema, 0)
    return made if isinstance(made, dict) else {}


def _fake(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind == "object" or (kind is None and "properties" in schema):
        properties = schema.get("properties") or {}
        return {name: _fake(one, depth + 1) for name, one in properties.items()}
    if kind == "array":
        items = schema.get("items")
        return [_fake(items[0] if isinstance(items, list) and items else items, depth + 1)]
    return {"string": "<example>", "number": 0, "integer": 0, "boolean": False}.get(str(kind), "<example>")
