"""What a template asks, read from its schemas: names, their types and where secrets come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping

from callboard.features.scaffolder.linting.places import FieldPath

_NESTED_LISTS = ("allOf", "anyOf", "oneOf")
_NESTED = ("if", "then", "else", "not")
MAX_DEPTH = 16


@dataclass(slots=True)
class Asked:
    """``types`` maps names of parameters to their JSON types ("" when it does not say), ``places`` to where they are declared first.

    ``steering`` are names that conditions of the form read. ``secrets`` are those that fields fill; None when anything may, because
    decorators of the form set them in the browser.
    """

    types: dict[str, str] = field(default_factory=dict)
    places: dict[str, FieldPath] = field(default_factory=dict)
    steering: set[str] = field(default_factory=set)
    passwords: dict[str, FieldPath] = field(default_factory=dict)
    secrets: set[str] | None = field(default_factory=set)


def read_asked(spec: Mapping[str, Any]) -> Asked:
    """From ``spec`` of a template, whatever is wrong in it."""
    asked = Asked()
    said = spec.get("parameters")
    if isinstance(said, Mapping):
        _read(said, ("spec", "parameters"), asked)
    for index, page in enumerate(said if isinstance(said, list) else ()):
        _read(page, ("spec", "parameters", index), asked)
    secrets = spec.get("secrets")
    schema = secrets.get("schema") if isinstance(secrets, Mapping) else None
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    assert asked.secrets is not None
    asked.secrets.update(str(name) for name in properties or ())
    if spec.get("formDecorators") or spec.get("EXPERIMENTAL_formDecorators"):
        asked.secrets = None
    return asked


def _read(schema: Any, path: FieldPath, asked: Asked, depth: int = 0, *, steers: bool = False) -> None:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return
    properties = schema.get("properties")
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        name, place = str(name), (*path, "properties", str(name))
        if steers:
            asked.steering.add(name)
            continue
        said = one.get("type") if isinstance(one, Mapping) else None
        asked.types[name] = asked.types.get(name) or (said if isinstance(said, str) else "")
        asked.places.setdefault(name, place)
        if isinstance(one, Mapping):
            _read_field(name, one, place, asked)
    for key in _NESTED_LISTS:
        for index, one in enumerate(schema[key] if isinstance(schema.get(key), list) else ()):
            _read(one, (*path, key, index), asked, depth + 1, steers=steers)
    for key in _NESTED:
        _read(schema.get(key), (*path, key), asked, depth + 1, steers=steers or key in ("if", "not"))
    dependencies = schema.get("dependencies")
    for name, one in dependencies.items() if isinstance(dependencies, Mapping) else ():
        asked.steering.add(str(name))
        _read(one, (*path, "dependencies", str(name)), asked, depth + 1, steers=steers)


def _read_field(name: str, schema: Mapping[str, Any], place: FieldPath, asked: Asked) -> None:
    if schema.get("ui:widget") == "password":
        asked.passwords.setdefault(name, place)
    if asked.secrets is None:
        return
    if schema.get("ui:field") == "Secret":
        asked.secrets.add(name)
    for key in _secret_keys(schema.get("ui:options")):
        asked.secrets.add(key)


def _secret_keys(options: Any) -> Iterator[str]:
    credentials = options.get("requestUserCredentials") if isinstance(options, Mapping) else None
    key = credentials.get("secretsKey") if isinstance(credentials, Mapping) else None
    if isinstance(key, str):
        yield key
