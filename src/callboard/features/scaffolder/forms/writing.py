"""How the form writes an answer. Pure; ``parsing`` reads it back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from callboard.features.scaffolder.forms.model import Field
from callboard.features.scaffolder.forms.paths import MISSING
from callboard.features.scaffolder.forms.variants import text_of


def written(field: Field) -> str:
    """The text in the control of a field that has one line or several."""
    value = field.value
    if value is MISSING or value is None:
        return ""
    if field.kind == "number":
        return format_number(value)
    if field.kind == "data":
        return "" if value in ({}, []) else format_data(value)
    if not isinstance(value, str):
        return text_of(value)
    if field.input == "datetime-local":
        return _local(value)
    return value


def format_number(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def format_data(value: Any) -> str:
    """YAML of what no other control can hold. Raises ``TypeError`` for what is no JSON."""
    import yaml

    if value is MISSING or value is None:
        return ""
    json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        return _safe_text(value)
    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100)).removesuffix(
        "...\n"
    )


def _safe_text(value: str) -> str:
    """A text that reads back as itself: quoted where YAML would see something else."""
    import yaml

    try:
        if yaml.load(value, Loader=yaml.CSafeLoader) == value and value.strip() == value:
            return value
    except yaml.YAMLError:
        pass
    return json.dumps(value, ensure_ascii=False)


def _local(value: str) -> str:
    """A moment as HTML's input has it, in UTC; what is no moment as it is."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    at = at.astimezone(UTC) if at.tzinfo is not None else at
    return at.strftime("%Y-%m-%dT%H:%M" + (":%S" if at.second else ""))


def format_moment(text: str) -> str:
    """What the input gave, as RFC 3339 in UTC with milliseconds."""
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
