"""``gitlab:projectVariable:create``, and variables of a project that is published."""

from __future__ import annotations

from typing import Any, Mapping

from callboard.integrations.gitlab.actions.project import GitlabProject
from callboard.kernel.publishing.schemas import Schema, flag, one_of, text

VARIABLE: dict[str, Schema] = {
    "key": text("Name of the variable."),
    "value": text("Its value."),
    "description": text("Description."),
    "variable_type": one_of("Variable or file.", "env_var", "file", default="env_var"),
    "protected": flag("Only for protected branches.", False),
    "masked": flag("Blotted out of logs.", False),
    "masked_and_hidden": flag("Blotted out of logs and not shown in the settings.", False),
    "raw": flag("Not expanded.", False),
    "environment_scope": text("Environments it is for.", default="*"),
}


async def add_variable(project: GitlabProject, given: Mapping[str, Any]) -> None:
    """``given`` has the fields of ``VARIABLE``."""
    payload = {key: given[key] for key in VARIABLE if given.get(key) is not None}
    await project.send("POST", "/variables", payload)
