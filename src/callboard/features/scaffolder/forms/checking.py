"""What is wrong with answers: what JSON Schema finds, in people's words beside its field, and what fields of their own demand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Sequence

from callboard.features.scaffolder.forms.entities import Entities, allows_any
from callboard.features.scaffolder.forms.hosts import SourceHosts, allowed
from callboard.features.scaffolder.forms.model import Field, FormPage
from callboard.features.scaffolder.forms.paths import MISSING, Path, format_name
from callboard.features.scaffolder.forms.repositories import lacking, parse_repository
from callboard.features.scaffolder.interface import ValueProblem
from callboard.kernel.auth.actor import Actor
from callboard.ui.messages import Translator

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_TAG = re.compile(r"[a-z0-9+#]+(?:-[a-z0-9+#]+)*")
_COUNTED = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong. ``name`` is the field's, empty when it belongs to none on the page; ``anchor`` is what a link leads to."""

    name: str
    title: str
    message: str
    anchor: str = ""


def words_of(problem: ValueProblem, t: Translator, *, is_chosen: bool = False) -> str:
    """A problem of JSON Schema as a sentence; the check's own words where there is none."""
    argument = problem.argument
    if problem.name == "required":
        return t("scaffolder.form.fault.choose") if is_chosen else t("scaffolder.form.fault.required")
    if problem.name in _COUNTED and isinstance(argument, (int, float)):
        word = re.sub("[A-Z]", lambda match: "_" + match[0].lower(), problem.name)
        if word in ("min_length", "max_length", "min_items", "max_items"):
            return t(f"scaffolder.form.fault.{word}", n=int(argument))
        return t(f"scaffolder.form.fault.{word}", limit=str(argument))
    if problem.name == "pattern" and isinstance(argument, str):
        return t("scaffolder.form.fault.pattern", pattern=argument)
    if problem.name in ("enum", "const"):
        return t("scaffolder.form.fault.choice")
    if problem.name == "uniqueItems":
        return t("scaffolder.form.fault.unique")
    if problem.name == "type" and argument in ("integer", "number", ["integer"], ["number"]):
        return t("scaffolder.form.fault.integer") if "integer" in argument else t("scaffolder.form.fault.number")
    if problem.name == "format" and argument in ("email", "uri", "url", "date", "date-time"):
        return t("scaffolder.form.fault.format", format=str(argument))
    return problem.message


def place(page: FormPage, problems: Sequence[ValueProblem], t: Translator) -> list[Fault]:
    """Each problem at its field, or at the nearest field around it."""
    fields = {one.name: one for one in page.walk()}
    found: dict[tuple[str, str], Fault] = {}
    for problem in problems:
        path = path_of(problem)
        field = None
        for n in range(len(path), 0, -1):
            field = fields.get(format_name(path[:n]))
            if field is not None:
                break
        title = field.title if field is not None else ".".join(map(str, path))
        chosen = field is not None and field.kind in ("choice", "choices", "entity", "file")
        fault = Fault(
            field.name if field is not None else "", title, words_of(problem, t, is_chosen=chosen), anchor_of(field)
        )
        found.setdefault((fault.name or title, "" if problem.name == "required" else fault.message), fault)
    return list(found.values())


def path_of(problem: ValueProblem) -> Path:
    """Where the answer stands or should stand."""
    path = tuple(problem.path)
    if problem.name == "required" and isinstance(problem.argument, str) and (not path or path[-1] != problem.argument):
        path = (*path, problem.argument)
    return path


def anchor_of(field: Field | None) -> str:
    """The id of the first control of a field."""
    if field is None:
        return ""
    match field.kind:
        case "repository":
            return f"{field.name}:host"
        case "choices":
            return f"{field.name}:0" if field.choices else field.name
        case "choice" if field.style == "radio":
            return f"{field.name}:0"
        case "entities" | "tags":
            return f"{field.name}:new"
        case "map":
            return f"{field.name}:key0"
    return field.name


class FieldChecks:
    """What the ``ui:field`` of Backstage demand beside the schema."""

    def __init__(self, entities: Entities, hosts: SourceHosts) -> None:
        self._entities = entities
        self._hosts = hosts

    async def check(self, page: FormPage, t: Translator, *, actor: Actor) -> list[Fault]:
        found: list[Fault] = []
        for field in page.walk():
            message = await self._message(field, t, actor)
            if message:
                found.append(Fault(field.name, field.title, message, anchor_of(field)))
        return found

    async def _message(self, field: Field, t: Translator, actor: Actor) -> str:
        value: Any = field.value
        if field.kind == "repository":
            return self._repository(field, t)
        if value is MISSING or value in (None, "", []):
            return ""
        match field.kind:
            case "name" if isinstance(value, str) and not _NAME.fullmatch(value):
                return t("scaffolder.form.fault.name")
            case "tags" if isinstance(value, list):
                wrong = [
                    str(one) for one in value if not isinstance(one, str) or len(one) > 63 or not _TAG.fullmatch(one)
                ]
                return t("scaffolder.form.fault.tag", tag=wrong[0]) if wrong else ""
            case "entity" | "entities" if not allows_any(field):
                for ref in value if isinstance(value, list) else [value]:
                    if not isinstance(ref, str) or not await self._entities.is_allowed(field, ref, actor=actor):
                        return t("scaffolder.form.fault.entity", ref=str(ref))
            case "data" if isinstance(value, str) and field.schema.get("type") in ("object", "array"):
                return t("scaffolder.form.fault.data")
        return ""

    def _repository(self, field: Field, t: Translator) -> str:
        if not isinstance(field.value, str) or not field.value:
            return ""
        parts = parse_repository(field.value, self._hosts.kinds)
        host = parts.get("host", "")
        if host not in self._hosts.names(field):
            return t("scaffolder.form.fault.host", host=host)
        empty = lacking(parts, self._hosts.kinds)
        if empty:
            return t("scaffolder.form.fault.part", part=t(f"scaffolder.form.repository.{empty[0]}"))
        for part, said in parts.items():
            known = allowed(field, part) if part != "host" else []
            if known and said not in known:
                return t(
                    "scaffolder.form.fault.part_choice",
                    part=t(f"scaffolder.form.repository.{part}"),
                    known=", ".join(known),
                )
        return ""
