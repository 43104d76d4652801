"""From the text of a definition to an ``Api``, by what its type says and what it looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Mapping

import orjson

from callboard.features.catalog.apis.model import Api, ApiFault, Format
from callboard.features.catalog.apis.schemas import MISSING, find_pointer
from callboard.model.documents import Limits, parse_text
from callboard.model.problems import Problem
from callboard.model.yaml_scan import find_path

MAX_LENGTH: Final = 8 * 1024 * 1024
"""Characters of a definition that is read; a longer one is shown as text."""
_MAX_LOCATED: Final = 200_000
_MAX_REF_FAULTS: Final = 20
_LIMITS = Limits(max_bytes=MAX_LENGTH, max_depth=200, max_nodes=1_000_000)
_TYPES: Final[Mapping[str, Format]] = {
    "openapi": "openapi", "swagger": "openapi", "asyncapi": "asyncapi", "graphql": "graphql", "grpc": "proto", "proto": "proto",
    "protobuf": "proto",
}  # fmt: skip
EXTENSIONS: Final[Mapping[str, Format]] = {
    ".graphql": "graphql", ".graphqls": "graphql", ".gql": "graphql", ".sdl": "graphql", ".proto": "proto",
}  # fmt: skip


def format_of(type: object) -> Format | None:
    """The format that ``spec.type`` of an API names; None for one that is shown as text."""
    return _TYPES.get(type.strip().lower()) if isinstance(type, str) else None


def read_api(text: str, format: Format) -> Api | ApiFault:
    """What a definition says, or why it says nothing. Pure and never raises; large texts take a second."""
    if len(text) > MAX_LENGTH:
        return ApiFault(
            f"The definition has {len(text):,} characters; up to {MAX_LENGTH:,} are read", fix="It is shown as text."
        )
    if not text.strip():
        return ApiFault("The definition is empty", 1, 1)
    if format == "graphql":
        from callboard.features.catalog.apis.graphql import read_graphql

        return read_graphql(text)
    if format == "proto":
        from callboard.features.catalog.apis.proto import read_proto

        return read_proto(text)
    document = _parse(text)
    if isinstance(document, ApiFault):
        return document
    faults = _dead_references(document, text)
    if isinstance(faults, ApiFault):
        return faults
    # whichever of the two it says it is: people set the wrong type
    if "asyncapi" in document:
        from callboard.features.catalog.apis.asyncapi import read_asyncapi

        found = read_asyncapi(document)
    elif "openapi" in document or "swagger" in document:
        from callboard.features.catalog.apis.openapi import read_openapi

        found = read_openapi(document)
    else:
        return ApiFault(
            "Neither openapi, swagger nor asyncapi says what this is",
            1,
            1,
            'The document begins as in: openapi: "3.1.0"',
        )
    if isinstance(found, ApiFault):
        return replace(found, line=found.line or 1, column=found.column or 1)
    return replace(found, faults=faults)


def guess_format(text: str, name: str = "") -> Format | None:
    """What a file probably is, by its name, else by how it begins."""
    for extension, format in EXTENSIONS.items():
        if name.lower().endswith(extension):
            return format
    head = text[:20_000]
    if "asyncapi" in head:
        return "asyncapi"
    if "openapi" in head or "swagger" in head:
        return "openapi"
    if "syntax" in head and "proto" in head:
        return "proto"
    return "graphql" if "type " in head and "{" in head else None


def _parse(text: str) -> Mapping[str, Any] | ApiFault:
    value: Any = None
    if text.lstrip()[:1] == "{":
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None  # perhaps YAML in braces; else its parser tells where it breaks
    if value is None:
        value = parse_text(text, 1, _LIMITS)
    if isinstance(value, Problem):
        return ApiFault(value.message, value.line, value.column, value.fix)
    if not isinstance(value, dict):
        return ApiFault("The definition is no mapping of keys to values", 1, 1)
    return value


def _dead_references(document: Mapping[str, Any], text: str) -> list[ApiFault] | ApiFault:
    """References into the document that lead nowhere, each once; one fault of a document that is nested too deeply."""
    faults: list[ApiFault] = []
    seen: set[str] = set()
    todo: list[tuple[Any, tuple[str | int, ...]]] = [(document, ())]
    while todo and len(faults) < _MAX_REF_FAULTS:
        value, path = todo.pop()
        if len(path) > _LIMITS.max_depth:
            return ApiFault("The definition is nested too deeply", 1, 1, "Flatten it.")
        if isinstance(value, dict):
            ref = value.get("$ref")
            if isinstance(ref, str) and ref.startswith("#") and ref not in seen:
                seen.add(ref)
                if find_pointer(document, ref) is MISSING:
                    line: int | None = None
                    column: int | None = None
                    if len(text) <= _MAX_LOCATED and len(faults) < 5:  # each look composes the text again
                        row, column = find_path(text, (*path, "$ref"))
                        line = row + 1
                    faults.append(ApiFault(f"{ref[:200]} leads nowhere", line, column, "Check the name, or define it."))
            todo += [(child, (*path, str(key))) for key, child in value.items() if isinstance(child, (dict, list))]
        elif isinstance(value, list):
            todo += [(child, (*path, n)) for n, child in enumerate(value) if isinstance(child, (dict, list))]
    return faults
