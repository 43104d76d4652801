"""JSON Schema as rows of a table: for the reference of actions, and for forms that nobody draws yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson
from markupsafe import Markup

from callboard.features.scaffolder.pages.common import coded

MAX_DEPTH = 4
MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A property. ``path`` reads ``a.b[].c``, ``depth`` counts from 0; ``choices`` are the values of an enum, as text."""

    path: str
    name: str
    depth: int
    type: str
    is_required: bool
    title: str
    description: Markup
    default: str
    choices: Sequence[str]
    field: str


def schema_rows(schema: Any) -> list[SchemaRow]:
    """The properties of an object schema in their order, inner ones below their parents; at most 200, four levels deep."""
    rows: list[SchemaRow] = []
    _add(schema, "", 0, rows)
    return rows[:MAX_ROWS]


def _add(schema: Any, prefix: str, depth: int, rows: list[SchemaRow]) -> None:
    if not isinstance(schema, Mapping) or depth >= MAX_DEPTH or len(rows) >= MAX_ROWS:
        return
    required = schema.get("required")
    names = set(required) if isinstance(required, list) else set()
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(inner, Mapping):
            continue
        path = f"{prefix}{name}"
        rows.append(_row(path, str(name), depth, inner, is_required=name in names))
        if isinstance(inner.get("properties"), Mapping):
            _add(inner, f"{path}.", depth + 1, rows)
        items = inner.get("items")
        if isinstance(items, Mapping) and isinstance(items.get("properties"), Mapping):
            _add(items, f"{path}[].", depth + 1, rows)
    for key in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(key)
        for part in parts if isinstance(parts, list) else ():
            known = {row.path for row in rows}
            found: list[SchemaRow] = []
            _add(part, prefix, depth, found)
            rows += [row for row in found if row.path not in known]


def _row(path: str, name: str, depth: int, schema: Mapping[str, Any], *, is_required: bool) -> SchemaRow:
    choices = schema.get("enum")
    return SchemaRow(
        path=path,
        name=name,
        depth=depth,
        type=type_text(schema),
        is_required=is_required,
        title=_text(schema.get("title")),
        description=coded(_text(schema.get("description"))),
        default=_json(schema["default"]) if "default" in schema else "",
        choices=[_json(one) for one in choices[:30]] if isinstance(choices, list) else (),
        field=_text(schema.get("ui:field")) or _text(schema.get("ui:widget")),
    )


def type_text(schema: Any) -> str:
    """``string``, ``string | null``, ``string[]``; what a schema says without a type is read from its parts."""
    if not isinstance(schema, Mapping):
        return ""
    said = schema.get("type")
    kinds = (
        [one for one in said if isinstance(one, str)]
        if isinstance(said, list)
        else [said]
        if isinstance(said, str)
        else []
    )
    if not kinds:
        for key in ("anyOf", "oneOf"):
            parts = schema.get(key)
            if isinstance(parts, list):
                kinds = [text for part in parts if (text := type_text(part))]
        if not kinds and "properties" in schema:
            kinds = ["object"]
    inner = type_text(schema.get("items"))
    shown = [f"{f'({inner})' if ' | ' in inner else inner}[]" if kind == "array" and inner else kind for kind in kinds]
    return " | ".join(dict.fromkeys(shown))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= 120 else f"{text[:120]}…"
