"""``anyOf`` and ``oneOf`` as a choice: which of several schemas holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.forms.paths import MISSING
from callboard.features.scaffolder.forms.schemas import Schema, Schemas, is_valid, merge, option, same, type_of


@dataclass(frozen=True, slots=True)
class Variant:
    """``titles`` are those of the schemas, None for one without; ``chosen`` is the index of the one that holds."""

    titles: Sequence[str | None]
    chosen: int


def choose(schemas: Schemas, schema: Schema, value: Any, chosen: int | None) -> tuple[dict[str, Any], Variant | None]:
    """The schema with the chosen one of its ``anyOf`` or ``oneOf`` merged in; by the value where nobody chose."""
    out = dict(schema)
    said = next((keyword for keyword in ("oneOf", "anyOf") if isinstance(schema.get(keyword), list)), None)
    if said is None or as_choices(schema) is not None:
        return out, None
    raw = [one for one in schema[said] if isinstance(one, Mapping)]
    out.pop(said)
    if not any(_draws(one) for one in raw):
        return out, None  # only demands: they are checked, there is nothing to choose
    options = [schemas.resolve(one, value) for one in raw]
    index = chosen if chosen is not None and 0 <= chosen < len(options) else _match(out, options, value)
    picked = dict(options[index])
    title = picked.pop("title", None)
    if "title" not in out and title is not None:
        out["title"] = title
    merged = merge(out, picked)
    if len(options) < 2:
        return merged, None
    titles = option_titles(schema, options)
    return merged, Variant(titles, index)


def option_titles(schema: Schema, options: Sequence[Schema]) -> list[str | None]:
    names = option(schema, "enumNames")
    titles: list[str | None] = []
    for n, one in enumerate(options):
        named = names[n] if isinstance(names, list) and n < len(names) else one.get("title")
        titles.append(str(named) if named else None)
    return titles


def as_choices(schema: Schema) -> list[tuple[Any, str]] | None:
    """``oneOf`` of constants is a list to choose from: (value, title) each."""
    for keyword in ("oneOf", "anyOf"):
        said = schema.get(keyword)
        if (
            isinstance(said, list)
            and said
            and all(isinstance(one, Mapping) and _constant(one) is not MISSING for one in said)
        ):
            return [(_constant(one), str(one.get("title") or text_of(_constant(one)))) for one in said]
    return None


def text_of(value: Any) -> str:
    """A JSON value in a word: as a form sends it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _constant(schema: Schema) -> Any:
    if "const" in schema:
        return schema["const"]
    known = schema.get("enum")
    return known[0] if isinstance(known, list) and len(known) == 1 else MISSING


def _draws(schema: Schema) -> bool:
    return any(
        key in schema
        for key in ("properties", "type", "enum", "const", "$ref", "items", "allOf", "oneOf", "anyOf", "if")
    )


def _match(base: Schema, options: Sequence[Schema], value: Any) -> int:
    if value is MISSING or value == {}:
        return 0
    plain = {key: one for key, one in base.items() if key in ("type", "properties", "required")}
    for n, one in enumerate(options):
        if is_valid(merge(plain, {key: v for key, v in one.items() if key != "title"}), value):
            return n
    return max(range(len(options)), key=lambda n: (_score(options[n], value), -n), default=0)


def _score(schema: Schema, value: Any) -> int:
    if not isinstance(value, Mapping):
        return {"boolean": isinstance(value, bool), "string": isinstance(value, str)}.get(type_of(schema), False) * 1
    properties = schema.get("properties")
    score = 0
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        if name in value and isinstance(one, Mapping):
            constant = _constant(one)
            score += 1 if constant is MISSING else 10 if same(constant, value[name]) else -10
    return score
