"""The files that a step renders: whether they parse, and whether the step passes what they name."""

from __future__ import annotations

import posixpath
from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.actions.binary import is_binary
from callboard.features.scaffolder.actions.rendering import RenderingSettings
from callboard.features.scaffolder.language import Language, TemplateFault
from callboard.features.scaffolder.linting.findings import Finding
from callboard.features.scaffolder.linting.idioms import INSTEAD, find_habits, place_of
from callboard.kernel.errors import CallboardError
from callboard.kernel.globs import compile_glob
from callboard.kernel.read_file import TreeFile

SkeletonReader = Callable[[str, bool], Sequence[TreeFile] | None]
"""``(url, is_tree)`` to files, with paths below the URL; None for what is not beside the template. Raises ``CallboardError``."""

MAX_FILES = 2000


def lint_skeleton(
    given: Mapping[str, Any], action: str, language: Language, read: SkeletonReader, template: str
) -> list[Finding] | str:
    """What is found in the files, or why they cannot be read. ``template`` is the file that they are named from."""
    url = given.get("url")
    if not isinstance(url, str) or "${{" in url:
        return []
    try:
        settings = RenderingSettings.from_input(given)
        files = read(url, action == "fetch:template")
    except CallboardError as error:
        return error.message
    found: list[Finding] = []
    for file in (files or ())[:MAX_FILES]:
        if file.link is None and not is_binary(file.content) and _is_rendered(file.path, settings):
            beside = posixpath.join(posixpath.dirname(template), url)
            name = posixpath.normpath(posixpath.join(beside, file.path) if action == "fetch:template" else beside)
            text = file.content.decode("utf-8", "replace")
            found += _lint_file(name, text, given, settings, language)
    return found


def _is_rendered(path: str, settings: RenderingSettings) -> bool:
    if settings.extension:
        return path.endswith(settings.extension)
    for pattern in settings.plain:
        try:
            if path.startswith(pattern.rstrip("/") + "/") or compile_glob(pattern).fullmatch(path):
                return False
        except ValueError:
            continue
    return True


def _lint_file(
    name: str, text: str, given: Mapping[str, Any], settings: RenderingSettings, language: Language
) -> list[Finding]:
    compat = settings.options.cookiecutter
    root = "cookiecutter" if compat else "values"
    try:
        program = language.compile(text, settings.options)
    except TemplateFault as fault:
        return [Finding("syntax", "error", name, fault.line, fault.column, "", {"what": fault.message})]
    found = []
    for unknown in sorted(program.unknown_filters):
        at = max(text.find(f"| {unknown}") + 2, text.find(f"|{unknown}") + 1, 0)
        rule, values = "unknown-filter", {"name": unknown}
        if unknown in INSTEAD:
            rule, values = "old-filter", {"name": unknown, "instead": INSTEAD[unknown]}
        found.append(Finding(rule, "error", name, *place_of(text, at), "", values))
    for habit in find_habits(text, {}, compat=compat):
        if habit.rule != "plain-braces":
            found.append(Finding(habit.rule, "warning", name, *place_of(text, habit.offset), "", habit.values))
    passed = given.get("values")
    known = set(passed) if isinstance(passed, Mapping) else None if isinstance(passed, str) else set()
    told: set[str] = set()
    for one in program.references:
        first, *rest = one.path
        missing = rest[0] if first == root and rest and known is not None and rest[0] not in known else ""
        if first != root and first not in program.calls and first not in language.globals:
            missing = first
        if not missing or missing in told:
            continue
        told.add(missing)
        # Of values one may be left out on purpose; what is no value at all was meant for somebody else, as GitHub's secrets.
        if first == root:
            found.append(Finding("value-not-passed", "warning", name, one.line, one.column, "", {"name": missing}))
        else:
            values = {"name": missing, "root": root}
            found.append(Finding("unknown-value", "error", name, one.line, one.column, "", values))
    return found
