"""What may be written where in the text of an entity: fields by their paths, from the envelope and the schema of the kind. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

from callboard.model.kinds import KindDefinition, KindRegistry, KindVersion
from callboard.model.problems import format_field
from callboard.model.validation import ENTITY_SCHEMA
from callboard.ui.messages import Translator

MAX_DEPTH = 6
_GIVEN_BY_CATALOG = frozenset(("relations", "status", "metadata.uid", "metadata.etag"))
_PEOPLE = ("group", "user")


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that a text may have. ``path`` goes through lists without a number (``metadata.links.url``).

    ``type`` is that of JSON Schema; ``refs`` are the kinds of entities that it names: None for a field that names none, empty where
    it may be any.
    """

    path: str
    type: str
    is_required: bool
    help: str
    choices: Sequence[str]
    refs: Sequence[str] | None


def known_fields(kinds: KindRegistry, kind: str, api_version: str, t: Translator) -> list[KnownField]:
    """Of the version that both name, else of the first version of the kind; of no kind only what every entity has."""
    definition = kinds.find_definition(kind)
    version = _version(definition, api_version)
    apis = sorted({api for v in definition.versions for api in v.api_versions} if definition else _all_apis(kinds))
    choices = {"kind": list(dict.fromkeys(kinds.list_kinds())), "apiVersion": apis}
    found: dict[str, KnownField] = {}
    relations = refs_of(version) if version is not None else {}
    schemas = [ENTITY_SCHEMA] if version is None else [ENTITY_SCHEMA, version.schema]
    for schema in schemas:
        for path, one, is_required in _walk(schema, ()):
            name = format_field(path)
            if name in _GIVEN_BY_CATALOG:
                continue
            before = found.get(name)
            help_id = f"editing.help.{path[-1].lower()}"
            help = one.get("description") or (t(help_id) if t.has(help_id) else "")
            said = choices.get(name) or [str(c) for c in one.get("enum", ()) if isinstance(c, str)]
            found[name] = KnownField(
                name, _type(one), is_required or (before is not None and before.is_required),
                str(help), said, relations.get(path),
            )  # fmt: skip
    return list(found.values())


def refs_of(version: KindVersion) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Paths of the fields that name entities, with the kinds that they may name; owners are groups and people."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for field in version.relation_fields:
        named = field.allowed_kinds or ({field.default_kind.lower()} if field.default_kind else ())
        found[field.path] = _PEOPLE if field.path == ("spec", "owner") else tuple(sorted(named))
    return found


def _version(definition: KindDefinition | None, api_version: str) -> KindVersion | None:
    if definition is None:
        return None
    said = (version for version in definition.versions if api_version in version.api_versions)
    return next(said, definition.versions[0])


def _all_apis(kinds: KindRegistry) -> set[str]:
    return {api for d in kinds.definitions for v in d.versions for api in v.api_versions}


def _walk(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    """Every property with its path; lists of mappings are gone through as if they were the mapping."""
    if not isinstance(schema, Mapping) or len(path) >= MAX_DEPTH:
        return
    properties = schema.get("properties")
    required = schema.get("required", ())
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        yield (*path, str(name)), one, name in required
        yield from _walk(one.get("items") if one.get("type") == "array" else one, (*path, str(name)))


def _type(schema: Mapping[str, Any]) -> str:
    said = schema.get("type")
    if isinstance(said, str):
        return said
    return "object" if "properties" in schema else "string"
