"""``roadiehq:utils:serialize:json`` and ``…:yaml``: values as text."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.roadie.documents import YAML_OPTIONS, to_json_text, to_yaml_text
from callboard.features.scaffolder.actions.schemas import anything, example, fields, text, texts
from callboard.kernel.actions import Action, ActionAttributes, ActionContext


async def to_json_step(context: ActionContext) -> Mapping[str, Any]:
    given = context.input
    kept = given.get("replacer")
    data = keep_fields(given["data"], kept) if kept else given["data"]
    return {"serialized": to_json_text(data, given.get("space"))}


def keep_fields(value: Any, names: Sequence[str]) -> Any:
    """Only fields of these names, at every depth and in their order, as JavaScript's replacer does."""
    if isinstance(value, Mapping):
        return {name: keep_fields(value[name], names) for name in dict.fromkeys(names) if name in value}
    return [keep_fields(one, names) for one in value] if isinstance(value, list) else value


async def to_yaml_step(context: ActionContext) -> Mapping[str, Any]:
    return {"serialized": to_yaml_text(context.input["data"], context.input.get("options"))}


def serialize_actions() -> Sequence[Action]:
    data = anything("Input data to perform serialization on.")
    output = fields({"serialized": text("Output result from serialization")})
    replacer = texts("Replacer array")
    reading = ActionAttributes(read_only=True, idempotent=True)
    return [
        Action(
            "roadiehq:utils:serialize:json", "Write as JSON", "Allows performing serialization on an object", to_json_step,
            input_schema=fields({"data": data, "replacer": replacer, "space": text("Space character")}, ["data"]),
            output_schema=output, attributes=reading, supports_dry_run=True,
            examples=[example("Values as JSON", "roadiehq:utils:serialize:json", {"data": {"a": 1}, "space": "  "})],
        ),
        Action(
            "roadiehq:utils:serialize:yaml", "Write as YAML", "Allows performing serialization on an object", to_yaml_step,
            input_schema=fields({"data": data, "replacer": replacer, "options": YAML_OPTIONS}, ["data"]),
            output_schema=output, attributes=reading, supports_dry_run=True,
            examples=[example("Values as YAML", "roadiehq:utils:serialize:yaml", {"data": {"a": [1, 2]}})],
        ),
    ]  # fmt: skip
