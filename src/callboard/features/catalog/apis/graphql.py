"""GraphQL's schema language: types, their fields, and the operations that a client may send.

Read by ``graphql-core``'s parser alone: a schema that names types of elsewhere is still worth showing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Mapping, Sequence

import orjson

from callboard.features.catalog.apis.model import (
    MAX_DEPTH,
    MAX_NODES,
    Api,
    ApiFault,
    Detail,
    Entry,
    Node,
    Part,
    entry_id,
    words,
)

MAX_LENGTH: Final = 2_000_000
"""Characters; the parser is Python, and reads about half a megabyte a second."""
_MAX_TOKENS: Final = 600_000
_SCALARS: Final = frozenset(["Int", "Float", "String", "Boolean", "ID"])
_KINDS: Final = {
    "object_type": "type", "interface_type": "interface", "input_object_type": "input", "enum_type": "enum",
    "union_type": "union", "scalar_type": "scalar",
}  # fmt: skip
ROOTS: Final = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True, slots=True)
class Argument:
    """Of a field, or a field of an input. ``default`` is as written, None without one."""

    name: str
    type: str
    default: str | None = None
    description: str = ""
    is_deprecated: bool = False

    @property
    def is_required(self) -> bool:
        return self.type.endswith("!") and self.default is None


@dataclass(frozen=True, slots=True)
class GraphField:
    name: str
    type: str
    arguments: Mapping[str, Argument]
    description: str = ""
    is_deprecated: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GraphType:
    """``inputs`` are the fields of an input, ``values`` of an enum (value to its description), ``members`` of a union."""

    name: str
    kind: str
    description: str = ""
    fields: Mapping[str, GraphField] = field(default_factory=dict)
    inputs: Mapping[str, Argument] = field(default_factory=dict)
    values: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    members: Sequence[str] = ()
    interfaces: Sequence[str] = ()


@dataclass(slots=True)
class GraphSchema:
    """What comparing works on. ``roots``: names of the types that hold the operations, by ``query`` and so on."""

    types: dict[str, GraphType]
    roots: dict[str, str]


def read_graphql(text: str) -> Api | ApiFault:
    """A schema in SDL, or the answer to an introspection query as JSON. Never raises."""
    if len(text) > MAX_LENGTH:
        return ApiFault(
            f"The schema has {len(text):,} characters; up to {MAX_LENGTH:,} are read", fix="It is shown as text."
        )
    from graphql import GraphQLError
    from graphql.language import Source, parse

    try:
        if text.lstrip()[:1] == "{":
            told = _from_introspection(text)
            if isinstance(told, ApiFault):
                return told
            text = told
        document = parse(Source(text), no_location=True, max_tokens=_MAX_TOKENS)
    except GraphQLError as error:
        at = error.locations[0] if error.locations else None
        return ApiFault(error.message[:500], at.line if at else None, at.column if at else None)
    except RecursionError:
        return ApiFault("A type is nested too deeply", fix="Lists of lists of lists have an end.")
    schema = GraphSchema({}, {})
    for node in document.definitions:
        _take(node, schema)
    for root in ROOTS:
        if root in schema.types:
            schema.roots.setdefault(root.lower(), root)
    if not schema.types:
        return ApiFault("No type is defined here", 1, 1, "A schema begins as in: type Query { shop: Shop }")
    return _api(schema)


def _from_introspection(text: str) -> str | ApiFault:
    from graphql import build_client_schema, print_schema

    try:
        value = orjson.loads(text)
        data = value.get("data", value)
        return print_schema(build_client_schema(data, assume_valid=True))
    except orjson.JSONDecodeError as error:
        return ApiFault(str(error)[:300], error.lineno, error.colno)
    except Exception as error:  # whatever the library makes of an answer that no server gave
        return ApiFault(f"This is no answer to an introspection query: {error}"[:500])


def _take(node: Any, schema: GraphSchema) -> None:
    kind = node.kind.removesuffix("_definition").removesuffix("_extension")
    if kind == "schema":
        for operation in node.operation_types or ():
            schema.roots[operation.operation.value] = operation.type.name.value
        return
    if kind not in _KINDS:
        return
    name = node.name.value
    known = schema.types.get(name)
    fields = (
        {f.name.value: _field(f) for f in getattr(node, "fields", None) or ()}
        if kind in ("object_type", "interface_type")
        else {}
    )
    inputs = {f.name.value: _argument(f) for f in node.fields or ()} if kind == "input_object_type" else {}
    values = {v.name.value: (_told(v), _deprecation(v) is not None) for v in getattr(node, "values", None) or ()}
    members = [m.name.value for m in getattr(node, "types", None) or ()]
    interfaces = [i.name.value for i in getattr(node, "interfaces", None) or ()]
    if known is None:
        known = GraphType(name, _KINDS[kind], _told(node))
    schema.types[name] = replace(
        known,
        description=known.description or _told(node),
        fields={**known.fields, **fields},
        inputs={**known.inputs, **inputs},
        values={**known.values, **values},
        members=[*known.members, *members],
        interfaces=[*known.interfaces, *interfaces],
    )


def _told(node: Any) -> str:
    description = getattr(node, "description", None)
    return words(description.value) if description is not None else ""


def _deprecation(node: Any) -> str | None:
    for directive in node.directives or ():
        if directive.name.value == "deprecated":
            for argument in directive.arguments or ():
                if argument.name.value == "reason":
                    return words(getattr(argument.value, "value", ""), 300)
            return ""
    return None


def _type(node: Any) -> str:
    if node.kind == "non_null_type":
        return _type(node.type) + "!"
    return f"[{_type(node.type)}]" if node.kind == "list_type" else str(node.name.value)


def _argument(node: Any) -> Argument:
    from graphql.language import print_ast

    default = words(print_ast(node.default_value), 200) if node.default_value is not None else None
    return Argument(node.name.value, _type(node.type), default, _told(node), _deprecation(node) is not None)


def _field(node: Any) -> GraphField:
    reason = _deprecation(node)
    arguments = {a.name.value: _argument(a) for a in node.arguments or ()}
    return GraphField(node.name.value, _type(node.type), arguments, _told(node), reason is not None, reason or "")


def bare(type: str) -> str:
    """The name inside of lists and exclamation marks."""
    return type.strip("[]!")


def _api(schema: GraphSchema) -> Api:
    operations = []
    roots = set(schema.roots.values())
    for verb, root in schema.roots.items():
        found = schema.types.get(root)
        for f in found.fields.values() if found else ():
            operations.append(
                Entry(entry_id("op", verb, f.name), f.name, verb.upper(), verb, words(f.description, 2_000).partition("\n")[0][:200],
                      f.is_deprecated, partial(_operation_detail, schema, verb, f))
            )  # fmt: skip
    types = [
        Entry(
            type_id(t.name),
            t.name,
            t.kind,
            summary=t.description.partition("\n")[0][:200],
            detail=partial(_type_detail, schema, t),
        )
        for t in schema.types.values()
        if t.name not in roots
    ]
    return Api("graphql", "GraphQL", operations=operations, types=types, raw=schema)


def type_id(name: str) -> str:
    return entry_id("type", name)


@dataclass(slots=True)
class _Trees:
    schema: GraphSchema
    left: int = MAX_NODES
    above: list[str] = field(default_factory=list)

    def of_field(self, f: GraphField, *, with_arguments: bool = True) -> Node:
        name = f"{f.name}({', '.join(f.arguments)})" if with_arguments and f.arguments else f.name
        facts = [("reason", f.reason)] if f.reason else []
        return self._node(name, f.type, f.description, facts, is_deprecated=f.is_deprecated)

    def of_argument(self, argument: Argument) -> Node:
        facts = [("default", argument.default)] if argument.default is not None else []
        return self._node(
            argument.name, argument.type, argument.description, facts, is_required=argument.is_required,
            is_deprecated=argument.is_deprecated,
        )  # fmt: skip

    def _node(
        self, name: str, type: str, description: str, facts: list[tuple[str, str]], *, is_required: bool = False,
        is_deprecated: bool = False,
    ) -> Node:  # fmt: skip
        found = self.schema.types.get(bare(type))
        link = type_id(found.name) if found else None
        mark: Any = "" if found or bare(type) in _SCALARS else "missing"
        children: Sequence[Node] = ()
        if found and found.name in self.above:
            mark = "cycle"
        elif found and (found.fields or found.inputs or found.members):
            if self.left <= 0 or len(self.above) >= MAX_DEPTH // 2:
                mark = "cut"
            else:
                self.above.append(found.name)
                children = self.inside(found)
                self.above.pop()
        elif found and found.values:
            shown = ", ".join(list(found.values)[:30])
            facts = [*facts, ("enum", shown + (", …" if len(found.values) > 30 else ""))]
        self.left -= 1
        return Node(name, type, is_required, is_deprecated, description, facts, mark, link, children)

    def inside(self, type: GraphType) -> list[Node]:
        nodes: list[Node] = []
        things: Sequence[GraphField | Argument] = [*type.fields.values(), *type.inputs.values()]
        for thing in things:
            if self.left <= 0:
                nodes.append(Node("…", mark="cut"))
                break
            nodes.append(self.of_field(thing) if isinstance(thing, GraphField) else self.of_argument(thing))
        for member in type.members:
            known = member in self.schema.types
            nodes.append(Node("", member, mark="" if known else "missing", link=type_id(member) if known else None))
        return nodes


def _operation_detail(schema: GraphSchema, verb: str, f: GraphField) -> Detail:
    trees = _Trees(schema)
    parts = []
    if f.arguments:
        parts.append(Part("arguments", nodes=[trees.of_argument(a) for a in f.arguments.values()]))
    parts.append(Part("result", nodes=[trees.of_field(f, with_arguments=False)]))
    return Detail(f.description, parts, _call(schema, verb, f))


def _type_detail(schema: GraphSchema, type: GraphType) -> Detail:
    trees = _Trees(schema)
    trees.above.append(type.name)
    parts = []
    if type.values:
        nodes = [Node(name, description=told, is_deprecated=old) for name, (told, old) in type.values.items()]
        parts.append(Part("values", nodes=nodes))
    if nodes := trees.inside(type):
        parts.append(Part("members" if type.members else "fields", nodes=nodes))
    for f in type.fields.values():
        if f.arguments and trees.left > 0:
            parts.append(Part("arguments", f.name, nodes=[trees.of_argument(a) for a in f.arguments.values()]))
    if type.interfaces:
        links = [Node("", name, link=type_id(name) if name in schema.types else None) for name in type.interfaces]
        parts.append(Part("interfaces", nodes=links))
    return Detail(type.description, parts)


def _call(schema: GraphSchema, verb: str, f: GraphField) -> str | None:
    """A request with what is required as variables, and the plain fields of the result. Names of GraphQL need no quoting."""
    if verb == "subscription":
        return None
    required = [a for a in f.arguments.values() if a.is_required]
    declared = f"({', '.join(f'${a.name}: {a.type}' for a in required)})" if required else ""
    given = f"({', '.join(f'{a.name}: ${a.name}' for a in required)})" if required else ""
    result = schema.types.get(bare(f.type))
    wanted = ""
    if result and result.kind in ("type", "interface"):
        plain = [
            g.name
            for g in result.fields.values()
            if bare(g.type) in _SCALARS and not any(a.is_required for a in g.arguments.values())
        ]
        wanted = f" {{ {' '.join(plain[:8]) or '__typename'} }}"
    elif result and result.kind == "union":
        wanted = " { __typename }"
    query = f"{verb}{declared} {{ {f.name}{given}{wanted} }}"
    body = orjson.dumps({"query": query, "variables": {a.name: None for a in required}}).decode()
    return f"curl -X POST https://HOST/graphql \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"
