"""Requests judged by an OpenAPI 3.0 description: is there such a path and method, and does the body fit?"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

ROOT = Path(__file__).resolve().parents[3]
GITHUB = ROOT / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"


class OpenApi:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [(_pattern(path), path.count("{"), path) for path in document["paths"]]
        self._validators: dict[tuple[str, str], Any] = {}

    def problems(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with a request; ``path`` as sent, without query, from the root of the API. ``body`` None is none."""
        found = sorted((count, name) for pattern, count, name in self._paths if pattern.fullmatch(path))
        names = [name for _, name in found if method.lower() in self._document["paths"][name]]
        if not names:
            return [f"{method} {path}: no such operation"]
        name = names[0]
        operation = self._document["paths"][name][method.lower()]
        if "requestBody" not in operation:
            return [] if body is None else [f"{method} {name}: takes no body"]
        asked = self._resolve(operation["requestBody"])
        if body is None:
            return [f"{method} {name}: needs a body"] if asked.get("required") else []
        key = (method, name)
        if key not in self._validators:
            schema = self._schema(asked["content"]["application/json"]["schema"])
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)  # a misspelt field would be passed over in silence
            self._validators[key] = jsonschema_rs.Draft7Validator(schema)
        return [
            f"{method} {name}: {error.instance_path} {error.message}"
            for error in self._validators[key].iter_errors(body)
        ]

    def _resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            target: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            value = target
        return value

    def _schema(self, value: Any) -> Any:
        """As JSON Schema: references put in, ``nullable`` said with a type."""
        if isinstance(value, list):
            return [self._schema(one) for one in value]
        if not isinstance(value, dict):
            return value
        value = self._resolve(value)
        made = {key: self._schema(one) for key, one in value.items() if key not in ("example", "examples", "nullable")}
        made.pop("format", None)
        if not value.get("nullable"):
            return made
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
            return made
        return {"anyOf": [made, {"type": "null"}]}


@functools.cache
def github() -> OpenApi | None:
    """GitHub's own description, from the npm package ``@octokit/openapi``; None where it is not installed."""
    place = Path(os.environ.get("CALLBOARD_GITHUB_OPENAPI", GITHUB))
    return OpenApi(orjson.loads(place.read_bytes())) if place.is_file() else None


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    # the name of a ref and the path of a file hold slashes
    wide = {"{ref}": ".+", "{path}": ".+"}
    return re.compile("".join(wide.get(p, "[^/]+") if p.startswith("{") else re.escape(p) for p in parts))
