"""``gitlab:group:ensureExists``, ``gitlab:group:access`` and ``gitlab:user:info``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.gitlab.actions.project import REPO_URL, GitlabProject, GitlabPublishing
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.publishing.schemas import TOKEN, Schema, number, one_of, record, text
from callboard.kernel.publishing.steps import step_action

_REPO: Schema = {**REPO_URL, "description": "The host: `gitlab.com?repo=any&owner=any`; only the host counts."}
_LEVELS = {"guest": 10, "planner": 15, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}


class GroupActions:
    def __init__(self, publishing: GitlabPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        host = "repoUrl: gitlab.com?owner=any&repo=any"
        part: Schema = {
            "oneOf": [
                {"type": "string"},
                record({"name": text("For people."), "slug": text("In addresses.")}, ("name", "slug")),
            ]
        }
        return [
            step_action(
                "gitlab:group:ensureExists",
                "Ensure a group at GitLab",
                "Makes the groups of a path at GitLab that are not there yet.",
                self.ensure,
                record(
                    {
                        "repoUrl": _REPO,
                        "path": {
                            "type": "array",
                            "items": part,
                            "minItems": 1,
                            "description": "Groups from the top down.",
                        },
                        "description": text("Description of the last group, when it is made."),
                        "token": TOKEN,
                    },
                    ("repoUrl", "path"),
                ),
                record({"groupId": number("Number of the last group.")}),
                {"Two groups": f"{host}\npath: [acme, platform]"},
                supports_dry_run=True,
                idempotent=True,
            ),
            step_action(
                "gitlab:group:access",
                "Give access to a group at GitLab",
                "Adds users and groups to a group at GitLab, or removes them.",
                self.access,
                record(
                    {
                        "repoUrl": _REPO,
                        "path": {"type": ["string", "number"], "description": "Path or number of the group."},
                        "userIds": {"type": "array", "items": {"type": "number"}, "description": "Numbers of users."},
                        "groupIds": {"type": "array", "items": {"type": "number"}, "description": "Numbers of groups."},
                        "action": one_of("Add or remove them.", "add", "remove", default="add"),
                        "accessLevel": {
                            "type": ["number", "string"],
                            "description": "10 guest, 20 reporter, 30 developer, 40 maintainer, 50 owner, or the word.",
                            "default": 30,
                        },
                        "token": TOKEN,
                    },
                    ("repoUrl", "path"),
                ),
                record({}),
                {"A maintainer": f"{host}\npath: acme/platform\nuserIds: [42]\naccessLevel: 40"},
                supports_dry_run=True,
                idempotent=True,
            ),
            step_action(
                "gitlab:user:info",
                "Look up a user at GitLab",
                "Tells who the account of the token, or another one, is at GitLab.",
                self.user,
                record(
                    {"repoUrl": _REPO, "username": text("User name; the account itself without it."), "token": TOKEN},
                    ("repoUrl",),
                ),
                record(
                    {
                        "id": number("Number of the account."),
                        "username": text("User name."),
                        "name": text("Name."),
                        "state": text("active or blocked."),
                        "webUrl": text("Page of the account."),
                        "email": text("Mail address, where it may be seen."),
                        "publicEmail": text("Mail address that everybody may see."),
                    }
                ),
                {"Who acts": host},
            ),
        ]

    async def ensure(self, context: ActionContext) -> Mapping[str, Any]:
        """Nothing is done twice: each group is looked for before it is made."""
        given = context.input
        parts = [(one, one) if isinstance(one, str) else (one["name"], one["slug"]) for one in given["path"]]
        flat = [(n if name == slug else name, n) for name, slug in parts for n in str(slug).split("/") if n]
        if context.dry_run:
            context.log(f"Would ensure the group {'/'.join(slug for _, slug in flat)}.")
            return {"groupId": 42}
        project = self._publishing.open(context)
        path, parent = "", None
        for at, (name, slug) in enumerate(flat):
            path = f"{path}/{slug}".strip("/")
            found = await _find_group(project, path)
            if found is None:
                payload: dict[str, Any] = {"name": name, "path": slug}
                if parent is not None:
                    payload["parent_id"] = parent
                if at == len(flat) - 1 and given.get("description"):
                    payload["description"] = given["description"]
                found = await project.api.send_json("POST", project.at_root("/groups"), payload)
                context.log(f"Made the group {path}.")
            parent = int(found["id"])
        return {"groupId": parent}

    async def access(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        users, groups = given.get("userIds") or (), given.get("groupIds") or ()
        if not users and not groups:
            raise InputError("Name userIds or groupIds.", field="userIds")
        said = given.get("accessLevel", 30)
        level = _LEVELS.get(said.lower()) if isinstance(said, str) else int(said)
        if level is None:
            raise InputError(f"{said!r} is no access level: {', '.join(_LEVELS)}.", field="accessLevel")
        removes = given.get("action") == "remove"
        if context.dry_run:
            context.log(f"Would {'remove' if removes else 'add'} {len(users)} users and {len(groups)} groups.")
            return {}
        project = self._publishing.open(context)
        path = given["path"]
        name = str(int(path)) if isinstance(path, (int, float)) else str(path)
        group = project.at_root(f"/groups/{quote(name, safe='')}")
        for user in users:
            await _member(project, f"{group}/members", int(user), level, removes)
        for other in groups:
            if removes:
                await _quietly(project, f"{group}/share/{int(other)}")
            else:
                try:
                    await project.api.send_json(
                        "POST", f"{group}/share", {"group_id": int(other), "group_access": level}
                    )
                except ConflictError:
                    context.log(f"The group {int(other)} has access already.")
        return {}

    async def user(self, context: ActionContext) -> Mapping[str, Any]:
        project = self._publishing.open(context)
        path = "/user"
        if name := context.input.get("username"):
            path = f"/users/{await project.find_user(str(name))}"
        found = await project.api.get_json(project.at_root(path))
        names = {"id": "id", "username": "username", "name": "name", "state": "state", "web_url": "webUrl",
                 "email": "email", "public_email": "publicEmail"}  # fmt: skip
        return {ours: found[theirs] for theirs, ours in names.items() if found.get(theirs) is not None}


async def _find_group(project: GitlabProject, path: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = await project.api.get_json(
            project.at_root(f"/groups/{quote(path, safe='')}?with_projects=false")
        )
    except NotFoundError:
        return None
    return found


async def _member(project: GitlabProject, members: str, user: int, level: int, removes: bool) -> None:
    if removes:
        await _quietly(project, f"{members}/{user}")
        return
    try:
        await project.api.send_json("POST", members, {"user_id": user, "access_level": level})
    except ConflictError:
        await project.api.send_json("PUT", f"{members}/{user}", {"access_level": level})


async def _quietly(project: GitlabProject, url: str) -> None:
    """Remove what may be gone already."""
    try:
        await project.api.send_json("DELETE", url)
    except NotFoundError:
        pass
