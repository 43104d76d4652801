"""Expressions of a template: whether they parse, and whether the names in them stand for anything there."""

from __future__ import annotations

from typing import Any, Mapping, Protocol, Sequence

from callboard.features.scaffolder.language import Language, Program, TemplateFault
from callboard.features.scaffolder.linting.findings import Severity
from callboard.features.scaffolder.linting.idioms import INSTEAD, find_habits, find_input_habits, place_of
from callboard.features.scaffolder.linting.parameters import Asked
from callboard.features.scaffolder.linting.places import FieldPath, texts_in
from callboard.kernel.actions import Action

_ROOTS = frozenset({"parameters", "steps", "user", "context", "environment", "always", "failure"})
_MARKS = ("${{", "{%", "{#", "{{")


class Adds(Protocol):
    def __call__(
        self, rule: str, severity: Severity, path: FieldPath, line: int, column: int, values: Mapping[str, str]
    ) -> None: ...


class ExpressionLint:
    """Gathers what the expressions read. ``ids`` are those of all steps, in order."""

    def __init__(self, language: Language, asked: Asked, ids: Sequence[str], add: Adds) -> None:
        self._language = language
        self._asked = asked
        self._ids = ids
        self._add = add
        self.parameters: set[str] = set()
        self.reads_all_parameters = False

    def look(
        self,
        value: Any,
        path: FieldPath,
        before: Mapping[str, Action | None],
        *,
        has_each: bool = False,
        has_secrets: bool = True,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        """Into all texts of ``value``. ``before`` are the steps that have run by then; ``schema`` is that of a step's input."""
        roots = _ROOTS | frozenset(self._language.globals)
        roots |= ({"each"} if has_each else frozenset()) | ({"secrets"} if has_secrets else frozenset())
        for place, text in texts_in(value, path):
            if not any(mark in text for mark in _MARKS):
                continue
            for habit in find_habits(text, self._asked.types):
                self._add(habit.rule, "warning", place, *place_of(text, habit.offset), habit.values)
            wanted = _wanted_type(schema, place[len(path) :])
            for habit in find_input_habits(text, wanted) if schema is not None else ():
                self._add(habit.rule, "warning", place, *place_of(text, habit.offset), habit.values)
            try:
                program = self._language.compile(text)
            except TemplateFault as fault:
                self._add("syntax", "error", place, fault.line, fault.column, {"what": fault.message})
                continue
            for name in sorted(program.unknown_filters):
                self._tell_filter(name, text, place)
            self._look_at_names(program, place, roots, before, has_secrets=has_secrets)

    def _tell_filter(self, name: str, text: str, place: FieldPath) -> None:
        at = max(text.find(f"| {name}") + 2, text.find(f"|{name}") + 1, 0)
        rule, values = "unknown-filter", {"name": name}
        if name in INSTEAD:
            rule, values = "old-filter", {"name": name, "instead": INSTEAD[name]}
        self._add(rule, "error", place, *place_of(text, at), values)

    def _look_at_names(
        self,
        program: Program,
        place: FieldPath,
        roots: frozenset[str],
        before: Mapping[str, Action | None],
        *,
        has_secrets: bool,
    ) -> None:
        for one in program.references:
            root, *rest = one.path
            found: tuple[str, Severity, Mapping[str, str]] | None = None
            if (root == "secrets" and root not in roots) or (
                root == "environment" and rest[:1] == ["secrets"] and not has_secrets
            ):
                found = ("secret-not-visible", "error", {"name": ".".join(one.path)})
            elif root not in roots and root not in program.calls and not self._follows_minus(root):
                found = ("unknown-name", "error", {"name": root})
            elif root == "parameters":
                found = self._parameter_fault(rest)
            elif root == "secrets":
                found = self._secret_fault(rest)
            elif root == "steps":
                found = self._step_fault(rest, before)
            if found is not None:
                rule, severity, values = found
                self._add(rule, severity, place, one.line, one.column, values)

    def _follows_minus(self, name: str) -> bool:
        """Whether it is a later part of a name with ``-``, which is told of at its first part."""
        return any(f"-{name}" in one for one in (*self._ids, *self._asked.types))

    def _parameter_fault(self, rest: Sequence[str]) -> tuple[str, Severity, Mapping[str, str]] | None:
        if not rest:
            self.reads_all_parameters = True
            return None
        self.parameters.add(rest[0])
        if rest[0] in self._asked.types:
            return None
        near = next((name for name in self._asked.types if name.replace("-", "_").startswith(rest[0])), "")
        if near and "-" in near and near.split("-")[0] == rest[0]:
            self.parameters.add(near)
            return "minus", "error", {"name": near, "write": f"parameters['{near}']"}
        return "unknown-parameter", "error", {"name": rest[0]}

    def _secret_fault(self, rest: Sequence[str]) -> tuple[str, Severity, Mapping[str, str]] | None:
        known = self._asked.secrets
        if not rest or known is None or rest[0] in known:
            return None
        return "unknown-secret", "warning", {"name": rest[0]}

    def _step_fault(
        self, rest: Sequence[str], before: Mapping[str, Action | None]
    ) -> tuple[str, Severity, Mapping[str, str]] | None:
        if not rest:
            return None
        id, *inner = rest
        if id not in before:
            near = next((one for one in self._ids if "-" in one and one.split("-")[0] == id), "")
            if near:
                return "minus", "error", {"name": near, "write": f"steps['{near}']"}
            return ("later-step" if id in self._ids else "unknown-step"), "error", {"id": id}
        if inner and inner[0] != "output":
            return "step-output", "error", {"id": id, "name": inner[0]}
        action = before[id]
        properties = action.output_schema.get("properties") if action is not None else None
        if action is None or not properties or len(inner) < 2 or inner[1] in properties:
            return None
        return "unknown-output", "error", {"action": action.id, "name": inner[1], "has": ", ".join(sorted(properties))}


def _wanted_type(schema: Mapping[str, Any] | None, path: FieldPath) -> str:
    """The one type that a schema asks for at ``path``; "" when it leaves it open."""
    found: Any = schema or {}
    for part in path:
        if not isinstance(found, Mapping):
            return ""
        inner = found.get("items") if isinstance(part, int) else (found.get("properties") or {}).get(part)
        found = inner if isinstance(inner, Mapping) else {}
    said = found.get("type") if isinstance(found, Mapping) else None
    return said if isinstance(said, str) else ""
