"""What may be permitted about templates, their actions and tasks, and the rules of conditions. Source: Backstage scaffolder-common 2.3.0.

The policy builds trees of ``model.predicates`` over the leaves below; ``holds`` reads one on a single thing, ``task_sql`` on the
table of tasks. Tests hold the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from callboard.kernel.permissions import Permission, PermissionRule
from callboard.model.predicates import All, Any_, Negation

ACTION = "scaffolder-action"
TEMPLATE = "scaffolder-template"
TASK = "scaffolder-task"

EXECUTE_ACTION = Permission("scaffolder.action.execute", "create", ACTION, "Have a step of a task run an action.")
READ_PARAMETERS = Permission(
    "scaffolder.template.parameter.read", "read", TEMPLATE, "See a page of a template's form, and answer it."
)
READ_STEPS = Permission("scaffolder.template.step.read", "read", TEMPLATE, "See a step of a template, and run it.")
DRY_RUN = Permission("scaffolder.template.dry-run", "create", None, "Try a template without effect.")
MANAGE_TEMPLATES = Permission("scaffolder.template.management", "create", None, "Use the template editor.")
CREATE_TASK = Permission("scaffolder.task.create", "create", None, "Run a template.")
READ_TASK = Permission("scaffolder.task.read", "read", TASK, "See a task, its log and its output.")
CANCEL_TASK = Permission("scaffolder.task.cancel", "update", TASK, "Cancel a task, or run it again.")

PERMISSIONS: tuple[Permission, ...] = (
    EXECUTE_ACTION, READ_PARAMETERS, READ_STEPS, DRY_RUN, MANAGE_TEMPLATES, CREATE_TASK, READ_TASK, CANCEL_TASK,
)  # fmt: skip

PERMISSION_TAGS = "backstage:permissions"


@dataclass(frozen=True, slots=True)
class HasActionId:
    id: str

    def holds(self, resource: Mapping[str, Any]) -> bool:
        return bool(resource["action"] == self.id)


@dataclass(frozen=True, slots=True)
class HasProperty:
    """An input (path as ``values.name``) that is ``value`` or, where it is None, that is there. A list has what is in it."""

    key: str
    value: str | float | bool | None

    def holds(self, resource: Mapping[str, Any]) -> bool:
        found = pick(resource["input"], self.key)
        if isinstance(found, list):
            return bool(found) if self.value is None else any(_same(one, self.value) for one in found)
        return bool(found) if self.value is None else _same(found, self.value)


@dataclass(frozen=True, slots=True)
class HasTag:
    """``backstage:permissions.tags`` of a page or step has it."""

    tag: str

    def holds(self, resource: Mapping[str, Any]) -> bool:
        said = resource.get(PERMISSION_TAGS)
        tags = said.get("tags") if isinstance(said, Mapping) else None
        return isinstance(tags, list) and self.tag in tags


@dataclass(frozen=True, slots=True)
class IsCreatedBy:
    """The task was started by one of ``refs`` (lower-cased)."""

    refs: tuple[str, ...]

    def holds(self, resource: Mapping[str, Any]) -> bool:
        return resource["created_by"] in self.refs


def holds(predicate: Any, resource: Mapping[str, Any]) -> bool:
    """Whether ``resource`` satisfies a compiled condition.

    Resources: ``{"action", "input"}`` of actions, a page or step of a template as written, ``{"created_by"}`` of tasks.
    """
    match predicate:
        case All(parts):
            return all(holds(part, resource) for part in parts)
        case Any_(parts):
            return any(holds(part, resource) for part in parts)
        case Negation(part):
            return not holds(part, resource)
    return bool(predicate.holds(resource))


def task_sql(predicate: Any, add: Callable[[Sequence[str]], str]) -> str:
    """A compiled condition on tasks as SQL. ``add`` takes a list and gives the SQL that is true where ``created_by`` is in it."""
    match predicate:
        case All(parts):
            return "(" + " AND ".join(task_sql(part, add) for part in parts) + ")" if parts else "1 = 1"
        case Any_(parts):
            return "(" + " OR ".join(task_sql(part, add) for part in parts) + ")" if parts else "1 = 0"
        case Negation(part):
            return f"NOT {task_sql(part, add)}"
        case IsCreatedBy(refs):
            # Without it NOT would be neither true nor false for a task that nobody known started.
            return f"(created_by IS NOT NULL AND {add(refs)})" if refs else "1 = 0"
    raise TypeError(predicate)


def pick(value: Any, path: str, missing: Any = None) -> Any:
    """What stands at ``a.b[0]`` below ``value``; ``missing`` when nothing does. As lodash's ``get``."""
    for part in path.replace("[", ".").replace("]", "").split("."):
        part = part.strip("\"'")
        if isinstance(value, Mapping):
            if part not in value:
                return missing
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return missing
    return value


def _same(found: Any, wanted: Any) -> bool:
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _schema(properties: Mapping[str, Any], required: Sequence[str]) -> Mapping[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _property_rule(name: str, type: str) -> PermissionRule:
    schema = _schema(
        {
            "key": {"type": "string", "description": f"Property within the action parameters to match a {type} at"},
            "value": {"type": type, "description": "Value of the given property to match on"},
        },
        ["key"],
    )
    return PermissionRule(
        name,
        f"Allow actions with the specified {type} property",
        ACTION,
        schema,
        lambda params: HasProperty(params["key"], params.get("value")),
    )


def _created_by(params: Mapping[str, Any]) -> IsCreatedBy:
    refs = [*params.get("createdBy", ()), *params.get("claims", ())]
    return IsCreatedBy(tuple(sorted({ref.lower() for ref in refs})))


_REFS = {"type": "array", "items": {"type": "string"}}

RULES: tuple[PermissionRule, ...] = (
    PermissionRule(
        "HAS_ACTION_ID", "Match actions with the given actionId", ACTION,
        _schema({"actionId": {"type": "string", "description": "Name of the actionId to match on"}}, ["actionId"]),
        lambda params: HasActionId(params["actionId"]),
    ),
    _property_rule("HAS_STRING_PROPERTY", "string"),
    _property_rule("HAS_NUMBER_PROPERTY", "number"),
    _property_rule("HAS_BOOLEAN_PROPERTY", "boolean"),
    PermissionRule(
        "HAS_TAG", "Match parameters or steps with the given tag", TEMPLATE,
        _schema({"tag": {"type": "string", "description": "Name of the tag to match on"}}, ["tag"]),
        lambda params: HasTag(params["tag"]),
    ),
    PermissionRule(
        "IS_TASK_OWNER", "Allow tasks that one of the given users started", TASK,
        _schema(
            {
                "createdBy": {**_REFS, "description": "List of creator entity refs"},
                "claims": {**_REFS, "description": "The same, as rules of ownership call it"},
            },
            [],
        ),
        _created_by,
    ),
)  # fmt: skip
