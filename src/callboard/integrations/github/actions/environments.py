"""``github:environment:create``. Source: GitHub REST documentation, "Deployment environments"."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubPublishing, GithubRepository
from callboard.integrations.github.actions.schemas import REPO_URL
from callboard.integrations.github.actions.secrets import put_secrets
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError
from callboard.kernel.publishing import once
from callboard.kernel.publishing.schemas import TOKEN, flag, number, record, text, text_map, texts
from callboard.kernel.publishing.steps import step_action

INPUT = record(
    {
        "repoUrl": REPO_URL,
        "name": text("Name of the environment."),
        "deploymentBranchPolicy": record(
            {
                "protected_branches": flag("Only protected branches may deploy."),
                "custom_branch_policies": flag("Only branches and tags of the lists below may deploy."),
            },
            ("protected_branches", "custom_branch_policies"),
        ),
        "customBranchPolicyNames": texts("Patterns of branches that may deploy."),
        "customTagPolicyNames": texts("Patterns of tags that may deploy."),
        "environmentVariables": text_map("Variables of the environment."),
        "secrets": text_map("Secrets of the environment."),
        "waitTimer": number("Minutes to wait before deploying; 0 to 43,200."),
        "preventSelfReview": flag("Who deploys may not approve."),
        "reviewers": texts("Refs of users and groups that must approve: `user:ada`, `group:default/team-a`."),
        "token": TOKEN,
    },
    ("repoUrl", "name"),
)


class EnvironmentAction:
    def __init__(self, publishing: GithubPublishing) -> None:
        self._publishing = publishing

    def action(self) -> Action:
        return step_action(
            "github:environment:create",
            "Make an environment at GitHub",
            "Makes or changes a deployment environment of a repository at GitHub, with variables, secrets and rules.",
            self.run,
            INPUT,
            record({}),
            {
                "An environment": "repoUrl: github.com?owner=acme&repo=tools\nname: staging",
                "With approval": "repoUrl: github.com?owner=acme&repo=tools\nname: production\nwaitTimer: 30\n"
                "reviewers: [group:default/platform]",
            },
            idempotent=True,
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        repository, given = await self._publishing.open(context), context.input
        environment = f"/environments/{quote(str(given['name']), safe='')}"
        payload: dict[str, Any] = {}
        if (policy := given.get("deploymentBranchPolicy")) is not None:
            payload["deployment_branch_policy"] = policy
        if (wait := given.get("waitTimer")) is not None:
            payload["wait_timer"] = int(wait)
        if (alone := given.get("preventSelfReview")) is not None:
            payload["prevent_self_review"] = alone
        if given.get("reviewers"):
            payload["reviewers"] = [await _reviewer(repository, str(ref)) for ref in given["reviewers"]]
        await repository.send("PUT", environment, payload)
        for kind, names in (("branch", "customBranchPolicyNames"), ("tag", "customTagPolicyNames")):
            for name in given.get(names) or ():
                await _add_policy(repository, context, environment, kind, str(name))
        for name, value in (given.get("environmentVariables") or {}).items():
            try:
                await repository.send("POST", f"{environment}/variables", {"name": name, "value": value})
            except ConflictError:
                path = f"{environment}/variables/{quote(name, safe='')}"
                await repository.send("PATCH", path, {"name": name, "value": value})
        if given.get("secrets"):
            await put_secrets(repository, f"{environment}/secrets", given["secrets"])
        context.log(f"The environment {given['name']} is set up.")
        return {}


async def _add_policy(
    repository: GithubRepository, context: ActionContext, environment: str, kind: str, name: str
) -> None:
    async def work() -> bool:
        await repository.send("POST", f"{environment}/deployment-branch-policies", {"name": name, "type": kind})
        return True

    await once(context, f"policy.{kind}.{name}", work)


async def _reviewer(repository: GithubRepository, ref: str) -> dict[str, Any]:
    """By the name of the entity, which is the login of a user or the slug of a team of the owner."""
    kind, _, rest = ref.rpartition(":")
    name = quote(rest.rpartition("/")[2], safe="")
    if kind.lower() == "user":
        found = await repository.api.get_json(repository.at_root(f"/users/{name}"))
        return {"type": "User", "id": found["id"]}
    if kind.lower() == "group":
        owner = quote(repository.owner, safe="")
        found = await repository.api.get_json(repository.at_root(f"/orgs/{owner}/teams/{name}"))
        return {"type": "Team", "id": found["id"]}
    raise InputError(f"{ref!r} is neither a user nor a group. Write user:<name> or group:<name>.", field="reviewers")
