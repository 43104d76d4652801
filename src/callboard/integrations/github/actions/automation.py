"""``github:actions:dispatch``, ``github:webhook``, ``github:deployKey:create`` and ``github:pages:enable``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubPublishing
from callboard.integrations.github.actions.schemas import REPO_URL
from callboard.integrations.github.actions.secrets import put_secrets
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError
from callboard.kernel.publishing import once
from callboard.kernel.publishing.schemas import TOKEN, flag, number, one_of, record, text
from callboard.kernel.publishing.steps import step_action

_URL = "repoUrl: github.com?owner=acme&repo=tools"


class AutomationActions:
    def __init__(self, publishing: GithubPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "github:actions:dispatch",
                "Start a workflow at GitHub",
                "Starts a workflow of a repository at GitHub that has `workflow_dispatch`.",
                self.dispatch,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "workflowId": {"type": ["string", "number"], "description": "File name or id of the workflow."},
                        "branchOrTagName": text("Branch or tag to run it on."),
                        "workflowInputs": {"type": "object", "description": "Inputs of the workflow, at most 25."},
                        "returnWorkflowRunDetails": flag("Give id and addresses of the run."),
                        "token": TOKEN,
                    },
                    ("repoUrl", "workflowId", "branchOrTagName"),
                ),
                record(
                    {
                        "workflowRunId": number("Id of the run."),
                        "workflowRunUrl": text("The run in the API."),
                        "workflowRunHtmlUrl": text("Page of the run."),
                    }
                ),
                {"The first deployment": f"{_URL}\nworkflowId: deploy.yaml\nbranchOrTagName: main"},
            ),
            step_action(
                "github:webhook",
                "Add a webhook at GitHub",
                "Adds a webhook to a repository at GitHub.",
                self.webhook,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "webhookUrl": text("Where events are sent."),
                        "webhookSecret": text("Secret that they are signed with."),
                        "events": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "Events to send; `*` for all.",
                            "default": ["push"],
                        },
                        "active": flag("Send them from now on.", True),
                        "contentType": one_of("Form of the body.", "form", "json", default="form"),
                        "insecureSsl": flag("Do not check the certificate.", False),
                        "token": TOKEN,
                    },
                    ("repoUrl", "webhookUrl"),
                ),
                record({}),
                {
                    "Pushes to this portal": f"{_URL}\nwebhookUrl: https://portal.example.com/api/events/http/github\n"
                    "contentType: json"
                },
                supports_dry_run=True,
            ),
            step_action(
                "github:deployKey:create",
                "Add a deploy key at GitHub",
                "Adds a public key to a repository at GitHub, and its private key to the secrets of workflows.",
                self.deploy_key,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "publicKey": text("`ssh-ed25519 …`."),
                        "privateKey": text("The private key that belongs to it."),
                        "deployKeyName": text("Name of the key."),
                        "privateKeySecretName": text("Name of the secret; KEY_NAME_PRIVATE_KEY without it."),
                        "token": TOKEN,
                    },
                    ("repoUrl", "publicKey", "privateKey", "deployKeyName"),
                ),
                record({"privateKeySecretName": text("Name of the secret that holds the private key.")}),
                {
                    "A key for a pipeline": f"{_URL}\npublicKey: ${{{{ secrets.PUBLIC }}}}\n"
                    "privateKey: ${{ secrets.PRIVATE }}\ndeployKeyName: pipeline"
                },
            ),
            step_action(
                "github:pages:enable",
                "Switch on GitHub Pages",
                "Switches on the web pages of a repository at GitHub.",
                self.pages,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "buildType": one_of(
                            "Built by a workflow, or from a branch.", "legacy", "workflow", default="workflow"
                        ),
                        "sourceBranch": text("Branch, with `legacy`.", default="main"),
                        "sourcePath": one_of("Folder of the branch, with `legacy`.", "/", "/docs", default="/"),
                        "token": TOKEN,
                    },
                    ("repoUrl",),
                ),
                record({}),
                {"From a workflow": _URL, "From a folder": f"{_URL}\nbuildType: legacy\nsourcePath: /docs"},
                idempotent=True,
            ),
        ]

    async def dispatch(self, context: ActionContext) -> Mapping[str, Any]:
        repository, given = await self._publishing.open(context), context.input
        workflow = given["workflowId"]
        name = str(int(workflow)) if isinstance(workflow, (int, float)) else str(workflow)
        payload: dict[str, Any] = {"ref": given["branchOrTagName"]}
        if given.get("workflowInputs"):
            payload["inputs"] = given["workflowInputs"]
        wants_run = bool(given.get("returnWorkflowRunDetails"))
        if wants_run:
            payload["return_run_details"] = True

        async def work() -> dict[str, Any]:
            run = await repository.send("POST", f"/actions/workflows/{quote(name, safe='')}/dispatches", payload)
            if not wants_run or not run:
                return {}
            return {
                "workflowRunId": run["workflow_run_id"],
                "workflowRunUrl": run["run_url"],
                "workflowRunHtmlUrl": run["html_url"],
            }

        started = await once(context, "dispatch", work)
        context.log(f"Started the workflow {name} on {given['branchOrTagName']}.")
        return started

    async def webhook(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        events = list(given.get("events") or ["push"])
        if context.dry_run:
            context.log(f"Would add a webhook for {', '.join(events)}.")
            return {}
        repository = await self._publishing.open(context)
        config = {
            "url": given["webhookUrl"],
            "content_type": given.get("contentType") or "form",
            "insecure_ssl": "1" if given.get("insecureSsl") else "0",
        }
        if given.get("webhookSecret"):
            config["secret"] = given["webhookSecret"]

        async def work() -> bool:
            try:
                await repository.send(
                    "POST", "/hooks", {"config": config, "events": events, "active": given.get("active", True)}
                )
            except InputError as error:
                if "already exists" not in error.message:
                    raise
                context.log("The repository has this webhook already.")
            return True

        await once(context, "webhook", work)
        return {}

    async def deploy_key(self, context: ActionContext) -> Mapping[str, Any]:
        repository, given = await self._publishing.open(context), context.input
        name = str(given["deployKeyName"])
        secret = str(given.get("privateKeySecretName") or f"{'_'.join(name.split())}_PRIVATE_KEY".upper())

        async def add() -> bool:
            await repository.send("POST", "/keys", {"title": name, "key": given["publicKey"]})
            return True

        async def keep() -> bool:
            await put_secrets(repository, "/actions/secrets", {secret: str(given["privateKey"])})
            return True

        await once(context, "deployKey", add)
        await once(context, "deployKey.secret", keep)
        return {"privateKeySecretName": secret}

    async def pages(self, context: ActionContext) -> Mapping[str, Any]:
        repository, given = await self._publishing.open(context), context.input
        build = str(given.get("buildType") or "workflow")
        payload: dict[str, Any] = {"build_type": build}
        if build == "legacy":
            payload["source"] = {
                "branch": given.get("sourceBranch") or "main",
                "path": given.get("sourcePath") or "/",
            }
        try:
            await repository.send("POST", "/pages", payload)
        except ConflictError:
            await repository.send("PUT", "/pages", payload)  # they are on already, perhaps from elsewhere
        return {}
