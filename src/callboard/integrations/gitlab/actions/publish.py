"""``publish:gitlab``: a project with settings, branches and variables, and the files of the workspace in it."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

from callboard.integrations.gitlab.actions.project import COMMON, GitlabProject, GitlabPublishing
from callboard.integrations.gitlab.actions.variables import VARIABLE, add_variable
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.publishing import once, source_folder
from callboard.kernel.publishing.schemas import COMMIT, flag, number, one_of, record, text, texts
from callboard.kernel.publishing.steps import step_action

_SETTINGS = record(
    {
        "name": text("Name of the project for people."),
        "path": text("Name of the project in addresses."),
        "auto_devops_enabled": flag("Auto DevOps."),
        "ci_config_path": text("File of the pipeline."),
        "description": text("Description."),
        "merge_method": one_of("How merge requests are merged.", "merge", "rebase_merge", "ff"),
        "squash_option": one_of("Squashing.", "default_off", "default_on", "always", "never"),
        "topics": texts("Topics."),
        "visibility": one_of("Who sees it; counts before repoVisibility.", "private", "internal", "public"),
        "only_allow_merge_if_all_discussions_are_resolved": flag("Discussions must be resolved."),
        "only_allow_merge_if_pipeline_succeeds": flag("The pipeline must succeed."),
        "allow_merge_on_skipped_pipeline": flag("A pipeline that was skipped counts as succeeded."),
    },
    description="Further fields of GitLab's API for projects.",
)
_BRANCH = record(
    {
        "name": text("Name of the branch."),
        "create": flag("Make it.", False),
        "protect": flag("Protect it.", False),
        "ref": text("Where it starts; the default branch without it."),
    },
    ("name",),
)
INPUT = record(
    {
        **COMMON,
        "repoVisibility": one_of("Who sees it.", "private", "public", "internal", default="private"),
        "defaultBranch": text("Name of the default branch.", default="master"),
        **COMMIT,
        "sourcePath": {
            "type": ["string", "boolean"],
            "description": "Folder of the workspace to publish; all of it by default; false for an empty project.",
        },
        "skipExisting": flag("Leave a project that exists as it is.", False),
        "setUserAsOwner": flag("Make the account of the token owner of the project.", False),
        "ownerUsername": text("Make this account owner of the project."),
        "topics": texts("Topics."),
        "settings": _SETTINGS,
        "branches": {"type": "array", "items": _BRANCH, "description": "Further branches."},
        "projectVariables": {
            "type": "array",
            "items": record(VARIABLE, ("key", "value")),
            "description": "Variables of pipelines.",
        },
    },
    ("repoUrl",),
)
OUTPUT = record(
    {
        "remoteUrl": text("Address to clone the project from."),
        "repoContentsUrl": text("Address of the root of its files."),
        "projectId": number("Number of the project."),
        "commitHash": text("The commit that was made."),
        "created": flag("Whether the project was made by this step."),
    }
)


class PublishGitlab:
    def __init__(self, publishing: GitlabPublishing) -> None:
        self._publishing = publishing

    def action(self) -> Action:
        repo = "repoUrl: gitlab.com?owner=acme&repo=tools"
        return step_action(
            "publish:gitlab",
            "Publish to GitLab",
            "Makes a project at GitLab and pushes the files of the workspace.",
            self.run,
            INPUT,
            OUTPUT,
            {
                "A private project": repo,
                "With rules and a variable": f"{repo}\ndefaultBranch: main\nsettings:\n  merge_method: ff\nprojectVariables:\n"
                "  - key: STAGE\n    value: dev",
            },
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given, project = context.input, self._publishing.open(context)
        if not project.owner or not project.name:
            raise InputError("repoUrl must name owner and repo: the project is to be made.", field="repoUrl")
        folder = None if given.get("sourcePath") is False else _folder(context)
        branch = str(given.get("defaultBranch") or "master")

        async def create() -> dict[str, Any]:
            return await self._create(project, given)

        row: Mapping[str, Any] = await once(context, "create.project", create)
        project.url = project.client.project_url(row["id"])
        url, contents = str(row["remote"]), f"{row['page']}/-/blob/{quote(branch)}"
        output = {"remoteUrl": url, "repoContentsUrl": contents, "projectId": row["id"], "created": row["created"]}
        if not row["created"]:
            context.log(f"{row['page']} is there already and stays as it is.")
            return {**output, "commitHash": ""}
        context.log(f"Made the project {row['page']}.")

        async def own() -> bool:
            await self._set_owner(project, given)
            return True

        async def push() -> str:
            if folder is None:
                return ""
            return (await self._publishing.push(project, folder, url=url, branch=branch, input=given)).commit

        await once(context, "create.owner", own)
        output["commitHash"] = await once(context, "push", push)
        for each in given.get("branches") or ():
            await _branch(project, context, each, branch)
        for each in given.get("projectVariables") or ():

            async def add(each: Mapping[str, Any] = each) -> bool:
                await add_variable(project, each)
                return True

            await once(context, f"variable.{each['key']}.{each.get('environment_scope', '*')}", add)
        return output

    async def _create(self, project: GitlabProject, given: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("skipExisting"):
            try:
                return _row(await project.get(), created=False)
            except NotFoundError:
                pass
        settings = dict(given.get("settings") or {})
        payload = {
            "name": project.name,
            "path": project.name,
            "visibility": given.get("repoVisibility") or "private",
            **({"topics": given["topics"]} if given.get("topics") else {}),
            **settings,
        }
        if (space := await _namespace(project)) is not None:
            payload["namespace_id"] = space
        try:
            made = await project.api.send_json("POST", project.at_root("/projects"), payload)
        except InputError as error:
            if "taken" not in error.message:
                raise
            raise ConflictError(
                f"{project.owner}/{project.name} exists already at {project.client.host.host}. Choose another name, say "
                "`skipExisting: true`, or change it with publish:gitlab:merge-request.",
                field="repoUrl",
            ) from error
        return _row(made, created=True)

    async def _set_owner(self, project: GitlabProject, given: Mapping[str, Any]) -> None:
        if name := given.get("ownerUsername"):
            user = await project.find_user(str(name))
        elif given.get("setUserAsOwner"):
            user = int((await project.api.get_json(project.at_root("/user")))["id"])
        else:
            return
        try:
            await project.send("POST", "/members", {"user_id": user, "access_level": 50})
        except ConflictError:
            await project.send("PUT", f"/members/{user}", {"access_level": 50})


async def _namespace(project: GitlabProject) -> int | None:
    """The id of the group or account that is to hold the project; None for the account's own."""
    try:
        space = await project.api.get_json(project.at_root(f"/namespaces/{quote(project.owner, safe='')}"))
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no group or account {project.owner} at {project.client.host.host} that this token may use. "
            "gitlab:group:ensureExists makes groups.",
            field="repoUrl",
        ) from error
    return int(space["id"]) if space.get("kind") == "group" else None


async def _branch(project: GitlabProject, context: ActionContext, each: Mapping[str, Any], default: str) -> None:
    name = str(each["name"])

    async def create() -> bool:
        await project.send("POST", "/repository/branches", {"branch": name, "ref": each.get("ref") or default})
        return True

    async def protect() -> bool:
        try:
            await project.send("POST", "/protected_branches", {"name": name})
        except ConflictError:
            context.log(f"The branch {name} is protected already.")
        return True

    if each.get("create"):
        await once(context, f"branch.{name}", create)
    if each.get("protect"):
        await once(context, f"protect.{name}", protect)


def _folder(context: ActionContext) -> Any:
    if context.input.get("sourcePath") is True:
        return context.folder
    return source_folder(context)


def _row(made: Mapping[str, Any], *, created: bool) -> dict[str, Any]:
    return {"id": made["id"], "remote": made["http_url_to_repo"], "page": made["web_url"], "created": created}
