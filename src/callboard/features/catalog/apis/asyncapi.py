"""AsyncAPI 2 and 3: channels and the messages that go through them, as operations of one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Iterator, Literal, Mapping, Sequence

from callboard.features.catalog.apis.model import Api, ApiFault, Detail, Entry, Part, entry_id, listed, mapping, words
from callboard.features.catalog.apis.openapi import first_line, type_detail
from callboard.features.catalog.apis.schemas import Resolver, Trees, show_json

_OTHER_SCHEMAS: Final = ("avro", "protobuf", "raml", "x-")
_MAX_ENTRIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """``other`` is the payload as written, where it is in another language than JSON Schema."""

    name: str
    title: str
    description: str
    content_type: str
    payload: Any
    headers: Any
    examples: Sequence[tuple[str, Any]]
    other: str = ""


@dataclass(frozen=True, slots=True)
class ChannelOperation:
    """``verb`` is the document's own word; ``is_received``: whether the application takes these messages in (else it sends them)."""

    verb: Literal["PUB", "SUB", "SEND", "RECEIVE"]
    address: str
    channel: str
    tag: str
    summary: str
    description: str
    is_received: bool
    is_deprecated: bool
    parameters: Mapping[str, Any]
    messages: Sequence[Message]
    reply: Sequence[Message] = ()
    bindings: Any = None


@dataclass(slots=True)
class EventApi:
    """What comparing works on."""

    resolver: Resolver
    operations: Sequence[ChannelOperation] = ()
    schemas: Mapping[str, Any] = field(default_factory=dict)


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.resolver = Resolver(document)
        self.content_type = words(document.get("defaultContentType"), 100)

    def operations(self) -> Iterator[ChannelOperation]:
        if words(self.document.get("asyncapi")).startswith("2"):
            yield from self._of_channels()
        else:
            yield from self._of_operations()

    def _of_channels(self) -> Iterator[ChannelOperation]:
        for address, raw in mapping(self.document.get("channels")).items():
            channel = self.resolver.resolve(raw).schema
            for key in ("publish", "subscribe"):
                if isinstance(channel.get(key), dict):
                    operation = self.resolver.resolve(channel[key]).schema
                    message = self.resolver.resolve(operation.get("message")).schema
                    given = listed(message.get("oneOf")) or ([operation["message"]] if "message" in operation else [])
                    yield self._operation("PUB" if key == "publish" else "SUB", str(address), str(address), channel, operation,
                                          [("", m) for m in given], is_received=key == "publish")  # fmt: skip

    def _of_operations(self) -> Iterator[ChannelOperation]:
        named = set()
        for raw in mapping(self.document.get("operations")).values():
            operation = self.resolver.resolve(raw).schema
            found = self.resolver.resolve(operation.get("channel"))
            channel = found.schema
            named.add(found.pointer)
            messages = self._messages_of(operation, channel)
            reply = mapping(self.resolver.resolve(operation.get("reply")).schema)
            back = self._messages_of(reply, self.resolver.resolve(reply.get("channel")).schema) if reply else []
            is_received = operation.get("action") == "receive"
            address = words(channel.get("address"), 500) or found.name
            yield self._operation("RECEIVE" if is_received else "SEND", address, found.name, channel, operation, messages,
                                  is_received=is_received, reply=back)  # fmt: skip

    def _messages_of(self, operation: Mapping[str, Any], channel: Mapping[str, Any]) -> list[tuple[str, Any]]:
        if "messages" in operation:
            return [(words(mapping(m).get("$ref")).rpartition("/")[2], m) for m in listed(operation["messages"])]
        return [(str(name), m) for name, m in mapping(channel.get("messages")).items()]

    def _operation(
        self, verb: Any, address: str, name: str, channel: Mapping[str, Any], operation: Mapping[str, Any],
        messages: Sequence[tuple[str, Any]], *, is_received: bool, reply: Sequence[tuple[str, Any]] = (),
    ) -> ChannelOperation:  # fmt: skip
        tags = [
            words(mapping(tag).get("name"), 120)
            for tag in (*listed(operation.get("tags")), *listed(channel.get("tags")))
        ]
        return ChannelOperation(
            verb=verb,
            address=address,
            channel=name,
            tag=next((tag for tag in tags if tag), ""),
            summary=words(operation.get("summary"), 300)
            or words(operation.get("title"), 300)
            or words(channel.get("summary"), 300),
            description=words(operation.get("description")) or words(channel.get("description")),
            is_received=is_received,
            is_deprecated=operation.get("deprecated") is True,
            parameters=mapping(channel.get("parameters")),
            messages=[self._message(name, m) for name, m in messages[:200]],
            reply=[self._message(name, m) for name, m in reply[:200]],
            bindings=operation.get("bindings") or channel.get("bindings"),
        )

    def _message(self, name: str, raw: Any) -> Message:
        found = self.resolver.resolve(raw)
        message = dict(found.schema)
        for trait in listed(message.get("traits"))[:20]:
            for key, value in self.resolver.resolve(trait).schema.items():
                message.setdefault(key, value)
        payload, format = message.get("payload"), words(message.get("schemaFormat"), 200)
        if isinstance(payload, dict) and "schemaFormat" in payload:
            format, payload = words(payload["schemaFormat"], 200), payload.get("schema")
        is_other = any(word in format for word in _OTHER_SCHEMAS)
        examples = [
            (words(mapping(e).get("name"), 200), mapping(e).get("payload", e))
            for e in listed(message.get("examples"))[:10]
        ]
        return Message(
            name=words(message.get("name"), 200) or name or found.name or words(message.get("title"), 200) or "message",
            title=words(message.get("title"), 200),
            description=words(message.get("description")) or words(message.get("summary")),
            content_type=words(message.get("contentType"), 100) or self.content_type,
            payload=None if is_other else payload,
            headers=message.get("headers"),
            examples=examples,
            other=(payload if isinstance(payload, str) else show_json(payload))
            if is_other and payload is not None
            else "",
        )


def read_asyncapi(document: Mapping[str, Any]) -> Api | ApiFault:
    """A document that names ``asyncapi``."""
    dialect = words(document.get("asyncapi"), 20)
    if not dialect.startswith(("2.", "3.")):
        return ApiFault(f"Version {dialect!r} of AsyncAPI is not known here", fix="2 and 3 are read.")
    for key in ("channels", "operations"):
        if key in document and not isinstance(document[key], dict):
            return ApiFault(f"{key} is no mapping", fix="Each one is a key below it.")
    reader = _Reader(document)
    operations = []
    for operation in reader.operations():
        operations.append(operation)
        if len(operations) >= _MAX_ENTRIES:
            break
    components = mapping(document.get("components"))
    schemas = mapping(components.get("schemas"))
    types = []
    for name, schema in list(schemas.items())[:_MAX_ENTRIES]:
        id, pointer = (
            entry_id("type", str(name)),
            "#/components/schemas/" + str(name).replace("~", "~0").replace("/", "~1"),
        )
        reader.resolver.links[pointer] = id
        kind = words(mapping(schema).get("type"), 20) or "schema"
        types.append(Entry(id, str(name), kind, summary=first_line(mapping(schema).get("description")),
                           detail=partial(type_detail, reader.resolver, schema, pointer)))  # fmt: skip
    info = mapping(document.get("info"))
    auth = []
    for name, value in list(mapping(components.get("securitySchemes")).items())[:50]:
        scheme = reader.resolver.resolve(value).schema
        told = [words(scheme.get("type"), 60), words(scheme.get("description"), 400)]
        auth.append((str(name), " · ".join(t for t in told if t)))
    taken: dict[str, int] = {}
    return Api(
        format="asyncapi",
        dialect=f"AsyncAPI {dialect}",
        title=words(info.get("title"), 200),
        version=words(info.get("version"), 60),
        description=words(info.get("description")),
        servers=_servers(document, reader.resolver),
        auth=auth,
        operations=[_entry(o, reader.resolver, taken) for o in operations],
        types=types,
        raw=EventApi(reader.resolver, operations, schemas),
    )


def _servers(document: Mapping[str, Any], resolver: Resolver) -> list[tuple[str, str]]:
    out = []
    for name, value in list(mapping(document.get("servers")).items())[:50]:
        server = resolver.resolve(value).schema
        host, protocol = words(server.get("url") or server.get("host"), 300), words(server.get("protocol"), 40)
        url = host if "://" in host else f"{protocol}://{host}{words(server.get('pathname'), 200)}"
        out.append((url, words(server.get("description"), 200) or str(name)))
    return out


def _entry(operation: ChannelOperation, resolver: Resolver, taken: dict[str, int]) -> Entry:
    id = entry_id("op", operation.verb, operation.address)
    taken[id] = taken.get(id, 0) + 1
    return Entry(
        id=id if taken[id] == 1 else f"{id}-{taken[id]}",
        name=operation.address,
        badge=operation.verb,
        group=operation.tag,
        summary=operation.summary
        or first_line(operation.description)
        or ", ".join(m.name for m in operation.messages[:4]),
        is_deprecated=operation.is_deprecated,
        detail=partial(_detail, operation, resolver),
    )


def _detail(operation: ChannelOperation, resolver: Resolver) -> Detail:
    trees = Trees(resolver)
    parts = []
    if operation.parameters:
        nodes = []
        for name, value in operation.parameters.items():
            parameter = resolver.resolve(value).schema
            # in version 3 a parameter is a text and says so by saying nothing
            schema = parameter.get("schema") or {
                "type": "string",
                **{k: parameter[k] for k in ("enum", "default") if k in parameter},
            }
            nodes.append(trees.node(str(name), schema, required=True, description=words(parameter.get("description"))))
        parts.append(Part("path", nodes=nodes))
    for sort, messages in (("message", operation.messages), ("reply", operation.reply)):
        for message in messages:
            parts += _message_parts(sort, message, trees)
    if isinstance(operation.bindings, dict) and operation.bindings:
        parts.append(Part("bindings", examples=[("", show_json(operation.bindings))]))
    told = operation.description if operation.description != operation.summary else ""
    return Detail(told, parts)


def _message_parts(sort: str, message: Message, trees: Trees) -> Iterator[Part]:
    title = " · ".join(t for t in (message.name, message.content_type) if t)
    examples = [(name, value if isinstance(value, str) else show_json(value)) for name, value in message.examples]
    if message.other:
        examples.insert(0, ("", words(message.other)))
    nodes = trees.fields(message.payload) if message.payload is not None else ()
    yield Part(sort, title, message.description, nodes, examples, *trees.name_of(message.payload, nodes))
    if message.headers is not None:
        yield Part("headers", message.name, nodes=trees.fields(message.headers))
