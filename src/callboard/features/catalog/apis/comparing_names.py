"""GraphQL against GraphQL and proto against proto: formats in which types have names that both sides know."""

from __future__ import annotations

from typing import Final, Mapping

from callboard.features.catalog.apis.changes import Found
from callboard.features.catalog.apis.graphql import Argument, GraphSchema, GraphType, bare
from callboard.features.catalog.apis.model import Api
from callboard.features.catalog.apis.proto import SCALARS
from callboard.features.catalog.apis.proto_parser import ProtoEnum, ProtoField, ProtoFile, ProtoMessage, ProtoRpc

# Types of proto that read each other's bytes. Source: protobuf.dev, "Updating a message type".
_ALIKE: Final = (
    frozenset(["int32", "uint32", "int64", "uint64", "bool"]), frozenset(["sint32", "sint64"]), frozenset(["string", "bytes"]),
    frozenset(["fixed32", "sfixed32"]), frozenset(["fixed64", "sfixed64"]),
)  # fmt: skip


# ---- GraphQL ----------------------------------------------------------------------------------------------------------


def compare_graphql(old: Api, new: Api, found: Found) -> None:
    before: GraphSchema = old.raw
    after: GraphSchema = new.raw
    for name, was in before.types.items():
        now = after.types.get(name)
        if now is None:
            found.add("type_removed", name, before=was.kind)
        elif now.kind != was.kind:
            found.add("kind_changed", name, before=was.kind, after=now.kind)
        else:
            _graph_type(was, now, found)
    for name, now in after.types.items():
        if name not in before.types:
            found.add("type_added", name, after=now.kind)


def _graph_type(was: GraphType, now: GraphType, found: Found) -> None:
    name = was.name
    for field in was.fields.values():
        other = now.fields.get(field.name)
        if other is None:
            found.add("field_removed", name, field.name)
            continue
        if other.is_deprecated and not field.is_deprecated:
            found.add("field_deprecated", name, field.name, after=other.reason)
        if field.type != other.type:
            _output(name, field.name, field.type, other.type, found)
        _arguments(name, field.name, field.arguments, other.arguments, found)
    for field in now.fields.values():
        if field.name not in was.fields:
            found.add("field_added", name, field.name, after=field.type)
    _inputs(name, was, now, found)
    for value in was.values:
        if value not in now.values:
            found.add("value_removed", name, value)
    for value in now.values:
        if value not in was.values:
            found.add("value_added", name, value)
    for rule, old, new in (("member", was.members, now.members), ("interface", was.interfaces, now.interfaces)):
        for member in old:
            if member not in new:
                found.add(f"{rule}_removed", name, member)
        for member in new:
            if member not in old:
                found.add(f"{rule}_added", name, member)


def _output(subject: str, place: str, old: str, new: str, found: Found) -> None:
    """What comes back may become certain, not uncertain."""
    if bare(old) != bare(new) or not (_is_stricter(new, old) or _is_stricter(old, new)):
        found.add("field_type_changed", subject, place, old, new)
    else:
        found.add("field_not_null" if _is_stricter(new, old) else "field_nullable", subject, place, old, new)


def _input(subject: str, place: str, old: str, new: str, found: Found) -> None:
    """What is sent may become optional, not required."""
    if bare(old) != bare(new) or not (_is_stricter(new, old) or _is_stricter(old, new)):
        found.add("input_type_changed", subject, place, old, new)
    else:
        found.add("input_nullable" if _is_stricter(old, new) else "input_not_null", subject, place, old, new)


def _is_stricter(one: str, other: str) -> bool:
    """Whether every value of type ``one`` is of type ``other``: the same lists, and no less ``!``."""
    if other.endswith("!"):
        return one.endswith("!") and _is_stricter(one[:-1], other[:-1])
    one = one.removesuffix("!")
    if other.startswith("[") and one.startswith("["):
        return _is_stricter(one[1:-1], other[1:-1])
    return one == other


def _arguments(
    subject: str, field: str, old: Mapping[str, Argument], new: Mapping[str, Argument], found: Found
) -> None:
    for name, argument in old.items():
        place, other = f"{field}({name})", new.get(name)
        if other is None:
            found.add("argument_removed", subject, place)
            continue
        if argument.type != other.type:
            _input(subject, place, argument.type, other.type, found)
        if argument.default != other.default:
            found.add("default_changed", subject, place, argument.default or "", other.default or "")
    for name, argument in new.items():
        if name not in old:
            rule = "argument_added_required" if argument.is_required else "argument_added"
            found.add(rule, subject, f"{field}({name})", after=argument.type)


def _inputs(subject: str, was: GraphType, now: GraphType, found: Found) -> None:
    for name, argument in was.inputs.items():
        other = now.inputs.get(name)
        if other is None:
            found.add("input_removed", subject, name)
            continue
        if argument.type != other.type:
            _input(subject, name, argument.type, other.type, found)
        if argument.default != other.default:
            found.add("default_changed", subject, name, argument.default or "", other.default or "")
    for name, argument in now.inputs.items():
        if name not in was.inputs:
            found.add(
                "field_added_required" if argument.is_required else "field_added", subject, name, after=argument.type
            )


# ---- proto ------------------------------------------------------------------------------------------------------------


def compare_proto(old: Api, new: Api, found: Found) -> None:
    """Types are compared without their package: a package that changed is told once."""
    before: ProtoFile = old.raw
    after: ProtoFile = new.raw
    if before.package != after.package:
        found.add("package_changed", "", "", before.package, after.package)
    for sort in ("messages", "enums", "services"):
        was = {_bare(name, before): value for name, value in getattr(before, sort).items()}
        now = {_bare(name, after): value for name, value in getattr(after, sort).items()}
        for name, value in was.items():
            if name not in now:
                found.add("type_removed", name, before=sort[:-1])
            elif sort == "messages":
                _message(name, value, now[name], after, found)
            elif sort == "enums":
                _enum(name, value, now[name], found)
            else:
                _service(name, {r.name: r for r in value.rpcs}, {r.name: r for r in now[name].rpcs}, found)
        for name in now:
            if name not in was:
                found.add("type_added", name, after=sort[:-1])


def _bare(name: str, file: ProtoFile) -> str:
    return name.removeprefix(f"{file.package}.") if file.package else name


def _message(name: str, was: ProtoMessage, now: ProtoMessage, after: ProtoFile, found: Found) -> None:
    numbers, names = {f.number: f for f in now.fields}, {f.name: f for f in now.fields}
    for field in was.fields:
        place, other = f"{field.name} = {field.number}", numbers.get(field.number)
        if other is None:
            moved = names.get(field.name)
            if moved is not None:
                found.add("number_changed", name, field.name, str(field.number), str(moved.number))
            elif any(low <= field.number <= high for low, high in now.reserved):
                found.add("field_removed_reserved", name, place)
            else:
                found.add("field_removed_unreserved", name, place)
            continue
        _proto_field(name, place, field, other, after, found)
    known = {f.number for f in was.fields}
    for field in now.fields:
        if field.number not in known and field.name not in {f.name for f in was.fields}:
            rule = "field_added_proto_required" if field.label == "required" else "field_added"
            found.add(rule, name, f"{field.name} = {field.number}", after=field.type)


def _proto_field(name: str, place: str, a: ProtoField, b: ProtoField, after: ProtoFile, found: Found) -> None:
    if a.name != b.name:
        found.add("field_renamed", name, place, a.name, b.name)
    one, other = a.type.rpartition(".")[2], b.type.rpartition(".")[2]
    if a.type != b.type and (one != other or SCALARS & {a.type, b.type}):
        is_enum = any(n.rpartition(".")[2] == t for n in after.enums for t in (one, other))
        are_alike = any({a.type, b.type} <= kinds for kinds in _ALIKE) or (
            is_enum and bool({a.type, b.type} & {"int32", "int64", "uint32", "uint64"})
        )
        found.add("field_type_compatible" if are_alike else "field_type_wire", name, place, a.type, b.type)
    if (a.label == "repeated") != (b.label == "repeated") or (a.label == "required") != (b.label == "required"):
        found.add("label_changed", name, place, a.label or "singular", b.label or "singular")
    if a.oneof != b.oneof:
        found.add("oneof_changed", name, place, a.oneof, b.oneof)
    if b.is_deprecated and not a.is_deprecated:
        found.add("field_deprecated", name, place)


def _enum(name: str, was: ProtoEnum, now: ProtoEnum, found: Found) -> None:
    for value, number in was.values.items():
        if value not in now.values:
            other = next((v for v, n in now.values.items() if n == number), None)
            if other is not None:
                found.add("field_renamed", name, str(number), value, other)
            else:
                found.add("value_removed", name, f"{value} = {number}")
        elif now.values[value] != number:
            found.add("value_number_changed", name, value, str(number), str(now.values[value]))
    for value, number in now.values.items():
        if value not in was.values and number not in was.values.values():
            found.add("value_added_proto", name, f"{value} = {number}")


def _service(name: str, was: Mapping[str, ProtoRpc], now: Mapping[str, ProtoRpc], found: Found) -> None:
    for rpc in was.values():
        subject, other = f"{name}/{rpc.name}", now.get(rpc.name)
        if other is None:
            found.add("operation_removed", subject)
            continue
        for rule, old, new in (
            ("rpc_request_changed", rpc.request, other.request),
            ("rpc_response_changed", rpc.response, other.response),
        ):
            if old.rpartition(".")[2] != new.rpartition(".")[2]:
                found.add(rule, subject, "", old, new)
        if (rpc.sends_stream, rpc.gets_stream) != (other.sends_stream, other.gets_stream):
            found.add("streaming_changed", subject, "", _streams(rpc), _streams(other))
        if other.is_deprecated and not rpc.is_deprecated:
            found.add("operation_deprecated", subject)
    for rpc_name in now:
        if rpc_name not in was:
            found.add("operation_added", f"{name}/{rpc_name}")


def _streams(rpc: ProtoRpc) -> str:
    return {(0, 0): "unary", (1, 0): "client stream", (0, 1): "server stream"}.get(
        (rpc.sends_stream, rpc.gets_stream), "both stream"
    )
