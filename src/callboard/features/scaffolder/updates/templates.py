"""Templates read from files."""

from __future__ import annotations

from typing import Any

from callboard.kernel.errors import InputError
from callboard.model.documents import parse_values
from callboard.model.problems import Problem


def template_of(content: bytes, where: str) -> dict[str, Any]:
    """The first template of a YAML text. Raises ``InputError`` with the place of what is wrong."""
    found = parse_values(content)
    if isinstance(found, Problem):
        raise InputError(found.message, file=where, line=found.line, column=found.column)
    for value in found:
        if isinstance(value, dict) and value.get("kind") == "Template" and isinstance(value.get("metadata"), dict):
            return value
    raise InputError(f"{where} holds no entity of kind Template.", file=where)
