"""The ``fields`` projection: a few paths of each entity instead of the whole stored document."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import orjson

from callboard.kernel.errors import InputError

MAX_FIELDS = 500
MAX_FIELD_LENGTH = 500

Fields = tuple[tuple[str, ...], ...]
"""Paths in the order asked for, each split at its dots."""


def parse_fields(values: Sequence[str]) -> Fields | None:
    """Comma lists of dotted paths; None where they name nothing, which means the whole entity.

    Raises:
        InputError: a path into an array, which cannot be projected.
    """
    names = dict.fromkeys(name for value in values for part in value.split(",") if (name := part.strip()))
    if len(names) > MAX_FIELDS:
        raise InputError(f"At most {MAX_FIELDS} fields can be asked for at once", field="fields")
    for name in names:
        if len(name) > MAX_FIELD_LENGTH:
            raise InputError(f'Invalid field "{name[:60]}…", longer than {MAX_FIELD_LENGTH} characters', field="fields")
        if "[" in name:
            raise InputError(f'Invalid field "{name}", array type fields are not supported', field="fields")
    return tuple(tuple(name.split(".")) for name in names) or None


def project(entity: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """A new document with only ``fields``, keys in the order of ``fields``. What the entity lacks is left out.

    A part of a path that names no key is joined by a dot with the next one, so keys that hold dots (annotations) work.
    Arrays and anything else at the end of a path are taken whole.
    """
    out: dict[str, Any] = {}
    for parts in fields:
        found = find_path(entity, parts)
        if found is not None:
            _put(out, *found)
    return out


def find_path(entity: dict[str, Any], parts: Sequence[str]) -> tuple[list[str], Any] | None:
    """The keys that ``parts`` lead along, and the value at their end; None where there is nothing."""
    keys: list[str] = []
    value: Any = entity
    pending = ""
    for part in parts:
        key = f"{pending}.{part}" if pending else part
        if isinstance(value, dict) and key in value:
            keys.append(key)
            value = value[key]
            pending = ""
        else:
            pending = key
    return None if pending else (keys, value)


def _put(out: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        below = out.get(key)
        # A path may go below one already taken whole; the whole stays, and must not be changed.
        if below is None:
            below = out[key] = {}
        elif not isinstance(below, dict):
            return
        out = below
    out[keys[-1]] = value


def project_bytes(items: Iterable[bytes], fields: Fields) -> list[bytes]:
    """Stored entities, projected and serialised again."""
    loads, dumps = orjson.loads, orjson.dumps
    return [dumps(project(loads(item), fields)) for item in items]
