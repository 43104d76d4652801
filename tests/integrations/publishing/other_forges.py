"""Gitea, Bitbucket Cloud, Bitbucket Server and Azure DevOps as documented: unknown fields are refused, archives are real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.integrations.publishing.forges import Forge
from tests.integrations.serving import json, missing


def unknown(body: Any, *known: str) -> list[str]:
    return [f"unknown field {name}" for name in sorted(set(body or {}) - set(known))]


class GiteaForge(Forge):
    api_prefix = "/api/v1"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pulls: list[dict[str, Any]] = []

    def check(self, method: str, path: str, body: Any) -> list[str]:
        if path.endswith("/pulls"):
            return unknown(body, "title", "body", "head", "base")
        return (
            unknown(body, "name", "description", "private", "default_branch", "auto_init") if method == "POST" else []
        )

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("GET", ["orgs", name]):
                return json({"id": 1}) if name == "acme" else missing()
            case ("GET", ["user"]):
                return json({"login": "ada"})
            case ("POST", [*where, "repos"]):
                name = f"{'ada' if where == ['user'] else where[1]}/{body['name']}"
                if self.has(name):
                    return json({"message": "The repository with the same name already exists."}, 409)
                self.create(name)
                page = f"{self.base}/{name}"
                return json({"html_url": page, "clone_url": f"{page}.git"}, 201)
            case ("GET", ["repos", owner, name]):
                page = f"{self.base}/{owner}/{name}"
                return json({"default_branch": "main", "html_url": page, "clone_url": f"{page}.git"})
            case ("GET", ["repos", _, _, "pulls"]):
                return json(self.pulls)
            case ("POST", ["repos", owner, name, "pulls"]):
                head, base = ({"ref": body[side], "repo_id": 1} for side in ("head", "base"))
                self.pulls.append({"html_url": f"{self.base}/{owner}/{name}/pulls/2", "head": head, "base": base})
                return json(self.pulls[-1], 201)
            case ("GET", ["repos", owner, name, "archive", file]):
                return self.archive(f"{owner}/{name}", file.removesuffix(".tar.gz"), prefix=f"{name}/")
        return missing()


class BitbucketCloudForge(Forge):
    api_prefix = "/2.0"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pulls: list[dict[str, Any]] = []

    async def handle(self, request: Request) -> Response:
        parts = request.url.path.strip("/").split("/")
        if len(parts) == 4 and parts[2] == "get":
            return self.archive("/".join(parts[:2]), parts[3].removesuffix(".tar.gz"), prefix="acme-tools-1234567/")
        return await super().handle(request)

    def check(self, method: str, path: str, body: Any) -> list[str]:
        if method != "POST":
            return []
        if path.endswith("/pullrequests"):
            return unknown(body, "title", "description", "source", "destination", "reviewers")
        if path.endswith("/branch-restrictions"):
            return unknown(body, "kind", "branch_match_kind", "branch_type", "pattern", "value", "users", "groups")
        return unknown(body, "scm", "description", "is_private", "project", "target", "variables")

    def row(self, name: str) -> dict[str, Any]:
        page = f"{self.base}/{name}"
        clone = [{"name": "ssh", "href": "ssh://x"}, {"name": "https", "href": f"{page}.git".replace("//", "//ada@")}]
        return {"links": {"html": {"href": page}, "clone": clone}, "mainbranch": {"name": "main"}}

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("GET", ["workspaces"]):
                return json({"values": [{"slug": "acme"}]})
            case ("GET", ["workspaces", _, "projects"]):
                return json({"values": [{"key": "PLAT", "name": "Platform"}]})
            case ("GET", ["repositories", _]):
                return json({"values": [{"slug": "tools"}]})
            case ("GET", [*_, "refs", "branches"]):
                return json({"values": [{"name": "main"}]})
            case ("POST", ["repositories", workspace, repo]):
                name = f"{workspace}/{repo}"
                if self.has(name):
                    return json({"error": {"message": "Repository with this Slug and Owner already exists."}}, 400)
                self.create(name)
                return json(self.row(name))
            case ("GET", ["repositories", workspace, repo]) if self.has(f"{workspace}/{repo}"):
                return json(self.row(f"{workspace}/{repo}"))
            case ("GET", ["repositories", workspace, repo, "commit", rev]):
                return json({"hash": self.find(f"{workspace}/{repo}", rev)})
            case ("GET", ["repositories", *_, "pullrequests"]):
                asked = request.query_params["q"]
                found = [
                    one for one in self.pulls if f'source.branch.name = "{one["source"]["branch"]["name"]}"' in asked
                ]
                return json({"values": found})
            case ("POST", ["repositories", *name, "pullrequests"]):
                page = f"{self.base}/{'/'.join(name)}/pull-requests/2"
                self.pulls.append({**body, "links": {"html": {"href": page}}})
                return json(self.pulls[-1], 201)
            case ("POST", ["repositories", *name, "pipelines"]):
                return json({"build_number": 3, "repository": self.row("/".join(name))}, 201)
            case ("POST", ["repositories", *_, "branch-restrictions"]):
                return json({"id": 1}, 201)
        return missing()


class BitbucketServerForge(Forge):
    api_prefix = "/rest"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pulls: list[dict[str, Any]] = []

    def check(self, method: str, path: str, body: Any) -> list[str]:
        if method != "POST":
            return []
        if path.endswith("/pull-requests"):
            return unknown(body, "title", "description", "fromRef", "toRef", "reviewers")
        return unknown(body, "name", "description", "public", "defaultBranch", "scmId", "forkable")

    def row(self, name: str) -> dict[str, Any]:
        clone = [{"name": "http", "href": f"{self.base}/scm/{name}.git"}]
        return {"links": {"self": [{"href": f"{self.base}/projects/{name}/browse"}], "clone": clone}}

    def create(self, name: str, files: dict[str, str] | None = None, branch: str = "main") -> None:
        super().create(f"scm/{name.removeprefix('scm/')}", files, branch)

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("POST", ["api", "1.0", "projects", key, "repos"]):
                if self.has(f"scm/{key}/{body['name']}"):
                    return json({"errors": [{"message": "This repository URL is already taken."}]}, 409)
                self.create(f"{key}/{body['name']}")
                return json(self.row(f"{key}/{body['name']}"), 201)
            case ("GET", ["api", "1.0", "projects", key, "repos", repo]):
                return json(self.row(f"{key}/{repo}"))
            case ("GET", ["api", "1.0", "projects", key, "repos", repo, "default-branch"]):
                return json({"displayId": "main"})
            case ("GET", ["api", "1.0", "projects", key, "repos", repo, "archive"]):
                return self.archive(f"scm/{key}/{repo}", request.query_params.get("at", "HEAD"))
            case ("GET", ["api", "1.0", "projects", _, "repos", _, "pull-requests"]):
                asked = request.query_params
                assert (asked["state"], asked["direction"]) == ("OPEN", "OUTGOING")
                return json({"values": [one for one in self.pulls if one["fromRef"]["id"] == asked["at"]]})
            case ("POST", ["api", "1.0", "projects", key, "repos", repo, "pull-requests"]):
                page = f"{self.base}/projects/{key}/repos/{repo}/pull-requests/2"
                own = {side: {**body[side], "repository": {"id": 1}} for side in ("fromRef", "toRef")}
                self.pulls.append({**body, **own, "links": {"self": [{"href": page}]}})
                return json(self.pulls[-1], 201)
            case ("PUT", ["git-lfs", "admin", "projects", _, "repos", _, "enabled"]):
                return Response(status_code=204)
        return missing()


class GerritForge(Forge):
    """Its repositories have no ``.git`` at the end; what is handed in for review is a ref of its own here."""

    api_prefix = "/a/projects"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        for end in ("/info/refs", "/git-upload-pack", "/git-receive-pack"):
            if path.endswith(end):
                path = f"{path.removesuffix(end)}.git{end}"
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await super().__call__(scope, receive, send)

    def check(self, method: str, path: str, body: Any) -> list[str]:
        return unknown(body, "parent", "description", "branches", "owners", "create_empty_commit")

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("PUT", [name]):
                if self.has(f"a/{name}"):
                    return Response("Project already exists", 409, media_type="text/plain")
                self.create(f"a/{name}", branch=body["branches"][0])
                return Response(")]}'\n{}", 201, media_type="application/json")
        return missing()


class AzureForge(Forge):
    api_prefix = ""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pulls: list[dict[str, Any]] = []

    def check(self, method: str, path: str, body: Any) -> list[str]:
        if path.endswith("/pullrequests"):
            return unknown(body, "sourceRefName", "targetRefName", "title", "description")
        return unknown(body, "name", "project") if method == "POST" else []

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("POST", [organization, project, "_apis", "git", "repositories"]):
                name = f"{organization}/{project}/_git/{body['name']}"
                if self.has(name):
                    message = "TF400948: A Git repository with the name tools already exists."
                    return json({"message": message, "typeKey": "GitRepositoryNameAlreadyExistsException"}, 409)
                self.create(name)
                page = f"{self.base}/{name}"
                remote = f"{page}.git".replace("//", f"//{organization}@", 1)
                return json({"id": "0-1", "webUrl": page, "remoteUrl": remote}, 201)
            case ("GET", [organization, project, "_apis", "git", "repositories", repo]):
                remote = f"{self.base}/{organization}/{project}/_git/{repo}.git".replace("//", f"//{organization}@", 1)
                return json({"id": "0-1", "remoteUrl": remote, "defaultBranch": "refs/heads/main"})
            case ("GET", [*_, "pullrequests"]):
                source = request.query_params["searchCriteria.sourceRefName"]
                return json({"value": [one for one in self.pulls if one["sourceRefName"] == source]})
            case ("POST", [*_, "pullrequests"]):
                self.pulls.append({**body, "pullRequestId": 2})
                return json(self.pulls[-1], 201)
            case ("GET", [organization, project, "_apis", "git", "repositories", repo, "items"]):
                rev = request.query_params.get("versionDescriptor.version", "HEAD")
                folder = request.query_params["scopePath"].strip("/")
                prefix = f"{folder.rpartition('/')[2]}/" if folder else ""
                return self.archive(f"{organization}/{project}/_git/{repo}", rev, "zip", prefix=prefix, folder=folder)
        return missing()
