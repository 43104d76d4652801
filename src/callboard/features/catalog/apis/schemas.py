"""JSON Schema as OpenAPI and AsyncAPI use it: references resolved within the document, written out as trees and as samples.

A reference may lead back to where it stands, or to a thousand others: each tree has a depth, a number of nodes, and the names on the
way down, so that none is without end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Mapping, Sequence
from urllib.parse import unquote

import orjson

from callboard.features.catalog.apis.model import MAX_DEPTH, MAX_NODES, MAX_TEXT, Node, listed, mapping, words

_MAX_HOPS: Final = 20
_MAX_PARTS: Final = 60
"""Schemas that one is put together from by ``allOf``."""
_LIMITS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "multipleOf", "pattern",
)  # fmt: skip
MISSING: Final[Mapping[str, Any]] = {"x-missing": True}
_SAMPLES: Final = {
    "date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "time": "12:00:00Z", "email": "ada@example.com",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "uri": "https://example.com/", "url": "https://example.com/",
    "ipv4": "192.0.2.1", "hostname": "example.com", "byte": "aGVsbG8=",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resolved:
    """A schema with the name under which it was referred to; ``mark`` as in ``Node``."""

    schema: Mapping[str, Any]
    name: str = ""
    pointer: str = ""
    mark: str = ""


def find_pointer(document: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (``#/components/schemas/Pet``), or ``MISSING``."""
    value = document
    for part in pointer.removeprefix("#").split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and len(key) < 9 and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


class Resolver:
    """Follows references inside of one document. ``links`` maps pointers to ids of entries."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.links: dict[str, str] = {}
        self._flat: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def resolve(self, value: Any) -> Resolved:
        """``value`` with all references followed; what has no end or leads out of the document is marked."""
        if value is True or value is None:
            return Resolved({})
        if value is False:
            return Resolved({"not": {}})
        schema, name, first = mapping(value), "", ""
        for _ in range(_MAX_HOPS):
            ref = schema.get("$ref")
            if not isinstance(ref, str):
                return Resolved(schema, name, first)
            name = name or ref.rstrip("/").rpartition("/")[2][:120]
            if not ref.startswith("#"):
                return Resolved({}, ref[-120:], ref, "external")
            first = first or ref
            found = find_pointer(self.document, ref)
            if not isinstance(found, dict) or found is MISSING:
                return Resolved({}, name, first, "missing")
            # 3.1 lets words stand beside a reference
            beside = {k: v for k, v in schema.items() if k in ("description", "deprecated", "default")}
            schema = {**found, **beside} if beside else found
        return Resolved({}, name, first, "cycle")

    def flatten(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """``schema`` with its ``allOf`` merged in, as far as that is plain. Each part counts once, however often it is named."""
        if "allOf" not in schema:
            return schema
        known = self._flat.get(id(schema))
        if known is None:  # with the schema itself, so that nothing else can come to have its id
            known = self._flat[id(schema)] = (schema, self._merge(schema, set(), 0))
        return known[1]

    def _merge(self, schema: Mapping[str, Any], seen: set[str], depth: int) -> Mapping[str, Any]:
        parts = listed(schema.get("allOf"))
        if not parts or depth > _MAX_HOPS:
            return schema
        merged: dict[str, Any] = {k: v for k, v in schema.items() if k != "allOf"}
        for part in parts[:50]:
            found = self.resolve(part)
            if found.pointer in seen or len(seen) >= _MAX_PARTS:
                continue
            if found.pointer:
                seen.add(found.pointer)
            _join(merged, self._merge(found.schema, seen, depth + 1))
        return merged


def _join(merged: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if key == "properties":
            merged[key] = {**mapping(value), **mapping(merged.get(key))}
        elif key == "required":
            merged[key] = [*listed(merged.get(key)), *listed(value)]
        elif key in ("oneOf", "anyOf") and key in merged:
            merged[key] = [*listed(merged[key]), *listed(value)]
        else:
            merged.setdefault(key, value)


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """The JSON types that a schema allows, as it says or as its other words imply; none where it says nothing."""
    given = schema.get("type")
    types = [str(t) for t in given[:10]] if isinstance(given, list) else [given] if isinstance(given, str) else []
    if not types:
        if "properties" in schema or "additionalProperties" in schema:
            types = ["object"]
        elif "items" in schema:
            types = ["array"]
        elif (values := listed(schema.get("enum"))) and all(isinstance(value, str) for value in values[:100]):
            types = ["string"]
    if schema.get("nullable") is True and types and "null" not in types:
        types.append("null")
    return types


@dataclass(slots=True)
class Trees:
    """Writes schemas out as nodes; one for each detail, since ``left`` counts down over all of them.

    ``skips``: fields with this keyword are left out (``readOnly`` in what is sent, ``writeOnly`` in what comes back).
    """

    resolver: Resolver
    left: int = MAX_NODES
    _above: list[str] = field(default_factory=list)

    def node(self, name: str, value: Any, *, required: bool = False, description: str = "", skips: str = "") -> Node:
        found = self.resolver.resolve(value)
        link = self.resolver.links.get(found.pointer)
        told = description or words(found.schema.get("description"))
        common: dict[str, Any] = {"is_required": required, "description": told, "link": link}
        if found.mark:
            return Node(name, found.name, mark=found.mark, **common)  # type: ignore[arg-type]
        if found.pointer and found.pointer in self._above:
            return Node(name, found.name, mark="cycle", **common)
        schema = self.resolver.flatten(found.schema)
        type = self._type(schema, found.name)
        common |= {"is_deprecated": schema.get("deprecated") is True, "facts": facts_of(schema)}
        self.left -= 1
        if self.left < 0 or len(self._above) >= MAX_DEPTH:
            has_more = any(k in schema for k in ("properties", "items", "oneOf", "anyOf", "additionalProperties"))
            return Node(name, type, mark="cut" if has_more else "", **common)
        self._above.append(found.pointer or " ")
        children = tuple(self._children(schema, skips))
        self._above.pop()
        return Node(name, type, children=children, **common)

    def fields(self, value: Any, *, skips: str = "") -> Sequence[Node]:
        """The fields of an object; of anything else one node without a name."""
        node = self.node("", value, skips=skips)
        is_object = types_of(self.resolver.flatten(self.resolver.resolve(value).schema)) == ["object"]
        return node.children if node.children and is_object else [node]

    def name_of(self, value: Any, nodes: Sequence[Node]) -> tuple[str, str | None]:
        """The name of the schema that ``fields`` were taken from, with its entry; nothing where a node says it already."""
        found = self.resolver.resolve(value)
        if not found.name or any(not node.name for node in nodes):
            return "", None
        return found.name, self.resolver.links.get(found.pointer)

    def _children(self, schema: Mapping[str, Any], skips: str) -> list[Node]:
        nodes = []
        required = {str(name) for name in listed(schema.get("required"))}
        for name, child in mapping(schema.get("properties")).items():
            if self.left <= 0:
                nodes.append(Node("…", mark="cut"))
                break
            if skips and mapping(child).get(skips) is True:
                continue
            nodes.append(self.node(str(name), child, required=name in required, skips=skips))
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and more:
            nodes.append(self.node("*", more, skips=skips))
        for key in ("oneOf", "anyOf"):
            for n, option in enumerate(listed(schema.get(key))[:50]):
                nodes.append(self.node(f"{key}[{n}]", option, skips=skips))
        items = schema.get("items")
        if isinstance(items, dict):
            inner = self.node("[]", items, skips=skips)
            # of a list of objects the fields are told, of a list of texts nothing more than its type
            nodes += inner.children or ([inner] if inner.mark or inner.facts else [])
        return nodes

    def _type(self, schema: Mapping[str, Any], name: str) -> str:
        types = types_of(schema)
        out = []
        for type in types:
            if type == "array":
                inner = self.resolver.resolve(schema.get("items"))
                out.append((inner.name or " | ".join(types_of(inner.schema)) or "any") + "[]")
            else:
                format = words(schema.get("format"), 40)
                out.append(f"{type}<{format}>" if format and type != "null" else type)
        if name and (types in ([], ["object"]) or "enum" in schema):
            return name
        return " | ".join(out) or ("one of" if "oneOf" in schema else "any of" if "anyOf" in schema else "any")


def facts_of(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a schema demands beside its type, as (message id, text)."""
    facts: list[tuple[str, str]] = []
    if values := listed(schema.get("enum")):
        shown = ", ".join(brief(value) for value in values[:30])
        facts.append(("enum", shown + (f", … (+{len(values) - 30})" if len(values) > 30 else "")))
    if "const" in schema:
        facts.append(("const", brief(schema["const"])))
    if schema.get("default") is not None:
        facts.append(("default", brief(schema["default"])))
    facts += [("limit", f"{key} {brief(schema[key])}") for key in _LIMITS if key in schema]
    facts += [(key, "") for key in ("readOnly", "writeOnly") if schema.get(key) is True]
    example = schema.get("example", next(iter(listed(schema.get("examples"))), None))
    if example is not None and not isinstance(example, (dict, list)):
        facts.append(("example", brief(example)))
    return facts


def brief(value: Any, most: int = 200) -> str:
    """Any value in one line."""
    told = value if isinstance(value, str) else show_json(value, indent=False)
    return told if len(told) <= most else told[: most - 1] + "…"


def show_json(value: Any, *, indent: bool = True) -> str:
    """``value`` as JSON, cut where it is long."""
    try:
        option = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
        text = orjson.dumps(value, option=option).decode()
    except (TypeError, ValueError, RecursionError):
        text = str(value)[:MAX_TEXT]
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def sample(resolver: Resolver, value: Any, depth: int = 0, above: tuple[str, ...] = ()) -> Any:
    """A value that a schema describes: its own example where it has one, else one made up; shallow."""
    found = resolver.resolve(value)
    schema = resolver.flatten(found.schema)
    above = (*above, found.pointer) if found.pointer else above
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if given := listed(schema.get(key)):
            return given[0]
    for key in ("oneOf", "anyOf"):
        if (options := listed(schema.get(key))) and depth < 4:
            return sample(resolver, options[0], depth + 1, above)
    types = types_of(schema)
    match types[0] if types else "":
        case "object":
            if depth >= 4:
                return {}
            return {
                str(name): sample(resolver, child, depth + 1, above)
                for name, child in list(mapping(schema.get("properties")).items())[:30]
                if mapping(child).get("readOnly") is not True and mapping(child).get("$ref", "") not in above
            }
        case "array":
            is_within = mapping(schema.get("items")).get("$ref", "") in above
            return [sample(resolver, schema.get("items"), depth + 1, above)] if depth < 4 and not is_within else []
        case "integer" | "number":
            low = schema.get("minimum")
            return low if isinstance(low, (int, float)) else 0
        case "boolean":
            return True
        case "string":
            return _SAMPLES.get(words(schema.get("format")), "string")
    return None
