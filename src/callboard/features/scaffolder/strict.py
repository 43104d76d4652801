"""A template looked through before it runs: names that stand for nothing and expressions that fail, each with its place.

Backstage passes on the raw text of an expression that cannot be rendered, and drops a field whose value is undefined; an author wants
to be told. What depends on the output of steps is judged by what their actions say they give; the rest is rendered with the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.actions.binary import is_binary
from callboard.features.scaffolder.actions.rendering import context_from_input, options_from_input
from callboard.features.scaffolder.interface import TemplateSource
from callboard.features.scaffolder.language import Language, Options, Program, TemplateFault, render_json
from callboard.features.scaffolder.linting.places import FieldPath, Places, show_path, texts_in
from callboard.features.scaffolder.spec import Step, TaskSpec
from callboard.kernel.actions import Action
from callboard.kernel.errors import CallboardError
from callboard.model.documents import parse_document, split_documents
from callboard.model.problems import Problem

_ROOTS = frozenset({"parameters", "steps", "user", "context", "environment", "secrets", "always", "failure"})
_LATER = frozenset({"steps", "secrets", "each", "environment", "context"})
"""Roots whose values are known only in the run."""
_FETCHING = frozenset({"fetch:template", "fetch:template:file"})
MAX_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """``line`` and ``column`` count from 1 in ``file``; ``field`` is the path in the template, where it is one of its own."""

    message: str
    file: str
    line: int
    column: int
    field: str = ""

    def __str__(self) -> str:
        where = f" ({self.field})" if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{where}"

    def to_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "field": self.field,
        }


async def check_template(
    template: Path,
    spec: TaskSpec,
    language: Language,
    *,
    find_action: Callable[[str], Action | None],
    source: TemplateSource,
) -> Sequence[TemplateProblem]:
    """All problems of the steps, of the output, and of the files that steps render, in the order of the template."""
    check = _Check(template, spec, language)
    known: dict[str, Action | None] = {}
    for index, step in enumerate(spec.steps):
        action = find_action(step.action)
        path: FieldPath = ("spec", "steps", index)
        if action is None:
            check.add(f"Template action with ID '{step.action}' is not registered", (*path, "action"))
        has_each = step.each is not None
        check.look(step.raw.get("if"), (*path, "if"), known, has_each=has_each)
        check.look(step.each, (*path, "each"), known, has_each=False)
        check.look(step.raw.get("input"), (*path, "input"), known, has_each=has_each)
        known[step.id] = action
        if step.action in _FETCHING:
            await check.look_into_files(step, (*path, "input", "url"), source)
    check.look(spec.data.get("output"), ("spec", "output"), known, has_each=False, has_secrets=False)
    return check.problems[:MAX_PROBLEMS]


class _Check:
    def __init__(self, template: Path, spec: TaskSpec, language: Language) -> None:
        self.problems: list[TemplateProblem] = []
        self._file = str(template)
        self._spec = spec
        self._language = language
        document, self._places = _open(template.read_text(encoding="utf-8", errors="replace"))
        self._declared = _declared_parameters(document)
        self._context = {"parameters": spec.parameters, "user": spec.user}

    def add(self, message: str, path: FieldPath, line: int = 1, column: int = 1) -> None:
        at_line, at_column = self._places.inside(path, line, column)
        self.problems.append(TemplateProblem(message, self._file, at_line, at_column, show_path(path)))

    def look(
        self,
        value: Any,
        path: FieldPath,
        known: Mapping[str, Action | None],
        *,
        has_each: bool,
        has_secrets: bool = True,
    ) -> None:
        roots = _ROOTS | ({"each"} if has_each else frozenset()) | frozenset(self._language.globals)
        if not has_secrets:
            roots -= {"secrets"}
        for place, text in texts_in(value, path):
            if "{" not in text and "#}" not in text:
                continue
            try:
                program = self._language.compile(text)
            except TemplateFault as fault:
                self.add(fault.message, place, fault.line, fault.column)
                continue
            if program.unknown_filters:
                names = ", ".join(sorted(program.unknown_filters))
                self.add(f"There is no filter {names}; the step would get the text as it is written.", place)
                continue
            before = len(self.problems)
            self._look_at_names(program, place, roots, known)
            if len(self.problems) == before and not program.names & _LATER:
                self._render(text, place)

    def _look_at_names(
        self, program: Program, place: FieldPath, roots: frozenset[str], known: Mapping[str, Action | None]
    ) -> None:
        for reference in program.references:
            root, *rest = reference.path
            message = ""
            if root not in roots and root not in program.calls:
                message = f"Nothing is called {root}."
            elif root == "parameters" and rest and rest[0] not in self._declared | self._spec.parameters.keys():
                message = f"The template has no parameter {rest[0]}."
            elif root == "steps" and rest:
                message = _step_fault(rest, known)
            if message:
                self.add(message, place, reference.line, reference.column)

    def _render(self, text: str, place: FieldPath) -> None:
        """With the answers. A parameter that is declared and was not answered may be undefined."""
        try:
            self._language.render_value(text, {**self._context, "always": _yes, "failure": _yes})
        except TemplateFault as fault:
            self.add(fault.message, place, fault.line, fault.column)

    async def look_into_files(self, step: Step, path: FieldPath, source: TemplateSource) -> None:
        """The files that a step renders: what they name must be among the values that the step passes."""
        given = dict(step.input)
        rendered = render_json(self._language, given, {**self._context, "steps": {}, "each": {}})
        url = rendered.get("url") if isinstance(rendered, Mapping) else None
        if not isinstance(url, str) or "{" in url:
            return
        try:
            if step.action == "fetch:template":
                files = await source.read_tree(url, base_url=self._spec.base_url)
            else:
                files = [await source.read_file(url, base_url=self._spec.base_url)]
        except CallboardError as error:
            self.add(f"{url} cannot be read: {error.message}", path)
            return
        values = given.get("values")
        names = frozenset(values) if isinstance(values, Mapping) else frozenset()
        root = next(iter(context_from_input({**given, "values": {}})))
        extension = given.get("templateFileExtension")
        suffix = ".njk" if extension is True else str(extension or "")
        for file in files:
            if file.link is not None or is_binary(file.content) or (suffix and not file.path.endswith(suffix)):
                continue
            text = file.content.decode("utf-8", "replace")
            self._look_into_file(f"{url.rstrip('/')}/{file.path}", text, root, names, options_from_input(given))

    def _look_into_file(self, file: str, text: str, root: str, names: frozenset[str], options: Options) -> None:
        def add(message: str, line: int, column: int) -> None:
            self.problems.append(TemplateProblem(message, file, line, column))

        try:
            program = self._language.compile(text, options)
        except TemplateFault as fault:
            add(fault.message, fault.line, fault.column)
            return
        if program.unknown_filters:
            unknown = sorted(program.unknown_filters)
            line, column = _find_filter(text, unknown[0])
            add(f"There is no filter {', '.join(unknown)}.", line, column)
        for reference in program.references:
            first, *rest = reference.path
            if first == root:
                if rest and rest[0] not in names:
                    add(f"The step passes no value {rest[0]}.", reference.line, reference.column)
            elif first not in program.calls and first not in self._language.globals:
                add(f"Nothing is called {first}; values are {root}.<name>.", reference.line, reference.column)


def _yes() -> bool:
    return True


def _find_filter(text: str, name: str) -> tuple[int, int]:
    """Where a filter is named first; the start of the text when it is written in some other way."""
    import re

    found = re.search(rf"\|\s*({re.escape(name)})\b", text)
    at = found.start(1) if found else 0
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _step_fault(rest: Sequence[str], known: Mapping[str, Action | None]) -> str:
    """What is wrong with ``steps.<rest>``; "" for nothing."""
    id, *inner = rest
    if id not in known:
        return f"No step before this one has the id {id}."
    if inner and inner[0] != "output":
        return f"A step has only an output: write steps.{id}.output.{inner[0]}."
    action = known[id]
    if action is None or len(inner) < 2:
        return ""
    properties = action.output_schema.get("properties") or {}
    if properties and inner[1] not in properties:
        return f"{action.id} gives no output {inner[1]}; it gives {', '.join(sorted(properties))}."
    return ""


def _declared_parameters(document: Any) -> frozenset[str]:
    """Names of fields anywhere in the pages: those of ``dependencies`` and conditions, too."""
    spec = document.get("spec") if isinstance(document, Mapping) else None
    found: set[str] = set()
    waiting = [spec.get("parameters")] if isinstance(spec, Mapping) else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            properties = value.get("properties")
            if isinstance(properties, Mapping):
                found.update(str(name) for name in properties)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return frozenset(found)


def _open(text: str) -> tuple[Any, Places]:
    """The first template of a file, and where its values stand."""
    chunks = split_documents(text)
    for chunk in chunks if not isinstance(chunks, Problem) else ():
        value = parse_document(chunk)
        if isinstance(value, Mapping) and value.get("kind") == "Template":
            return value, Places(chunk.text, chunk.line)
    return None, Places("")
