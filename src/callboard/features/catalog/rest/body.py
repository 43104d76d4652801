"""JSON bodies: read with a limit, parsed, and checked against a schema in the words that Backstage's validator uses."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Mapping, MutableMapping

from callboard.kernel.errors import InputError
from callboard.kernel.web.body import RequestTooLarge, parse_json

MAX_BODY_BYTES = 102_400  # 100 kB, Express' default
_MALFORMED = (
    "Malformed request body (did you remember to specify an application/json content type?), Validation error: "
)
Schema = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class UnsupportedBody(InputError):
    """A body whose type or encoding is not JSON in UTF-8."""

    code = "request.unsupported_media_type"


class Disconnected(Exception):
    """The client went away while it was sending; nobody is there to be answered."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge: it is, or says that it is, over 100 kB.
        UnsupportedBody: it is compressed.
        Disconnected: it never ended.
    """
    declared = headers.get(b"content-length", b"")
    length = int(declared) if declared.isdigit() else None
    if length is not None and length > MAX_BODY_BYTES:
        raise RequestTooLarge(MAX_BODY_BYTES)
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise UnsupportedBody(f'unsupported content encoding "{encoding.decode("latin-1")}"')
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise RequestTooLarge(MAX_BODY_BYTES)
        if not message.get("more_body", False):
            return body


def is_json_type(content_type: bytes | None) -> bool:
    return content_type is not None and content_type.partition(b";")[0].strip().lower() == b"application/json"


def parse_body(data: bytes, content_type: bytes | None, schema: Schema) -> dict[str, Any]:
    """The body as a mapping that fits ``schema`` (a JSON Schema: object with ``properties`` and ``required``).

    Raises:
        InputError: no JSON, not an object, or one that does not fit; the message says where.
    """
    if not is_json_type(content_type):
        if data:
            named = (content_type or b"").decode("latin-1").partition(";")[0].strip() or "undefined"
            raise UnsupportedBody(f"unsupported media type {named}")
        _require_all({}, schema)
        return {}
    value = parse_json(data) if data else {}
    check(value, schema, "request/body")
    if schema.get("x-strict"):
        extra = [name for name in value if name not in schema["properties"]]
        if extra:
            names = ", ".join(f"'{name}'" for name in extra)
            raise InputError(f"{_MALFORMED}Unrecognized key(s) in object: {names}")
    return value


def _require_all(value: Mapping[str, Any], schema: Schema) -> None:
    missing = [f'Required at "{name}"' for name in schema.get("required", ()) if name not in value]
    if missing:
        raise InputError(_MALFORMED + "; ".join(missing))


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
}


def check(value: Any, schema: Schema, path: str) -> None:
    """Raise ``InputError`` for the first place where ``value`` does not fit ``schema``.

    Knows the words that our schemas use: type, required, properties, items, enum, minimum, minLength, minItems.
    """
    expected = schema.get("type")
    if expected is not None and not _TYPES[expected](value):
        raise InputError(f"{path} must be {expected}", field=path)
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(str(x) for x in schema["enum"])
        raise InputError(f"{path} must be equal to one of the allowed values: {allowed}", field=path)
    if "minimum" in schema and value < schema["minimum"]:
        raise InputError(f"{path} must be >= {schema['minimum']}", field=path)
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        raise InputError(f"{path} must NOT have fewer than {schema['minLength']} characters", field=path)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            raise InputError(f"{path} must NOT have fewer than {schema['minItems']} items", field=path)
        items = schema.get("items")
        if items is not None:
            for index, item in enumerate(value):
                check(item, items, f"{path}/{index}")
    elif isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                raise InputError(f"{path} must have required property '{name}'", field=f"{path}/{name}")
        for name, child in schema.get("properties", {}).items():
            if name in value:
                check(value[name], child, f"{path}/{name}")
