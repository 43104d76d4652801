"""One template looked through: its fields, its steps and the names between them, its expressions, and the files that it renders."""

from __future__ import annotations

import fnmatch
from functools import cache
from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.language import Language
from callboard.features.scaffolder.linting.expressions import ExpressionLint
from callboard.features.scaffolder.linting.findings import Finding, Severity
from callboard.features.scaffolder.linting.inputs import find_input_faults
from callboard.features.scaffolder.linting.parameters import Asked, read_asked
from callboard.features.scaffolder.linting.places import FieldPath, Places, show_path, texts_in
from callboard.features.scaffolder.linting.skeletons import SkeletonReader, lint_skeleton
from callboard.features.scaffolder.spec import API_VERSION
from callboard.kernel.actions import Action
from callboard.model.documents import parse_document, split_documents
from callboard.model.kinds import KindRegistry
from callboard.model.problems import Problem
from callboard.model.validation import EntityValidator

MAX_FINDINGS = 500
_FETCHING = ("fetch:template", "fetch:template:file")
FindAction = Callable[[str], Action | None]


def lint_template(
    content: bytes | str,
    *,
    file: str,
    language: Language,
    find_action: FindAction,
    allowed: Sequence[str] = (),
    read_skeleton: SkeletonReader | None = None,
) -> list[Finding]:
    """All that is found in every template of a YAML file, in the order of its lines.

    ``allowed`` are globs of actions that exist elsewhere. ``read_skeleton`` reads what ``fetch:template`` renders from beside the
    template; without it those files are passed over.
    """
    chunks = split_documents(content)
    if isinstance(chunks, Problem):
        return [_parse_finding(chunks, file)]
    found: list[Finding] = []
    templates = 0
    for chunk in chunks:
        value = parse_document(chunk)
        if isinstance(value, Problem):
            found.append(_parse_finding(value, file))
        elif value is not None and value.get("kind") == "Template":
            templates += 1
            lint = _Lint(value, Places(chunk.text, chunk.line), file, language, find_action, allowed)
            found += lint.run(read_skeleton)
    if not templates and not found:
        found.append(Finding("no-template", "error", file, 1, 1))
    return sorted(found, key=lambda one: (one.file != file, one.file, one.line, one.column))[:MAX_FINDINGS]


def _parse_finding(problem: Problem, file: str) -> Finding:
    return Finding("yaml", "error", file, problem.line or 1, problem.column or 1, "", {"what": problem.message})


@cache
def _validator() -> EntityValidator:
    return EntityValidator(KindRegistry.built_in())


class _Lint:
    def __init__(
        self,
        entity: dict[str, Any],
        places: Places,
        file: str,
        language: Language,
        find_action: FindAction,
        allowed: Sequence[str],
    ) -> None:
        self._entity = entity
        self._places = places
        self._file = file
        self._language = language
        self._find_action = find_action
        self._allowed = allowed
        self._found: list[Finding] = []

    def add(self, rule: str, severity: Severity, path: FieldPath, **values: str) -> None:
        line, column = self._places.of(path)
        self._found.append(Finding(rule, severity, self._file, line, column, show_path(path), values))

    def add_inside(
        self, rule: str, severity: Severity, path: FieldPath, line: int, column: int, values: Mapping[str, str]
    ) -> None:
        """At a place within the text at ``path``."""
        line, column = self._places.inside(path, line, column)
        self._found.append(Finding(rule, severity, self._file, line, column, show_path(path), values))

    def run(self, read_skeleton: SkeletonReader | None) -> list[Finding]:
        self._check_schema()
        spec = self._entity.get("spec")
        if not isinstance(spec, Mapping):
            return self._found
        asked = read_asked(spec)
        raw = spec.get("steps")
        steps = [step if isinstance(step, Mapping) else {} for step in raw] if isinstance(raw, list) else []
        ids = [str(step.get("id") or f"step-{index + 1}") for index, step in enumerate(steps)]
        self._check_ids(ids, steps)
        names = ExpressionLint(self._language, asked, ids, self.add_inside)
        actions: dict[str, Action | None] = {}
        for index, (id, step) in enumerate(zip(ids, steps, strict=True)):
            self._check_step(index, step, names, actions)
            self._check_skeleton(index, step, read_skeleton)
            actions.setdefault(id, self._find(step.get("action")))
        names.look(spec.get("output"), ("spec", "output"), actions, has_secrets=False)
        self._check_parameters(spec, asked, names)
        return self._found

    # ---- the whole ---------------------------------------------------------------------------------------------------

    def _check_schema(self) -> None:
        entity = dict(self._entity)
        problem = _validator().find_envelope_problem(entity)
        if problem is not None:
            self.add("schema", "error", problem.field, what=problem.message)
            return
        if entity.get("apiVersion") != API_VERSION:
            self.add("version", "error", ("apiVersion",), version=str(entity.get("apiVersion")), wanted=API_VERSION)
            return
        entity["metadata"] = {"namespace": "default", **entity["metadata"]}
        ref = f"template:{entity['metadata']['namespace']}/{entity['metadata']['name']}".lower()
        _, problems = _validator().validate(entity, ref)
        for one in problems:
            self.add("schema", "error", one.field, what=one.cause[1] if one.cause else one.message)

    def _check_ids(self, ids: Sequence[str], steps: Sequence[Mapping[str, Any]]) -> None:
        for index, id in enumerate(ids):
            if id in ids[:index]:
                field = "id" if steps[index].get("id") else "action"
                self.add("step-id-twice", "error", ("spec", "steps", index, field), id=id)

    def _check_parameters(self, spec: Mapping[str, Any], asked: Asked, names: ExpressionLint) -> None:
        for name, place in asked.places.items():
            is_read = name in names.parameters or name in asked.steering or name in (asked.secrets or ())
            if not is_read and not names.reads_all_parameters:
                self.add("unused-parameter", "warning", place, name=name)
        for name, place in asked.passwords.items():
            self.add("password-in-clear", "warning", place, name=name)
        if spec.get("EXPERIMENTAL_formDecorators"):
            self.add("old-decorators", "warning", ("spec", "EXPERIMENTAL_formDecorators"))
        # Expressions in the form itself are no expressions: nothing renders them.
        for path, text in texts_in(spec.get("parameters"), ("spec", "parameters")):
            if "${{" in text and "default" in path:
                self.add("expression-in-form", "warning", path)

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _find(self, id: Any) -> Action | None:
        return self._find_action(id) if isinstance(id, str) else None

    def _check_step(
        self, index: int, step: Mapping[str, Any], names: ExpressionLint, actions: Mapping[str, Action | None]
    ) -> None:
        path: FieldPath = ("spec", "steps", index)
        id, given = step.get("action"), step.get("input")
        has_each = "each" in step
        action = self._find(id)
        if action is None and isinstance(id, str) and not any(fnmatch.fnmatchcase(id, one) for one in self._allowed):
            self.add("unknown-action", "error", (*path, "action"), id=id)
        condition = step.get("if")
        if isinstance(condition, str) and condition.strip().lower() == "false":
            self.add("false-as-text", "warning", (*path, "if"))
        names.look(condition, (*path, "if"), actions, has_each=has_each, has_secrets=has_each)
        names.look(step.get("each"), (*path, "each"), actions)
        wanted = action.input_schema if action is not None else {}
        names.look(given, (*path, "input"), actions, has_each=has_each, schema=wanted)
        if isinstance(given, Mapping) and id in _FETCHING and "copyWithoutRender" in given:
            self.add("old-copy", "warning", (*path, "input", "copyWithoutRender"))
        if action is not None and (given is None or isinstance(given, Mapping)):
            for fault in find_input_faults(action, given or {}):
                self.add("input", "error", (*path, "input", *fault.path), what=fault.message, action=action.id)

    def _check_skeleton(self, index: int, step: Mapping[str, Any], read: SkeletonReader | None) -> None:
        given = step.get("input")
        if read is None or step.get("action") not in _FETCHING or not isinstance(given, Mapping):
            return
        found = lint_skeleton(given, str(step["action"]), self._language, read, self._file)
        if isinstance(found, str):
            self.add("skeleton", "error", ("spec", "steps", index, "input", "url"), what=found)
        else:
            self._found += found
