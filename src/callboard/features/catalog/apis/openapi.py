"""OpenAPI 2.0, 3.0 and 3.1: read into operations of one shape, whichever version they were written for."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Iterator, Mapping, Sequence
from urllib.parse import quote

from callboard.features.catalog.apis.model import (
    Api,
    ApiFault,
    Detail,
    Entry,
    Node,
    Part,
    entry_id,
    listed,
    mapping,
    words,
)
from callboard.features.catalog.apis.schemas import Resolver, Trees, brief, sample, show_json

METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")
_FILE: Final = {"type": "string", "format": "binary"}
_MAX_ENTRIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Content:
    """A body in one media type. ``examples`` are (title, value)."""

    schema: Any
    examples: Sequence[tuple[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    is_required: bool
    schema: Any
    description: str = ""
    is_deprecated: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    description: str
    contents: Mapping[str, Content]
    headers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """An operation, references followed but those of schemas. ``security``: names of ways to sign in, one of which is enough."""

    method: str
    path: str
    tag: str
    summary: str
    description: str
    operation_id: str
    is_deprecated: bool
    is_webhook: bool
    parameters: Sequence[Parameter]
    bodies: Mapping[str, Content]
    needs_body: bool
    answers: Mapping[str, Answer]
    security: Sequence[str]
    allows_anybody: bool
    servers: Sequence[str]


@dataclass(slots=True)
class HttpApi:
    """What comparing works on."""

    resolver: Resolver
    operations: Sequence[HttpOperation] = ()
    schemas: Mapping[str, Any] = field(default_factory=dict)


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.resolver = Resolver(document)
        self.is_old = "swagger" in document
        self.servers = [url for url, _ in self.list_servers()]

    def list_servers(self) -> list[tuple[str, str]]:
        if not self.is_old:
            return _servers(self.document.get("servers"))
        host, base = words(self.document.get("host")), words(self.document.get("basePath"))
        if not host:
            return [(base, "")] if base else []
        schemes = [words(s) for s in listed(self.document.get("schemes"))] or ["https"]
        return [(f"{scheme}://{host}{base}", "") for scheme in schemes[:5] if scheme]

    def list_auth(self) -> list[tuple[str, str]]:
        given = (
            self.document.get("securityDefinitions")
            if self.is_old
            else mapping(self.document.get("components")).get("securitySchemes")
        )
        out = []
        for name, value in list(mapping(given).items())[:50]:
            scheme = self.resolver.resolve(value).schema
            told = [
                words(scheme.get(key), 200)
                for key in ("type", "scheme", "bearerFormat", "in", "name", "openIdConnectUrl")
            ]
            flows = ", ".join(str(flow) for flow in mapping(scheme.get("flows")))
            out.append((str(name), " · ".join(t for t in [*told, flows, words(scheme.get("description"), 400)] if t)))
        return out

    def operations(self) -> Iterator[HttpOperation]:
        for is_webhook, key in ((False, "paths"), (True, "webhooks")):
            for path, raw in mapping(self.document.get(key)).items():
                item = self.resolver.resolve(raw).schema
                for method in METHODS:
                    if isinstance(item.get(method), dict):
                        yield self._operation(str(path), method, item, item[method], is_webhook)

    def _operation(
        self, path: str, method: str, item: Mapping[str, Any], raw: Mapping[str, Any], is_webhook: bool
    ) -> HttpOperation:
        given = [
            self.resolver.resolve(p).schema for p in (*listed(item.get("parameters")), *listed(raw.get("parameters")))
        ]
        unique = {(words(p.get("in")), words(p.get("name"))): p for p in given}
        parameters = [self._parameter(p) for (place, _), p in unique.items() if place not in ("body", "formData")]
        bodies, needs_body = self._old_bodies(unique, raw) if self.is_old else self._bodies(raw.get("requestBody"))
        security = raw.get("security", self.document.get("security"))
        ways = [" + ".join(str(name) for name in mapping(way)) for way in listed(security)]
        tags = [words(tag, 120) for tag in listed(raw.get("tags"))]
        return HttpOperation(
            method=method.upper(),
            path=path,
            tag=next((tag for tag in tags if tag), ""),
            summary=words(raw.get("summary"), 300) or words(item.get("summary"), 300),
            description=words(raw.get("description")),
            operation_id=words(raw.get("operationId"), 200),
            is_deprecated=raw.get("deprecated") is True,
            is_webhook=is_webhook,
            parameters=parameters,
            bodies=bodies,
            needs_body=needs_body,
            answers={
                str(status): self._answer(answer, raw) for status, answer in mapping(raw.get("responses")).items()
            },
            security=list(dict.fromkeys(way for way in ways if way)),
            allows_anybody="" in ways or not ways,
            servers=[url for url, _ in _servers(raw.get("servers") or item.get("servers"))] or self.servers,
        )

    def _parameter(self, raw: Mapping[str, Any]) -> Parameter:
        contents = list(mapping(raw.get("content")).values())
        schema = raw if self.is_old else raw.get("schema", mapping(contents[0]).get("schema") if contents else None)
        examples = [e for _, e in _examples(raw, self.resolver)]
        return Parameter(
            name=words(raw.get("name"), 200),
            place=words(raw.get("in"), 40),
            is_required=raw.get("required") is True,
            schema={k: v for k, v in schema.items() if k not in ("required", "description")}
            if self.is_old and isinstance(schema, dict)
            else schema,
            description=words(raw.get("description")),
            is_deprecated=raw.get("deprecated") is True,
            example=examples[0] if examples else None,
        )

    def _bodies(self, raw: Any) -> tuple[dict[str, Content], bool]:
        body = self.resolver.resolve(raw).schema
        return self._contents(body.get("content")), body.get("required") is True

    def _old_bodies(
        self, given: Mapping[tuple[str, str], Mapping[str, Any]], raw: Mapping[str, Any]
    ) -> tuple[dict[str, Content], bool]:
        media = [words(m) for m in listed(raw.get("consumes", self.document.get("consumes")))]
        for (place, _), parameter in given.items():
            if place == "body":
                content = Content(parameter.get("schema"))
                return dict.fromkeys(media or ["application/json"], content), parameter.get("required") is True
        fields = {name: p for (place, name), p in given.items() if place == "formData"}
        if not fields:
            return {}, False
        required = [name for name, p in fields.items() if p.get("required") is True]
        properties = {
            name: _FILE if p.get("type") == "file" else {k: v for k, v in p.items() if k != "required"}
            for name, p in fields.items()
        }
        schema = {"type": "object", "properties": properties, "required": required}
        return dict.fromkeys(media or ["application/x-www-form-urlencoded"], Content(schema)), bool(required)

    def _contents(self, raw: Any) -> dict[str, Content]:
        out = {}
        for media, value in mapping(raw).items():
            content = self.resolver.resolve(value).schema
            out[str(media)] = Content(content.get("schema"), _examples(content, self.resolver))
        return out

    def _answer(self, raw: Any, operation: Mapping[str, Any]) -> Answer:
        answer = self.resolver.resolve(raw).schema
        if not self.is_old:
            contents = self._contents(answer.get("content"))
        else:
            shown = mapping(answer.get("examples"))
            media = [words(m) for m in listed(operation.get("produces", self.document.get("produces")))] or [
                "application/json"
            ]
            contents = {
                m: Content(answer["schema"], [("", shown[m])] if m in shown else []) for m in media
            } if "schema" in answer else {}  # fmt: skip
        headers = {}
        for name, value in mapping(answer.get("headers")).items():
            header = self.resolver.resolve(value).schema
            headers[str(name)] = header if self.is_old else {**mapping(header.get("schema")), **_described(header)}
        return Answer(words(answer.get("description")), contents, headers)


def _described(header: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": header["description"]} if isinstance(header.get("description"), str) else {}


def _servers(raw: Any) -> list[tuple[str, str]]:
    found = ((words(mapping(s).get("url"), 500), words(mapping(s).get("description"), 200)) for s in listed(raw)[:50])
    return [(url, told) for url, told in found if url]


def _examples(raw: Mapping[str, Any], resolver: Resolver) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = [("", raw["example"])] if "example" in raw else []
    for name, value in list(mapping(raw.get("examples")).items())[:10]:
        found = resolver.resolve(value).schema
        if "value" in found:
            out.append((words(found.get("summary"), 200) or str(name), found["value"]))
    return out


def read_openapi(document: Mapping[str, Any]) -> Api | ApiFault:
    """A document that names ``openapi`` or ``swagger``."""
    dialect = words(document.get("openapi") or document.get("swagger"), 20)
    if not dialect.startswith(("2.", "3.")) and dialect != "2":
        return ApiFault(f"Version {dialect!r} of OpenAPI is not known here", fix="2.0, 3.0 and 3.1 are read.")
    for key in ("paths", "webhooks"):
        if key in document and not isinstance(document[key], dict):
            return ApiFault(f"{key} is no mapping", fix="Each path is a key below it, as in /pets:.")
    reader = _Reader(document)
    operations = []
    for operation in reader.operations():
        operations.append(operation)
        if len(operations) >= _MAX_ENTRIES:
            break
    schemas = mapping(
        document.get("definitions") if reader.is_old else mapping(document.get("components")).get("schemas")
    )
    base = "#/definitions/" if reader.is_old else "#/components/schemas/"
    types = []
    for name, schema in list(schemas.items())[:_MAX_ENTRIES]:
        id, pointer = entry_id("type", str(name)), base + str(name).replace("~", "~0").replace("/", "~1")
        reader.resolver.links[pointer] = id
        told = mapping(schema)
        kind = "enum" if "enum" in told else words(told.get("type"), 20) or "schema"
        types.append(
            Entry(id, str(name), kind, summary=first_line(told.get("description")), is_deprecated=told.get("deprecated") is True,
                  detail=partial(type_detail, reader.resolver, schema, pointer))
        )  # fmt: skip
    raw = HttpApi(reader.resolver, operations, schemas)
    info = mapping(document.get("info"))
    tags = {
        words(mapping(tag).get("name"), 120): words(mapping(tag).get("description"), 600)
        for tag in listed(document.get("tags"))
    }
    return Api(
        format="openapi",
        dialect=f"{'Swagger' if reader.is_old else 'OpenAPI'} {dialect}",
        title=words(info.get("title"), 200),
        version=words(info.get("version"), 60),
        description=words(info.get("description")),
        servers=reader.list_servers(),
        auth=reader.list_auth(),
        groups=tags,
        operations=_sorted([_entry(o, reader.resolver) for o in operations], tags),
        types=types,
        raw=raw,
    )


def _sorted(entries: Sequence[Entry], tags: Mapping[str, str]) -> list[Entry]:
    """In the order of the tags as the document lists them, those without a tag last."""
    order = {tag: n for n, tag in enumerate(dict.fromkeys([*tags, *(e.group for e in entries if e.group), ""]))}
    return sorted(entries, key=lambda entry: order[entry.group])


def first_line(value: Any) -> str:
    return words(value, 2_000).partition("\n")[0][:200]


def _entry(operation: HttpOperation, resolver: Resolver) -> Entry:
    badge = f"HOOK {operation.method}" if operation.is_webhook else operation.method
    return Entry(
        id=entry_id("hook" if operation.is_webhook else "op", operation.method, operation.path),
        name=operation.path,
        badge=badge,
        group=operation.tag,
        summary=operation.summary or first_line(operation.description),
        is_deprecated=operation.is_deprecated,
        detail=partial(_detail, operation, resolver),
    )


def type_detail(resolver: Resolver, schema: Any, pointer: str) -> Detail:
    """A schema by itself, which stands at ``pointer``: its fields and its examples."""
    trees = Trees(resolver)
    told = mapping(schema)
    nodes = [replace(node, link=None) if not node.name else node for node in trees.fields({"$ref": pointer})]
    example = told.get("example", next(iter(listed(told.get("examples"))), None))
    examples = [("", show_json(example))] if isinstance(example, (dict, list)) else []
    return Detail(words(told.get("description")), [Part("fields", nodes=nodes, examples=examples)])


def _detail(operation: HttpOperation, resolver: Resolver) -> Detail:
    trees = Trees(resolver)
    parts = []
    for place in dict.fromkeys(p.place for p in operation.parameters):
        nodes = [_parameter_node(p, trees) for p in operation.parameters if p.place == place]
        sort = place if place in ("path", "query", "header", "cookie", "querystring") else "parameters"
        parts.append(Part(sort, nodes=nodes))
    for media, content in operation.bodies.items():
        parts.append(_content_part("request", media, "", content, trees, "readOnly"))
    for status, answer in operation.answers.items():
        if not answer.contents:
            parts.append(Part("response", status, answer.description))
        for media, content in answer.contents.items():
            parts.append(
                _content_part("response", f"{status} {media}", answer.description, content, trees, "writeOnly")
            )
        if answer.headers:
            nodes = [trees.node(name, header) for name, header in answer.headers.items()]
            parts.append(Part("headers", status, nodes=nodes))
    told = operation.description if operation.description != operation.summary else ""
    call = None if operation.is_webhook else curl_of(operation, resolver)
    return Detail(told, parts, call, operation.security)


def _content_part(sort: str, name: str, description: str, content: Content, trees: Trees, skips: str) -> Part:
    examples = [
        (title, show_json(value) if not isinstance(value, str) else words(value)) for title, value in content.examples
    ]
    nodes = trees.fields(content.schema, skips=skips) if content.schema is not None else ()
    return Part(sort, name, description, nodes, examples, *trees.name_of(content.schema, nodes))


def _parameter_node(parameter: Parameter, trees: Trees) -> Node:
    node = trees.node(
        parameter.name, parameter.schema, required=parameter.is_required, description=parameter.description
    )
    facts = [*node.facts]
    if parameter.example is not None and not any(id == "example" for id, _ in facts):
        facts.append(("example", brief(parameter.example)))
    return Node(
        node.name, node.type, node.is_required, parameter.is_deprecated or node.is_deprecated, node.description, facts, node.mark,
        node.link, node.children,
    )  # fmt: skip


def curl_of(operation: HttpOperation, resolver: Resolver) -> str:
    """A command line with what is required filled in; every word is quoted for a POSIX shell, whatever the definition holds."""
    server = next((s for s in operation.servers if s.startswith(("http://", "https://"))), "https://HOST")
    path, query, headers = operation.path, [], []
    for parameter in operation.parameters:
        value = parameter.example
        if value is None and parameter.is_required:
            value = sample(resolver, parameter.schema)
        told = brief(value, 500) if value is not None else ""
        if parameter.place == "path" and told and told != "string":
            path = path.replace("{" + parameter.name + "}", quote(told, safe=""))
        elif parameter.place == "query" and (parameter.is_required or parameter.example is not None):
            query.append(f"{quote(parameter.name, safe='[]')}={quote(told, safe='')}")
        elif parameter.place == "header" and parameter.is_required:
            headers.append(f"{parameter.name}: {told}")
    if operation.security and not operation.allows_anybody:
        headers.append("Authorization: Bearer TOKEN")
    url = server.rstrip("/") + "/" + path.lstrip("/") + ("?" + "&".join(query) if query else "")
    lines = [f"curl -X {shlex.quote(operation.method)} {shlex.quote(_one_line(url))}"]
    body = next(iter(operation.bodies.items()), None)
    if body is not None:
        media, content = body
        headers.append(f"Content-Type: {media}")
        if "json" in media:
            value = content.examples[0][1] if content.examples else sample(resolver, content.schema)
            lines += [f"-H {shlex.quote(_one_line(header))}" for header in headers]
            lines.append(f"-d {shlex.quote(value if isinstance(value, str) else show_json(value))}")
            return " \\\n  ".join(lines)
    lines += [f"-H {shlex.quote(_one_line(header))}" for header in headers]
    return " \\\n  ".join(lines)


def _one_line(text: str) -> str:
    """A break in a header or an address would be another header, or none at all."""
    return " ".join(text.split())
