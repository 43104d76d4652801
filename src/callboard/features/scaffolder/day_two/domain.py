"""Which entities a template acts on, and what its form is to begin with for one of them. Pure."""

from __future__ import annotations

from typing import Any, Iterator, Mapping
from urllib.parse import quote

import orjson

from callboard.model.predicates import Predicate, PredicateError, matches, parse_filter_params
from callboard.model.refs import EntityRef
from callboard.model.terms import Terms

ACTS_ON = "callboard.dev/acts-on"
"""Annotation: a filter as of the catalog's REST (``kind=component,spec.type=service``); lines, or ``;``, between alternatives."""

PREFILLS = "callboard.dev/acts-on-fields"
"""Annotation: ``parameter=path`` by commas; the path is a field of the entity with dots, or ``ref``."""

MAX_FILTER = 2000
_PICKERS = frozenset({"EntityPicker", "OwnedEntityPicker"})
_NAMES = ("entity", "entityRef", "component", "componentRef")


def read_filter(text: str) -> Predicate | None:
    """The filter of an annotation; None for an empty one. Raises ``PredicateError``."""
    if len(text) > MAX_FILTER:
        raise PredicateError(f"{ACTS_ON} may have {MAX_FILTER:,} characters.", field=ACTS_ON)
    alternatives = [part.strip() for line in text.splitlines() for part in line.split(";")]
    return parse_filter_params([part for part in alternatives if part])


def acts_on(template: Mapping[str, Any], terms: Terms) -> bool:
    """Whether the template is for an entity of these terms. One whose filter cannot be read is for none."""
    said = (template.get("metadata", {}).get("annotations") or {}).get(ACTS_ON)
    if not isinstance(said, str):
        return False
    try:
        predicate = read_filter(said)
    except PredicateError:
        return False
    return predicate is not None and bool(matches(predicate, terms))


def form_data(template: Mapping[str, Any], entity: Mapping[str, Any]) -> dict[str, Any]:
    """What the form begins with: as ``PREFILLS`` says, else the ref in the first field that picks an entity or is called so.

    Fields that the entity lacks are left out.
    """
    said = (template.get("metadata", {}).get("annotations") or {}).get(PREFILLS)
    pairs = _pairs(said) if isinstance(said, str) else _guessed(template)
    found = {name: _value(entity, path) for name, path in pairs}
    return {name: value for name, value in found.items() if value is not None}


def form_href(template: Mapping[str, Any], entity: Mapping[str, Any]) -> str:
    """The address of the form with those answers in it."""
    ref = EntityRef.of(template)
    base = f"/create/templates/{quote(ref.namespace, safe='')}/{quote(ref.name, safe='')}"
    data = form_data(template, entity)
    return f"{base}?formData={quote(orjson.dumps(data).decode(), safe='')}" if data else base


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.replace("\n", ",").split(","):
        name, equals, path = part.partition("=")
        if name.strip():
            yield name.strip(), path.strip() if equals else "ref"


def _guessed(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fields = list(_fields(template))
    for name, schema in fields:
        if schema.get("ui:field") in _PICKERS:
            yield name, "ref"
            return
    for name in _NAMES:
        if any(name == known for known, _ in fields):
            yield name, "ref"
            return


def _fields(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    spec = template.get("spec")
    said = spec.get("parameters") if isinstance(spec, Mapping) else None
    for page in said if isinstance(said, list) else [said]:
        properties = page.get("properties") if isinstance(page, Mapping) else None
        for name, schema in properties.items() if isinstance(properties, Mapping) else ():
            if isinstance(schema, Mapping):
                yield str(name), schema


def _value(entity: Mapping[str, Any], path: str) -> Any:
    """The ref for ``ref``, else what stands at a path with dots. A key that holds dots (an annotation) may be the rest of the path."""
    if path in ("", "ref"):
        return str(EntityRef.of(entity))
    found: Any = entity
    parts = path.split(".")
    for index, part in enumerate(parts):
        if not isinstance(found, Mapping):
            return None
        rest = ".".join(parts[index:])
        if rest in found:
            return found[rest]
        found = found.get(part)
    return found
