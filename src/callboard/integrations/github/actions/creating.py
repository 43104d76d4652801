"""Making a repository at GitHub and giving it what its settings say.

Each part is done once per step: a later attempt goes on after the last part that was done, and finds the repository by its id.
Source: GitHub REST documentation 2022-11-28; the order of the calls and the defaults are those of Backstage's module for GitHub 0.11.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubRepository
from callboard.integrations.github.actions.secrets import put_secrets
from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.publishing import once


async def create_repository(repository: GithubRepository, context: ActionContext) -> Mapping[str, Any]:
    """``{clone_url, html_url}`` of the repository, made now or by an earlier attempt.

    Raises:
        ConflictError: there is a repository of that name already.
    """
    given = context.input

    async def create() -> dict[str, Any]:
        url, payload = await _target(repository, given)
        try:
            made = await repository.api.send_json("POST", url, payload)
        except InputError as error:
            if "already exists" in error.message:
                raise ConflictError(
                    f"{repository.owner}/{repository.name} exists already at {repository.client.host.host}. "
                    "Choose another name; publish:github:pull-request changes a repository that is there.",
                    field="repoUrl",
                ) from error
            raise
        context.log(f"Made the repository {made['html_url']}.")
        return {"clone_url": made["clone_url"], "html_url": made["html_url"]}

    # what cannot be done is told before anything is made
    _collaborators(given)
    made: Mapping[str, Any] = await once(context, "create.repo", create)
    for key, part in _PARTS:

        async def work(part: Any = part) -> bool:
            await part(repository, given, context)
            return True

        await once(context, key, work)
    return made


async def _target(repository: GithubRepository, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where to make it, and what is sent."""
    visibility = str(given.get("repoVisibility") or "private")
    payload: dict[str, Any] = {
        "name": repository.name,
        "private": visibility != "public",
        "description": given.get("description"),
        "homepage": given.get("homepage"),
        "delete_branch_on_merge": given.get("deleteBranchOnMerge", False),
        "allow_merge_commit": given.get("allowMergeCommit", True),
        "allow_squash_merge": given.get("allowSquashMerge", True),
        "squash_merge_commit_title": given.get("squashMergeCommitTitle") or "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": given.get("squashMergeCommitMessage") or "COMMIT_MESSAGES",
        "allow_rebase_merge": given.get("allowRebaseMerge", True),
        "allow_auto_merge": given.get("allowAutoMerge", False),
        "has_projects": given.get("hasProjects"),
        "has_wiki": given.get("hasWiki", True),
        "has_issues": given.get("hasIssues", True),
        "auto_init": given.get("autoInit", False),
    }
    owner = quote(repository.owner, safe="")
    if await _is_organization(repository, owner):
        payload |= {
            "visibility": visibility,
            "custom_properties": given.get("customProperties"),
        }
        url = repository.at_root(f"/orgs/{owner}/repos")
    else:
        if visibility == "internal":
            raise InputError("Only repositories of an organisation can be internal.", field="repoVisibility")
        url = repository.at_root("/user/repos")
    return url, {key: value for key, value in payload.items() if value is not None}


async def _is_organization(repository: GithubRepository, owner: str) -> bool:
    try:
        found = await repository.api.get_json(repository.at_root(f"/users/{owner}"))
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no user or organisation {repository.owner} at {repository.client.host.host}. Check repoUrl.",
            field="repoUrl",
        ) from error
    return bool(found.get("type") == "Organization")


def _collaborators(given: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """``(team or user, name, role)``."""
    rows = [
        ("team", str(row["team"]), str(row["access"]))
        if row.get("team")
        else ("user", str(row.get("user") or row.get("username")), str(row["access"]))
        for row in given.get("collaborators") or ()
    ]
    names = [(kind, name.lower()) for kind, name, _ in rows]
    if len(set(names)) < len(names):
        raise InputError("collaborators names somebody twice.", field="collaborators")
    return rows


async def _grant(repository: GithubRepository, kind: str, name: str, role: str) -> None:
    permission = {"read": "pull", "write": "push"}.get(role, role)
    person = quote(name, safe="")
    if kind == "user":
        await repository.send("PUT", f"/collaborators/{person}", {"permission": permission})
        return
    owner, repo = quote(repository.owner, safe=""), quote(repository.name, safe="")
    await repository.api.send_json(
        "PUT", repository.at_root(f"/orgs/{owner}/teams/{person}/repos/{owner}/{repo}"), {"permission": permission}
    )


async def _allow_updates(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if given.get("allowUpdateBranch"):  # no field of making one
        await repository.send("PATCH", "", {"allow_update_branch": True})


async def _give_access(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    access = str(given.get("access") or "")
    if access.startswith(f"{repository.owner}/"):
        await _grant(repository, "team", access.partition("/")[2], "admin")
    elif access and access != repository.owner:
        await _grant(repository, "user", access, "admin")


async def _give_collaborators(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    """One that cannot be added is told in the log; the repository is there all the same, as with Backstage."""
    for kind, name, role in _collaborators(given):
        try:
            await _grant(repository, kind, name, role)
        except (InputError, NotFoundError) as error:
            context.log(f"Skipping {kind} {name} as collaborator: {error.message}")


async def _set_topics(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if topics := given.get("topics"):
        await repository.send("PUT", "/topics", {"names": [str(topic).lower() for topic in topics]})


async def _set_variables(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    for name, value in (given.get("repoVariables") or {}).items():
        try:
            await repository.send("POST", "/actions/variables", {"name": name, "value": value})
        except ConflictError:
            await repository.send("PATCH", f"/actions/variables/{quote(name, safe='')}", {"name": name, "value": value})


async def _set_secrets(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if secrets := given.get("secrets"):
        await put_secrets(repository, "/actions/secrets", secrets)


async def _set_subject(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if custom := given.get("oidcCustomization"):
        payload: dict[str, Any] = {"use_default": bool(custom.get("useDefault"))}
        if custom.get("includeClaimKeys") is not None:
            payload["include_claim_keys"] = custom["includeClaimKeys"]
        await repository.send("PUT", "/actions/oidc/customization/sub", payload)


async def _set_workflow_access(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if level := given.get("workflowAccess"):
        await repository.send("PUT", "/actions/permissions/access", {"access_level": level})


async def _subscribe(repository: GithubRepository, given: Mapping[str, Any], context: ActionContext) -> None:
    if given.get("subscribe"):
        await repository.send("PUT", "/subscription", {"subscribed": True, "ignored": False})


_PARTS = (
    ("create.updates", _allow_updates),
    ("create.access", _give_access),
    ("create.collaborators", _give_collaborators),
    ("create.topics", _set_topics),
    ("create.variables", _set_variables),
    ("create.secrets", _set_secrets),
    ("create.oidc", _set_subject),
    ("create.workflowAccess", _set_workflow_access),
    ("create.subscription", _subscribe),
)
