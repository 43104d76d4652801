"""Relations: what the fields of an entity say about it and others, from both ends.

Source: Backstage catalog-backend 4.0.0, ``BuiltinKindsEntityProcessor.postProcessEntity`` and the sorting before it.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from callboard.model.kinds import KindVersion, RelationField
from callboard.model.problems import FieldPath, Problem
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, RefError

_SORTED_FIELDS = ("providesApis", "consumesApis", "dependsOn", "dependencyOf", "memberOf", "children", "members")


class Relation(NamedTuple):
    """``source`` has a relation of ``type`` to ``target``; both are lower-cased refs. Targets need not exist."""

    source: str
    type: str
    target: str


def sort_refs(entity: dict[str, Any]) -> None:
    """Sort the lists of refs in ``spec``, so that their order in the file does not matter. Replaces the lists."""
    spec = entity.get("spec")
    if not isinstance(spec, dict):
        return
    for name in _SORTED_FIELDS:
        refs = spec.get(name)
        if type(refs) is list and len(refs) > 1 and all(type(ref) is str for ref in refs):
            spec[name] = sorted(refs)


def relations_of(entity: Mapping[str, Any], version: KindVersion, ref: str) -> list[Relation] | Problem:
    """Both ends of every relation that the entity's fields ask for, without repeats, in the order of the fields.

    ``ref`` is the lower-cased ref of the entity, which has passed the schema of its kind. A ref that cannot be read
    (``dependsOn`` without a kind) is a ``Problem``: the whole entity is refused, as Backstage does.
    """
    out: dict[Relation, None] = {}
    namespace = ref[ref.index(":") + 1 : ref.index("/")]
    for field in version.relation_fields:
        value = _value_at(entity, field.path)
        if not value:
            continue
        default_namespace = namespace if field.default_namespace == "inherit" else DEFAULT_NAMESPACE
        for target in value if isinstance(value, list) else (value,):
            if not target:
                continue
            try:
                found = _target_ref(target, field, default_namespace)
            except RefError as error:
                return _bad_ref(error, field, target, value)
            if field.allowed_kinds is not None and found[: found.index(":")] not in field.allowed_kinds:
                continue
            out[Relation(ref, field.relation, found)] = None
            out[Relation(found, field.reverse, ref)] = None
    return list(out)


def _value_at(entity: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = entity
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _target_ref(target: Any, field: RelationField, namespace: str) -> str:
    if type(target) is str and field.default_kind and ":" not in target and "/" not in target:
        return f"{field.default_kind}:{namespace}/{target}".lower()
    return str(EntityRef.parse(target, default_kind=field.default_kind, default_namespace=namespace))


def _bad_ref(error: RefError, field: RelationField, target: Any, value: Any) -> Problem:
    path: FieldPath = (*field.path, value.index(target)) if isinstance(value, list) else field.path
    fix = None if field.default_kind else f"Write the kind, as in component:{target} or resource:{target}."
    return Problem(
        "relations",
        f"Processor BuiltinKindsEntityProcessor threw an error while postprocessing; caused by TypeError: {error}",
        path, "InputError", ("TypeError", str(error)), fix=fix,
    )  # fmt: skip
