"""What a task is to do, made from a template entity and the answers: the JSON that is stored and shown on the wire.

``{apiVersion, steps[{id, name, action, input?, if?, each?}], output, parameters, user{ref, entity?}, templateInfo{entityRef, baseUrl,
entity{metadata}}, EXPERIMENTAL_recovery?}``. Source: Backstage scaffolder-common 2.3.0, ``TaskSpecV1beta3``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from callboard.kernel.errors import InputError

API_VERSION = "scaffolder.backstage.io/v1beta3"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the template says it. ``condition`` None: always; ``each`` None: once. ``raw`` is the step on the wire."""

    id: str
    name: str
    action: str
    raw: Mapping[str, Any]

    @property
    def input(self) -> Mapping[str, Any]:
        given = self.raw.get("input")
        return given if isinstance(given, Mapping) else {}

    @property
    def condition(self) -> Any:
        return self.raw.get("if")

    @property
    def has_condition(self) -> bool:
        return "if" in self.raw

    @property
    def each(self) -> Any:
        return self.raw.get("each")

    @property
    def tags(self) -> Sequence[str]:
        """``backstage:permissions.tags``, for policies that hide steps."""
        said = self.raw.get("backstage:permissions")
        tags = said.get("tags") if isinstance(said, Mapping) else None
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """``data`` is the spec on the wire; the rest reads from it."""

    data: Mapping[str, Any]
    steps: Sequence[Step] = field(default=())

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.data.get("parameters") or {}

    @property
    def output(self) -> Mapping[str, Any]:
        return self.data.get("output") or {}

    @property
    def user(self) -> Mapping[str, Any]:
        return self.data.get("user") or {}

    @property
    def template(self) -> Mapping[str, Any]:
        """``{entityRef, baseUrl, entity}``; empty for a spec that came without one."""
        return self.data.get("templateInfo") or {}

    @property
    def base_url(self) -> str:
        return str(self.template.get("baseUrl") or "")

    @property
    def recovery(self) -> str:
        """``none`` or ``startOver``."""
        return recovery_of(self.data)


def recovery_of(data: Mapping[str, Any]) -> str:
    """What a spec on the wire says of being cut off: ``none`` or ``startOver``."""
    said = data.get("EXPERIMENTAL_recovery")
    strategy = said.get("EXPERIMENTAL_strategy") if isinstance(said, Mapping) else None
    return strategy if strategy == "startOver" else "none"


def read_spec(data: Mapping[str, Any]) -> TaskSpec:
    """The spec of stored or given JSON. Raises ``InputError`` with the field for steps that cannot be."""
    steps = []
    for index, raw in enumerate(_list(data.get("steps"), "spec.steps")):
        where = f"spec.steps[{index}]"
        if not isinstance(raw, Mapping):
            raise InputError(f"{where} must be an object with an action.", field=where)
        action = raw.get("action")
        if not isinstance(action, str) or not action:
            raise InputError(f"{where}.action must name an action.", field=f"{where}.action")
        id, name = raw.get("id") or f"step-{index + 1}", raw.get("name") or action
        steps.append(Step(str(id), str(name), action, raw))
    return TaskSpec(data, tuple(steps))


def make_spec(
    template: Mapping[str, Any],
    parameters: Mapping[str, Any],
    *,
    entity_ref: str,
    base_url: str,
    user: Mapping[str, Any],
) -> TaskSpec:
    """From a template entity, default ids and names filled in. Raises ``InputError`` when it is no template that can run."""
    if template.get("apiVersion") != API_VERSION:
        raise InputError("Unsupported apiVersion field in schema entity", field="apiVersion")
    spec = template.get("spec")
    if not isinstance(spec, Mapping):
        raise InputError("The template has no spec.", field="spec")
    steps = []
    for index, raw in enumerate(_list(spec.get("steps"), "spec.steps")):
        if isinstance(raw, Mapping):
            raw = {**raw, "id": raw.get("id") or f"step-{index + 1}", "name": raw.get("name") or raw.get("action")}
        steps.append(raw)
    data: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "steps": steps,
        "output": spec.get("output") or {},
        "parameters": dict(parameters),
        "user": dict(user),
        "templateInfo": {
            "entityRef": entity_ref,
            "baseUrl": base_url,
            "entity": {"metadata": template.get("metadata", {})},
        },
    }
    if isinstance(spec.get("EXPERIMENTAL_recovery"), Mapping):
        data["EXPERIMENTAL_recovery"] = spec["EXPERIMENTAL_recovery"]
    return read_spec(data)


def base_url_of(entity: Mapping[str, Any]) -> str:
    """What relative addresses of a template entity resolve against: its source-location, else where it is managed by."""
    annotations = entity.get("metadata", {}).get("annotations") or {}
    for key in ("backstage.io/source-location", "backstage.io/managed-by-location"):
        kind, _, target = str(annotations.get(key) or "").partition(":")
        if kind == "url" and target:
            return target
        if kind == "file" and target:
            return f"file://{target}"
    return ""


def _list(value: Any, field: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{field} must be a list.", field=field)
    return value
