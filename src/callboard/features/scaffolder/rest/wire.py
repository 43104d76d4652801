"""Values of the scaffolder as JSON of the wire."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.interface import DryRunResult, Task, TaskEvent, TemplateForm, ValueProblem
from callboard.kernel.actions import Action
from callboard.kernel.read_file import TreeFile


def form_to_wire(form: TemplateForm) -> dict[str, Any]:
    """``parameter-schema``; keys without a value are left out."""
    told: dict[str, Any] = {"title": form.title}
    if form.presentation is not None:
        told["presentation"] = form.presentation
    if form.description is not None:
        told["description"] = form.description
    if form.ui_options is not None:
        told["ui:options"] = form.ui_options
    told["steps"] = [dict(step) for step in form.steps]
    if form.form_decorators is not None:
        told["formDecorators"] = [dict(decorator) for decorator in form.form_decorators]
    return told


def task_to_wire(task: Task) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": task.id,
        "spec": task.spec,
        "status": task.state,
        "createdAt": task.created_at,
    }
    if task.last_heartbeat_at is not None:
        told["lastHeartbeatAt"] = task.last_heartbeat_at
    if task.created_by is not None:
        told["createdBy"] = task.created_by
    return told


def event_to_wire(event: TaskEvent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": event.id,
        "taskId": event.task_id,
        "body": event.body,
        "type": event.type,
        "createdAt": event.created_at,
    }
    if event.is_recoverable:
        told["isTaskRecoverable"] = True
    return told


def problem_to_wire(problem: ValueProblem) -> dict[str, Any]:
    """As the ``jsonschema`` package of npm tells it: ``stack`` is property and message in one."""
    return {
        "path": list(problem.path),
        "property": problem.property,
        "message": problem.message,
        "schema": problem.schema,
        "instance": problem.instance,
        "name": problem.name,
        "argument": problem.argument,
        "stack": f"{problem.property} {problem.message}",
    }


def action_to_wire(action: Action) -> dict[str, Any]:
    told: dict[str, Any] = {"id": action.id}
    if action.description:
        told["description"] = action.description
    if action.examples:
        told["examples"] = [_example_to_wire(action.id, example) for example in action.examples]
    told["schema"] = {"input": dict(action.input_schema), "output": dict(action.output_schema)}
    return told


def _example_to_wire(id: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """``{description, example}`` with the example as YAML of a template's steps."""
    description = str(example.get("description") or example.get("title") or "")
    text = example.get("example")
    if not isinstance(text, str):
        import yaml

        step = {"action": id, "input": example.get("input", {})}
        text = yaml.safe_dump({"steps": [step]}, sort_keys=False, allow_unicode=True)
    told = {"description": description, "example": text}
    return told if not example.get("notes") else {**told, "notes": example["notes"]}


def file_to_wire(file: TreeFile) -> dict[str, Any]:
    """A link is told as a file that holds its target."""
    content = file.content if file.link is None else file.link.encode()
    return {
        "path": file.path,
        "executable": bool(file.mode & 0o111) and file.link is None,
        "base64Content": base64.b64encode(content).decode(),
    }


def dry_run_to_wire(result: DryRunResult) -> dict[str, Any]:
    return {
        "log": log_to_wire(result.log),
        "directoryContents": [file_to_wire(file) for file in result.files],
        "output": result.output,
        "steps": [dict(step) for step in result.steps],
    }


def log_to_wire(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"body": dict(body)} for body in log]
