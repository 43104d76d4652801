"""Protocol buffers: services as operations, messages and enums as types."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Sequence

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
from callboard.features.catalog.apis.proto_parser import (
    ProtoEnum,
    ProtoError,
    ProtoField,
    ProtoFile,
    ProtoMessage,
    ProtoRpc,
    ProtoService,
    parse_proto,
)
from callboard.features.catalog.apis.schemas import show_json

SCALARS: Final = frozenset([
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64", "bool",
    "string", "bytes",
])  # fmt: skip
_SAMPLES: Final = {"string": "", "bytes": "", "bool": False}


def read_proto(text: str) -> Api | ApiFault:
    """One file; what it imports stays a name. Never raises."""
    try:
        file = parse_proto(text)
    except ProtoError as error:
        return ApiFault(str(error), error.line, error.column)
    if not file.messages and not file.services and not file.enums:
        return ApiFault("No service and no message is defined here", 1, 1)
    names = _Names(file)
    operations = [
        Entry(
            id=entry_id("op", service.name, rpc.name), name=rpc.name, badge="STREAM" if rpc.sends_stream or rpc.gets_stream else "RPC",
            group=service.name, summary=rpc.description.partition("\n")[0][:200], is_deprecated=rpc.is_deprecated,
            detail=partial(_rpc_detail, names, service, rpc),
        )
        for service in file.services.values()
        for rpc in service.rpcs
    ]  # fmt: skip
    types = [
        Entry(type_id(m.name), names.short(m.name), "message", summary=m.description.partition("\n")[0][:200],
              is_deprecated=m.is_deprecated, detail=partial(_message_detail, names, m))
        for m in file.messages.values()
    ]  # fmt: skip
    types += [
        Entry(type_id(e.name), names.short(e.name), "enum", summary=e.description.partition("\n")[0][:200],
              detail=partial(_enum_detail, e))
        for e in file.enums.values()
    ]  # fmt: skip
    return Api(
        format="proto",
        dialect=file.syntax,
        title=file.package,
        groups={s.name: words(s.description) for s in file.services.values()},
        operations=operations,
        types=types,
        raw=file,
    )


def type_id(name: str) -> str:
    return entry_id("type", name)


class _Names:
    """Finds what a type's name means where it is used: from the innermost message outwards."""

    def __init__(self, file: ProtoFile) -> None:
        self.file = file

    def find(self, name: str, scope: str) -> str | None:
        """The full name of a type of this file; None for one of elsewhere."""
        if name.startswith("."):
            name, scope = name[1:], ""
        while True:
            full = f"{scope}.{name}" if scope else name
            if full in self.file.messages or full in self.file.enums:
                return full
            if not scope:
                return None
            scope = scope.rpartition(".")[0]

    def short(self, name: str) -> str:
        return name.removeprefix(f"{self.file.package}.") if self.file.package else name


def value_type(type: str) -> str:
    """Of a map the type of its values, else the type itself."""
    return type.partition(",")[2].strip().rstrip(">") if type.startswith("map<") else type


@dataclass(slots=True)
class _Trees:
    names: _Names
    left: int = MAX_NODES
    above: list[str] = field(default_factory=list)

    def fields(self, message: ProtoMessage) -> Sequence[Node]:
        self.above.append(message.name)
        nodes = []
        for f in message.fields:
            if self.left <= 0:
                nodes.append(Node("…", mark="cut"))
                break
            nodes.append(self._field(f, message))
        self.above.pop()
        return nodes

    def _field(self, f: ProtoField, message: ProtoMessage) -> Node:
        self.left -= 1
        inner = value_type(f.type)
        full = self.names.find(inner, message.name)
        facts = [("number", str(f.number))]
        if f.oneof:
            facts.append(("oneof", f.oneof))
        mark: Any = "" if full or inner in SCALARS else "external"
        children: Sequence[Node] = ()
        if full in self.names.file.messages:
            if full in self.above:
                mark = "cycle"
            elif len(self.above) >= MAX_DEPTH:
                mark = "cut"
            else:
                children = self.fields(self.names.file.messages[full])
        elif full is not None:
            facts.append(("enum", ", ".join(list(self.names.file.enums[full].values)[:30])))
        type = f"{f.label} {f.type}" if f.label in ("repeated", "optional") else f.type
        return Node(f.name, type, f.label == "required", f.is_deprecated, words(f.description), facts, mark,
                    type_id(full) if full else None, children)  # fmt: skip

    def named(self, name: str) -> tuple[Sequence[Node], str | None]:
        full = self.names.find(name, self.names.file.package)
        message = self.names.file.messages.get(full or "")
        if message is None:
            return [Node("", name, mark="external")], None
        return self.fields(message), full


def _rpc_detail(names: _Names, service: ProtoService, rpc: ProtoRpc) -> Detail:
    trees = _Trees(names)
    parts = []
    for sort, name, is_stream in (
        ("request", rpc.request, rpc.sends_stream),
        ("response", rpc.response, rpc.gets_stream),
    ):
        nodes, _ = trees.named(name)
        parts.append(Part(sort, f"stream {name}" if is_stream else name, nodes=nodes))
    return Detail(rpc.description, parts, _call(names, service, rpc))


def _call(names: _Names, service: ProtoService, rpc: ProtoRpc) -> str:
    full = names.find(rpc.request, names.file.package)
    message = names.file.messages.get(full or "")
    body = {f.name: _sample(f) for f in message.fields[:20]} if message else {}
    data = shlex.quote(show_json(body, indent=False))
    return f"grpcurl -d {data} \\\n  HOST:443 {service.name}/{rpc.name}"


def _sample(f: ProtoField) -> Any:
    if f.label in ("repeated", "map"):
        return [] if f.label == "repeated" else {}
    return _SAMPLES.get(f.type, 0 if f.type in SCALARS else None)


def _message_detail(names: _Names, message: ProtoMessage) -> Detail:
    return Detail(message.description, [Part("fields", nodes=_Trees(names).fields(message))])


def _enum_detail(enum: ProtoEnum) -> Detail:
    nodes = [
        Node(name, is_deprecated=name in enum.deprecated, facts=[("number", str(number))])
        for name, number in list(enum.values.items())[:MAX_NODES]
    ]
    return Detail(enum.description, [Part("values", nodes=nodes)])
