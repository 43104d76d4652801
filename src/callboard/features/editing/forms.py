"""The form of a kind: fields from its JSON Schema, their values from a document, and a document from what a form sent. Pure.

A form shows what it can hold: texts, choices, switches, numbers and lists of texts. The rest of a document (mappings, lists of
mappings) is left as it is, and is edited as YAML.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

from callboard.model.fields import find_value
from callboard.model.kinds import KindDefinition, KindRegistry, KindVersion
from callboard.model.problems import FieldPath, format_field

Widget = Literal["text", "long", "choice", "flag", "number", "list", "links"]
LONG = ("description", "definition", "rationale")
MAX_VALUE = 400_000


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. ``id`` is its path (``spec.owner``); ``kinds`` are those of the entities that it names, lower-cased.

    ``kinds`` is None for what names no entity, and empty where it may be any.
    """

    id: str
    path: FieldPath
    widget: Widget
    is_required: bool = False
    choices: Sequence[str] = ()
    kinds: Sequence[str] | None = None
    help: str = ""

    @property
    def name(self) -> str:
        return str(self.path[-1])


IDENTITY = (
    Field("metadata.name", ("metadata", "name"), "text", True),
    Field("metadata.namespace", ("metadata", "namespace"), "text"),
)
"""What makes the ref: only a new entity chooses it."""
ABOUT = (
    Field("metadata.title", ("metadata", "title"), "text"),
    Field("metadata.description", ("metadata", "description"), "long"),
)
MORE = (
    Field("metadata.tags", ("metadata", "tags"), "list"),
    Field("metadata.links", ("metadata", "links"), "links"),
)


def start_document(definition: KindDefinition) -> dict[str, Any]:
    """The least that an entity of the kind says; what it needs further is for people to fill in."""
    version = definition.versions[0]
    spec: dict[str, Any] = {}
    for field in spec_fields(version):
        if field.is_required:
            spec[field.name] = [] if field.widget == "list" else ""
    return {"apiVersion": version.api_versions[0], "kind": definition.kind, "metadata": {"name": ""}, "spec": spec}


def version_for(kinds: KindRegistry, document: Mapping[str, Any]) -> KindVersion | None:
    """The version of its kind that a document says; the first of the kind where it says none that we know."""
    kind, api = document.get("kind"), document.get("apiVersion")
    if isinstance(kind, str) and isinstance(api, str):
        found = kinds.find_version(document)
        if found is not None:
            return found
    definition = kinds.find_definition(kind) if isinstance(kind, str) else None
    return definition.versions[0] if definition is not None else None


def spec_fields(version: KindVersion) -> list[Field]:
    """The fields of ``spec`` that a form can show: required ones first, each part in the order of the schema."""
    spec = version.schema.get("properties", {}).get("spec", {})
    properties = spec.get("properties", {}) if isinstance(spec, Mapping) else {}
    required = spec.get("required", ()) if isinstance(spec, Mapping) else ()
    refs = {field.path: field for field in version.relation_fields}
    out = []
    for name, schema in properties.items():
        widget = _widget(str(name), schema)
        if widget is None:
            continue
        path = ("spec", str(name))
        relation = refs.get(path)
        kinds: Sequence[str] | None = None
        if relation is not None:
            named = relation.allowed_kinds or ({relation.default_kind.lower()} if relation.default_kind else ())
            kinds = ("group", "user") if name == "owner" else tuple(sorted(named))
        choices = tuple(str(choice) for choice in schema.get("enum", ()) if isinstance(choice, str))
        help = schema.get("description", "")
        out.append(
            Field(
                format_field(path),
                path,
                widget,
                name in required,
                choices,
                kinds,
                help if isinstance(help, str) else "",
            )
        )
    return sorted(out, key=lambda field: not field.is_required)


def _widget(name: str, schema: Any) -> Widget | None:
    if not isinstance(schema, Mapping):
        return None
    if "enum" in schema:
        return "choice" if all(isinstance(choice, str) for choice in schema["enum"]) else None
    match schema.get("type"):
        case "string":
            return "long" if name in LONG or schema.get("format") == "multiline" else "text"
        case "boolean":
            return "flag"
        case "integer" | "number":
            return "number"
        case "array":
            items = schema.get("items")
            return "list" if isinstance(items, Mapping) and items.get("type") == "string" else None
    return None


def value_of(document: Mapping[str, Any], field: Field) -> str | None:
    """What a form shows for the field; None for a value that it cannot show, which then is left alone."""
    value: Any = document
    for part in field.path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    match field.widget:
        case "flag":
            return ("true" if value else "false") if isinstance(value, bool) else None
        case "list":
            return "\n".join(value) if isinstance(value, list) and all(_is_line(item) for item in value) else None
        case "links":
            return format_links(value)
        case "number":
            return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return value if isinstance(value, str) else None


def _is_line(item: Any) -> bool:
    return isinstance(item, str) and "\n" not in item and item == item.strip()


LINK_KEYS = frozenset(("url", "title", "icon", "type"))


def format_links(value: Any) -> str | None:
    """``https://… Title`` a line; None when links say more than the envelope knows. Icon and type stay with their address."""
    if not isinstance(value, list):
        return None
    lines = []
    for link in value:
        if not isinstance(link, Mapping) or not set(link) <= LINK_KEYS or not isinstance(link.get("url"), str):
            return None
        url, title = link["url"], link.get("title") or ""
        if not isinstance(title, str) or not _is_line(title) or " " in url or not _is_line(url):
            return None
        lines.append(f"{url} {title}".rstrip())
    return "\n".join(lines)


def fill(document: Mapping[str, Any], fields: Sequence[Field], form: Mapping[str, str]) -> dict[str, Any]:
    """The document with what the form says. Fields that it lacks, and empty ones that were empty, stay as they are."""
    out = copy.deepcopy(dict(document))
    for field in fields:
        before = value_of(document, field)
        more = form.get(f"{field.id}+", "").strip() if field.widget == "list" else ""
        if before is None or (field.id not in form and not more) or len(form.get(field.id, "")) > MAX_VALUE:
            continue
        said = form.get(field.id, before).replace("\r\n", "\n")
        if more:
            said = f"{said.rstrip()}\n{more}"
        if said.strip() == before.strip():
            continue
        _put(out, field.path, _read(field, said, find_value(document, field.path)), is_required=field.is_required)
    return out


def _read(field: Field, said: str, stood: Any) -> Any:
    """``stood`` is the value that the form began with."""
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    match field.widget:
        case "list":
            return list(dict.fromkeys(lines))
        case "links":
            known: dict[str, list[Mapping[str, Any]]] = {}
            for link in stood if isinstance(stood, list) else ():
                known.setdefault(link["url"], []).append(link)
            links = []
            for line in lines:
                url, _, title = line.partition(" ")
                before = known[url].pop(0) if known.get(url) else {}
                said_of = {"url": url, "title": title.strip()} if title.strip() else {"url": url}
                links.append(said_of | {key: before[key] for key in ("icon", "type") if key in before})
            return links
        case "flag":
            return {"true": True, "false": False}.get(said.strip())
        case "number":
            return _number(said.strip())
        case "long":
            return said.strip("\n").rstrip()
    return said.strip()


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text or None  # the schema says what is wrong with it


def _put(document: dict[str, Any], path: FieldPath, value: Any, *, is_required: bool) -> None:
    """Set the value; an empty one goes away, but for a list that must be there."""
    at: Any = document
    for part in path[:-1]:
        if not isinstance(at.get(part), dict):
            at[part] = {}
        at = at[part]
    if value in (None, "", []) and not (is_required and value == []):
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
