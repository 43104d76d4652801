"""What a bulk change comes to for one entity. Pure; no I/O."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.editing.bulk.interface import FIELDS, BulkChange
from callboard.features.editing.forms import version_for
from callboard.features.editing.interface import FieldChange
from callboard.kernel.errors import InputError
from callboard.model.kinds import KindRegistry
from callboard.model.refs import EntityRef
from callboard.model.validation import is_tag

MAX_VALUE = 200
MAX_TAGS = 50
TAGS = "metadata.tags"


def require_sound(change: BulkChange) -> None:
    """Raises ``InputError`` for what no entity could take."""
    if change.is_empty:
        raise InputError("Say what to change: an owner, a lifecycle, a system, a type or tags.", field="change")
    for name, value in change.values.items():
        if name not in FIELDS:
            raise InputError(f"{name} cannot be changed in bulk; {', '.join(FIELDS)} and tags can.", field=name)
        if value is not None and not 0 < len(value) <= MAX_VALUE:
            raise InputError(f"{name} has between 1 and {MAX_VALUE} characters.", field=name)
    if len(change.add_tags) + len(change.remove_tags) > MAX_TAGS:
        raise InputError(f"At most {MAX_TAGS} tags are changed at once.", field="add_tags")
    for tag in change.add_tags:
        if not is_tag(tag):
            raise InputError(f"{tag} is no tag: lower-case letters and digits, with - + : # between.", field="add_tags")
    if both := set(change.add_tags) & set(change.remove_tags):
        raise InputError(f"{min(both)} is to be added and taken away.", field="add_tags")


def field_change(change: BulkChange, entity: Mapping[str, Any], kinds: KindRegistry) -> FieldChange | str:
    """What to set in this entity; the values that stand now are expected. As text: why nothing can be set."""
    ref = str(EntityRef.of(entity))
    version = version_for(kinds, entity)
    spec = version.schema.get("properties", {}).get("spec", {}) if version is not None else {}
    known = spec.get("properties", {})
    values: dict[str, Any] = {}
    for name, value in change.values.items():
        if version is not None and name not in known:
            return f"A {entity['kind']} has no {name}."
        if value is None and name in spec.get("required", ()):
            return f"A {entity['kind']} must have {name}."
        values[f"spec.{name}"] = value
    if change.add_tags or change.remove_tags:
        tags = entity["metadata"].get("tags")
        values[TAGS] = _tags(tags if isinstance(tags, list) else [], change) or None
    now = {path: _value(entity, path) for path in values}
    return FieldChange(ref, values, now)


def _tags(now: Sequence[Any], change: BulkChange) -> list[Any]:
    gone = set(change.remove_tags)
    return list(dict.fromkeys([*(tag for tag in now if tag not in gone), *change.add_tags]))


def _value(entity: Mapping[str, Any], path: str) -> Any:
    part, _, name = path.partition(".")
    inner = entity.get(part)
    return inner.get(name) if isinstance(inner, Mapping) else None
