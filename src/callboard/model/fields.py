"""Fields of an entity by their paths: read, set, taken away, compared. Pure; documents are never changed in place.

A path is written as findings write it: ``spec.owner``, ``metadata.annotations["backstage.io/techdocs-ref"]``. A list is one
value. What stands below ``metadata.labels`` and ``metadata.annotations`` is one key each, whatever dots it has.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from callboard.model.problems import FieldPath, format_field

KEYED = (("metadata", "labels"), ("metadata", "annotations"))
"""Mappings that are given key by key, and go away with their last key."""
IDENTITY = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"))
"""What makes an entity this one."""
GIVEN_BY_CATALOG = (("metadata", "uid"), ("metadata", "etag"), ("metadata", "generation"), ("relations",), ("status",))
LOCATION_ANNOTATIONS = (
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/orphan",
    "callboard.dev/overlay",
)
_PART = re.compile(r'\.?([^.\["\]]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')


def parse_field(field: str) -> FieldPath:
    """The reverse of ``format_field``; a label or annotation may also follow its mapping unquoted."""
    for head in KEYED:
        start = f"{'.'.join(head)}."
        if field.startswith(start):
            return (*head, field.removeprefix(start))
    path: list[str | int] = []
    for found in _PART.finditer(field):
        name, number, quoted = found.groups()
        path.append(int(number) if number is not None else name if name is not None else quoted)
    return tuple(path)


def find_value(document: Any, path: FieldPath) -> Any:
    """What stands at ``path``; None where nothing does."""
    for part in path:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        else:
            return None
    return document


def with_value(document: Mapping[str, Any], path: FieldPath, value: Any) -> dict[str, Any]:
    """The document with ``value`` at ``path``, or without the field for None.

    Mappings on the way are made where they are missing. Labels and annotations go away with their last key.
    """
    out = dict(document)
    head, rest = str(path[0]), path[1:]
    if not rest:
        if value is None:
            out.pop(head, None)
        else:
            out[head] = value
        return out
    below = out.get(head)
    if value is None and not isinstance(below, Mapping):
        return out
    changed = with_value(below if isinstance(below, Mapping) else {}, rest, value)
    if not changed and value is None and len(rest) == 1 and head in ("labels", "annotations"):
        out.pop(head, None)
    else:
        out[head] = changed
    return out


def with_values(document: Mapping[str, Any], values: Mapping[FieldPath, Any]) -> dict[str, Any]:
    """``with_value`` for each, what stands higher first."""
    out = dict(document)
    for path in sorted(values, key=len):
        out = with_value(out, path, values[path])
    return out


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[FieldPath, Any]:
    """What to set (None: take away) in ``before`` to come to ``after``: mappings are looked into, all else is one value."""
    return dict(_differences((), before, after))


def _differences(
    path: FieldPath, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[FieldPath, Any]]:
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        here = (*path, key)
        if old == new and type(old) is type(new):
            continue
        if here in KEYED:
            old, new = old or {}, new or {}
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(here, old, new)
        elif old is not None or new is not None:
            yield here, new


def is_keyed(path: FieldPath) -> bool:
    """Whether it is one label or annotation."""
    return len(path) == 3 and path[:2] in KEYED


def find_fault(path: FieldPath) -> str | None:
    """Why a field of an entity cannot be set by its path, in words; None when it can."""
    name = format_field(path)
    if not path or any(not isinstance(part, str) or not part for part in path):
        return (
            f"{name or 'An empty path'} is no field: name one by its path, for example spec.owner. A list is one value."
        )
    if path in IDENTITY:
        return f"{name} makes the entity the one that it is, and stays."
    if path in GIVEN_BY_CATALOG or path[:1] in GIVEN_BY_CATALOG:
        return f"{name} is worked out by the catalog."
    if path[0] not in ("metadata", "spec"):
        return f"{name} is no field of an entity: those begin with metadata or spec."
    if path in (("metadata",), ("spec",), *KEYED):
        return f"{name} holds many fields: name those that are meant."
    if is_keyed(path) and path[2] in LOCATION_ANNOTATIONS:
        return f"{name} says where the entity comes from, and is written by the catalog."
    if path[:2] in KEYED and not is_keyed(path):
        return f"{name} is no field: labels and annotations are texts by key."
    return None
