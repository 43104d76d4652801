"""``gitlab:repo:push`` and ``publish:gitlab:merge-request``: one commit over GitLab's commits API."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.gitlab.actions.project import COMMON, GitlabProject, GitlabPublishing
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.publishing import PublishedFile, once, read_files, source_folder
from callboard.kernel.publishing.schemas import SOURCE_PATH, Schema, flag, one_of, record, text, texts
from callboard.kernel.publishing.steps import path_below, step_action

_FILES: dict[str, Schema] = {
    "branchName": text("Branch that gets the commit."),
    "sourcePath": SOURCE_PATH,
    "targetPath": text("Folder of the project that the files go to; its root by default."),
    "commitAction": one_of(
        "What becomes of files: auto makes, changes or leaves each as needed.",
        "create", "delete", "update", "skip", "auto",
    ),
}  # fmt: skip
_PLACE: dict[str, Schema] = {"projectid": text("Full path of the project."), "projectPath": text("The same.")}


class CommitActions:
    def __init__(self, publishing: GitlabPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        repo = "repoUrl: gitlab.com?owner=acme&repo=tools"
        return [
            step_action(
                "gitlab:repo:push",
                "Push to GitLab",
                "Commits the files of the workspace to a branch of a project at GitLab, which is made when it is missing.",
                self.push,
                record(
                    {**COMMON, **_FILES, "commitMessage": text("Message of the commit.")},
                    ("repoUrl", "branchName", "commitMessage"),
                ),
                record({**_PLACE, "commitHash": text("The commit that was made.")}),
                {"To a branch": f"{repo}\nbranchName: add-docs\ncommitMessage: Add docs"},
            ),
            step_action(
                "publish:gitlab:merge-request",
                "Open a merge request at GitLab",
                "Commits the files of the workspace to a new branch of a project at GitLab and opens a merge request.",
                self.merge_request,
                record(
                    {
                        **COMMON,
                        **_FILES,
                        "title": text("Title of the merge request."),
                        "description": text("Text of the merge request."),
                        "targetBranchName": text("Branch that the change is for; the default one without it."),
                        "projectid": text("No longer used; repoUrl names the project."),
                        "removeSourceBranch": flag("Remove the branch when it is merged.", False),
                        "assignee": text("User name to assign it to."),
                        "reviewers": texts("User names to ask for review."),
                        "assignReviewersFromApprovalRules": flag("Ask those whom the approval rules name.", False),
                        "labels": {
                            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                            "description": "Labels, with commas or as a list.",
                        },
                        "autoMerge": flag("Merge it as soon as the pipeline succeeds.", False),
                    },
                    ("repoUrl", "title", "branchName"),
                ),
                record(
                    {
                        **_PLACE,
                        "targetBranchName": text("Branch that the change is for."),
                        "mergeRequestUrl": text("Page of the merge request."),
                    }
                ),
                {"A merge request": f"{repo}\nbranchName: add-docs\ntitle: Add docs\ndescription: The first pages."},
            ),
        ]

    async def push(self, context: ActionContext) -> Mapping[str, Any]:
        project = self._publishing.open(context)
        start = await self._start(project, "")
        message = str(context.input["commitMessage"])
        commit = await self._commit(project, context, start, message, default_action="create", may_exist=True)
        path = (await project.get())["path_with_namespace"]
        return {"projectid": path, "projectPath": path, "commitHash": commit}

    async def merge_request(self, context: ActionContext) -> Mapping[str, Any]:
        given, project = context.input, self._publishing.open(context)
        people = [await project.find_user(str(name)) for name in given.get("reviewers") or ()]
        assignee = await project.find_user(str(given["assignee"])) if given.get("assignee") else None
        target = await self._start(project, str(given.get("targetBranchName") or ""))
        await self._commit(project, context, target, str(given["title"]), default_action="auto", may_exist=False)
        path = (await project.get())["path_with_namespace"]
        payload: dict[str, Any] = {
            "source_branch": given["branchName"],
            "target_branch": target,
            "title": given["title"],
            "description": given.get("description") or "",
            "remove_source_branch": bool(given.get("removeSourceBranch")),
        }
        if assignee is not None:
            payload["assignee_id"] = assignee
        if people:
            payload["reviewer_ids"] = people
        if labels := given.get("labels"):
            payload["labels"] = labels if isinstance(labels, str) else ",".join(labels)

        async def open_it() -> dict[str, Any]:
            made = await project.send("POST", "/merge_requests", payload)
            return {"url": made["web_url"], "iid": made["iid"]}

        opened = await once(context, "merge-request", open_it)
        context.log(f"The merge request is at {opened['url']}.")
        if given.get("assignReviewersFromApprovalRules"):
            await self._ask_approvers(project, context, int(opened["iid"]), people)
        if given.get("autoMerge"):
            await self._merge_later(project, context, int(opened["iid"]))
        return {
            "projectid": path,
            "projectPath": path,
            "targetBranchName": target,
            "mergeRequestUrl": opened["url"],
        }

    async def _start(self, project: GitlabProject, branch: str) -> str:
        if branch:
            if await project.find_branch(branch) is None:
                raise NotFoundError(f"{project.id} has no branch {branch}. Check targetBranchName.")
            return branch
        found = (await project.get()).get("default_branch")
        if not found:
            raise InputError(f"{project.id} is empty. publish:gitlab fills it when it makes it.", field="repoUrl")
        return str(found)

    async def _commit(
        self,
        project: GitlabProject,
        context: ActionContext,
        start: str,
        message: str,
        *,
        default_action: str,
        may_exist: bool,
    ) -> str:
        given = context.input
        branch = str(given["branchName"])
        into = path_below(str(given.get("targetPath") or ""), "targetPath")
        wanted = str(given.get("commitAction") or default_action)
        files = await asyncio.to_thread(read_files, source_folder(context))

        async def work() -> str:
            there = await project.find_branch(branch)
            if there is not None and not may_exist and branch != start:
                raise ConflictError(
                    f"The branch {branch} of {project.id} exists already. Choose another branchName.",
                    field="branchName",
                )
            base = branch if there is not None else start
            known = await _known(project, base, into) if wanted in ("auto", "skip") else {}
            actions = [
                one
                for file in files
                if (one := _action(file, f"{into}/{file.path}" if into else file.path, wanted, known))
            ]
            if not actions and there is not None:
                return str(there["commit"]["id"])
            payload: dict[str, Any] = {"branch": branch, "commit_message": message, "actions": actions}
            if there is None:
                payload["start_branch"] = start
            made = await project.send("POST", "/repository/commits", payload)
            return str(made["id"])

        commit: str = await once(context, "commit", work)
        return commit

    async def _ask_approvers(
        self, project: GitlabProject, context: ActionContext, number: int, people: Sequence[int]
    ) -> None:
        """Those whom rules name by themselves; GitLab's free plan has none, which is told in the log."""
        try:
            rules = await project.get(f"/merge_requests/{number}/approval_rules")
        except (NotFoundError, NotAllowedError) as error:
            context.log(f"There are no approval rules to ask: {error.message}")
            return
        found = {int(user["id"]) for rule in rules for user in rule.get("eligible_approvers") or ()}
        if found:
            await project.send("PUT", f"/merge_requests/{number}", {"reviewer_ids": sorted({*found, *people})})

    async def _merge_later(self, project: GitlabProject, context: ActionContext, number: int) -> None:
        payload = {"merge_when_pipeline_succeeds": True, "auto_merge": True}
        try:
            await project.send("PUT", f"/merge_requests/{number}/merge", payload)
        except (InputError, NotAllowedError) as error:  # 405: nothing runs yet, or approvals are wanted
            context.log(f"It is not merged by itself: {error.message}")


async def _known(project: GitlabProject, branch: str, folder: str) -> dict[str, tuple[str, str]]:
    """Object id and mode by path."""
    path = f"/repository/tree?recursive=true&per_page=100&pagination=keyset&ref={quote(branch, safe='')}"
    if folder:
        path += f"&path={quote(folder, safe='')}"
    try:
        rows = await project.api.list_items(project.url + path)
    except NotFoundError:
        return {}
    return {str(row["path"]): (str(row["id"]), str(row["mode"])) for row in rows if row.get("type") == "blob"}


def _action(file: PublishedFile, path: str, wanted: str, known: Mapping[str, tuple[str, str]]) -> dict[str, Any] | None:
    """What to tell GitLab of one file; None for one to leave. Symbolic links are not known to this API and are refused."""
    if file.is_link:
        raise InputError(f"{file.path} is a symbolic link, which GitLab's API cannot commit. Replace it by a file.")
    if wanted == "delete":
        return {"action": "delete", "file_path": path}
    kind = wanted
    if wanted in ("auto", "skip"):
        there = known.get(path)
        if there is not None and (wanted == "skip" or there == (_blob_id(file.content), file.git_mode)):
            return None
        kind = "create" if there is None else "update"
    return {
        "action": kind,
        "file_path": path,
        "encoding": "base64",
        "content": b64encode(file.content).decode(),
        "execute_filemode": file.is_executable,
    }


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
