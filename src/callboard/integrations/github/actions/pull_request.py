"""``publish:github:pull-request``: files as a commit over GitHub's Git database API, and a pull request for it.

Source: GitHub REST documentation, "Git database", "Pulls"; the steps are those of ``octokit-plugin-create-pull-request``.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubPublishing, GithubRepository
from callboard.integrations.github.actions.schemas import REPO_URL
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.publishing import PublishedFile, once, read_files, source_folder
from callboard.kernel.publishing.schemas import SOURCE_PATH, TOKEN, flag, number, record, text, texts
from callboard.kernel.publishing.steps import path_below, step_action

CONCURRENT_BLOBS = 5

INPUT = record(
    {
        "repoUrl": REPO_URL,
        "branchName": text("Branch to make for the change."),
        "targetBranchName": text("Branch that the change is for; the default one without it."),
        "title": text("Title of the pull request."),
        "description": text("Text of the pull request."),
        "draft": flag("Open it as a draft."),
        "sourcePath": SOURCE_PATH,
        "targetPath": text("Folder of the repository that the files go to; its root by default."),
        "filesToDelete": texts("Paths to remove."),
        "token": TOKEN,
        "reviewers": texts("Logins to ask for review."),
        "teamReviewers": texts("Slugs of teams to ask for review."),
        "assignees": texts("Logins to assign it to."),
        "commitMessage": text("Message of the commit; the title without it."),
        "update": flag("Add a commit to a branch and pull request that are there."),
        "forceFork": flag("Work on a fork."),
        "gitAuthorName": text("Author of the commit."),
        "gitAuthorEmail": text("Mail address of the author."),
        "forceEmptyGitAuthor": flag("Name no author, so that GitHub names, and signs for, the account of the token."),
        "createWhenEmpty": flag("Open it also when nothing changes; true without it."),
    },
    ("repoUrl", "title", "description", "branchName"),
)
OUTPUT = record(
    {
        "targetBranchName": text("Branch that the change is for."),
        "remoteUrl": text("Page of the pull request."),
        "pullRequestNumber": number("Number of the pull request."),
    }
)


class PullRequests:
    def __init__(self, publishing: GithubPublishing) -> None:
        self._publishing = publishing

    def action(self) -> Action:
        return step_action(
            "publish:github:pull-request",
            "Open a pull request at GitHub",
            "Commits the files of the workspace to a new branch of a repository at GitHub and opens a pull request.",
            self.run,
            INPUT,
            OUTPUT,
            {
                "A pull request": "repoUrl: github.com?owner=acme&repo=tools\nbranchName: add-docs\ntitle: Add docs\n"
                "description: The first pages.",
                "Files of a folder, with reviewers": "repoUrl: github.com?owner=acme&repo=tools\nbranchName: add-docs\n"
                "title: Add docs\ndescription: The first pages.\nsourcePath: ./docs\ntargetPath: docs\nreviewers: [ada]",
            },
            supports_dry_run=True,
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        files = await asyncio.to_thread(read_files, source_folder(context))
        into = path_below(str(given.get("targetPath") or ""), "targetPath")
        gone = [path_below(str(one), "filesToDelete") for one in given.get("filesToDelete") or ()]
        if context.dry_run:
            context.log(f"Would open a pull request with {len(files)} files.")
            target = str(given.get("targetBranchName") or "main")
            return {"targetBranchName": target, "remoteUrl": "https://example.com/pull/43", "pullRequestNumber": 43}
        repository = await self._publishing.open(context)
        row = await repository.get()
        target = str(given.get("targetBranchName") or row["default_branch"])
        change = _Change(self._publishing, repository, row, target, context)

        async def commit() -> dict[str, Any]:
            return await change.commit([(f"{into}/{f.path}" if into else f.path, f) for f in files], gone)

        async def open_it() -> dict[str, Any]:
            return await change.open(made)

        made: dict[str, Any] = await once(context, "commit", commit)
        if made["empty"] and given.get("createWhenEmpty") is False:
            context.log("Nothing changes, so no pull request was opened.")
            return {"targetBranchName": target}
        opened = await once(context, "pull", open_it)
        await change.ask_people(int(opened["number"]))
        context.log(f"The pull request is at {opened['url']}.")
        return {"targetBranchName": target, "remoteUrl": opened["url"], "pullRequestNumber": opened["number"]}


class _Change:
    """One branch with one commit, and its pull request. ``row`` is the repository; the branch may lie in a fork of it."""

    def __init__(
        self,
        publishing: GithubPublishing,
        repository: GithubRepository,
        row: Mapping[str, Any],
        target: str,
        context: ActionContext,
    ) -> None:
        self._publishing = publishing
        self._repository = repository
        self._row = row
        self._target = target
        self._context = context
        self._given = context.input
        self._branch = str(context.input["branchName"])

    async def commit(self, files: Sequence[tuple[str, PublishedFile]], gone: Sequence[str]) -> dict[str, Any]:
        """``{head, empty}``: the branch as a pull request names it, and whether it holds no change."""
        repository = await self._place()
        is_fork = repository is not self._repository
        there = await self._find_branch(repository, self._branch)
        if there is not None and not self._given.get("update"):
            raise ConflictError(
                f"The branch {self._branch} of {repository.owner}/{repository.name} exists already. "
                "Choose another branchName, or say `update: true`.",
                field="branchName",
            )
        base = there or await self._find_branch(self._repository, self._target)
        if base is None:
            raise NotFoundError(
                f"{repository.owner}/{repository.name} has no branch {self._target}. Check targetBranchName; an empty "
                "repository is filled with github:repo:push.",
                field="targetBranchName",
            )
        base_tree = (await repository.get(f"/git/commits/{base}"))["tree"]["sha"]
        tree = await self._make_tree(repository, base_tree, files, gone)
        made = await repository.send("POST", "/git/commits", self._commit_body(tree, base))
        ref = f"heads/{self._branch}"
        if there is None:
            await repository.send("POST", "/git/refs", {"ref": f"refs/{ref}", "sha": made["sha"]})
        else:
            await repository.send("PATCH", f"/git/refs/{quote(ref)}", {"sha": made["sha"]})
        head = f"{repository.owner}:{self._branch}" if is_fork else self._branch
        return {"head": head, "empty": tree == base_tree}

    async def open(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """``{url, number}`` of the pull request, the one that is open for the branch where there is one."""
        repository, head = self._repository, str(made["head"])
        full = head if ":" in head else f"{repository.owner}:{head}"
        known = await repository.get(
            f"/pulls?state=open&head={quote(full, safe='')}&base={quote(self._target, safe='')}"
        )
        if known:
            return {"url": known[0]["html_url"], "number": known[0]["number"]}
        payload = {
            "title": self._given["title"],
            "body": self._given["description"],
            "head": head,
            "base": self._target,
        }
        if self._given.get("draft") is not None:
            payload["draft"] = bool(self._given["draft"])
        opened = await repository.send("POST", "/pulls", payload)
        return {"url": opened["html_url"], "number": opened["number"]}

    async def ask_people(self, number: int) -> None:
        """Reviewers and assignees. Who cannot be asked is told in the log: the pull request is open all the same."""
        people = {"reviewers": self._given.get("reviewers"), "team_reviewers": self._given.get("teamReviewers")}
        asked = {key: list(names) for key, names in people.items() if names}
        for path, payload in (
            (f"/pulls/{number}/requested_reviewers", asked),
            (f"/issues/{number}/assignees", {"assignees": list(self._given.get("assignees") or ())}),
        ):
            if not any(payload.values()):
                continue
            try:
                await self._repository.send("POST", path, payload)
            except (InputError, NotFoundError, NotAllowedError) as error:
                self._context.log(f"Not everybody could be asked: {error.message}")

    async def _place(self) -> GithubRepository:
        """Where the branch goes: the repository, or a fork where it may not be written or ``forceFork`` says so."""
        may_push = (self._row.get("permissions") or {}).get("push", True)
        if may_push and not self._given.get("forceFork"):
            return self._repository
        made = await self._repository.send("POST", "/forks", {})
        fork = GithubRepository(
            self._repository.client, self._repository.api, str(made["owner"]["login"]), str(made["name"]), None
        )
        for _ in range(10):  # a fork is there a moment after it was asked for
            if await self._find_branch(fork, str(self._row["default_branch"])) is not None:
                break
            await fork.api.budget.pause(1.0)
        return fork

    async def _find_branch(self, repository: GithubRepository, branch: str) -> str | None:
        try:
            return str((await repository.get(f"/git/ref/heads/{quote(branch)}"))["object"]["sha"])
        except NotFoundError:
            return None
        except (ConflictError, InputError) as error:
            if "empty" in error.message.lower():
                return None
            raise

    async def _make_tree(
        self, repository: GithubRepository, base: str, files: Sequence[tuple[str, PublishedFile]], gone: Sequence[str]
    ) -> str:
        gate = asyncio.Semaphore(CONCURRENT_BLOBS)

        async def entry(path: str, file: PublishedFile) -> dict[str, Any]:
            async with gate:
                payload = {"content": b64encode(file.content).decode(), "encoding": "base64"}
                blob = await repository.send("POST", "/git/blobs", payload)
            return {"path": path, "mode": file.git_mode, "type": "blob", "sha": blob["sha"]}

        entries = list(await asyncio.gather(*(entry(path, file) for path, file in files)))
        written = {one["path"] for one in entries}
        there = await self._paths(repository, base) if gone else frozenset()
        for path in gone:
            entries += [
                {"path": one, "mode": "100644", "type": "blob", "sha": None}
                for one in sorted(there)
                if (one == path or one.startswith(f"{path}/")) and one not in written
            ]
        if not entries:
            return base
        return str((await repository.send("POST", "/git/trees", {"base_tree": base, "tree": entries}))["sha"])

    async def _paths(self, repository: GithubRepository, tree: str) -> frozenset[str]:
        listed = await repository.get(f"/git/trees/{tree}?recursive=1")
        return frozenset(str(one["path"]) for one in listed["tree"] if one.get("type") == "blob")

    def _commit_body(self, tree: str, parent: str) -> dict[str, Any]:
        message = str(self._given.get("commitMessage") or self._given["title"])
        payload: dict[str, Any] = {"message": message, "tree": tree, "parents": [parent]}
        if not self._given.get("forceEmptyGitAuthor"):
            author = self._publishing.defaults.author_of(self._given)
            payload["author"] = {"name": author.name, "email": author.email}
        return payload
