"""``roadiehq:utils:`` ``fs:write``, ``fs:append``, ``fs:parse``, ``fs:replace``, ``zip``, ``sleep``."""

from __future__ import annotations

import asyncio
import json
import os
import posixpath
import stat
import zipfile
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.files import find_paths
from callboard.features.scaffolder.actions.regex import replace_all
from callboard.features.scaffolder.actions.roadie.documents import (
    parse_json,
    parse_yaml,
    parse_yaml_documents,
    to_json_text,
)
from callboard.features.scaffolder.actions.schemas import NOTHING, anything, example, fields, flag, number, text
from callboard.features.scaffolder.actions.working import (
    Desk,
    exists,
    in_thread,
    inside,
    read_bytes,
    read_text,
    to_bytes,
    told,
)
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, NotFoundError

MAX_SLEEP_S = 3600.0
_DAY = (1980, 1, 1, 0, 0, 0)
"""Of every file in a zip: the same files give the same bytes."""


async def write(context: ActionContext) -> Mapping[str, Any]:
    """``preserveFormatting`` writes JSON with line ends and an indent of two; other content stays as it is."""
    path, content = inside(context.folder, context.input["path"]), context.input["content"]
    if context.input.get("preserveFormatting"):
        try:
            content = to_json_text(json.loads(content), 2)
        except (ValueError, RecursionError):
            pass  # it is no JSON
    await in_thread(context, lambda desk: desk.write(context.folder, path, to_bytes(content)))
    return {"path": path}


async def append(context: ActionContext) -> Mapping[str, Any]:
    path = inside(context.folder, context.input["path"])

    def work(desk: Desk) -> None:
        before, mode = b"", 0o644
        if exists(context.folder, path):
            before = read_bytes(context.folder, path)
            mode = stat.S_IMODE(os.stat(context.folder.resolve(path)).st_mode)
        desk.write(context.folder, path, before + to_bytes(context.input["content"]), mode)

    await in_thread(context, work)
    return {"path": path}


async def parse(context: ActionContext) -> Mapping[str, Any]:
    path, parser = inside(context.folder, context.input["path"]), context.input.get("parser")

    def work(desk: Desk) -> Any:
        content = read_text(context.folder, path)
        if parser == "json":
            return parse_json(content, path)
        if parser == "yaml":
            return parse_yaml(content, path)
        return parse_yaml_documents(content, path) if parser == "multiyaml" else content

    return {"content": await in_thread(context, work)}


async def replace(context: ActionContext) -> Mapping[str, Any]:
    """Texts or regular expressions in files that a path or glob names; dotfiles only when asked for."""
    for index, one in enumerate(context.input["files"]):
        for key, fault in (("file", "Path to file needs to be defined"),
                           ("find", "each file must have a find and replaceWith property"),
                           ("replaceWith", "each file must have a find and replaceWith property")):  # fmt: skip
            if not one.get(key):
                raise InputError(fault, field=f"files[{index}].{key}")

    def work(desk: Desk) -> None:
        for one in context.input["files"]:
            for path in find_paths(context.folder, one["file"]):
                desk.go_on()
                is_hidden = any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))
                place = context.folder.resolve(path)
                if place.is_dir() or (is_hidden and not _names(one["file"], path) and not one.get("includeDotFiles")):
                    continue
                content = read_text(context.folder, path)
                if one.get("matchRegex"):
                    changed = replace_all(content, one["find"], "g", one["replaceWith"])
                else:
                    changed = content.replace(one["find"], one["replaceWith"])
                if changed != content:
                    desk.write(context.folder, path, to_bytes(changed), stat.S_IMODE(os.stat(place).st_mode))

    await in_thread(context, work)
    return {}


def _names(pattern: str, path: str) -> bool:
    """Whether the file was named, rather than found by a glob."""
    return posixpath.normpath(pattern) == path


async def pack(context: ActionContext) -> Mapping[str, Any]:
    """A file or folder as a zip, links as links; the zip itself is never in it."""
    source, target = context.input["path"], context.input["outputPath"]
    source, target = inside(context.folder, source), inside(context.folder, target)

    def work(desk: Desk) -> None:
        workspace = context.folder
        if not exists(workspace, source):
            raise NotFoundError(f"File {source} does not exist. Can't zip it.")
        start, end = workspace.resolve(source), workspace.resolve(target)
        names = workspace.files(source) if start.is_dir() else [start.relative_to(workspace.root).as_posix()]
        paths = [workspace.root / name for name in names if workspace.root / name != end]
        top = start if start.is_dir() else start.parent
        with told(target):
            end.parent.mkdir(parents=True, exist_ok=True)
            if end.is_symlink():
                end.unlink()
            with zipfile.ZipFile(end, "w", zipfile.ZIP_DEFLATED) as archive:
                for place in paths:
                    desk.go_on()
                    info = zipfile.ZipInfo(place.relative_to(top).as_posix(), _DAY)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    status = place.lstat()
                    info.external_attr = status.st_mode << 16
                    if stat.S_ISLNK(status.st_mode):
                        archive.writestr(info, os.readlink(place))
                    else:
                        name = place.relative_to(workspace.root).as_posix()
                        archive.writestr(info, read_bytes(workspace, name, max_bytes=workspace.limits.file_bytes))

    await in_thread(context, work)
    return {"outputPath": context.input["outputPath"]}


async def sleep(context: ActionContext) -> Mapping[str, Any]:
    """Ends at once when the task is cancelled."""
    amount = context.input["amount"]
    if amount > MAX_SLEEP_S:
        raise InputError(f"sleep amount can not be greater than {MAX_SLEEP_S:g} seconds.", field="amount")
    context.log(f"Waiting {amount:g} seconds")
    await asyncio.sleep(max(0.0, amount))
    return {}


def file_actions() -> Sequence[Action]:
    path = fields({"path": text("Path to the file that was written")})
    writing = ActionAttributes(destructive=True, idempotent=True)
    reading = ActionAttributes(read_only=True, idempotent=True)
    return [
        Action(
            "roadiehq:utils:fs:write", "Write a file", "Creates a file with the content on the given path", write,
            input_schema=fields(
                {"path": text("Relative path", minLength=1), "content": text("This will be the content of the file"),
                 "preserveFormatting": flag("Specify whether to preserve formatting for JSON content")},
                ["path", "content"],
            ),
            output_schema=path, attributes=writing, supports_dry_run=True, needs_workspace=True,
            examples=[example("Write a file", "roadiehq:utils:fs:write", {"path": "README.md", "content": "# Orders\n"})],
        ),
        Action(
            "roadiehq:utils:fs:append", "Append to a file",
            "Append content to the end of the given file, it will create the file if it does not exist.", append,
            input_schema=fields(
                {"path": text("Path to existing file to append.", minLength=1),
                 "content": text("This will be appended to the file")},
                ["path", "content"],
            ),
            output_schema=path, attributes=ActionAttributes(destructive=False), supports_dry_run=True,
            needs_workspace=True,
            examples=[example("Add a line", "roadiehq:utils:fs:append", {"path": "systems.yaml", "content": "- orders\n"})],
        ),
        Action(
            "roadiehq:utils:fs:parse", "Read a file", "Reads a file from the workspace and optionally parses it", parse,
            input_schema=fields(
                {"path": text("Path to the file to read.", minLength=1),
                 "parser": text("Optionally parse the content to an object.", enum=["yaml", "json", "multiyaml"])},
                ["path"],
            ),
            output_schema=fields({"content": anything("Content of the file")}), attributes=reading,
            supports_dry_run=True, needs_workspace=True,
            examples=[example("Read a YAML file", "roadiehq:utils:fs:parse", {"path": "values.yaml", "parser": "yaml"})],
        ),
        Action(
            "roadiehq:utils:fs:replace", "Replace in files", "Replaces content of a file with given values.", replace,
            input_schema=fields(
                {
                    "files": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "file": text("The source location of the file to be used to run replace against (supports "
                                             "wildcards)"),
                                "find": text("A string to be replaced"),
                                "matchRegex": flag("Use regex to match the find string"),
                                "replaceWith": text("Text to be used to replace the found lines with"),
                                "includeDotFiles": flag("Whether wildcards find dotfiles, too", default=False),
                            },
                        },
                    }
                },
                ["files"],
            ),
            output_schema=NOTHING, attributes=writing, supports_dry_run=True, needs_workspace=True,
            examples=[example("Change a version", "roadiehq:utils:fs:replace",
                              {"files": [{"file": "pom.xml", "find": "1.0.0", "replaceWith": "2.0.0"}]})],
        ),
        Action(
            "roadiehq:utils:zip", "Zip files", "Zips the content of the path", pack,
            input_schema=fields(
                {"path": text("Relative path you would like to zip", minLength=1),
                 "outputPath": text("The name of the result of the zip command", minLength=1)},
                ["path", "outputPath"],
            ),
            output_schema=fields({"outputPath": text("The name of the result of the zip command")}),
            attributes=writing, supports_dry_run=True, needs_workspace=True,
            examples=[example("Zip a folder", "roadiehq:utils:zip", {"path": "src", "outputPath": "src.zip"})],
        ),
        Action(
            "roadiehq:utils:sleep", "Wait", "Halts the scaffolding for the given amount of seconds", sleep,
            input_schema=fields({"amount": number("How much seconds should this step take.")}, ["amount"]),
            output_schema=NOTHING, attributes=reading, supports_dry_run=True,
            examples=[example("Wait for five seconds", "roadiehq:utils:sleep", {"amount": 5})],
        ),
    ]  # fmt: skip
