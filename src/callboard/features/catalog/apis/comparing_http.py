"""OpenAPI against OpenAPI and AsyncAPI against AsyncAPI, whatever the versions."""

from __future__ import annotations

import re
from typing import Mapping, Sequence

from callboard.features.catalog.apis.asyncapi import ChannelOperation, EventApi, Message
from callboard.features.catalog.apis.changes import Found
from callboard.features.catalog.apis.comparing_schemas import Direction, SchemaComparer
from callboard.features.catalog.apis.model import Api
from callboard.features.catalog.apis.openapi import Answer, Content, HttpApi, HttpOperation, Parameter

_BRACES = re.compile(r"\{[^{}]*\}")


def compare_openapi(old: Api, new: Api, found: Found) -> None:
    before: HttpApi = old.raw
    after: HttpApi = new.raw
    schemas = SchemaComparer(before.resolver, after.resolver, found)
    was = {_key(o): o for o in before.operations}
    now = {_key(o): o for o in after.operations}
    for key, operation in was.items():
        subject = f"{operation.method} {operation.path}"
        if key not in now:
            found.add("operation_removed", subject)
        else:
            _Operations(schemas, found, subject).compare(operation, now[key])
    for key, operation in now.items():
        if key not in was:
            found.add("operation_added", f"{operation.method} {operation.path}", after=operation.summary)
    _servers(old.servers, new.servers, found)


def _key(operation: HttpOperation) -> tuple[bool, str, str]:
    """What a parameter of the path is called makes no difference to a client."""
    return operation.is_webhook, operation.method, _BRACES.sub("{}", operation.path).rstrip("/")


def _servers(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]], found: Found) -> None:
    was, now = [url for url, _ in old], [url for url, _ in new]
    for url in was:
        if url not in now:
            found.add("server_removed", "", "", url)
    for url in now:
        if url not in was:
            found.add("server_added", "", "", "", url)


class _Operations:
    """Compares two states of one operation. Of a webhook the client is the one who answers."""

    def __init__(self, schemas: SchemaComparer, found: Found, subject: str) -> None:
        self._schemas = schemas
        self._found = found
        self._subject = subject

    def compare(self, a: HttpOperation, b: HttpOperation) -> None:
        self._schemas.subject = self._subject
        sent: Direction = "response" if a.is_webhook else "request"
        got: Direction = "request" if a.is_webhook else "response"
        if b.is_deprecated and not a.is_deprecated:
            self._tell("operation_deprecated")
        if a.operation_id and b.operation_id and a.operation_id != b.operation_id:
            self._tell("operation_id_changed", "", a.operation_id, b.operation_id)
        self._auth(a, b)
        self._parameters(a, b, sent)
        self._bodies(a, b, sent)
        self._answers(a.answers, b.answers, got)

    def _tell(self, rule: str, place: str = "", before: str = "", after: str = "") -> None:
        self._found.add(rule, self._subject, place, before, after)

    def _auth(self, a: HttpOperation, b: HttpOperation) -> None:
        if a.allows_anybody and not b.allows_anybody:
            self._tell("auth_required", "", "", ", ".join(b.security))
        elif b.allows_anybody and not a.allows_anybody:
            self._tell("auth_removed", "", ", ".join(a.security))
        elif not a.allows_anybody:
            for way in a.security:
                if way not in b.security:
                    self._tell("auth_way_removed", "", way)
            for way in b.security:
                if way not in a.security:
                    self._tell("auth_way_added", "", "", way)

    def _parameters(self, a: HttpOperation, b: HttpOperation, sent: Direction) -> None:
        was, now = _named(a.parameters, a.path), _named(b.parameters, b.path)
        for key, parameter in was.items():
            place = f"{parameter.place} {parameter.name}"
            other = now.get(key)
            if other is None:
                if parameter.place != "path":
                    self._tell("parameter_removed", place)
                continue
            if other.is_required and not parameter.is_required:
                self._tell("parameter_became_required", place)
            elif parameter.is_required and not other.is_required:
                self._tell("parameter_became_optional", place)
            self._schemas.compare(parameter.schema, other.schema, sent, place)
        for key, parameter in now.items():
            if key not in was and parameter.place != "path":
                rule = "parameter_added_required" if parameter.is_required else "parameter_added"
                self._tell(rule, f"{parameter.place} {parameter.name}")

    def _bodies(self, a: HttpOperation, b: HttpOperation, sent: Direction) -> None:
        if a.bodies and not b.bodies:
            self._tell("body_removed")
            return
        if b.bodies and not a.bodies:
            self._tell("body_required" if b.needs_body else "body_added")
            return
        if b.needs_body and not a.needs_body and b.bodies:
            self._tell("body_required")
        elif a.needs_body and not b.needs_body:
            self._tell("body_optional")
        self._contents(a.bodies, b.bodies, sent, "request")

    def _answers(self, old: Mapping[str, Answer], new: Mapping[str, Answer], got: Direction) -> None:
        for status, answer in old.items():
            other = new.get(status)
            if other is None:
                self._tell("response_removed" if status[:1] in "23" else "response_error_removed", status)
                continue
            self._contents(answer.contents, other.contents, got, "response", f"{status} ")
            for name, header in answer.headers.items():
                if name not in other.headers:
                    self._tell("header_removed", f"{status} {name}")
                else:
                    self._schemas.compare(header, other.headers[name], got, f"{status} {name}")
            for name in other.headers:
                if name not in answer.headers:
                    self._tell("header_added", f"{status} {name}")
        for status in new:
            if status not in old:
                self._tell("response_added", status)

    def _contents(
        self, old: Mapping[str, Content], new: Mapping[str, Content], direction: Direction, sort: str, prefix: str = ""
    ) -> None:
        for media, content in old.items():
            if media not in new:
                self._tell(f"{sort}_media_removed", prefix.strip(), media)
            else:
                # what stands in the body is told without its media type where there is but one
                place = f"{prefix}{media if len(old) > 1 else 'body'}"
                self._schemas.compare(content.schema, new[media].schema, direction, place)
        for media in new:
            if media not in old:
                self._tell(f"{sort}_media_added", prefix.strip(), "", media)


def _named(parameters: Sequence[Parameter], path: str) -> dict[tuple[str, str], Parameter]:
    """By place and name; those of the path by their position, since their names do not show on the wire."""
    order = {name[1:-1]: str(n) for n, name in enumerate(_BRACES.findall(path))}
    return {
        (
            p.place,
            order.get(p.name, p.name) if p.place == "path" else p.name.lower() if p.place == "header" else p.name,
        ): p
        for p in parameters
    }


def compare_asyncapi(old: Api, new: Api, found: Found) -> None:
    before: EventApi = old.raw
    after: EventApi = new.raw
    schemas = SchemaComparer(before.resolver, after.resolver, found)
    was, now = _by_channel(before.operations), _by_channel(after.operations)
    for key, operation in was.items():
        subject = f"{operation.verb} {operation.address}"
        other = now.get(key)
        if other is None:
            found.add("operation_removed", subject)
            continue
        schemas.subject = subject
        if other.is_deprecated and not operation.is_deprecated:
            found.add("operation_deprecated", subject)
        direction: Direction = "request" if operation.is_received else "response"
        _messages(operation.messages, other.messages, direction, schemas, found, subject)
        _messages(
            operation.reply, other.reply, "response" if operation.is_received else "request", schemas, found, subject
        )
    for key, operation in now.items():
        if key not in was:
            found.add("operation_added", f"{operation.verb} {operation.address}", after=operation.summary)
    _servers(old.servers, new.servers, found)


def _by_channel(operations: Sequence[ChannelOperation]) -> dict[tuple[str, bool], ChannelOperation]:
    out: dict[tuple[str, bool], ChannelOperation] = {}
    for operation in operations:
        out.setdefault((_BRACES.sub("{}", operation.address), operation.is_received), operation)
    return out


def _messages(
    old: Sequence[Message],
    new: Sequence[Message],
    direction: Direction,
    schemas: SchemaComparer,
    found: Found,
    subject: str,
) -> None:
    was, now = {m.name: m for m in old}, {m.name: m for m in new}
    if len(was) == len(now) == 1:  # one message under another name is the same on the wire
        now = dict(zip(was, now.values(), strict=True))
    for name, message in was.items():
        other = now.get(name)
        if other is None:
            found.add("message_removed", subject, name)
            continue
        if message.content_type != other.content_type and message.content_type:
            found.add("request_media_removed" if direction == "request" else "response_media_removed", subject, name,
                      message.content_type, other.content_type)  # fmt: skip
        if message.other != other.other:
            found.add("format_changed", subject, name)
        for sort in ("payload", "headers"):
            before, after = getattr(message, sort), getattr(other, sort)
            if before is not None and after is not None:
                schemas.compare(before, after, direction, name if sort == "payload" else f"{name} headers")
    for name in now:
        if name not in was:
            found.add("message_added" if direction == "request" else "message_added_to_read", subject, name)
