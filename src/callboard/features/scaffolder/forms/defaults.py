"""Answers that a schema gives by itself: defaults, constants, and the empty mappings and lists that react-jsonschema-form has."""

from __future__ import annotations

import copy
from typing import Any, Mapping

from callboard.features.scaffolder.forms.paths import MISSING, Path, format_name, get, put
from callboard.features.scaffolder.forms.schemas import Schema, Schemas, same, type_of
from callboard.features.scaffolder.forms.variants import choose

MAX_ROUNDS, MAX_LEVELS = 6, 16


def fill(
    schemas: Schemas, schema: Any, values: dict[str, Any], *, cleared: set[str], chosen: Mapping[str, int]
) -> None:
    """Put what the schema gives into ``values``. What somebody emptied (names in ``cleared``) stays empty.

    A default may open a condition that has defaults of its own, so it is done until nothing changes.
    """
    filling = _Filling(schemas, values, cleared, chosen)
    for _ in range(MAX_ROUNDS):
        filling.changed = False
        filling.fill(schema, (), MISSING, 0)
        if not filling.changed:
            return


class _Filling:
    def __init__(self, schemas: Schemas, values: dict[str, Any], cleared: set[str], chosen: Mapping[str, int]) -> None:
        self._schemas = schemas
        self._values = values
        self._cleared = cleared
        self._chosen = chosen
        self.changed = False

    def _put(self, path: Path, value: Any) -> None:
        put(self._values, path, copy.deepcopy(value))
        self.changed = True

    def fill(self, schema: Any, path: Path, given: Any, level: int) -> None:
        """``given`` is what the default of a mapping around it says."""
        value = get(self._values, path) if path else self._values
        resolved = self._schemas.resolve(schema, value)
        resolved, _ = choose(self._schemas, resolved, value, self._chosen.get(format_name(path)))
        default = given if given is not MISSING else resolved.get("default", MISSING)
        if level > MAX_LEVELS:
            return
        if "const" in resolved and path:
            if value is MISSING or not same(value, resolved["const"]):
                self._put(path, resolved["const"])
            return
        type = type_of(resolved)
        if type == "object":
            self._object(resolved, path, value, default, level)
        elif type == "array" and path:
            self._array(resolved, path, value, default, level)
        elif path and default is not MISSING and self._is_open(resolved, path, value):
            self._put(path, default)
        elif path and value is not None and type == "null":
            self._put(path, None)

    def _is_open(self, schema: Schema, path: Path, value: Any) -> bool:
        if value is MISSING:
            return format_name(path) not in self._cleared
        if value is None and isinstance(path[-1], int):
            return format_name(path) not in self._cleared and schema.get("default") is not None
        known = schema.get("enum")
        if isinstance(known, list) and not any(same(one, value) for one in known):
            # the answer of a condition that no longer holds
            return any(same(one, schema.get("default")) for one in known)
        return False

    def _object(self, schema: Schema, path: Path, value: Any, default: Any, level: int) -> None:
        if path and not isinstance(value, Mapping):
            if not _is_empty(value) or format_name(path) in self._cleared:
                return
            self._put(path, {} if schema.get("properties") else default if isinstance(default, Mapping) else {})
        properties = schema.get("properties")
        for name, one in properties.items() if isinstance(properties, Mapping) else ():
            given = default.get(name, MISSING) if isinstance(default, Mapping) else MISSING
            self.fill(one, (*path, str(name)), given, level + 1)

    def _array(self, schema: Schema, path: Path, value: Any, default: Any, level: int) -> None:
        if not isinstance(value, list):
            if not _is_empty(value) or format_name(path) in self._cleared:
                return
            value = default if isinstance(default, list) else []
            self._put(path, value)
        items = schema.get("items")
        for index in range(min(len(value), 500)):
            one = items[index] if isinstance(items, list) and index < len(items) else items
            if isinstance(one, Mapping) and type_of(self._schemas.resolve(one, value[index])) in ("object", "array"):
                self.fill(one, (*path, index), MISSING, level + 1)


def _is_empty(value: Any) -> bool:
    return value is MISSING or value is None
