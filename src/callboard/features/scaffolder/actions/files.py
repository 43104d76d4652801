"""``fs:delete``, ``fs:rename``, ``fs:readdir``: files of the workspace."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.schemas import NOTHING, example, fields, flag, texts
from callboard.features.scaffolder.actions.working import Desk, entry_of, in_thread, inside, remove, told
from callboard.kernel import globs
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.workspace import Workspace

_GLOB_MARKS = frozenset("*?[{")
_ENTRY = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Name of the file or directory"},
        "path": {"type": "string", "description": "path to the file or directory relative to the workspace"},
        "fullPath": {"type": "string", "description": "full path to the file or directory"},
    },
}


async def delete(context: ActionContext) -> Mapping[str, Any]:
    """Files, folders, links and globs; what is not there is no error."""
    patterns = context.input["files"]
    for pattern in patterns:
        entry_of(context.folder, pattern)

    def work(desk: Desk) -> None:
        for pattern in patterns:
            desk.go_on()
            for path in find_paths(context.folder, pattern):
                remove(context.folder, entry_of(context.folder, path))
                desk.log(f"File {path} deleted successfully")

    await in_thread(context, work)
    return {}


def find_paths(workspace: Workspace, pattern: str) -> Sequence[str]:
    """The path itself where it is there, else files and links that the glob names. A folder's name stands for the folder.

    Raises ``OutsideWorkspace``.
    """
    place = entry_of(workspace, pattern)
    if os.path.lexists(place):
        return [place.relative_to(workspace.root).as_posix()]
    if not _GLOB_MARKS & set(pattern):
        return []
    try:
        compiled = globs.compile_glob(os.path.normpath(pattern))
    except ValueError as error:
        raise InputError(str(error)) from None
    return [path for path in workspace.files() if compiled.fullmatch(path)]


async def rename(context: ActionContext) -> Mapping[str, Any]:
    moves = [(one["from"], one["to"], bool(one.get("overwrite"))) for one in context.input["files"]]

    def work(desk: Desk) -> None:
        for source, target, overwrite in moves:
            desk.go_on()
            move(context.folder, source, target, overwrite=overwrite)
            desk.log(f"File {source} renamed to {target} successfully")

    await in_thread(context, work)
    return {}


def move(workspace: Workspace, source: str, target: str, *, overwrite: bool) -> None:
    """Raises ``NotFoundError``; ``ConflictError`` when the target is there; ``InputError`` for a folder into itself."""
    start, end = entry_of(workspace, source), entry_of(workspace, target)
    if not os.path.lexists(start):
        raise NotFoundError(f"There is no {source} in the workspace.")
    if workspace.root in (start, end):
        raise InputError("The workspace itself cannot be renamed.")
    if start == end:
        return
    if start in end.parents:
        raise InputError(f"{source} cannot be moved into itself, to {target}.")
    if os.path.lexists(end):
        if not overwrite:
            raise ConflictError(f"{target} already exists. Set overwrite to replace it.")
        remove(workspace, end)
    if start.is_symlink() and not os.path.isabs(link := os.readlink(start)):
        # What a relative link leads to changes with its place.
        workspace.link(end.relative_to(workspace.root).as_posix(), link)
        start.unlink()
        return
    with told(source):
        end.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(start, end)


async def read_folders(context: ActionContext) -> Mapping[str, Any]:
    paths = [inside(context.folder, path) for path in context.input["paths"]]
    recursive = bool(context.input.get("recursive"))

    def work(desk: Desk) -> dict[str, Any]:
        found: dict[str, Any] = {"files": [], "folders": []}
        for path in paths:
            place = context.folder.resolve(path)
            with told(path):
                if not place.is_dir():
                    raise NotFoundError(f"There is no folder {path} in the workspace.")
                _list(context.folder, Path(os.path.realpath(place)), recursive, found, desk)
        return found

    return await in_thread(context, work)


def _list(workspace: Workspace, folder: Path, recursive: bool, found: dict[str, Any], desk: Desk) -> None:
    """As ``fs.readdir`` lists: first all of a folder, then what lies in its folders; links are files."""
    waiting = [folder]
    while waiting:
        desk.go_on()
        folder = waiting.pop(0)
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            is_folder = entry.is_dir(follow_symlinks=False)
            path = os.path.relpath(entry.path, workspace.root).replace(os.sep, "/")
            found["folders" if is_folder else "files"].append(
                {"name": entry.name, "path": path, "fullPath": entry.path}
            )
            if is_folder and recursive:
                waiting.append(Path(entry.path))


def file_actions() -> Sequence[Action]:
    """All three; each really runs in a dry run."""
    change = ActionAttributes(destructive=True, idempotent=True)
    return [
        Action(
            "fs:delete", "Delete files", "Deletes files and directories from the workspace", delete,
            input_schema=fields(
                {"files": texts("A list of files and directories that will be deleted; globs are understood", title="Files")},
                ["files"],
            ),
            output_schema=NOTHING, attributes=change, supports_dry_run=True, needs_workspace=True,
            examples=[
                example("Delete specified files", "fs:delete", {"files": ["file1.txt", "file2.txt"]}),
                example("Delete all of a kind, in every folder", "fs:delete", {"files": ["**/*.tmp"]}),
            ],
        ),
        Action(
            "fs:rename", "Rename files", "Renames files and directories within the workspace", rename,
            input_schema=fields(
                {
                    "files": {
                        "type": "array", "title": "Files",
                        "description": "A list of file and directory names that will be renamed",
                        "items": {
                            "type": "object", "required": ["from", "to"],
                            "properties": {
                                "from": {"type": "string", "minLength": 1, "description": "The source location of the file to be renamed"},
                                "to": {"type": "string", "minLength": 1, "description": "The destination of the new file"},
                                "overwrite": flag("Overwrite existing file or directory, default is false", default=False),
                            },
                        },
                    }
                },
                ["files"],
            ),
            output_schema=NOTHING, attributes=ActionAttributes(destructive=True), supports_dry_run=True,
            needs_workspace=True,
            examples=[
                example("Rename specified files", "fs:rename",
                        {"files": [{"from": "file1.txt", "to": "file1Renamed.txt"},
                                   {"from": "file2.txt", "to": "file2Renamed.txt", "overwrite": True}]}),
            ],
        ),
        Action(
            "fs:readdir", "List folders", "Reads files and directories from the workspace", read_folders,
            input_schema=fields(
                {
                    "paths": {"type": "array", "items": {"type": "string", "minLength": 1}, "description": "Folders to list"},
                    "recursive": flag("Whether folders in them are listed, too", default=False),
                },
                ["paths"],
            ),
            output_schema=fields({"files": {"type": "array", "items": _ENTRY}, "folders": {"type": "array", "items": _ENTRY}}),
            attributes=ActionAttributes(read_only=True, idempotent=True), supports_dry_run=True, needs_workspace=True,
            examples=[
                example("Read files at workspace root", "fs:readdir", {"paths": ["."]}),
                example("Read a directory with all in it", "fs:readdir", {"paths": ["src"], "recursive": True}),
            ],
        ),
    ]  # fmt: skip
