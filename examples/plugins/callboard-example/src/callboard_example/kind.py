"""The kind Rota, as data. Its relations are its own: a rota *covers* things, and people are *onCallIn* it."""

from __future__ import annotations

from typing import Any, Final

API_VERSION: Final = "rota.callboard.example/v1"
COVERED_BY: Final = "coveredBy"

_TEXT: Final = {"type": "string", "minLength": 1}

ROTA: Final[dict[str, Any]] = {
    "group": "rota.callboard.example",
    "names": {"kind": "Rota", "singular": "rota", "plural": "rotas"},
    "description": "People who take turns at answering for something.",
    "versions": [
        {
            "name": "v1",
            "schema": {
                "jsonSchema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "spec": {
                            "type": "object",
                            "required": ["owner", "people", "starts"],
                            "properties": {
                                "owner": _TEXT,
                                "people": {"type": "array", "items": _TEXT, "minItems": 1},
                                "covers": {"type": "array", "items": _TEXT},
                                "starts": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                                "hands_over_at": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"},
                                "time_zone": _TEXT,
                                "turn_days": {"type": "integer", "minimum": 1, "maximum": 28},
                            },
                        }
                    },
                }
            },
            "relationFields": [
                {"selector": {"path": "spec.owner"}, "relation": "ownedBy", "defaultKind": "Group"},
                {
                    "selector": {"path": "spec.covers"},
                    "relation": "covers",
                    "reverse": COVERED_BY,
                    "defaultKind": "Component",
                },
                {
                    "selector": {"path": "spec.people"},
                    "relation": "onCall",
                    "reverse": "onCallIn",
                    "defaultKind": "User",
                    "allowedKinds": ["User"],
                },
            ],
        }
    ],
}
