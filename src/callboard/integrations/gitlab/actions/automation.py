"""``gitlab:issues:create``, ``gitlab:pipeline:trigger``, ``gitlab:projectVariable:create`` and tokens of projects."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.integrations.gitlab.actions.project import COMMON, REPO_URL, GitlabPublishing
from callboard.integrations.gitlab.actions.variables import add_variable
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.publishing import once
from callboard.kernel.publishing.schemas import TOKEN, Schema, flag, number, one_of, record, text, text_map, texts
from callboard.kernel.publishing.steps import step_action

_PROJECT: Schema = {
    "type": ["number", "string"],
    "description": "Number or full path of the project; of repoUrl without it.",
}
_REPO = "repoUrl: gitlab.com?owner=acme&repo=tools"


class AutomationActions:
    def __init__(self, publishing: GitlabPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "gitlab:issues:create",
                "Open an issue at GitLab",
                "Opens an issue in a project at GitLab.",
                self.issue,
                record(
                    {
                        **COMMON,
                        "projectId": _PROJECT,
                        "title": text("Title of the issue."),
                        "description": text("Its text, Markdown."),
                        "assignees": {"type": "array", "items": {"type": "number"}, "description": "Numbers of users."},
                        "confidential": flag("Only for members.", False),
                        "createdAt": text("Time that it is said to be from, ISO 8601; for administrators."),
                        "dueDate": text("Day it is due: 2026-11-23."),
                        "epicId": number("Number of an epic."),
                        "issueType": one_of("Kind of issue.", "issue", "incident", "test_case", "task"),
                        "labels": text("Labels, with commas."),
                        "milestoneId": number("Number of a milestone."),
                        "weight": number("Weight."),
                    },
                    ("repoUrl", "title"),
                ),
                record(
                    {
                        "issueUrl": text("Page of the issue."),
                        "issueId": number("Its number at the host."),
                        "issueIid": number("Its number in the project."),
                    }
                ),
                {"A task": f"{_REPO}\ntitle: Set up alerts"},
            ),
            step_action(
                "gitlab:pipeline:trigger",
                "Start a pipeline at GitLab",
                "Starts a pipeline of a project at GitLab by a trigger of its own, which is removed again.",
                self.trigger,
                record(
                    {
                        **COMMON,
                        "projectId": _PROJECT,
                        "tokenDescription": text("Description of the trigger."),
                        "branch": text("Branch to run it on."),
                        "variables": text_map("Variables of the pipeline."),
                    },
                    ("repoUrl", "projectId", "tokenDescription", "branch"),
                ),
                record({"pipelineUrl": text("Page of the pipeline.")}),
                {"The first deployment": f"{_REPO}\nprojectId: 42\ntokenDescription: first run\nbranch: main"},
            ),
            step_action(
                "gitlab:projectVariable:create",
                "Add a variable at GitLab",
                "Adds a variable of pipelines to a project at GitLab.",
                self.variable,
                record(
                    {
                        **COMMON,
                        "projectId": _PROJECT,
                        "key": text("Name of the variable.", pattern="^[A-Za-z0-9_]{1,255}$"),
                        "value": text("Its value."),
                        "variableType": one_of("Variable or file.", "env_var", "file", default="env_var"),
                        "variableProtected": flag("Only for protected branches.", False),
                        "masked": flag("Blotted out of logs.", False),
                        "masked_and_hidden": flag("Blotted out of logs and not shown in the settings.", False),
                        "raw": flag("Not expanded.", False),
                        "environmentScope": text("Environments it is for.", default="*"),
                    },
                    ("repoUrl", "key", "value", "variableType"),
                ),
                record({}),
                {"A variable": f"{_REPO}\nprojectId: 42\nkey: STAGE\nvalue: dev\nvariableType: env_var"},
            ),
            step_action(
                "gitlab:projectAccessToken:create",
                "Make an access token at GitLab",
                "Makes an access token of a project at GitLab.",
                self.access_token,
                record(
                    {
                        **COMMON,
                        "projectId": _PROJECT,
                        "name": text("Name of the token."),
                        "accessLevel": number("10 guest to 50 owner.", default=40),
                        "scopes": texts("What it may do: read_repository, …"),
                        "expiresAt": text("Last day: 2026-12-31."),
                    },
                    ("repoUrl",),
                ),
                record({"access_token": text("The token. It is shown once.")}),
                {"For reading": f"{_REPO}\nprojectId: 42\nname: reader\nscopes: [read_repository]"},
            ),
            step_action(
                "gitlab:projectDeployToken:create",
                "Make a deploy token at GitLab",
                "Makes a deploy token of a project at GitLab.",
                self.deploy_token,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "projectId": _PROJECT,
                        "name": text("Name of the token."),
                        "username": text("User name it goes with."),
                        "scopes": texts("What it may do: read_repository, read_registry, …"),
                        "token": TOKEN,
                    },
                    ("repoUrl", "name", "scopes"),
                ),
                record({"deploy_token": text("The token. It is shown once."), "user": text("User name it goes with.")}),
                {"For images": f"{_REPO}\nprojectId: 42\nname: images\nscopes: [read_registry]"},
            ),
        ]

    async def issue(self, context: ActionContext) -> Mapping[str, Any]:
        fields = {"title": "title", "description": "description", "assignees": "assignee_ids",
                  "confidential": "confidential", "createdAt": "created_at", "dueDate": "due_date", "epicId": "epic_id",
                  "issueType": "issue_type", "labels": "labels", "milestoneId": "milestone_id", "weight": "weight"}  # fmt: skip
        made = await self._post(context, "issue", "/issues", fields, ("web_url", "id", "iid"))
        context.log(f"Opened the issue {made['web_url']}.")
        return {"issueUrl": made["web_url"], "issueId": made["id"], "issueIid": made["iid"]}

    async def variable(self, context: ActionContext) -> Mapping[str, Any]:
        project, given = self._open(context), context.input

        async def work() -> bool:
            names = {
                "variableType": "variable_type",
                "variableProtected": "protected",
                "environmentScope": "environment_scope",
            }
            await add_variable(project, {names.get(key, key): value for key, value in given.items()})
            return True

        await once(context, "variable", work)
        return {}

    async def trigger(self, context: ActionContext) -> Mapping[str, Any]:
        project, given = self._open(context), context.input

        async def work() -> str:
            trigger = await project.send("POST", "/triggers", {"description": given["tokenDescription"]})
            try:
                payload = {"token": trigger["token"], "ref": given["branch"], "variables": given.get("variables") or {}}
                return str((await project.send("POST", "/trigger/pipeline", payload))["web_url"])
            finally:
                await project.send("DELETE", f"/triggers/{trigger['id']}")

        url = await once(context, "pipeline", work)
        context.log(f"The pipeline is at {url}.")
        return {"pipelineUrl": url}

    async def access_token(self, context: ActionContext) -> Mapping[str, Any]:
        fields = {"name": "name", "accessLevel": "access_level", "scopes": "scopes", "expiresAt": "expires_at"}
        defaults = {"name": "callboard", "access_level": 40, "scopes": ["read_repository"]}
        made = await self._post(context, "accessToken", "/access_tokens", fields, ("token",), defaults)
        return {"access_token": made["token"]}

    async def deploy_token(self, context: ActionContext) -> Mapping[str, Any]:
        fields = {"name": "name", "username": "username", "scopes": "scopes"}
        made = await self._post(context, "deployToken", "/deploy_tokens", fields, ("token", "username"))
        return {"deploy_token": made["token"], "user": made["username"]}

    async def _post(
        self,
        context: ActionContext,
        key: str,
        path: str,
        fields: Mapping[str, str],
        wanted: Sequence[str],
        defaults: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Send the fields of the input under their names at GitLab, once. Of the answer only ``wanted`` is kept."""
        project, given = self._open(context), context.input
        payload = {
            **(defaults or {}),
            **{to: given[name] for name, to in fields.items() if given.get(name) is not None},
        }

        async def work() -> dict[str, Any]:
            made = await project.send("POST", path, payload)
            return {name: made[name] for name in wanted}

        found: Mapping[str, Any] = await once(context, key, work)
        return found

    def _open(self, context: ActionContext) -> Any:
        project = self._publishing.open(context)
        said = context.input.get("projectId")
        if said is not None and said != "":
            project.id = str(int(said)) if isinstance(said, (int, float)) else str(said)
            project.url = project.client.project_url(project.id)
        return project
