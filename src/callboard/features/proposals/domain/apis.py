"""Files that define an API: OpenAPI, AsyncAPI, GraphQL schemas, gRPC services."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from callboard.features.proposals.domain.safely import mapping, parse_json, parse_yaml, text
from callboard.features.proposals.domain.values import Evidence, Limits, Tree, folder_of, line_of, some
from callboard.features.proposals.domain.words import say

ApiType = Literal["openapi", "asyncapi", "graphql", "grpc"]
_CONSUMED = re.compile(
    r"(?:^|/)(?:clients?|consumed|consumers?|external|upstream|third[-_]?party|vendor(?:ed)?|generated)/", re.IGNORECASE
)
_YAML_HEAD = re.compile(r"^[\"']?(openapi|swagger|asyncapi)[\"']?\s*:\s*[\"']?\d", re.MULTILINE)
_GRAPHQL = re.compile(
    r"^\s*(?:extend\s+)?type\s+(Query|Mutation|Subscription)\b|^\s*schema\s*(?:@\w+[^{]*)?\{", re.MULTILINE
)
_SERVICE = re.compile(r"^\s*service\s+(\w+)\s*\{", re.MULTILINE)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
MAX_APIS = 300


@dataclass(frozen=True, slots=True)
class ApiFile:
    """``is_consumed``: it lies where descriptions of others' APIs lie."""

    path: str
    type: ApiType
    title: str
    description: str
    version: str
    evidence: Evidence
    is_consumed: bool
    definition: str

    @property
    def folder(self) -> str:
        return folder_of(self.path)


def read_apis(tree: Tree, limits: Limits) -> tuple[list[ApiFile], list[str]]:
    """Each file that defines an API by itself; and notes."""
    found: list[ApiFile] = []
    large: list[str] = []
    for path in sorted(tree.texts):
        content = tree.texts[path]
        api = _read(path, content)
        if api is None:
            continue
        if len(content.encode("utf-8", "replace")) > limits.definition_bytes:
            large.append(path)
            continue
        found.append(api)
    notes = (
        [f"Definitions larger than {limits.definition_bytes // 1024} KiB were passed over: {some(large)}."]
        if large
        else []
    )
    if len(found) > MAX_APIS:
        notes.append(f"{len(found)} definitions of APIs: those after the first {MAX_APIS} were passed over.")
    return found[:MAX_APIS], notes


def _read(path: str, content: str) -> ApiFile | None:
    name = path.lower().rpartition("/")[2]
    if name.endswith((".yaml", ".yml", ".json")):
        return _described(path, content, is_json=name.endswith(".json"))
    if name.endswith((".graphql", ".graphqls")):
        said = _GRAPHQL.search(content)
        if said is None:
            return None
        line = content.count("\n", 0, said.end()) + 1
        return _api(path, "graphql", "", content, Evidence(say("proposals.why.declares_what_may_be"), path, line))
    if name.endswith(".proto"):
        services = _SERVICE.findall(content)
        if not services:
            return None
        package = _PACKAGE.search(content)
        title = services[0] if len(services) == 1 else (package[1] if package else services[0])
        at = line_of(content, f"service {services[0]}")
        return _api(
            path,
            "grpc",
            title,
            content,
            Evidence(say("proposals.why.declares_grpc_service", services=some(services)), path, at),
        )
    return None


def _described(path: str, content: str, *, is_json: bool) -> ApiFile | None:
    head = content if is_json else _YAML_HEAD.search(content)
    if not head or (is_json and not re.search(r'"(?:openapi|swagger|asyncapi)"\s*:', content)):
        return None
    value = mapping(parse_json(content) if is_json else parse_yaml(content))
    word = next(
        (key for key in ("openapi", "swagger", "asyncapi") if isinstance(value.get(key), (str, int, float))), None
    )
    if word is None:
        return None
    info = mapping(value.get("info"))
    if not info or not any(key in value for key in ("paths", "channels", "components", "webhooks", "operations")):
        return None
    kind: Any = "asyncapi" if word == "asyncapi" else "openapi"
    place = line_of(content, f'"{word}"' if is_json else word)
    evidence = Evidence(
        say("proposals.why.document", kind="AsyncAPI" if kind == "asyncapi" else "OpenAPI", version=str(value[word])),
        path,
        place,
    )
    description = " ".join(text(info.get("description"), 2_000).split("\n\n")[0].split())
    return _api(
        path, kind, text(info.get("title"), 100), content, evidence, description, text(str(info.get("version", "")), 40)
    )


def _api(
    path: str, type: ApiType, title: str, content: str, evidence: Evidence, description: str = "", version: str = ""
) -> ApiFile:
    return ApiFile(path, type, title, description, version, evidence, _CONSUMED.search(f"/{path}") is not None, content)
