"""``callboard template lint``: templates looked through before anybody runs them. Nothing is run, fetched or stored."""

from __future__ import annotations

import os
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, AsyncIterator, Optional, Sequence

import typer

from callboard.cli.commands import Config, Json, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.store import Target, open_portal
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.features.scaffolder.linting import Finding
    from callboard.features.scaffolder.linting.skeletons import SkeletonReader


def lint(
    templates: Annotated[list[Path], typer.Argument(help="YAML files of templates, or folders to look for them in.")],
    allow_action: Annotated[
        Optional[list[str]],
        typer.Option("--allow-action", help="Actions that exist where it will run, as acme:*; may be repeated."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Look templates through: fields, steps, names, expressions, inputs of actions, and the files that they render.

    Exit status: 0 nothing wrong, 1 errors found (with --strict also warnings), 2 wrong usage. The actions are those of a portal with
    these settings. --json prints {findings: [{rule, severity, message, file, line, column, field}], errors, warnings}.
    """

    async def work() -> int:
        files = _files(templates)
        async with _actions(config) as (language, find_action):
            found = [one for file in files for one in _lint(file, language, find_action, allow_action or ())]
        return _tell(found, len(files), strict=strict, as_json=as_json)

    run_async(work, as_json=as_json)


def _files(given: Sequence[Path]) -> list[Path]:
    """Raises ``InputError`` for what is not there, and for a folder without templates."""
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*.y*ml")) if one.is_file() and holds_template(one)]
            if not inside:
                raise InputError(f"{path} holds no template. Name YAML files, or a folder with some.")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: there is no such file. Name the YAML file of a template.")
    return list(dict.fromkeys(files))


def holds_template(path: Path) -> bool:
    """Whether a YAML file looks like one with a template in it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "scaffolder.backstage.io/" in text and "kind: Template" in text


@asynccontextmanager
async def _actions(config: list[Path] | None) -> AsyncIterator[tuple[Any, Any]]:
    """Language and actions of a portal that is put together and never started: it has no tables."""
    from callboard.features.scaffolder.languages import Extensions
    from callboard.kernel.auth.actor import SYSTEM
    from callboard.kernel.errors import NotFoundError

    with tempfile.TemporaryDirectory(prefix="callboard-lint-") as folder:
        async with open_portal(Target(Path(folder), tuple(config or ())), upgrade=False) as portal:

            def find(id: str) -> Any:
                try:
                    return portal.actions.get(id, actor=SYSTEM)
                except NotFoundError:
                    return None

            yield portal.service(Extensions).language, find


def _lint(file: Path, language: Any, find_action: Any, allowed: Sequence[str]) -> list[Finding]:
    from callboard.features.scaffolder.linting import lint_template

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}.") from None
    return lint_template(
        content,
        file=str(file),
        language=language,
        find_action=find_action,
        allowed=allowed,
        read_skeleton=_reader(file),
    )


def _reader(file: Path) -> SkeletonReader:
    """Files of the template's repository; of its folder where it lies in none. What is elsewhere is passed over."""
    from callboard.features.scaffolder.sources import LocalFolder

    place = file.resolve().parent
    root = next((one for one in (place, *place.parents) if (one / ".git").exists()), place)
    folder = LocalFolder(str(root), is_folder=True)

    def read(url: str, is_tree: bool) -> Any:
        if "://" in url:
            return None
        path = os.path.normpath(place / url.lstrip("/"))
        if path != str(root) and not path.startswith(f"{root}{os.sep}"):
            return None
        path = os.path.relpath(path, root)
        return folder.read_tree(path) if is_tree else [folder.read_file(path)]

    return read


def _tell(found: Sequence[Finding], files: int, *, strict: bool, as_json: bool) -> int:
    errors = sum(one.severity == "error" for one in found)
    warnings = len(found) - errors
    if as_json:
        print_json({"findings": [one.to_json() for one in found], "errors": errors, "warnings": warnings})
    else:
        for one in found:
            print("".join(mark if mark.isprintable() else " " for mark in str(one)))
        print(f"{_count(files, 'template file')}, {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    return PROBLEMS if errors or (strict and warnings) else OK


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
