"""Search terms: the flat (key, value) rows of an entity that filters, facets and orders look at.

Source: Backstage catalog-backend 4.0.0, ``buildEntitySearch`` (``facts``: the walk, the skipped roots, the 200-character cut).
"""

from __future__ import annotations

from typing import Any, Mapping

MAX_KEY_LENGTH = 200
MAX_VALUE_LENGTH = 200
SKIPPED = frozenset(
    ("attachments", "relations", "status", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.etag")
)
"""Paths that the walk passes over; names, namespaces, uids and relations are added by themselves."""

Terms = dict[str, dict[str | None, str | None]]
"""Key, lower-cased, to its values: lower-cased value to the value as written. None stands for null or too long."""


def text_of_scalar(value: Any) -> str:
    """A boolean or number as JavaScript prints it."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))  # as JavaScript prints numbers
    return str(value)


def _walk(key: str, value: Any, out: Terms) -> None:
    if isinstance(value, dict):
        for name, child in value.items():
            _walk_child(key, name, child, out)
    elif isinstance(value, list):
        for item in value:
            _walk(key, item, out)
            if isinstance(item, str):
                _put(f"{key}.{item}".lower(), "true", "true", out)
    elif value is None:
        _put(key, None, None, out)
    else:
        text = value if type(value) is str else text_of_scalar(value)
        if len(text) > MAX_VALUE_LENGTH:
            _put(key, None, None, out)
        else:
            _put(key, text.lower(), text, out)


def _walk_child(key: str, name: str, child: Any, out: Terms) -> None:
    path = f"{key}.{name}".lower()
    if path not in SKIPPED:
        _walk(path, child, out)


def _put(key: str, value: str | None, original: str | None, out: Terms) -> None:
    if len(key) > MAX_KEY_LENGTH:
        return
    values = out.get(key)
    if values is None:
        out[key] = {value: original}
    else:
        values.setdefault(value, original)


def terms_of(entity: Mapping[str, Any]) -> Terms:
    """All terms of a final entity (with ``metadata.uid`` and ``relations``), without repeats."""
    out: Terms = {}
    for name, child in entity.items():
        root = name.lower()
        if root not in SKIPPED:
            _walk(root, child, out)
    metadata = entity["metadata"]
    name = str(metadata["name"])
    namespace = str(metadata.get("namespace") or "default")
    uid = metadata.get("uid")
    _put("metadata.name", name.lower(), name, out)
    _put("metadata.namespace", namespace.lower(), namespace, out)
    if uid is not None:
        _put("metadata.uid", uid, uid, out)
    for relation in entity.get("relations") or ():
        target = relation["targetRef"]
        if len(target) <= MAX_VALUE_LENGTH:
            _put(f"relations.{relation['type']}".lower(), target.lower(), target, out)
    return out
