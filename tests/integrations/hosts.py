"""Emulated APIs of the source hosts: what their documentation says of the calls that the readers make."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from tests.integrations.serving import Emulator, json, missing, paged

RAW = "application/vnd.github.raw"


class GithubEmulator(Emulator):
    """GitHub Enterprise: REST below /api/v3, GraphQL at /api/graphql, raw files below /raw. One repository, acme/tools."""

    def __init__(self) -> None:
        super().__init__()
        self.repositories: list[dict[str, Any]] = []
        self.teams: list[dict[str, Any]] = []
        self.users: list[dict[str, Any]] = []
        self.truncated = False
        self.installed: dict[str, int] = {}
        self.issued = 0

    def repository_row(self, name: str, **rest: Any) -> dict[str, Any]:
        row = {
            "name": name,
            "html_url": f"{self.base}/acme/{name}",
            "default_branch": "main",
            "archived": False,
            "fork": False,
            "topics": [],
            "visibility": "internal",
        }
        return {**row, **rest}

    async def handle(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if path.startswith("/raw/"):
            owner, repo, ref, *rest = unquote(path[5:]).split("/")
            return self._file("/".join(rest), ref) if (owner, repo) == ("acme", "tools") else missing()
        if path == "/api/graphql":
            return self._graphql(await request.json())
        parts = [unquote(p) for p in path.removeprefix("/api/v3/").split("/")]
        match parts:
            case ["repos", "acme", "tools", *rest]:
                return self._repository(request, rest)
            case ["orgs", "acme", "repos"]:
                return paged(request, self.repositories, self.base)
            case [("orgs" | "users"), owner, "installation"] if owner in self.installed:
                return json({"id": self.installed[owner]})
            case ["app", "installations", id, "access_tokens"]:
                self.issued += 1
                expires = datetime(2026, 11, 23, 3, 12, tzinfo=UTC) + timedelta(hours=self.issued)
                return json(
                    {"token": f"ghs_{id}_{self.issued}", "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}, 201
                )
        return missing()

    def _repository(self, request: Request, rest: list[str]) -> Response:
        match rest:
            case ["contents", *path]:
                return self._file("/".join(path), request.query_params.get("ref"))
            case []:
                return json({"default_branch": self.repository.branch})
            case ["commits"] if self.repository.knows(request.query_params.get("sha")):
                is_known = request.query_params["path"] in self.repository.files
                return json([{"commit": self.repository.commit_row()}] if is_known else [])
            case ["branches"]:
                return json([{"name": name} for name in ("side/one", self.repository.branch, "bad name")])
            case ["tags"]:
                return json([{"name": "v1"}])
            case ["commits", ref] if self.repository.knows(ref):
                return Response(self.repository.commit, media_type="application/vnd.github.sha")
            case ["git", "trees", sha]:
                return self._tree(sha, "recursive" in request.query_params)
            case ["git", "blobs", sha]:
                for path, content in self.repository.files.items():
                    if self.repository.blob(path) == sha:
                        return Response(content, media_type=RAW)
        return missing()

    def _file(self, path: str, ref: str | None) -> Response:
        if not self.repository.knows(ref):
            return missing()
        if path in self.repository.files:
            return Response(self.repository.files[path], media_type=f"{RAW}; charset=utf-8")
        below = [name for name in self.repository.files if name.startswith(path + "/")]
        return json([{"path": name, "type": "file", "git_url": "x"} for name in below]) if below else missing()

    def _tree(self, sha: str, recursive: bool) -> Response:
        folders = {"": self.repository.commit}
        for name in self.repository.files:
            parts = name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                folder = "/".join(parts[:depth])
                folders[folder] = hashlib.sha1(folder.encode()).hexdigest()
        here = next((folder for folder, known in folders.items() if known == sha), None)
        if here is None:
            return missing()
        prefix = f"{here}/" if here else ""
        if recursive and here in ("", "docs") and self.truncated:
            return json({"sha": sha, "tree": [], "truncated": True})
        items = []
        for name in self.repository.files:
            inner = name.removeprefix(prefix)
            if name.startswith(prefix) and (recursive or "/" not in inner):
                items.append({"path": inner, "type": "blob", "mode": "100644", "sha": self.repository.blob(name)})
        for folder, known in folders.items():
            inner = folder.removeprefix(prefix)
            if folder and folder.startswith(prefix) and inner and (recursive or "/" not in inner):
                items.append({"path": inner, "type": "tree", "mode": "040000", "sha": known})
        items.append({"path": "catalog-link.yaml", "type": "blob", "mode": "120000", "sha": "f" * 40})
        return json({"sha": sha, "tree": items, "truncated": False})

    def _graphql(self, question: dict[str, Any]) -> Response:
        variables = question["variables"]
        if variables["org"] != "acme":
            return json({"data": {"organization": None}, "errors": [{"type": "NOT_FOUND", "message": "no such org"}]})
        start = int(variables.get("cursor") or 0)
        if "team(slug" in question["query"]:
            team = next(t for t in self.teams if t["slug"] == variables["team"])
            return json({"data": {"organization": {"team": {"members": _connection(team["all"], start, 2)}}}})
        if "teams(" in question["query"]:
            rows = [{**team, "members": _connection(team["all"], 0, 2)} for team in self.teams]
            return json({"data": {"organization": {"teams": _connection(rows, start, 1)}}})
        return json({"data": {"organization": {"membersWithRole": _connection(self.users, start, 2)}}})


def _connection(items: list[Any], start: int, size: int) -> dict[str, Any]:
    end = start + size
    page = {"hasNextPage": end < len(items), "endCursor": str(end) if end < len(items) else None}
    return {"pageInfo": page, "nodes": items[start:end]}


class GitlabEmulator(Emulator):
    """GitLab's API v4. One project with files, acme/platform/tools (number 7); projects, groups and users for discovery."""

    limit_prefix = "ratelimit-"

    def __init__(self) -> None:
        super().__init__()
        self.projects: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.members: dict[int, list[dict[str, Any]]] = {}
        self.users: list[dict[str, Any]] = []

    def project_row(self, id: int, path: str, **rest: Any) -> dict[str, Any]:
        row = {
            "id": id,
            "path_with_namespace": path,
            "web_url": f"{self.base}/{path}",
            "default_branch": "main",
            "archived": False,
            "topics": [],
            "files": ["catalog-info.yaml"],
        }
        return {**row, **rest}

    async def handle(self, request: Request) -> Response:
        raw = request.scope["raw_path"].decode().removeprefix("/api/v4/")
        parts = [unquote(p) for p in raw.split("/")]
        match parts:
            case ["projects", "acme/platform/tools", "repository", *rest]:
                return self._repository(request, rest)
            case ["projects", id, "repository", "files", path]:
                project = next((p for p in self.projects if str(p["id"]) == id), None)
                return json({"file_path": path}) if project and path in project["files"] else missing()
            case ["groups", "acme", "projects"] | ["projects"]:
                return paged(request, self.projects, self.base)
            case ["groups", "acme", "descendant_groups"]:
                return paged(request, [g for g in self.groups if g["full_path"] != "acme"], self.base)
            case ["groups", "acme"]:
                return json(next(g for g in self.groups if g["full_path"] == "acme"))
            case ["groups"]:
                return paged(request, self.groups, self.base)
            case ["groups", id, "members"]:
                return paged(request, self.members.get(int(id), []), self.base)
            case ["users"]:
                return paged(request, self.users, self.base)
        return missing()

    def _repository(self, request: Request, rest: list[str]) -> Response:
        files = self.repository.files
        match rest:
            case ["files", path, "raw"] if path in files and self.repository.knows(request.query_params.get("ref")):
                return Response(files[path], media_type="text/plain")
            case ["commits"] if self.repository.knows(request.query_params.get("ref_name")):
                row = {"author_name": self.repository.author, "committed_date": "2026-11-23T05:00:00.000+02:00"}
                return json([row] if request.query_params["path"] in files else [])
            case ["branches"]:
                names = ("side/one", self.repository.branch, "bad name")
                return json([{"name": name, "default": name == self.repository.branch} for name in names])
            case ["tags"]:
                return json([{"name": "v1"}])
            case ["commits", ref] if self.repository.knows(ref):
                return json({"id": self.repository.commit})
            case ["tree"]:
                folder = request.query_params.get("path", "")
                names = [name for name in files if not folder or name.startswith(folder + "/")]
                if folder and not names:
                    return missing()
                rows = [{"path": n, "id": self.repository.blob(n), "type": "blob", "mode": "100644"} for n in names]
                return paged(request, rows, self.base)
            case ["blobs", sha, "raw"]:
                return next((Response(c) for n, c in files.items() if self.repository.blob(n) == sha), missing())
        return missing()


class GiteaEmulator(Emulator):
    async def handle(self, request: Request) -> Response:
        parts = [unquote(p) for p in request.scope["raw_path"].decode().removeprefix("/api/v1/repos/").split("/")]
        files, query = self.repository.files, request.query_params
        match parts:
            case ["acme", "tools"]:
                return json({"default_branch": self.repository.branch})
            case ["acme", "tools", "raw", *path] if "/".join(path) in files and self.repository.knows(query.get("ref")):
                return Response(files["/".join(path)], media_type="text/plain")
            case ["acme", "tools", "commits"] if self.repository.knows(query.get("sha")):
                return json([{"commit": self.repository.commit_row()}] if query["path"] in files else [])
            case ["acme", "tools", "branches"]:
                return json([{"name": name} for name in ("side/one", self.repository.branch, "tag/x", "bad name")])
            case ["acme", "tools", "tags"]:
                return json([{"name": "v1"}])
            case ["acme", "tools", "git", "commits", ref] if self.repository.knows(ref):
                return json({"sha": self.repository.commit})
            case ["acme", "tools", "git", "trees", _]:
                page, names = int(query.get("page", 1)), list(files)
                rows = [
                    {"path": n, "type": "blob", "sha": self.repository.blob(n), "size": len(files[n])} for n in names
                ]
                return json({"tree": rows[(page - 1) * 2 : page * 2], "truncated": page * 2 < len(names)})
        return missing()


class BitbucketCloudEmulator(Emulator):
    async def handle(self, request: Request) -> Response:
        parts = [unquote(p) for p in request.scope["raw_path"].decode().removeprefix("/2.0/repositories/").split("/")]
        files = self.repository.files
        match parts:
            case ["acme", "tools"]:
                return json({"mainbranch": {"name": self.repository.branch}})
            case ["acme", "tools", "commits", ref] if self.repository.knows(ref) and ref != "HEAD":
                row = {"author": {"raw": f"{self.repository.author.split('<')[0]}<ada@example.org>"}}
                rows = [{**row, "date": "2026-11-23T03:00:00+00:00"}] if request.query_params["path"] in files else []
                return json({"values": rows})
            case ["acme", "tools", "refs", kind]:
                names = {"branches": ["side/one", self.repository.branch, "bad name"], "tags": ["v1"]}[kind]
                return json({"values": [{"name": name} for name in names]})
            case ["acme", "tools", "commit", ref] if self.repository.knows(ref) and ref != "HEAD":
                return json({"hash": self.repository.commit})
            case ["acme", "tools", "src", ref, *path] if self.repository.knows(ref) and ref != "HEAD":
                name = "/".join(path)
                if name in files:
                    return Response(files[name], media_type="text/plain")
                names = [n for n in files if n.startswith(name)]
                if not names:
                    return missing()
                page = int(request.query_params.get("page", 1))
                answer: dict[str, Any] = {
                    "values": [{"type": "commit_file", "path": n} for n in names[page * 2 - 2 : page * 2]]
                }
                if page * 2 < len(names):
                    answer["next"] = (
                        self.base + request.url.include_query_params(page=page + 1).path + f"?page={page + 1}"
                    )
                return json(answer)
        return missing()


class BitbucketServerEmulator(Emulator):
    async def handle(self, request: Request) -> Response:
        parts = [
            unquote(p) for p in request.scope["raw_path"].decode().removeprefix("/rest/api/1.0/projects/").split("/")
        ]
        files, query = self.repository.files, request.query_params
        match parts:
            case ["ACME", "repos", "tools", "raw", *path] if self.repository.knows(query.get("at")):
                return Response(files["/".join(path)]) if "/".join(path) in files else missing()
            case ["ACME", "repos", "tools", "commits"] if "path" in query and self.repository.knows(query.get("until")):
                row = {"author": {"name": self.repository.author}, "committerTimestamp": 1795402800_000}
                return json({"values": [row] if query["path"] in files else []})
            case ["ACME", "repos", "tools", "branches"]:
                names = ("side/one", self.repository.branch, "bad name")
                rows = [{"displayId": name, "isDefault": name == self.repository.branch} for name in names]
                return json({"values": rows})
            case ["ACME", "repos", "tools", "tags"]:
                return json({"values": [{"displayId": "v1"}]})
            case ["ACME", "repos", "tools", "commits"] if self.repository.knows(query.get("until")):
                return json({"values": [{"id": self.repository.commit}]})
            case ["ACME", "repos", "tools", "files", *path]:
                folder = "/".join(p for p in path if p)
                names = [n.removeprefix(folder + "/") for n in files if not folder or n.startswith(folder + "/")]
                if not names:
                    return missing()
                start = int(query["start"])
                last = start + 2 >= len(names)
                return json(
                    {
                        "values": names[start : start + 2],
                        "isLastPage": last,
                        "nextPageStart": None if last else start + 2,
                    }
                )
        return missing()


class AzureEmulator(Emulator):
    async def handle(self, request: Request) -> Response:
        files, query = self.repository.files, request.query_params
        path = request.url.path
        if path == "/acme/platform/_apis/git/repositories/tools":
            return json({"defaultBranch": f"refs/heads/{self.repository.branch}"})
        if not path.startswith("/acme/platform/_apis/git/repositories/tools/"):
            return missing()
        if path.endswith("/refs"):
            names = {"heads/": ["side/one", self.repository.branch, "tag/x", "bad name"], "tags/": ["v1"]}
            found = names[query["filter"]]
            return json({"value": [{"name": f"refs/{query['filter']}{name}"} for name in found]})
        if path.endswith("/commits"):
            ref = query.get("searchCriteria.itemVersion.version")
            if "searchCriteria.itemPath" in query and self.repository.knows(ref):
                is_known = query["searchCriteria.itemPath"].lstrip("/") in files
                return json({"value": [self.repository.commit_row()] if is_known else []})
            return json({"value": [{"commitId": self.repository.commit}]}) if self.repository.knows(ref) else missing()
        if not self.repository.knows(query.get("versionDescriptor.version")):
            return missing()
        if "scopePath" in query:
            rows = [{"path": f"/{n}", "gitObjectType": "blob", "objectId": self.repository.blob(n)} for n in files]
            return json({"value": [{"path": "/", "isFolder": True, "gitObjectType": "tree"}, *rows]})
        name = query["path"].lstrip("/")
        return Response(files[name], media_type="application/octet-stream") if name in files else missing()
