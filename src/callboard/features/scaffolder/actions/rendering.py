"""A folder of templates rendered into the workspace, and one file: what ``fetch:template`` and ``workspace:template`` do.

Rules and their order are Backstage's (scaffolder-backend 4.2.0): names are rendered always, contents unless they are binary, links or
left out; a path that renders to nothing in one of its parts is skipped; what is there already stays unless it is to be replaced.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from callboard.features.scaffolder.actions.binary import is_binary
from callboard.features.scaffolder.actions.working import Desk, exists, to_bytes
from callboard.features.scaffolder.language import Context, Language, Options, TemplateFault
from callboard.kernel import globs
from callboard.kernel.errors import InputError
from callboard.kernel.read_file import TreeFile
from callboard.kernel.workspace import Workspace

DEFAULT_EXTENSION = ".njk"
_GLOB_MARKS = frozenset("*?[{")


class FileFault(TemplateFault):
    """A file of a template, or its name, cannot be rendered. ``file`` is its path below the template's folder."""

    code = "scaffolder.template_file"

    def __init__(self, fault: TemplateFault, file: str, *, in_name: bool = False) -> None:
        where = "the name of " if in_name else ""
        place = f"Template error in {where}{file} at line {fault.line}, column {fault.column}: {fault.message}"
        super().__init__(place, line=fault.line, column=fault.column, excerpt=fault.excerpt)
        self.file = file


@dataclass(frozen=True, slots=True)
class RenderingSettings:
    """How a folder is rendered, as the input of a step says it.

    ``plain`` are globs of files whose contents are copied as they are; names are rendered all the same. ``extension`` is the
    only one whose files are rendered (and loses it), or "" for all.
    """

    options: Options
    plain: Sequence[str] = ()
    extension: str = ""
    replace: bool = False

    @classmethod
    def from_input(cls, given: Mapping[str, Any]) -> RenderingSettings:
        """Raises ``InputError`` for inputs that exclude each other."""
        plain = given.get("copyWithoutTemplating")
        said = given.get("templateFileExtension")
        if said and (plain is not None or given.get("cookiecutterCompat")):
            raise InputError(
                "Fetch action input extension incompatible with copyWithoutTemplating and cookiecutterCompat",
                field="templateFileExtension",
            )
        extension = DEFAULT_EXTENSION if said is True else str(said or "")
        if extension and not extension.startswith("."):
            extension = f".{extension}"
        return cls(
            options_from_input(given),
            plain=tuple(plain or ()),
            extension=extension,
            replace=bool(given.get("replace")),
        )


def options_from_input(given: Mapping[str, Any]) -> Options:
    return Options(
        cookiecutter=bool(given.get("cookiecutterCompat")),
        trim_blocks=bool(given.get("trimBlocks")),
        lstrip_blocks=bool(given.get("lstripBlocks")),
    )


def context_from_input(given: Mapping[str, Any]) -> Context:
    """``values``, or ``cookiecutter`` in that mode."""
    name = "cookiecutter" if given.get("cookiecutterCompat") else "values"
    return Context({name: given["values"]} if "values" in given else {})


def render_tree(
    desk: Desk,
    files: Iterable[TreeFile],
    target: Workspace,
    *,
    language: Language,
    context: Context,
    settings: RenderingSettings,
) -> None:
    """Render ``files`` into ``target``, files nearer to the top first.

    Raises:
        FileFault: one cannot be rendered. Those before it are written.
        OutsideWorkspace: a name renders to a path that leads out of the target.
    """
    ordered = sorted(files, key=lambda file: (file.path.count("/"), file.path))
    plain = _plain_paths([file.path for file in ordered], settings.plain)
    desk.log(f"Processing {len(ordered)} template files with input values")
    kept = 0
    for file in ordered:
        desk.go_on()
        is_rendered, path = _judge(file.path, plain, settings)
        if "{" in path:
            try:
                path = language.render_text(path, context, settings.options)
            except TemplateFault as fault:
                raise FileFault(fault, file.path, in_name=True) from None
        if path == "" or path.startswith("/") or "//" in path:
            continue
        if not settings.replace and exists(target, path):
            kept += 1
            continue
        if not is_rendered or file.link is not None or is_binary(file.content):
            desk.put(target, file, path)
            continue
        content = render_content(file, language, context, settings.options)
        desk.write(target, path, content, file.mode)
    if kept:
        desk.log(f"Kept {kept} files that were there already")


def render_content(file: TreeFile, language: Language, context: Context, options: Options) -> bytes:
    """Raises ``FileFault``."""
    source = file.content.decode("utf-8", "replace")
    if "{" not in source and "#}" not in source:
        return to_bytes(source)
    try:
        return to_bytes(language.render_text(source, context, options))
    except TemplateFault as fault:
        raise FileFault(fault, file.path) from None


def _judge(path: str, plain: frozenset[str], settings: RenderingSettings) -> tuple[bool, str]:
    """Whether the content is rendered, and the path before its own rendering."""
    if not settings.extension:
        return path not in plain, path
    if posixpath.splitext(path)[1] != settings.extension:
        return False, path
    return True, path[: -len(settings.extension)]


def _plain_paths(paths: Sequence[str], patterns: Sequence[str]) -> frozenset[str]:
    """Paths that the globs name. A folder's own path stands for all in it; ``!`` takes out again."""
    if not patterns:
        return frozenset()
    chosen: set[str] = set()
    unwanted: set[str] = set()
    for pattern in patterns:
        into = unwanted if pattern.startswith("!") else chosen
        into |= _matching(paths, pattern.removeprefix("!").removeprefix("./"))
    return frozenset(chosen - unwanted)


def _matching(paths: Sequence[str], pattern: str) -> set[str]:
    folder = pattern.rstrip("/") + "/"
    if not _GLOB_MARKS & set(pattern):
        return {path for path in paths if path == pattern or path.startswith(folder)}
    try:
        compiled = globs.compile_glob(pattern)
    except ValueError as error:
        raise InputError(str(error), field="copyWithoutTemplating") from None
    return {path for path in paths if compiled.fullmatch(path) or path.startswith(folder)}
