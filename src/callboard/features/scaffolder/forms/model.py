"""The fields of one page of a form, for given answers. Pure: a schema and answers in, fields out.

What is drawn, how what was typed is read, and what is told of an answer all go by these values.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterator, Literal, Mapping, Sequence

from callboard.features.scaffolder.forms.defaults import fill
from callboard.features.scaffolder.forms.paths import MISSING, Path, format_name, get
from callboard.features.scaffolder.forms.schemas import (
    Schema,
    Schemas,
    deciding,
    may_be_null,
    mentioned,
    option,
    ordered,
    type_of,
)
from callboard.features.scaffolder.forms.variants import Variant, as_choices, choose, text_of

Kind = Literal[
    "text", "long", "number", "flag", "choice", "choices", "object", "list", "map", "data", "file", "constant", "hidden",
    "secret", "password", "entity", "entities", "name", "tags", "repository", "branch", "repository-owner",
]  # fmt: skip
MAX_FIELDS, MAX_ITEMS, MAX_LEVELS = 2_000, 300, 14
PICKERS = {
    "EntityPicker": "entity", "OwnerPicker": "entity", "OwnedEntityPicker": "entity", "MyGroupsPicker": "entity",
    "MultiEntityPicker": "entities", "EntityNamePicker": "name", "EntityTagsPicker": "tags", "RepoUrlPicker": "repository",
    "RepoBranchPicker": "branch", "RepoOwnerPicker": "repository-owner", "Secret": "secret",
}  # fmt: skip
INPUTS = {
    "email": "email", "uri": "url", "url": "url", "date": "date", "date-time": "datetime-local", "datetime": "datetime-local",
    "alt-datetime": "datetime-local", "alt-date": "date", "time": "time", "color": "color", "tel": "tel",
}  # fmt: skip
"""Types of HTML's input by ``format`` and ``ui:widget``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values. ``text`` is how the form sends it."""

    value: Any
    text: str
    title: str
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it is now.

    ``value`` is ``MISSING`` where there is no answer; ``picker`` is the ``ui:field``; ``input`` the type of HTML's input; ``fields`` are
    those of a mapping, or the items of a list; ``drives`` says that other fields depend on it; ``style`` is how choices are drawn.
    """

    path: Path
    kind: Kind
    schema: Schema
    title: str
    value: Any
    is_required: bool = False
    is_locked: bool = False
    description: str = ""
    help: str = ""
    picker: str = ""
    input: str = "text"
    choices: Sequence[Choice] = ()
    style: Literal["select", "radio"] = "select"
    fields: Sequence[Field] = ()
    variant: Variant | None = None
    drives: bool = False
    can_add: bool = False
    can_remove: bool = False
    can_order: bool = False
    known: frozenset[str] = frozenset()
    """Names of the properties of a mapping under any condition: what else it holds is not the form's."""

    @property
    def name(self) -> str:
        return format_name(self.path)

    def option(self, name: str, default: Any = None) -> Any:
        return option(self.schema, name, default)

    def walk(self) -> Iterator[Field]:
        yield self
        for below in self.fields:
            yield from below.walk()


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page with its fields. ``values`` are the answers of all pages with what the schema of this one gives."""

    title: str
    description: str
    root: Field
    values: Mapping[str, Any]
    schema: Schema

    @property
    def fields(self) -> Sequence[Field]:
        return self.root.fields

    def walk(self) -> Iterator[Field]:
        return self.root.walk()

    def find(self, name: str) -> Field | None:
        return next((one for one in self.walk() if one.name == name), None)


@dataclass(slots=True)
class Known:
    """What people did, beside the answers: fields that they emptied, variants and hosts that they chose, by the names of fields."""

    cleared: set[str] = field(default_factory=set)
    chosen: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    """Hosts of repositories that have no other part yet."""


def build_page(
    step: Mapping[str, Any],
    values: Mapping[str, Any],
    known: Known | None = None,
    *,
    has_flag: Callable[[str], bool] = lambda name: False,
) -> FormPage:
    """The page of a step ``{title, description?, schema}``. ``has_flag`` tells of features that people may be without."""
    known = known or Known()
    given = step.get("schema")
    schema: Schema = given if isinstance(given, Mapping) else {}
    out = copy.deepcopy(dict(values))
    schemas = Schemas(schema, lambda one: is_shown(one, has_flag))
    fill(schemas, schema, out, cleared=known.cleared, chosen=known.chosen)
    root = _Building(schemas, out, known, deciding(schema)).root(schema)
    title = str(step.get("title") or schema.get("title") or "")
    return FormPage(title, _text(step.get("description") or schema.get("description")), root, out, schema)


def is_shown(schema: Any, has_flag: Callable[[str], bool]) -> bool:
    """Whether the feature flag that a page or property names, if any, is on."""
    if not isinstance(schema, Mapping):
        return True
    review = option(schema, "backstage")
    flags = (schema.get("backstage:featureFlag"), review.get("featureFlag") if isinstance(review, Mapping) else None)
    return all(has_flag(flag) for flag in flags if isinstance(flag, str))


class _Building:
    def __init__(self, schemas: Schemas, values: Mapping[str, Any], known: Known, deciding: set[str]) -> None:
        self._schemas = schemas
        self._values = values
        self._known = known
        self._deciding = deciding
        self._left = MAX_FIELDS

    def root(self, schema: Schema) -> Field:
        resolved, variant = self._resolve(schema, ())
        return self._object((), resolved, dict(self._values), variant, "", False, 0)

    def _resolve(self, schema: Any, path: Path) -> tuple[dict[str, Any], Variant | None]:
        value = get(self._values, path) if path else self._values
        resolved = self._schemas.resolve(schema, value)
        return choose(self._schemas, resolved, value, self._known.chosen.get(format_name(path)))

    def field(self, schema: Any, path: Path, is_required: bool, level: int) -> Field | None:
        self._left -= 1
        if self._left < 0 or level > MAX_LEVELS:
            return None
        if schema is True:
            schema = {}
        if not isinstance(schema, Mapping):
            return None
        resolved, variant = self._resolve(schema, path)
        value = get(self._values, path)
        title = _text(option(resolved, "title") or resolved.get("title"))
        title = title or (str(path[-1]) if isinstance(path[-1], str) else "")
        kind, more = self._kind(resolved)
        if kind == "object":
            known = frozenset(mentioned(self._schemas.follow(schema)) | mentioned(resolved))
            return replace(self._object(path, resolved, value, variant, title, is_required, level), known=known)
        if kind == "list":
            return self._list(path, resolved, value, variant, title, is_required, level)
        if kind in ("choices", "entities", "tags"):
            more["can_add"] = option(resolved, "addable") is not False
        return self._make(path, kind, resolved, value, variant, title, is_required, **more)

    def _make(
        self, path: Path, kind: Kind, schema: Schema, value: Any, variant: Variant | None, title: str, is_required: bool, **more: Any
    ) -> Field:  # fmt: skip
        widget_locked = (
            bool(option(schema, "disabled")) or bool(option(schema, "readonly")) or schema.get("readOnly") is True
        )
        drives = variant is not None or kind == "repository" or any(str(part) in self._deciding for part in path)
        description = _text(option(schema, "description") or schema.get("description"))
        if widget_locked and more.get("fields"):
            more["fields"] = tuple(_locked(one) for one in more["fields"])
        return Field(
            path, kind, schema, title, value, is_required=is_required, is_locked=widget_locked, description=description,
            help=_text(option(schema, "help")), variant=variant, drives=drives, **more,
        )  # fmt: skip

    # ---- which sort ----------------------------------------------------------------------------------------------------

    def _kind(self, schema: Schema) -> tuple[Kind, dict[str, Any]]:
        picker, widget, type = str(option(schema, "field") or ""), str(option(schema, "widget") or ""), type_of(schema)
        if widget == "hidden" or type == "null":
            return "hidden", {}
        if picker in PICKERS and (type == "array") == (PICKERS[picker] in ("entities", "tags")):
            found: Any = PICKERS[picker]
            return found, {"picker": picker}
        if "const" in schema:
            return "constant", {"picker": picker}
        match type:
            case "object":
                return self._mapping_kind(schema), {"picker": picker}
            case "array":
                return self._array_kind(schema, widget, picker)
        chosen = _choices(schema)
        if chosen is not None:
            return "choice", {"choices": chosen, "style": "radio" if widget == "radio" else "select", "picker": picker}
        match type:
            case "boolean" if widget in ("radio", "select"):
                names = option(schema, "enumNames")
                words = names if isinstance(names, list) and len(names) == 2 else ("", "")
                pair = (Choice(True, "true", str(words[0])), Choice(False, "false", str(words[1])))
                return "choice", {"choices": pair, "style": widget, "picker": picker}
            case "boolean":
                return "flag", {"picker": picker}
            case "integer" | "number":
                return "number", {"input": "range" if widget == "range" else "number", "picker": picker}
            case "":
                return "data", {"picker": picker}
        return self._text_kind(schema, widget, picker)

    def _text_kind(self, schema: Schema, widget: str, picker: str) -> tuple[Kind, dict[str, Any]]:
        format = str(schema.get("format") or "")
        if widget == "password" or format == "password":
            return "password", {"picker": picker}
        if widget == "file" or format == "data-url":
            return "file", {"picker": picker}
        if widget == "textarea" or (option(schema, "multiline") is True and not widget):
            return "long", {"picker": picker}
        return "text", {
            "input": INPUTS.get(widget) or INPUTS.get(format) or str(option(schema, "inputType") or "text"),
            "picker": picker,
        }

    @staticmethod
    def _mapping_kind(schema: Schema) -> Kind:
        extra = schema.get("additionalProperties")
        if schema.get("properties"):
            return "object"
        if isinstance(extra, Mapping) and type_of(extra) in ("string", "number", "integer", "boolean"):
            return "map"
        return "object" if "properties" in schema or extra is False else "data"

    def _array_kind(self, schema: Schema, widget: str, picker: str) -> tuple[Kind, dict[str, Any]]:
        items = schema.get("items")
        if isinstance(items, list):
            return "list", {"picker": picker}
        if not isinstance(items, Mapping):
            return "data", {"picker": picker}
        resolved = self._schemas.resolve(items, MISSING)
        chosen = _choices(resolved, schema)
        if chosen is not None and (schema.get("uniqueItems") is True or widget in ("checkboxes", "select")):
            return "choices", {"choices": chosen, "picker": picker}
        if resolved.get("format") == "data-url":
            return "file", {"picker": picker}
        return "list", {"picker": picker}

    # ---- those that hold others ----------------------------------------------------------------------------------------

    def _object(
        self, path: Path, schema: Schema, value: Any, variant: Variant | None, title: str, is_required: bool, level: int
    ) -> Field:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = schema.get("required") if isinstance(schema.get("required"), list) else ()
        names = ordered(list(properties), option(schema, "order"))
        fields = [self.field(properties[name], (*path, name), name in (required or ()), level + 1) for name in names]
        return self._make(
            path, "object", schema, value, variant, title, is_required, fields=tuple(one for one in fields if one is not None)
        )  # fmt: skip

    def _list(
        self, path: Path, schema: Schema, value: Any, variant: Variant | None, title: str, is_required: bool, level: int
    ) -> Field:
        items = schema.get("items")
        fixed = items if isinstance(items, list) else []
        more = schema.get("additionalItems") if isinstance(items, list) else items
        least = schema.get("minItems") if isinstance(schema.get("minItems"), int) else 0
        most = schema.get("maxItems") if isinstance(schema.get("maxItems"), int) else MAX_ITEMS
        count = len(value) if isinstance(value, list) else 0
        shown = min(max(count, least or 0, len(fixed)), MAX_ITEMS)
        fields = []
        for index in range(shown):
            one = fixed[index] if index < len(fixed) else more
            fields.append(self.field(one if one is not None else {}, (*path, index), False, level + 1))
        grows = isinstance(more, Mapping) or more is True
        return self._make(
            path, "list", schema, value, variant, title, is_required, fields=tuple(one for one in fields if one is not None),
            can_add=grows and option(schema, "addable") is not False and shown < min(most or 0, MAX_ITEMS),
            can_remove=grows and option(schema, "removable") is not False and shown > max(len(fixed), least or 0),
            can_order=grows and option(schema, "orderable") is not False and shown > 1,
        )  # fmt: skip


def _locked(field: Field) -> Field:
    below = tuple(_locked(one) for one in field.fields)
    return replace(field, is_locked=True, fields=below, can_add=False, can_remove=False, can_order=False)


def _choices(schema: Schema, named: Schema | None = None) -> tuple[Choice, ...] | None:
    """What may be chosen, or None. Titles and what is disabled may be said at the list (``named``) too."""
    constants = as_choices(schema)
    known = schema.get("enum")
    if constants is None and not isinstance(known, list):
        return None
    names = next(
        (n for one in (schema, named or {}) if isinstance(n := option(one, "enumNames", one.get("enumNames")), list)),
        [],
    )
    disabled = next((d for one in (schema, named or {}) if isinstance(d := option(one, "enumDisabled"), list)), [])
    pairs = constants if constants is not None else [(one, text_of(one)) for one in known or ()]
    texts = [text_of(value) for value, _ in pairs]
    out = []
    for n, (value, title) in enumerate(pairs):
        text = texts[n] if texts.count(texts[n]) == 1 else f"{n}:{texts[n]}"
        shown = str(names[n]) if n < len(names) and constants is None else title
        out.append(Choice(value, text, shown, value in disabled))
    return tuple(out)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def collect(pages: Sequence[FormPage], values: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to send: those of fields that are there now, and what the schemas never speak of (from a link).

    Empty optional answers are left out; mappings and lists stay, as react-jsonschema-form has them.
    """
    out: dict[str, Any] = {}
    names = set().union(*(mentioned(page.schema) for page in pages)) if pages else set()
    for name, value in values.items():
        if name not in names:
            out[name] = copy.deepcopy(value)
    for page in pages:
        for one in page.fields:
            value = collect_field(one)
            key = str(one.path[-1])
            if value is MISSING:
                continue
            before = out.get(key)
            out[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return out


def collect_field(field: Field) -> Any:
    """The answer of one field and those below it, as it is sent; ``MISSING`` where it is left out."""
    value = field.value
    if field.kind == "object":
        inside: dict[str, Any] = {}
        if isinstance(value, Mapping):
            inside |= {key: one for key, one in value.items() if key not in field.known}
        for below in field.fields:
            found = collect_field(below)
            if found is not MISSING:
                inside[str(below.path[-1])] = found
        demands = any(below.is_required for below in field.fields)
        return MISSING if not inside and demands and not field.is_required and field.path else inside
    if field.kind == "list":
        found_items = [collect_field(below) for below in field.fields]
        kept = [one for one in found_items if one is not MISSING and not (one is None and not _null_items(field))]
        return MISSING if value is MISSING and not kept else kept
    if value is None and not may_be_null(field.schema) and field.kind not in ("data", "constant", "hidden"):
        return MISSING
    if field.kind == "choices" and isinstance(value, list):
        return [one for one in value if one is not None]
    return copy.deepcopy(value)


def _null_items(field: Field) -> bool:
    items = field.schema.get("items")
    return isinstance(items, Mapping) and may_be_null(items)
