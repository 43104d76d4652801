"""Inputs of steps against the schemas of their actions, as far as they are written out."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from callboard.features.scaffolder.linting.places import FieldPath, texts_in
from callboard.kernel.actions import Action

MAX_FAULTS = 20
_SHALLOW = frozenset({"required", "additionalProperties", "minProperties", "maxProperties"})
"""Keywords that look at the names of fields alone, which nothing renders."""


class InputFault(NamedTuple):
    """``path`` is below the input."""

    path: FieldPath
    message: str


def find_input_faults(action: Action, given: Mapping[str, Any]) -> list[InputFault]:
    """What does not fit whatever the expressions in it come to."""
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(dict(action.input_schema))
    except (ValueError, jsonschema_rs.ValidationError):
        return []
    found = []
    for problem in validator.iter_errors(_plain(given)):
        path = tuple(problem.instance_path)
        keyword = next((part for part in reversed(list(problem.schema_path)) if isinstance(part, str)), "")
        if keyword not in _SHALLOW and any(_is_open(text) for _, text in texts_in(_at(given, path))):
            continue
        found.append(InputFault(path, problem.message))
    return found[:MAX_FAULTS]


def _is_open(text: str) -> bool:
    return "${{" in text or "{%" in text


def _at(value: Any, path: FieldPath) -> Any:
    for part in path:
        value = value[part]
    return value


def _plain(value: Any) -> Any:
    """JSON values alone: YAML may give others."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
