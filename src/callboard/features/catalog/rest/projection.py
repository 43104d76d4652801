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
        if len(parts) <= 2:  # nearly all of them: the same as below without a list for each
            first = entity.get(parts[0])
            if len(parts) == 1:
                if first is not None or parts[0] in entity:
                    out[parts[0]] = first
                continue
            if isinstance(first, dict) and parts[1] in first:
                below = out.get(parts[0])
                if below is None:
                    out[parts[0]] = {parts[1]: first[parts[1]]}
                elif isinstance(below, dict):
                    below[parts[1]] = first[parts[1]]
                continue
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
    dumps = orjson.dumps
    read = _read_head if all(parts[0] in _HEAD for parts in fields) else orjson.loads
    return [dumps(project(read(item), fields)) for item in items]


_HEAD = frozenset(("metadata", "apiVersion", "kind"))


def _read_head(item: bytes) -> Any:
    """What stands before ``spec`` in a stored entity; relations and the rest, half of it, are not looked at.

    The marks that are looked for may stand inside of ``metadata``, too: then what was cut off there is no JSON.
    """
    end = item.find(b',"spec":', item.find(b'"},"apiVersion":"'))
    if end != -1:
        try:
            return orjson.loads(item[:end] + b"}")
        except orjson.JSONDecodeError:
            pass
    return orjson.loads(item)
