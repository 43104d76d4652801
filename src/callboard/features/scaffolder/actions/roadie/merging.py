"""``roadiehq:utils:json:merge``, ``roadiehq:utils:yaml:merge``, ``roadiehq:utils:merge``: data merged into a file."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.roadie.documents import (
    YAML_OPTIONS,
    parse_json,
    parse_yaml,
    parse_yaml_documents,
    to_json_text,
    to_yaml_text,
)
from callboard.features.scaffolder.actions.roadie.keeping import merge_into_text
from callboard.features.scaffolder.actions.schemas import example, fields, flag, text
from callboard.features.scaffolder.actions.working import Desk, exists, in_thread, inside, read_text, to_bytes
from callboard.features.scaffolder.language import to_text
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, NotFoundError

MAX_DEPTH = 200
_INDENT = re.compile(r"^( +|\t+)\S", re.MULTILINE)


def merge(old: Any, new: Any, *, extend_lists: bool, depth: int = 0) -> Any:
    """``new`` laid over ``old``: objects field by field, lists in place of lists or, with ``extend_lists``, behind them.

    As lodash's ``mergeWith``; texts and numbers that a list has already are not added again.
    """
    if depth > MAX_DEPTH:
        raise InputError("It is nested too deeply to be merged.")
    if isinstance(old, dict) and isinstance(new, Mapping):
        merged = dict(old)
        for key, value in new.items():
            merged[key] = merge(old[key], value, extend_lists=extend_lists, depth=depth + 1) if key in old else value
        return merged
    if isinstance(old, list):
        return _extend(old, new) if extend_lists else new
    return new


def _extend(old: Sequence[Any], new: Any) -> list[Any]:
    made: list[Any] = []
    seen: set[tuple[str, Any]] = set()
    for value in [*old, *(new if isinstance(new, (list, tuple)) else [new])]:
        if not isinstance(value, (dict, list)):
            kind = "n" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
            if (kind, value) in seen:
                continue
            seen.add((kind, value))
        made.append(value)
    return made


def _merge_top(old: Any, new: Any, extend_lists: bool) -> Any:
    if isinstance(old, list) and isinstance(new, (list, tuple)):
        # At the top lodash goes by index, whatever becomes of the lists inside.
        longest = max(len(old), len(new))
        pairs = [(old[i : i + 1], list(new[i : i + 1])) for i in range(longest)]
        return [merge(a[0], b[0], extend_lists=extend_lists) if a and b else (b or a)[0] for a, b in pairs]
    return merge(old, new, extend_lists=extend_lists)


async def merge_json(context: ActionContext) -> Mapping[str, Any]:
    """A file that is not there is made."""
    given = context.input
    path = inside(context.folder, given["path"])
    content = given["content"]
    new = parse_json(content, "content") if isinstance(content, str) else content

    def work(desk: Desk) -> None:
        old, indent = "{}", 2
        if exists(context.folder, path):
            old = read_text(context.folder, path)
            if given.get("matchFileIndent"):
                indent = _detect_indent(old)
        else:
            desk.log(f"The file {path} does not exist, creating it.")
        merged = _merge_top(parse_json(old, path), new, bool(given.get("mergeArrays")))
        desk.write(context.folder, path, to_bytes(to_json_text(merged, indent)))

    await in_thread(context, work)
    return {"path": path}


def _detect_indent(source: str) -> int:
    found = _INDENT.search(source)
    return len(found[1]) if found else 2


async def merge_any(context: ActionContext) -> Mapping[str, Any]:
    """JSON or YAML by the file's name. In a file of several YAML documents one of them is named by a field."""
    given = context.input
    path = inside(context.folder, given["path"])
    extend, content = bool(given.get("mergeArrays")), given["content"]
    suffix = "." + path.rsplit(".", 1)[-1].lower() if "." in path else ""
    if suffix not in (".json", ".yaml", ".yml"):
        raise InputError(f"{path} is neither .json nor .yaml nor .yml.", field="path")

    def work(desk: Desk) -> None:
        if not exists(context.folder, path):
            raise NotFoundError(f"The file {path} does not exist.")
        old = read_text(context.folder, path)
        if suffix == ".json":
            new = parse_json(content, "content") if isinstance(content, str) else content
            merged = to_json_text(_merge_top(parse_json(old, path), new, extend), 2)
        else:
            new = parse_yaml(content, "content") if isinstance(content, str) else content
            before = parse_yaml_documents(old, path)
            documents, options = _merge_documents(before, new, given), given.get("options")
            kept = merge_into_text(old, before, documents) if given.get("preserveYamlComments") else None
            if kept is None and given.get("preserveYamlComments"):
                desk.log(f"{path} is laid out in a way that its comments cannot be kept; it was written anew.")
            merged = kept if kept is not None else "---\n".join(to_yaml_text(one, options) for one in documents)
        desk.write(context.folder, path, to_bytes(merged))

    await in_thread(context, work)
    return {"path": path}


def _merge_documents(documents: Sequence[Any], new: Any, given: Mapping[str, Any]) -> list[Any]:
    extend = bool(given.get("mergeArrays"))
    if not documents:
        raise InputError("No documents found in the input content. Please provide a valid YAML file.", field="path")
    if len(documents) == 1:
        return [_merge_top(documents[0], new, extend)]
    chosen = given.get("useDocumentIncludingField")
    if not chosen:
        raise InputError(
            "Multiple documents found in the input content. Please provide a key and value to use to find the document to "
            "merge into.", field="useDocumentIncludingField",
        )  # fmt: skip
    merged = []
    for document in documents:
        value = document.get(chosen["key"]) if isinstance(document, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise InputError(
                f'The value at "{chosen["key"]}" defined in useDocumentIncludingField must be a string or a number.',
                field="useDocumentIncludingField",
            )
        is_chosen = to_text(value) == chosen["value"]
        merged.append(_merge_top(document, new, extend) if is_chosen else document)
    return merged


def merge_actions() -> Sequence[Action]:
    path = text("Path to existing file to append.", minLength=1)
    content = {
        "type": ["string", "object"],
        "description": "This will be merged into to the file. Can be either an object or a string.",
    }
    arrays = flag("When true, arrays will be concatenated. When false or undefined, arrays will be replaced entirely.")
    output = fields({"path": text("Path to the file that was written")})
    changing = ActionAttributes(destructive=True, idempotent=True)
    anyfile = fields(
        {
            "path": path, "content": content, "mergeArrays": arrays,
            "preserveYamlComments": flag("Keep comments and layout of a YAML file where it does not change."),
            "useDocumentIncludingField": {
                "type": "object", "required": ["key", "value"],
                "description": "In a YAML file of several documents: the one to merge into has this value at this key.",
                "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
            },
            "options": YAML_OPTIONS,
        },
        ["path", "content"],
    )  # fmt: skip
    return [
        Action(
            "roadiehq:utils:json:merge", "Merge into a JSON file", "Merge new data into an existing JSON file.", merge_json,
            input_schema=fields(
                {"path": path, "content": content, "mergeArrays": arrays,
                 "matchFileIndent": flag("Make the output file indentation match that of the specified input file.")},
                ["path", "content"],
            ),
            output_schema=output, attributes=changing, supports_dry_run=True, needs_workspace=True,
            examples=[example("Add a script", "roadiehq:utils:json:merge",
                              {"path": "package.json", "content": {"scripts": {"test": "vitest"}}})],
        ),
        *(
            Action(
                id, title, "Merges data into an existing structured file.", merge_any, input_schema=anyfile,
                output_schema=output, attributes=changing, supports_dry_run=True, needs_workspace=True,
                examples=[example("Add an owner", id, {"path": "values.yaml", "content": {"owner": "payments"}})],
            )
            for id, title in (
                ("roadiehq:utils:merge", "Merge into a file"),
                ("roadiehq:utils:yaml:merge", "Merge into a YAML file"),
            )
        ),
    ]  # fmt: skip
