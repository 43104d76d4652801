"""Fields that the schemas of publishing actions have in common."""

from __future__ import annotations

from typing import Any, Mapping

Schema = dict[str, Any]


def text(description: str, **rest: Any) -> Schema:
    return {"type": "string", "description": description, **rest}


def flag(description: str, default: bool | None = None) -> Schema:
    return {"type": "boolean", "description": description, **({} if default is None else {"default": default})}


def number(description: str, **rest: Any) -> Schema:
    return {"type": "number", "description": description, **rest}


def texts(description: str) -> Schema:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def one_of(description: str, *values: str, default: str | None = None) -> Schema:
    return {
        "type": "string", "enum": list(values), "description": description,
        **({} if default is None else {"default": default}),
    }  # fmt: skip


def text_map(description: str) -> Schema:
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": description}


def record(properties: Mapping[str, Schema], required: tuple[str, ...] = (), **rest: Any) -> Schema:
    """An object. Unknown fields are let through, as Backstage lets them."""
    schema: Schema = {"type": "object", "properties": dict(properties), **rest}
    return {**schema, "required": list(required)} if required else schema


TOKEN = text("Token to act with, instead of the credentials of the integration.")
SOURCE_PATH = text("Folder of the workspace to publish; all of it by default.")

COMMIT: dict[str, Schema] = {
    "gitCommitMessage": text("Message of the commit; the one of the settings, or `initial commit`, by default."),
    "gitAuthorName": text("Author of the commit; the one of the settings, or `Scaffolder`, by default."),
    "gitAuthorEmail": text("Mail address of the author of the commit."),
    "signCommit": flag("Sign the commit with the OpenPGP key of the settings; without a key the step fails.", False),
}

PUBLISHED = record(
    {
        "remoteUrl": text("Address to clone the repository from."),
        "repoContentsUrl": text("Address of the root of its files."),
        "commitHash": text("The commit that was made."),
    }
)
