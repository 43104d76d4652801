"""Kinds as people declare them in the browser: fields in words, to and from a model layer. Pure; no I/O.

A layer is a list of definitions and extensions in the form of ``model.kinds``. What a form cannot show of a layer (a schema
that somebody wrote by hand) is kept as it is, as a field of type ``other``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, Mapping, Sequence, get_args

from callboard.kernel.errors import InputError
from callboard.model.kinds import RELATION_PAIRS, KindDefinition, KindVersion
from callboard.model.validation import is_api_version, is_dns_subdomain, is_kind

FieldType = Literal["text", "long", "choice", "number", "flag", "list", "ref", "refs", "other"]
TYPES: Sequence[FieldType] = tuple(t for t in get_args(FieldType) if t != "other")
DEFAULT_GROUP = "internal"
MAX_FIELDS, MAX_CHOICES, MAX_WORDS = 60, 200, 500
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_RELATION = re.compile(r"[a-z][A-Za-z0-9]{0,62}")
_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}


class KindRefused(InputError):
    """A declaration that cannot be used; ``field`` says where."""

    code = "catalog.kind_refused"


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """A field of ``spec``. ``kinds`` are those that a ref may name, as written; ``relation`` and ``reverse`` its two names.

    ``schema`` is what a field of type ``other`` is.
    """

    name: str
    type: FieldType = "text"
    title: str = ""
    help: str = ""
    is_required: bool = False
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    relation: str = ""
    reverse: str = ""
    schema: Mapping[str, Any] | None = None

    @property
    def is_ref(self) -> bool:
        return self.type in ("ref", "refs")


@dataclass(frozen=True, slots=True)
class DeclaredKind:
    """A kind of one's own, or with ``is_extension`` further fields of one that is there.

    ``versions`` are names of its apiVersion without the group, the newest first.
    """

    kind: str
    fields: tuple[DeclaredField, ...] = ()
    is_extension: bool = False
    group: str = DEFAULT_GROUP
    singular: str = ""
    plural: str = ""
    description: str = ""
    icon: str = ""
    versions: tuple[str, ...] = ("v1",)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Parts of a definition that the form has no place for, kept as they are: further versions."""


# ---- to a layer --------------------------------------------------------------------------------------------------------


def to_item(declared: DeclaredKind) -> dict[str, Any]:
    """The definition or extension as data. Raises ``KindRefused``."""
    require_sound(declared)
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": [one.name for one in declared.fields if one.is_required],
                "properties": {one.name: _schema_of(one) for one in declared.fields},
            }
        },
    }
    relations = [_relation_of(one) for one in declared.fields if one.is_ref and one.relation]
    if declared.is_extension:
        return {"extend": declared.kind, "schema": schema, "relationFields": relations}
    if any(one.is_required for one in declared.fields):
        schema["required"] = ["spec"]
    names = list(declared.versions)
    item: dict[str, Any] = {
        "group": declared.group,
        "names": {
            "kind": declared.kind, "singular": declared.singular or declared.kind.lower(),
            "plural": declared.plural or f"{declared.kind.lower()}s",
        },
        "description": declared.description,
        "versions": [
            {
                "name": names[0] if len(names) == 1 else names, "schema": {"jsonSchema": schema}, "relationFields": relations,
            },
            *declared.more.get("versions", ()),
        ],
    }  # fmt: skip
    if declared.icon:
        item["icon"] = declared.icon
    return item


def _schema_of(one: DeclaredField) -> dict[str, Any]:
    if one.type == "other":
        return dict(one.schema or {})
    out: dict[str, Any] = {}
    match one.type:
        case "text" | "ref":
            out = dict(_TEXT)
        case "long":
            out = {**_TEXT, "format": "multiline"}
        case "choice":
            out = {"type": "string", "enum": list(one.choices)}
        case "number":
            out = {"type": "number"}
        case "flag":
            out = {"type": "boolean"}
        case "list" | "refs":
            out = {"type": "array", "items": dict(_TEXT)}
    if one.title:
        out["title"] = one.title
    if one.help:
        out["description"] = one.help
    return out


def _relation_of(one: DeclaredField) -> dict[str, Any]:
    out: dict[str, Any] = {
        "selector": {"path": f"spec.{one.name}"}, "relation": one.relation, "reverse": one.reverse or RELATION_PAIRS[one.relation]
    }  # fmt: skip
    if one.kinds:
        out["defaultKind"] = one.kinds[0]
        out["allowedKinds"] = list(one.kinds)
    return out


def require_sound(declared: DeclaredKind) -> None:
    """Raises ``KindRefused`` for the first thing that keeps the declaration out, in words for who wrote it."""
    if not is_kind(declared.kind):
        raise KindRefused("A kind is letters and digits, a letter first, at most 63: Dataset.", field="kind")
    if not declared.is_extension:
        if not is_dns_subdomain(declared.group):
            raise KindRefused("A group is lower-case words with dots, as in acme.example.", field="group")
        for version in declared.versions:
            if not is_api_version(f"{declared.group}/{version}"):
                raise KindRefused("A version is letters and digits, such as v1.", field="version")
    if len(declared.fields) > MAX_FIELDS:
        raise KindRefused(f"A kind has at most {MAX_FIELDS} fields here.", field="fields")
    seen: set[str] = set()
    for n, one in enumerate(declared.fields):
        at = f"fields.{n}"
        if not _NAME.fullmatch(one.name):
            raise KindRefused(
                f"{one.name or 'A field without a name'}: a field is letters, digits and _, a letter first.",
                field=f"{at}.name",
            )
        if one.name in seen:
            raise KindRefused(f"Two fields are called {one.name}.", field=f"{at}.name")
        seen.add(one.name)
        _require_field(one, at)


def _require_field(one: DeclaredField, at: str) -> None:
    if one.type not in get_args(FieldType):
        raise KindRefused(f"{one.name}: there is no type {one.type}.", field=f"{at}.type")
    if max(len(one.title), len(one.help)) > MAX_WORDS:
        raise KindRefused(f"{one.name}: title and help have at most {MAX_WORDS} characters.", field=f"{at}.help")
    if one.type == "choice" and (not one.choices or len(one.choices) > MAX_CHOICES):
        raise KindRefused(f"{one.name}: give between 1 and {MAX_CHOICES} choices.", field=f"{at}.choices")
    if one.is_ref and one.relation:
        if not one.reverse and one.relation not in RELATION_PAIRS:
            raise KindRefused(
                f"{one.name}: a relation has a name each way, as in derivedFrom and sourceOf.", field=f"{at}.reverse"
            )
        for name in (one.relation, one.reverse or "ok"):
            if not _RELATION.fullmatch(name):
                raise KindRefused(
                    f"{one.name}: {name} is no name of a relation, such as derivedFrom.", field=f"{at}.relation"
                )
    for kind in one.kinds:
        if not is_kind(kind):
            raise KindRefused(f"{one.name}: {kind} is no kind.", field=f"{at}.kinds")


# ---- from a layer ------------------------------------------------------------------------------------------------------


def from_item(item: Mapping[str, Any]) -> DeclaredKind:
    """A definition or extension that ``parse_item`` takes, as the form shows it."""
    if "extend" in item:
        schema = item.get("schema") or {}
        fields = _fields_of(schema.get("jsonSchema", schema), item.get("relationFields") or ())
        return DeclaredKind(str(item["extend"]), fields, is_extension=True)
    names: Mapping[str, Any] = item["names"]
    first, *rest = list(item["versions"])
    schema = first.get("schema") or {}
    said = first["name"]
    versions = (said,) if isinstance(said, str) else tuple(said)
    return DeclaredKind(
        str(names["kind"]), _fields_of(schema.get("jsonSchema", schema), first.get("relationFields") or ()), False,
        str(item["group"]), str(names.get("singular") or ""), str(names.get("plural") or ""), str(item.get("description") or ""),
        str(item.get("icon") or ""), versions, {"versions": rest} if rest else {},
    )  # fmt: skip


def fields_of_version(version: KindVersion) -> tuple[DeclaredField, ...]:
    """The fields of a kind that is there, to show them."""
    relations = [
        {
            "selector": {"path": ".".join(one.path)}, "relation": one.relation, "reverse": one.reverse,
            "allowedKinds": sorted(one.allowed_kinds) if one.allowed_kinds else [one.default_kind] if one.default_kind else [],
        }
        for one in version.relation_fields
    ]  # fmt: skip
    return _fields_of(version.schema, relations)


def _fields_of(schema: Mapping[str, Any], relations: Sequence[Mapping[str, Any]]) -> tuple[DeclaredField, ...]:
    spec = (schema.get("properties") or {}).get("spec") or {}
    required = spec.get("required") or ()
    named = {str((one.get("selector") or one).get("path")): one for one in relations}
    return tuple(
        _field_of(str(name), one, name in required, named.get(f"spec.{name}"))
        for name, one in (spec.get("properties") or {}).items()
    )


def _field_of(name: str, schema: Any, is_required: bool, relation: Mapping[str, Any] | None) -> DeclaredField:
    said = schema if isinstance(schema, Mapping) else {}
    type = _type_of(said, is_ref=relation is not None)
    kinds: tuple[str, ...] = ()
    names = ("", "")
    if relation is not None:
        kinds = tuple(
            relation.get("allowedKinds") or ([relation["defaultKind"]] if relation.get("defaultKind") else ())
        )
        forward = str(relation.get("relation") or "")
        names = (forward, str(relation.get("reverse") or RELATION_PAIRS.get(forward, "")))
    return DeclaredField(
        name, type, str(said.get("title") or ""), str(said.get("description") or ""), is_required,
        tuple(str(choice) for choice in said.get("enum") or ()), kinds, *names, dict(said) if type == "other" else None,
    )  # fmt: skip


def _type_of(schema: Mapping[str, Any], *, is_ref: bool) -> FieldType:
    known = set(schema) - {"title", "description", "minLength", "type", "enum", "items", "format"}
    items = schema.get("items")
    is_texts = schema.get("type") == "array" and isinstance(items, Mapping) and set(items) <= {"type", "minLength"}
    if known or (schema.get("format") not in (None, "multiline")):
        return "other"
    if is_texts:
        return "refs" if is_ref else "list"
    match schema.get("type"):
        case "string" if "enum" in schema:
            return "choice" if all(isinstance(choice, str) for choice in schema["enum"]) else "other"
        case "string":
            return "ref" if is_ref else "long" if schema.get("format") == "multiline" else "text"
        case "number" | "integer":
            return "number" if schema["type"] == "number" else "other"
        case "boolean":
            return "flag"
    return "other"


# ---- what differs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindChange:
    """A difference between two layers: of a kind as a whole (``field`` None), or of one of its fields."""

    kind: str
    field: str | None
    how: Literal["added", "changed", "removed"]


def compare(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[KindChange]:
    """What declaring ``after`` in the place of ``before`` changes."""
    old, new = ({key_of(item): from_item(item) for item in layer} for layer in (before, after))
    out: list[KindChange] = []
    for key in [*old, *(key for key in new if key not in old)]:
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            known = was or now
            assert known is not None
            out.append(KindChange(known.kind, None, "added" if was is None else "removed"))
            continue
        if (was.group, was.singular, was.plural, was.description, was.icon, was.versions, was.more) != (
            now.group, now.singular, now.plural, now.description, now.icon, now.versions, now.more,
        ):  # fmt: skip
            out.append(KindChange(now.kind, None, "changed"))
        fields_before = {one.name: one for one in was.fields}
        fields_after = {one.name: one for one in now.fields}
        for name in [*fields_before, *(n for n in fields_after if n not in fields_before)]:
            one, other = fields_before.get(name), fields_after.get(name)
            if one != other:
                out.append(
                    KindChange(now.kind, name, "added" if one is None else "removed" if other is None else "changed")
                )
    return out


def key_of(item: Mapping[str, Any]) -> tuple[str, str, bool]:
    """What makes an item of a layer the one that it is: group, kind, whether it extends."""
    if "extend" in item:
        return "", str(item["extend"]).lower(), True
    return str(item["group"]), str(item["names"]["kind"]).lower(), False


def kinds_of(definitions: Sequence[KindDefinition]) -> dict[str, list[KindDefinition]]:
    """Definitions by the lower-cased kind: a kind may be of several groups."""
    found: dict[str, list[KindDefinition]] = {}
    for definition in definitions:
        found.setdefault(definition.kind.lower(), []).append(definition)
    return found
