"""GitLab as documented: unknown fields are refused, names with slashes are one segment, and commits are real."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.integrations.publishing.forges import Forge
from tests.integrations.serving import json, missing

FIELDS = {
    "projects": {"name", "path", "visibility", "namespace_id", "topics", "description", "merge_method"},
    "commits": {"branch", "start_branch", "commit_message", "actions"},
    "merge_requests": {"source_branch", "target_branch", "title", "description", "remove_source_branch", "assignee_id",
                       "reviewer_ids", "labels"},
    "variables": {"key", "value", "description", "variable_type", "protected", "masked", "masked_and_hidden", "raw",
                  "environment_scope"},
    "issues": {"title", "description", "assignee_ids", "confidential", "created_at", "due_date", "epic_id", "issue_type",
               "labels", "milestone_id", "weight"},
    "groups": {"name", "path", "parent_id", "description"},
    "members": {"user_id", "access_level"},
    "share": {"group_id", "group_access"},
    "triggers": {"description"},
    "pipeline": {"token", "ref", "variables"},
    "branches": {"branch", "ref"},
    "protected_branches": {"name"},
    "access_tokens": {"name", "access_level", "scopes", "expires_at"},
    "bulk_imports": {"configuration", "entities"},
    "deploy_tokens": {"name", "username", "scopes"},
}  # fmt: skip
"""Fields of POST by the last segment of the path, from GitLab's documentation."""


class GitlabForge(Forge):
    api_prefix = "/api/v4"
    limit_prefix = "ratelimit-"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.groups = {"acme": 1}
        self.merge_requests: list[dict[str, Any]] = []

    def check(self, method: str, path: str, body: Any) -> list[str]:
        if method != "POST" or not isinstance(body, dict):
            return []
        known = FIELDS.get(path.rpartition("/")[2])
        if known is None:
            return [f"POST {path}: no such operation"]
        return [f"POST {path}: {name}" for name in sorted(set(body) - known)]

    def row(self, name: str) -> dict[str, Any]:
        page = f"{self.base}/{name}"
        branch = self.git(name, "symbolic-ref", "--short", "HEAD")
        filled = self.find(name, f"refs/heads/{branch}")
        return {"id": 42, "web_url": page, "http_url_to_repo": f"{page}.git", "path_with_namespace": name,
                "default_branch": branch if filled else None, "name": name, "path": name}  # fmt: skip

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("GET", ["user"]):
                return json({"id": 3, "username": "me", "name": "Me", "state": "active", "web_url": "https://me"})
            case ("GET", ["users"]):
                name = request.query_params["username"]
                return json([{"id": 9, "username": name}] if name != "nobody" else [])
            case ("GET", ["users", id]):
                return json({"id": int(id), "username": "bo", "name": "Bo", "state": "active", "web_url": "https://bo"})
            case ("GET", ["namespaces", name]):
                if name == "me":
                    return json({"id": 3, "kind": "user"})
                return json({"id": self.groups[name], "kind": "group"}) if name in self.groups else missing()
            case ("GET", ["groups"]):
                return json([{"id": id, "full_path": name} for name, id in self.groups.items()])
            case ("GET", ["groups", name, "projects"]):
                return json([{"path": "tools", "name": "Tools"}])
            case ("GET", ["groups", name]):
                return json({"id": self.groups[name]}) if name in self.groups else missing()
            case ("POST", ["groups"]):
                above = next((n for n, id in self.groups.items() if id == body.get("parent_id")), "")
                self.groups[f"{above}/{body['path']}".strip("/")] = len(self.groups) + 1
                return json({"id": len(self.groups)}, 201)
            case ("POST", ["bulk_imports"]):
                return json({"id": 12, "status": "created"}, 201)
            case ("POST", ["projects"]):
                space = next((n for n, id in self.groups.items() if id == body.get("namespace_id")), "me")
                name = f"{space}/{body['path']}"
                if self.has(name):
                    return json({"message": {"path": ["has already been taken"]}}, 400)
                self.create(name)
                return json(self.row(name), 201)
            case (_, ["projects", id, *rest]):
                name = "acme/tools" if id == "42" else id
                if rest == ["repository", "archive.tar.gz"] and self.has(name):
                    return self.archive(name, request.query_params["sha"], prefix="tools-main-1234567/")
                if method == "GET" and rest == ["merge_requests"]:
                    branch = request.query_params["source_branch"]
                    return json([one for one in self.merge_requests if one["source_branch"] == branch])
                return self._project(method, name, rest, body) if self.has(name) else missing()
        return json({}, 201) if method == "POST" else Response(status_code=204)

    def _project(self, method: str, name: str, rest: list[str], body: Any) -> Response:
        match (method, rest):
            case ("GET", []):
                return json(self.row(name))
            case ("GET", ["repository", "branches", branch]):
                sha = self.find(name, f"refs/heads/{branch}")
                return json({"name": branch, "commit": {"id": sha}}) if sha else missing()
            case ("GET", ["repository", "tree"]):
                rows = [line.split(None, 3) for line in self.git(name, "ls-tree", "-r", "HEAD").split("\n")]
                return json([{"mode": m, "type": t, "id": i, "path": p} for m, t, i, p in rows])
            case ("POST", ["repository", "commits"]):
                return self._commit(name, body)
            case ("POST", ["merge_requests"]):
                page = f"{self.base}/{name}/-/merge_requests/4"
                made = {"iid": 4, "web_url": page, "source_branch": body["source_branch"], "source_project_id": 42}
                self.merge_requests.append(made)
                return json(made, 201)
            case ("POST", ["issues"]):
                return json({"id": 70, "iid": 7, "web_url": f"{self.base}/{name}/-/issues/7"}, 201)
            case ("POST", ["triggers"]):
                return json({"id": 6, "token": "trigger-t0ken"}, 201)
            case ("POST", ["trigger", "pipeline"]):
                return json({"web_url": f"{self.base}/{name}/-/pipelines/8"}, 201)
            case ("POST", ["access_tokens" | "deploy_tokens"]):
                return json({"token": "new-t0ken", "username": "deployer"}, 201)
            case ("GET", ["merge_requests", _, "approval_rules"]):
                return json([{"eligible_approvers": [{"id": 11}]}])
        return json({}, 201) if method == "POST" else Response(status_code=204)

    def _commit(self, name: str, body: dict[str, Any]) -> Response:
        base = self.find(name, f"refs/heads/{body.get('start_branch') or body['branch']}")
        assert base is not None
        there = set(self.paths(name, base))
        entries = []
        for action in body["actions"]:
            path = action["file_path"]
            if (action["action"] == "create") == (path in there):
                return json(
                    {"message": f"A file with this name {'already exists' if path in there else 'is missing'}"}, 400
                )
            sha = None if action["action"] == "delete" else self.blob(name, b64decode(action["content"]))
            mode = "100755" if action.get("execute_filemode") else "100644"
            entries.append({"path": path, "mode": mode, "sha": sha})
        commit = self.commit(name, self.tree(name, base, entries), [base], body["commit_message"])
        self.git(name, "update-ref", f"refs/heads/{body['branch']}", commit)
        return json({"id": commit}, 201)
