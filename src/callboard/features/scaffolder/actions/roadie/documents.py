"""JSON and YAML of the workspace's files, read and written as Roadie's actions do."""

from __future__ import annotations

import json
from typing import Any, Mapping

from callboard.features.scaffolder.actions.yaml_text import YamlStyle, format_yaml
from callboard.features.scaffolder.language import to_json
from callboard.features.scaffolder.language.faults import Problem as LanguageProblem
from callboard.kernel.errors import InputError
from callboard.model.documents import parse_values
from callboard.model.problems import Problem

YAML_OPTIONS: Mapping[str, Any] = {
    "type": "object",
    "description": "How YAML is written: indent, indentSeq, lineWidth, singleQuote, blockQuote, collectionStyle.",
    "properties": {
        "indent": {"type": "integer", "minimum": 1, "maximum": 16},
        "indentSeq": {"type": "boolean"},
        "lineWidth": {"type": "number"},
        "singleQuote": {"type": ["boolean", "null"]},
        "blockQuote": {"enum": [True, False, "folded", "literal"]},
        "collectionStyle": {"enum": ["any", "block", "flow"]},
    },
}


def parse_json(text: str, where: str) -> Any:
    """Raises ``InputError`` with line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not JSON: {error.msg}.", file=where, line=error.lineno, column=error.colno
        ) from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply.", file=where) from None


def parse_yaml_documents(text: str, where: str) -> list[Any]:
    """All documents but empty ones. Raises ``InputError`` with line and column."""
    found = parse_values(text)
    if isinstance(found, Problem):
        raise InputError(f"{where} is not YAML: {found.message}.", file=where, line=found.line, column=found.column)
    return found


def parse_yaml(text: str, where: str) -> Any:
    """The only document; None for an empty text."""
    found = parse_yaml_documents(text, where)
    if len(found) > 1:
        raise InputError(f"{where} holds {len(found)} documents, where one is read.", file=where)
    return found[0] if found else None


def to_json_text(value: Any, indent: Any = None) -> str:
    try:
        return str(to_json(value, indent))
    except (LanguageProblem, RecursionError):
        raise InputError("It is nested too deeply to be written as JSON.") from None


def to_yaml_text(value: Any, options: Mapping[str, Any] | None = None) -> str:
    try:
        return format_yaml(value, YamlStyle.from_options(options))
    except RecursionError:
        raise InputError("It is nested too deeply to be written as YAML.") from None
