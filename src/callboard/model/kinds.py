"""Kinds of entities, declared as data: names, versions with a JSON Schema, and the fields that become relations.

A *layer* is a list of kind definitions. The built-in kinds are one; opt-in layers (``OPTIONAL_LAYERS``), the settings
(``catalog.model.kinds`` inline, ``catalog.model.files`` as YAML) and plugins (hook ``register_kinds``) add more. A layer
that names a kind which is there already adds versions to it. As data a definition reads:

.. code-block:: yaml

    group: example.com
    names: {kind: Dataset, singular: dataset, plural: datasets}
    description: A table or stream that others build upon.
    icon: database                      # optional
    versions:
      - name: v1                        # apiVersion is example.com/v1; a list is allowed
        specType: stream                # optional: this version is for that spec.type only
        schema: {jsonSchema: {type: object, properties: {spec: {type: object, required: [owner]}}}}
        relationFields:
          - selector: {path: spec.owner}
            relation: ownedBy           # from the entity to what it names
            reverse: ownerOf            # optional for the known pairs
            defaultKind: Group          # optional: without it the kind must be written
            defaultNamespace: inherit   # or default
            allowedKinds: [Group, User] # optional: other kinds are not related

An *extension* adds fields to every version of a kind that another layer declares, and takes none away:

.. code-block:: yaml

    extend: Component
    schema: {properties: {spec: {required: [costCentre], properties: {costCentre: {type: string}}}}}
    relationFields: []                  # as above

Source of the shape: Backstage catalog model layers (2026); extensions are Callboard's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Literal, Mapping, Sequence

RELATION_PAIRS: Mapping[str, str] = {
    "ownedBy": "ownerOf", "partOf": "hasPart", "providesApi": "apiProvidedBy", "consumesApi": "apiConsumedBy",
    "dependsOn": "dependencyOf", "parentOf": "childOf", "memberOf": "hasMember",
}  # fmt: skip
_REVERSES = {**RELATION_PAIRS, **{back: forward for forward, back in RELATION_PAIRS.items()}}


class KindError(ValueError):
    """A kind definition that cannot be used; the message says which part and why."""


@dataclass(frozen=True, slots=True)
class RelationField:
    """A field that names other entities. ``path`` begins with ``spec``; its value is a ref or a list of refs."""

    path: tuple[str, ...]
    relation: str
    reverse: str
    default_kind: str | None = None
    default_namespace: Literal["inherit", "default"] = "inherit"
    allowed_kinds: frozenset[str] | None = None
    """Lower-cased; None allows all."""


@dataclass(frozen=True, slots=True)
class KindVersion:
    """``schema`` is JSON Schema for the whole entity; what every entity needs is checked before it."""

    api_versions: tuple[str, ...]
    schema: Mapping[str, Any]
    relation_fields: tuple[RelationField, ...] = ()
    spec_type: str | None = None


@dataclass(frozen=True, slots=True)
class KindDefinition:
    group: str
    kind: str
    singular: str
    plural: str
    description: str
    versions: tuple[KindVersion, ...]
    icon: str | None = None

    @classmethod
    def parse(cls, data: Any) -> KindDefinition:
        """Read the form shown in the module docstring.

        Raises:
            KindError: a part is missing, of the wrong type, or its schema is not JSON Schema.
        """
        if isinstance(data, KindDefinition):
            return data
        data = _mapping(data, "")
        names = _mapping(data.get("names"), "names")
        kind = _text(names.get("kind"), "names.kind")
        group = _text(data.get("group"), f"{kind}: group")
        versions = data.get("versions")
        if not isinstance(versions, list) or not versions:
            raise KindError(f"{kind}: versions must be a list with at least one item")
        return cls(
            group, kind,
            _text(names.get("singular", kind.lower()), f"{kind}: names.singular"),
            _text(names.get("plural", kind.lower() + "s"), f"{kind}: names.plural"),
            str(data.get("description", "")),
            tuple(_parse_version(v, group, f"{kind}: versions[{i}]") for i, v in enumerate(versions)),
            data.get("icon"),
        )  # fmt: skip


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise KindError(f"{where or 'A kind definition'} must be a mapping")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise KindError(f"{where} must be a text")
    return value


def _parse_version(data: Any, group: str, where: str) -> KindVersion:
    import jsonschema_rs

    data = _mapping(data, where)
    names = data.get("name")
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not names:
        raise KindError(f"{where}.name must be a text or a list of them")
    schema = data.get("schema", {})
    schema = schema.get("jsonSchema", schema) if isinstance(schema, Mapping) else schema
    try:
        jsonschema_rs.validator_for(schema)
    except (ValueError, TypeError) as error:
        raise KindError(f"{where}.schema is not valid JSON Schema: {error}") from error
    fields = data.get("relationFields", [])
    if not isinstance(fields, list):
        raise KindError(f"{where}.relationFields must be a list")
    spec_type = data.get("specType")
    return KindVersion(
        tuple(f"{group}/{_text(name, f'{where}.name')}" for name in names),
        schema,
        tuple(_parse_field(f, f"{where}.relationFields[{i}]") for i, f in enumerate(fields)),
        None if spec_type is None else _text(spec_type, f"{where}.specType"),
    )


def _parse_field(data: Any, where: str) -> RelationField:
    data = _mapping(data, where)
    selector = data.get("selector", data)
    path = tuple(_text(_mapping(selector, f"{where}.selector").get("path"), f"{where}.selector.path").split("."))
    relation = _text(data.get("relation"), f"{where}.relation")
    reverse = data.get("reverse", _REVERSES.get(relation))
    if reverse is None:
        raise KindError(f"{where}.reverse is needed, as {relation} is not a known relation")
    namespace = data.get("defaultNamespace", "inherit")
    if namespace not in ("inherit", "default"):
        raise KindError(f"{where}.defaultNamespace must be inherit or default")
    allowed = data.get("allowedKinds")
    return RelationField(
        path, relation, _text(reverse, f"{where}.reverse"), data.get("defaultKind"), namespace,
        None if allowed is None else frozenset(str(kind).lower() for kind in allowed),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KindExtension:
    """Further fields of a kind. ``schema`` is merged into that of each version, ``relation_fields`` are added to it."""

    kind: str
    schema: Mapping[str, Any]
    relation_fields: tuple[RelationField, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> KindExtension:
        """Raises ``KindError``."""
        import jsonschema_rs

        kind = _text(data.get("extend"), "extend")
        schema = _mapping(data.get("schema", {}), f"extend {kind}: schema")
        schema = _mapping(schema.get("jsonSchema", schema), f"extend {kind}: schema")
        try:
            jsonschema_rs.validator_for(dict(schema))
        except (ValueError, TypeError) as error:
            raise KindError(f"extend {kind}: schema is not valid JSON Schema: {error}") from error
        fields = data.get("relationFields", [])
        if not isinstance(fields, list):
            raise KindError(f"extend {kind}: relationFields must be a list")
        where = f"extend {kind}: relationFields"
        return cls(kind, schema, tuple(_parse_field(f, f"{where}[{i}]") for i, f in enumerate(fields)))

    def apply(self, definition: KindDefinition) -> KindDefinition:
        """The definition with these fields in every version. A field that a version has already is not changed."""
        versions = []
        for version in definition.versions:
            known = {field.path for field in version.relation_fields}
            more = tuple(field for field in self.relation_fields if field.path not in known)
            versions.append(
                replace(
                    version, schema=merge_schemas(version.schema, self.schema), relation_fields=version.relation_fields + more
                )
            )  # fmt: skip
        return replace(definition, versions=tuple(versions))


def merge_schemas(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the properties and required fields of ``more``; mappings that both have are merged, too.

    Anything else that both say, ``base`` says: two rules for one field would be a rule that nobody wrote.
    """
    out = dict(base)
    for key, value in more.items():
        if key not in out:
            out[key] = value
        elif key == "required":
            out[key] = list(dict.fromkeys([*out[key], *value]))
        elif key == "properties":
            out[key] = {**out[key], **{name: one for name, one in value.items() if name not in out[key]}}
            for name in value.keys() & base[key].keys():
                if "properties" in value[name] and isinstance(base[key][name], Mapping):
                    out[key][name] = merge_schemas(base[key][name], value[name])
    return out


LayerItem = KindDefinition | KindExtension


def parse_item(data: Any) -> LayerItem:
    """A definition or an extension. Raises ``KindError``."""
    if isinstance(data, (KindDefinition, KindExtension)):
        return data
    if isinstance(data, Mapping) and "extend" in data:
        return KindExtension.parse(data)
    return KindDefinition.parse(data)


@dataclass(frozen=True, slots=True)
class KindRegistry:
    """The kinds that are valid here. Build with ``of``; look up with ``find_version``.

    Frozen but for ``become``, by which a portal takes up other kinds while it runs: whoever holds the registry sees them with
    the next look-up. ``serial`` then rises, for those who keep something made of the kinds.
    """

    definitions: tuple[KindDefinition, ...]
    _versions: Mapping[tuple[str, str], tuple[KindVersion, ...]] = field(repr=False)
    serial: int = 0

    def become(self, other: KindRegistry) -> None:
        """Hold from now on what ``other`` holds."""
        object.__setattr__(self, "_versions", other._versions)
        object.__setattr__(self, "definitions", other.definitions)
        object.__setattr__(self, "serial", self.serial + 1)

    @classmethod
    def of(cls, *layers: Iterable[LayerItem | Mapping[str, Any]]) -> KindRegistry:
        """Compile layers, the later adding to or overriding the earlier; extensions apply when all kinds are known.

        Raises:
            KindError: a definition cannot be used, or an extension is of a kind that nothing declares.
        """
        by_name: dict[tuple[str, str], KindDefinition] = {}
        extensions: list[KindExtension] = []
        for layer in layers:
            for item in layer:
                definition = parse_item(item)
                if isinstance(definition, KindExtension):
                    extensions.append(definition)
                    continue
                key = (definition.group, definition.kind)
                known = by_name.get(key)
                if known is not None:
                    new = {(api, v.spec_type) for v in definition.versions for api in v.api_versions}
                    kept = tuple(v for v in known.versions if not {(a, v.spec_type) for a in v.api_versions} <= new)
                    definition = replace(known, versions=definition.versions + kept)
                by_name[key] = definition
        for extension in extensions:
            meant = [key for key in by_name if key[1].lower() == extension.kind.lower()]
            if not meant:
                raise KindError(f"extend {extension.kind}: there is no such kind")
            for key in meant:
                by_name[key] = extension.apply(by_name[key])
        versions: dict[tuple[str, str], tuple[KindVersion, ...]] = {}
        for definition in by_name.values():
            for version in sorted(definition.versions, key=lambda v: v.spec_type is None):
                for api_version in version.api_versions:
                    known_versions = versions.get((api_version, definition.kind), ())
                    versions[api_version, definition.kind] = (*known_versions, version)
        return cls(tuple(by_name.values()), versions)

    @classmethod
    def built_in(cls, *more: Iterable[LayerItem | Mapping[str, Any]]) -> KindRegistry:
        """The built-in kinds, and ``more`` layers on top."""
        from callboard.model.builtin_kinds import BUILT_IN_KINDS

        return cls.of(BUILT_IN_KINDS, *more)

    def find_version(self, entity: Mapping[str, Any]) -> KindVersion | None:
        """The version that judges this entity; apiVersion and kind compare with case, ``specType`` before none."""
        candidates = self._versions.get((entity["apiVersion"], entity["kind"]))
        if candidates is None:
            return None
        first = candidates[0]
        if first.spec_type is None:
            return first
        spec = entity.get("spec")
        spec_type = spec.get("type") if isinstance(spec, Mapping) else None
        return next((v for v in candidates if v.spec_type in (spec_type, None)), None)

    def list_kinds(self) -> Sequence[str]:
        """Names of the kinds, as declared."""
        return [definition.kind for definition in self.definitions]

    def find_definition(self, kind: str) -> KindDefinition | None:
        """By name, without regard to case."""
        return next((d for d in self.definitions if d.kind.lower() == kind.lower()), None)


def parse_layer(text: str) -> list[LayerItem]:
    """A layer from YAML: one kind definition or extension a document, or documents with a list under ``kinds``.

    Raises:
        KindError: the text is not YAML, or a definition cannot be used; the message has line and column.
    """
    from callboard.model.documents import iter_documents

    out: list[LayerItem] = []
    for document in iter_documents(text):
        if document.problem is not None or document.value is None:
            raise KindError(document.problem.message if document.problem else "Empty document")
        items = document.value.get("kinds", [document.value])
        if not isinstance(items, list):
            raise KindError("kinds must be a list")
        out.extend(parse_item(item) for item in items)
    return out
