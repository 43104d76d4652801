"""What ``GET /v2/templating-extensions`` says of the filters that every portal has."""

from __future__ import annotations

from typing import Any, Mapping

WORDS: Mapping[str, Mapping[str, Any]] = {
    "parseRepoUrl": {
        "description": "The parts of what a repository picker gives: host, owner, name and whatever else the host has.",
        "schema": {
            "input": {
                "type": "string",
                "description": "repo URL as collected from repository picker",
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
            "output": {
                "type": "object",
                "properties": {
                    "repo": {"type": "string"},
                    "host": {"type": "string"},
                    "owner": {"type": "string"},
                    "organization": {"type": "string"},
                    "workspace": {"type": "string"},
                    "project": {"type": "string"},
                },
                "required": ["repo", "host"],
                "additionalProperties": False,
                "description": "`RepoSpec`",
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
        },
        "examples": [
            {
                "example": "- id: log\n"
                "  name: Parts of the repository\n"
                "  action: debug:log\n"
                "  input:\n"
                "    message: ${{ parameters.repoUrl | parseRepoUrl }}\n",
                "notes": '`github.com?repo=shop&owner=acme` gives `{"host": "github.com", '
                '"owner": "acme", "repo": "shop"}`.',
            }
        ],
    },
    "parseEntityRef": {
        "description": "Kind, namespace and name of an entity ref.",
        "schema": {
            "input": {
                "anyOf": [
                    {"type": "string", "description": "compact entity reference"},
                    {
                        "type": "object",
                        "properties": {
                            "kind": {"type": "string"},
                            "namespace": {"type": "string"},
                            "name": {"type": "string"},
                        },
                        "required": ["name"],
                        "additionalProperties": False,
                        "description": "`CompoundEntityRef`",
                    },
                ],
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
            "arguments": [
                {
                    "anyOf": [
                        {"not": {}},
                        {
                            "type": "object",
                            "properties": {
                                "defaultKind": {
                                    "type": "string",
                                    "description": "The default kind, if none is given in the reference",
                                },
                                "defaultNamespace": {
                                    "type": "string",
                                    "description": "The default namespace, if none is given in the reference",
                                },
                            },
                            "additionalProperties": False,
                        },
                    ],
                    "$schema": "http://json-schema.org/draft-07/schema#",
                }
            ],
            "output": {
                "type": "object",
                "properties": {"kind": {"type": "string"}, "namespace": {"type": "string"}, "name": {"type": "string"}},
                "required": ["kind", "namespace", "name"],
                "additionalProperties": False,
                "description": "`CompoundEntityRef`",
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
        },
        "examples": [
            {
                "description": "With defaults",
                "example": "- id: log\n"
                "  name: Parts of the owner\n"
                "  action: debug:log\n"
                "  input:\n"
                "    message: ${{ parameters.owner | parseEntityRef({ "
                'defaultKind: "group", defaultNamespace: "acme" }) }}\n',
                "notes": '`payments` gives `{"kind": "group", "namespace": "acme", "name": "payments"}`.',
            }
        ],
    },
    "pick": {
        "description": "What stands at a path in an object.",
        "schema": {
            "input": {"$schema": "http://json-schema.org/draft-07/schema#"},
            "arguments": [
                {"type": "string", "description": "Property", "$schema": "http://json-schema.org/draft-07/schema#"}
            ],
            "output": {"description": "Selected property", "$schema": "http://json-schema.org/draft-07/schema#"},
        },
        "examples": [
            {
                "example": "- id: log\n"
                "  name: Name of the owner\n"
                "  action: debug:log\n"
                "  input:\n"
                "    message: ${{ parameters.owner | parseEntityRef | pick('name') }}\n",
                "notes": "`group:default/payments` gives `payments`.",
            }
        ],
    },
    "projectSlug": {
        "description": "Owner and name of a repository as one text.",
        "schema": {
            "input": {
                "type": "string",
                "description": "repo URL as collected from repository picker",
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
            "output": {"type": "string", "$schema": "http://json-schema.org/draft-07/schema#"},
        },
        "examples": [
            {
                "example": "- id: log\n"
                "  name: Slug of the repository\n"
                "  action: debug:log\n"
                "  input:\n"
                "    message: ${{ parameters.repoUrl | projectSlug }}\n",
                "notes": "`github.com?repo=shop&owner=acme` gives `acme/shop`.",
            }
        ],
    },
}
