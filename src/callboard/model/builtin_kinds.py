"""The kinds that Backstage knows, as data. Required fields and relations: Backstage catalog-model 1.10.1."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from callboard.model.kinds import KindDefinition, KindError, KindVersion, RelationField

_GROUP = "backstage.io"
_API_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_PROFILE: dict[str, Any] = {"type": "object", "properties": {"displayName": _TEXT, "email": _TEXT, "picture": _TEXT}}


def spec_schema(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """JSON Schema of an entity whose ``spec`` has these fields; others are tolerated."""
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": {"type": "object", "required": list(required), "properties": properties}},
    }


def _field(name: str, relation: str, reverse: str, default_kind: str | None) -> RelationField:
    return RelationField(("spec", name), relation, reverse, default_kind)


OWNER = _field("owner", "ownedBy", "ownerOf", "Group")
SYSTEM = _field("system", "partOf", "hasPart", "System")
DEPENDS_ON = _field("dependsOn", "dependsOn", "dependencyOf", None)
DEPENDENCY_OF = _field("dependencyOf", "dependencyOf", "dependsOn", None)


def _kind(
    kind: str, plural: str, icon: str, description: str, schema: Mapping[str, Any], *fields: RelationField
) -> KindDefinition:
    version = KindVersion(_API_VERSIONS, schema, fields)
    return KindDefinition(_GROUP, kind, kind.lower(), plural, description, (version,), icon)


COMPONENT = _kind(
    "Component", "components", "component", "A piece of software with code, owner and lifecycle: service, website, library.",
    spec_schema(
        ("type", "lifecycle", "owner"), type=_TEXT, lifecycle=_TEXT, owner=_TEXT, system=_TEXT, subcomponentOf=_TEXT,
        providesApis=_TEXTS, consumesApis=_TEXTS, dependsOn=_TEXTS, dependencyOf=_TEXTS,
    ),
    OWNER, SYSTEM, _field("subcomponentOf", "partOf", "hasPart", "Component"),
    _field("providesApis", "providesApi", "apiProvidedBy", "API"),
    _field("consumesApis", "consumesApi", "apiConsumedBy", "API"), DEPENDS_ON, DEPENDENCY_OF,
)  # fmt: skip
API = _kind(
    "API", "apis", "api", "An interface that components provide and consume.",
    spec_schema(
        ("type", "lifecycle", "owner", "definition"), type=_TEXT, lifecycle=_TEXT, owner=_TEXT, definition=_TEXT, system=_TEXT
    ),
    OWNER, SYSTEM,
)  # fmt: skip
RESOURCE = _kind(
    "Resource", "resources", "resource", "Infrastructure that a component needs: database, bucket, queue.",
    spec_schema(("type", "owner"), type=_TEXT, owner=_TEXT, system=_TEXT, dependsOn=_TEXTS, dependencyOf=_TEXTS),
    OWNER, SYSTEM, DEPENDS_ON, DEPENDENCY_OF,
)  # fmt: skip
SYSTEM_KIND = _kind(
    "System", "systems", "system", "Components, APIs and resources that together serve one purpose.",
    spec_schema(("owner",), owner=_TEXT, domain=_TEXT, type=_TEXT),
    OWNER, _field("domain", "partOf", "hasPart", "Domain"),
)  # fmt: skip
DOMAIN = _kind(
    "Domain", "domains", "domain", "A part of the business that systems belong to.",
    spec_schema(("owner",), owner=_TEXT, subdomainOf=_TEXT, type=_TEXT),
    OWNER, _field("subdomainOf", "partOf", "hasPart", "Domain"),
)  # fmt: skip
GROUP = _kind(
    "Group", "groups", "group", "A team, a unit or any set of people that owns things.",
    spec_schema(("type", "children"), type=_TEXT, children=_TEXTS, parent=_TEXT, members=_TEXTS, profile=_PROFILE),
    _field("parent", "childOf", "parentOf", "Group"), _field("children", "parentOf", "childOf", "Group"),
    _field("members", "hasMember", "memberOf", "User"),
)  # fmt: skip
USER = _kind(
    "User", "users", "user", "A person.",
    spec_schema(("memberOf",), memberOf=_TEXTS, profile=_PROFILE), _field("memberOf", "memberOf", "hasMember", "Group"),
)  # fmt: skip
LOCATION = _kind(
    "Location", "locations", "location", "A pointer to files with more entities.",
    spec_schema((), type=_TEXT, target=_TEXT, targets=_TEXTS, presence={"type": "string", "enum": ["required", "optional"]}),
)  # fmt: skip
_STEP = {
    "type": "object",
    "required": ["action"],
    "properties": {
        "id": {"type": "string"}, "name": {"type": "string"}, "action": {"type": "string"}, "input": {"type": "object"},
        "if": {"type": ["string", "boolean"]},
    },
}  # fmt: skip
_OUTPUT_LINK = {"type": "object", "properties": {"url": _TEXT, "entityRef": _TEXT, "title": _TEXT, "icon": _TEXT}}
TEMPLATE = KindDefinition(
    "scaffolder.backstage.io", "Template", "template", "templates", "A form and steps that make something new.",
    (
        KindVersion(
            ("scaffolder.backstage.io/v1beta3",),
            spec_schema(
                ("type", "steps"), type=_TEXT, owner=_TEXT, lifecycle=_TEXT,
                parameters={"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                steps={"type": "array", "items": _STEP},
                output={
                    "type": "object",
                    "properties": {
                        "links": {"type": "array", "items": _OUTPUT_LINK},
                        "text": {"type": "array", "items": {"type": "object"}},
                    },
                    "additionalProperties": {"type": "string"},
                },
            ),
            (OWNER,),
        ),
    ),
    "template",
)  # fmt: skip
BUILT_IN_KINDS: tuple[KindDefinition, ...] = (
    COMPONENT, API, RESOURCE, SYSTEM_KIND, DOMAIN, GROUP, USER, LOCATION, TEMPLATE,
)  # fmt: skip

_AI_REQUIRED = ("type", "lifecycle", "owner")
_AI_VERSION = ("backstage.io/v1alpha1",)


def _ai(
    spec_type: str | None, required: tuple[str, ...] = (), *fields: RelationField, **properties: Any
) -> KindVersion:
    schema = spec_schema(_AI_REQUIRED + required, type=_TEXT, lifecycle=_TEXT, owner=_TEXT, system=_TEXT, **properties)
    return KindVersion(_AI_VERSION, schema, (OWNER, SYSTEM, *fields), spec_type)


AI_RESOURCE = KindDefinition(
    _GROUP, "AiResource", "airesource", "airesources", "Something that agents use: skill, rule, plugin, marketplace.",
    (
        _ai(None),
        _ai("skill", (), _field("dependsOn", "dependsOn", "dependencyOf", "AiResource"), disciplines=_TEXTS,
            categories=_TEXTS, agents=_TEXTS, dependsOn=_TEXTS, allowedTools=_TEXT, license=_TEXT,
            compatibility={"type": "string", "minLength": 1, "maxLength": 500}),
        _ai("rule", ("category", "rationale"), category=_TEXT, rationale=_TEXT, disciplines=_TEXTS),
        _ai("plugin", ("skills",), _field("skills", "hasPart", "partOf", "AiResource"), skills=_TEXTS, version=_TEXT),
        _ai("marketplace", ("plugins",), _field("plugins", "hasPart", "partOf", "AiResource"), plugins=_TEXTS, version=_TEXT),
    ),
    "ai",
)  # fmt: skip
MCP_SERVER = KindDefinition(
    _GROUP, "API", "api", "apis", API.description,
    (
        KindVersion(
            _API_VERSIONS,
            spec_schema(
                ("type", "lifecycle", "owner", "remotes"), type=_TEXT, lifecycle=_TEXT, owner=_TEXT, system=_TEXT,
                remotes={
                    "type": "array", "minItems": 1,
                    "items": {"type": "object", "required": ["type", "url"], "properties": {"type": _TEXT, "url": _TEXT}},
                },
            ),
            (OWNER, SYSTEM),
            "mcp-server",
        ),
    ),
    "api",
)  # fmt: skip

OPTIONAL_LAYERS: Mapping[str, tuple[KindDefinition, ...]] = {"ai-resource": (AI_RESOURCE,), "mcp-server": (MCP_SERVER,)}
"""Layers that ``catalog.model.layers`` turns on by name."""


def optional_layers(names: Iterable[str]) -> list[tuple[KindDefinition, ...]]:
    """The layers of these names, in the order given.

    Raises:
        KindError: no layer has that name; the message lists those there are.
    """
    out = []
    for name in names:
        if name not in OPTIONAL_LAYERS:
            raise KindError(f"No layer is called {name}; there are {', '.join(sorted(OPTIONAL_LAYERS))}")
        out.append(OPTIONAL_LAYERS[name])
    return out
