"""Actions of the scaffolder for agents, templates and the command line. Ids and shapes are those of Backstage's."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.interface import (
    DryRun,
    NewTask,
    TaskQuery,
    Tasks,
)
from callboard.features.scaffolder.rest import wire
from callboard.features.scaffolder.rest.reading import MAX_PAGE, STATES, read_dry_run
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError

_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEXT = {"type": "string"}
_READS = ActionAttributes(read_only=True, idempotent=True)


def _schema(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "$schema": _DRAFT,
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


_LIST = _schema(
    {
        "owned": {"type": "boolean", "default": False, "description": "Only tasks that the caller started."},
        "createdBy": {"type": "array", "items": _TEXT, "description": "Refs of who started them."},
        "status": {"type": "array", "items": {"type": "string", "enum": [*STATES]}},
        "templateRef": {"type": "array", "items": _TEXT, "description": "Refs of templates."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50},
        "offset": {"type": "integer", "minimum": 0, "default": 0},
    }
)
_SECRETS = {"type": "object", "additionalProperties": _TEXT}
_DRY = _schema(
    {
        "template": {"type": "object", "description": "The template entity, as its YAML says."},
        "values": {"type": "object", "description": "Answers to the template's parameters."},
        "files": {
            "type": "array",
            "description": "Files beside the template, which it may fetch.",
            "items": {
                "type": "object",
                "required": ["path", "content"],
                "properties": {"path": _TEXT, "content": {"type": "string", "description": "As text."}},
                "additionalProperties": False,
            },
        },
    },
    ["template", "values"],
)
_EXECUTE = _schema(
    {
        "templateRef": {"type": "string", "description": "Ref of the template, as template:default/service."},
        "values": {"type": "object", "description": "Answers to the template's parameters."},
    },
    ["templateRef", "values"],
)
_LOGS = _schema(
    {
        "taskId": {"type": "string", "description": "Id of the task, as execute-template gives it."},
        "after": {"type": "integer", "minimum": 0, "description": "Only events with a greater id."},
    },
    ["taskId"],
)


def task_actions(portal: Any) -> Sequence[Action]:
    """Five, over the services of ``portal``; each asks for permission as REST does."""
    tasks: Tasks = portal.service(Tasks)

    async def list_tasks(context: ActionContext) -> Mapping[str, Any]:
        said = context.input
        created_by = [ref.lower() for ref in said.get("createdBy", ())]
        if said.get("owned"):
            if not context.actor.is_user:
                raise InputError("Only a user has tasks of their own.", field="owned")
            created_by.append(context.actor.subject.lower())
        query = TaskQuery(
            created_by=created_by,
            states=said.get("status", ()),
            template_refs=[ref.lower() for ref in said.get("templateRef", ())],
            limit=said.get("limit", 50),
            offset=said.get("offset", 0),
        )
        page = await tasks.list(query, actor=context.actor)
        return {"tasks": [wire.task_to_wire(task) for task in page.tasks], "totalTasks": page.total}

    async def list_actions(context: ActionContext) -> Mapping[str, Any]:
        found = portal.actions.list(context.actor, with_workspace=True)
        return {"actions": [wire.action_to_wire(one) for one in found]}

    async def dry_run(context: ActionContext) -> Mapping[str, Any]:
        from base64 import b64encode

        said = context.input
        rows = [
            {"path": row["path"], "base64Content": b64encode(row["content"].encode()).decode()}
            for row in said.get("files", ())
        ]
        dry: DryRun = read_dry_run({"template": said["template"], "values": said["values"], "directoryContents": rows})
        result = await tasks.dry_run(dry, actor=context.actor)
        told = wire.dry_run_to_wire(result)
        return told if result.error is None else {**told, "error": dict(result.error)}

    async def execute(context: ActionContext) -> Mapping[str, Any]:
        said = context.input
        new = NewTask(said["templateRef"], said["values"], context.secrets)
        return {"taskId": await tasks.create(new, actor=context.actor)}

    async def logs(context: ActionContext) -> Mapping[str, Any]:
        id = context.input["taskId"]
        task = await tasks.get(id, actor=context.actor)
        events = await tasks.events(id, after=context.input.get("after"), actor=context.actor)
        return {"status": task.state, "events": [wire.event_to_wire(event) for event in events]}

    return (
        Action(
            "scaffolder:list-scaffolder-tasks", "List runs of templates",
            "Tasks of the scaffolder, newest first: their status, who started them and when.", list_tasks, _LIST,
            _schema({"tasks": {"type": "array"}, "totalTasks": {"type": "integer"}}, ["tasks", "totalTasks"]),
            attributes=_READS, supports_dry_run=True,
        ),
        Action(
            "scaffolder:list-scaffolder-actions", "List actions for templates",
            "What steps of templates can do, with the schemas of input and output.", list_actions,
            output_schema=_schema({"actions": {"type": "array"}}, ["actions"]), attributes=_READS, supports_dry_run=True,
        ),
        Action(
            "scaffolder:dry-run-template", "Try a template",
            "Runs a template without effect and gives log, files and output; nothing is published.", dry_run, _DRY,
            attributes=_READS, supports_dry_run=True,
        ),
        Action(
            "scaffolder:execute-template", "Run a template",
            "Starts a task from a template of the catalog. Follow it with get-scaffolder-task-logs.", execute, _EXECUTE,
            _schema({"taskId": _TEXT}, ["taskId"]), secrets_schema=_SECRETS,
            attributes=ActionAttributes(destructive=False),
        ),
        Action(
            "scaffolder:get-scaffolder-task-logs", "Read the log of a run",
            "Status and events of a task, in order; with after only those since.", logs, _LOGS,
            _schema({"status": _TEXT, "events": {"type": "array"}}, ["status", "events"]), attributes=_READS,
            supports_dry_run=True,
        ),
    )  # fmt: skip
