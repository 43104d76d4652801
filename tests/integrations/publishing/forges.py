"""Source hosts that can be written to: their APIs as documented, with real git repositories behind them."""

from __future__ import annotations

import json as json_module
import os
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from tests.integrations.publishing import openapi
from tests.integrations.serving import Emulator, git_http_backend, json, missing

PEOPLE = {"GIT_AUTHOR_NAME": "H", "GIT_AUTHOR_EMAIL": "h@h", "GIT_COMMITTER_NAME": "H", "GIT_COMMITTER_EMAIL": "h@h"}


class Forge(Emulator):
    """Bare repositories below ``root`` and what the API was asked to write. A push is served at ``/<path>.git/…``."""

    api_prefix = "/api"

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.written: list[tuple[str, str, Any]] = []
        self.problems: list[str] = []
        self.git_tokens: list[str | None] = []
        self._git = git_http_backend(str(root))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and ".git/" in scope["path"]:
            self.git_tokens.append(Request(scope).headers.get("authorization"))
            await self._git(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    async def handle(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if path.startswith("/codeload/"):
            name, _, rev = path.removeprefix("/codeload/").rpartition("/")
            return self.archive(name, rev, prefix="acme-tools-1234567/")
        if not path.startswith(self.api_prefix):
            return missing()
        path = path.removeprefix(self.api_prefix)
        raw = await request.body()
        is_json = request.headers.get("content-type", "").startswith("application/json")
        body = json_module.loads(raw) if raw and is_json else (raw or None)
        self.problems += self.check(request.method, path, body)
        if request.method != "GET":
            self.written.append((request.method, path, body))
        return self.answer(request, request.method, [unquote(part) for part in path.strip("/").split("/")], body)

    def check(self, method: str, path: str, body: Any) -> list[str]:
        return []

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        raise NotImplementedError

    def sent(self, method: str, end: str) -> Any:
        """The body of the one request whose path ends so."""
        (found,) = [body for how, path, body in self.written if how == method and path.endswith(end)]
        return found

    # -- repositories ------------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        return (self.root / f"{name}.git").is_dir()

    def create(self, name: str, files: dict[str, str] | None = None, branch: str = "main") -> None:
        place = self.root / f"{name}.git"
        place.mkdir(parents=True)
        self.git(name, "init", "--quiet", "--bare", f"--initial-branch={branch}")
        self.git(name, "config", "http.receivepack", "true")
        if files is not None:
            entries = [{"path": p, "mode": "100644", "sha": self.blob(name, c.encode())} for p, c in files.items()]
            self.git(name, "update-ref", f"refs/heads/{branch}", self.commit(name, self.tree(name, None, entries), []))

    def git(self, name: str, *arguments: str, stdin: bytes = b"", index: str = "") -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, **PEOPLE}
        if index:
            environment["GIT_INDEX_FILE"] = index
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments],
            cwd=self.root / f"{name}.git", input=stdin, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        return done.stdout.decode().strip()

    def blob(self, name: str, content: bytes) -> str:
        return self.git(name, "hash-object", "-w", "--stdin", stdin=content)

    def tree(self, name: str, base: str | None, entries: list[dict[str, Any]]) -> str:
        index = str(self.root / "index")
        Path(index).unlink(missing_ok=True)
        if base:
            self.git(name, "read-tree", base, index=index)
        lines = "".join(
            f"{entry['mode']} {entry['sha']}\t{entry['path']}\n" if entry["sha"] else f"0 {'0' * 40}\t{entry['path']}\n"
            for entry in entries
        )
        self.git(name, "update-index", "--index-info", stdin=lines.encode(), index=index)
        return self.git(name, "write-tree", index=index)

    def commit(self, name: str, tree: str, parents: list[str], message: str = "x") -> str:
        return self.git(name, "commit-tree", tree, *(part for one in parents for part in ("-p", one)), "-m", message)

    def find(self, name: str, rev: str) -> str | None:
        try:
            return self.git(name, "rev-parse", "--verify", "--quiet", rev)
        except subprocess.CalledProcessError:
            return None

    def paths(self, name: str, rev: str = "main") -> list[str]:
        return self.git(name, "ls-tree", "-r", "--name-only", rev).split("\n")

    def archive(self, name: str, rev: str, form: str = "tar.gz", *, prefix: str = "", folder: str = "") -> Response:
        place = f"{rev}:{folder}" if folder else rev
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "archive", f"--format={form}", f"--prefix={prefix}", place],
            cwd=self.root / f"{name}.git", capture_output=True, check=False,
        )  # fmt: skip
        return Response(done.stdout) if done.returncode == 0 else missing()


class GithubForge(Forge):
    """GitHub. Every request is judged by GitHub's OpenAPI description, where it is installed."""

    api_prefix = "/api/v3"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.organizations = {"acme"}
        self.pulls: list[dict[str, Any]] = []
        self.may_push = True
        self.key = "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvvcCU="
        self.rules = openapi.github()

    def check(self, method: str, path: str, body: Any) -> list[str]:
        return self.rules.problems(method, path, body) if self.rules else []

    def row(self, owner: str, name: str) -> dict[str, Any]:
        page = f"{self.base}/{owner}/{name}"
        return {
            "name": name, "owner": {"login": owner}, "html_url": page, "clone_url": f"{page}.git",
            "default_branch": "main", "permissions": {"push": self.may_push or owner != "acme"},
        }  # fmt: skip

    def answer(self, request: Request, method: str, parts: list[str], body: Any) -> Response:
        match (method, parts):
            case ("GET", ["users", name]):
                return json({"id": 7, "login": name, "type": "Organization" if name in self.organizations else "User"})
            case ("GET", ["orgs", _, "teams", slug]):
                return json({"id": 8, "slug": slug})
            case ("POST", ["orgs", owner, "repos"]):
                return self._create(owner, body["name"])
            case ("POST", ["user", "repos"]):
                return self._create("ada", body["name"])
            case ("PUT", ["orgs", _, "teams", _, "repos", *_]):
                return Response(status_code=204)
            case ("GET", ["user"]):
                return json({"login": "ada"})
            case ("GET", ["user", "orgs"]):
                return json([{"login": "acme"}])
            case ("GET", ["user", "repos"]):
                return json([{"full_name": "acme/tools"}])
            case (_, ["repos", owner, name, *rest]) if self.has(f"{owner}/{name}"):
                return self._repository(request, method, f"{owner}/{name}", self.row(owner, name), rest, body)
        return missing()

    def _create(self, owner: str, name: str) -> Response:
        if self.has(f"{owner}/{name}"):
            errors = [{"resource": "Repository", "code": "custom", "field": "name",
                       "message": "name already exists on this account"}]  # fmt: skip
            return json({"message": "Repository creation failed.", "errors": errors}, 422)
        self.create(f"{owner}/{name}")
        return json(self.row(owner, name), 201)

    def _repository(
        self, request: Request, method: str, repo: str, row: dict[str, Any], rest: list[str], body: Any
    ) -> Response:
        match (method, rest):
            case ("GET", []):
                return json(row)
            case ("GET", ["branches"]):
                return json([{"name": "main"}])
            case ("GET", ["git", "ref", "heads", *branch]):
                sha = self.find(repo, f"refs/heads/{'/'.join(branch)}")
                return json({"object": {"sha": sha}}) if sha else missing()
            case ("GET", ["tarball", rev]):
                return Response(status_code=302, headers={"location": f"{self.base}/codeload/{repo}/{rev}"})
            case ("GET", ["git", "commits", sha]):
                return json({"tree": {"sha": self.find(repo, f"{sha}^{{tree}}")}})
            case ("GET", ["git", "trees", sha]):
                return json({"tree": [{"path": p, "type": "blob"} for p in self.paths(repo, sha)]})
            case ("POST", ["git", "blobs"]):
                return json({"sha": self.blob(repo, b64decode(body["content"]))}, 201)
            case ("POST", ["git", "trees"]):
                return json({"sha": self.tree(repo, body["base_tree"], body["tree"])}, 201)
            case ("POST", ["git", "commits"]):
                return json({"sha": self.commit(repo, body["tree"], body["parents"], body["message"])}, 201)
            case ("POST", ["git", "refs"]):
                self.git(repo, "update-ref", body["ref"], body["sha"])
                return json({}, 201)
            case ("PATCH", ["git", "refs", *ref]):
                self.git(repo, "update-ref", f"refs/{'/'.join(ref)}", body["sha"])
                return json({})
            case ("POST", ["forks"]):
                _, name = repo.split("/")
                if not self.has(f"bo/{name}"):
                    (self.root / "bo").mkdir(exist_ok=True)
                    subprocess.run(["cp", "-r", self.root / f"{repo}.git", self.root / f"bo/{name}.git"], check=True)
                return json(self.row("bo", name), 202)
            case ("GET", ["pulls"]):
                head = request.query_params["head"]
                return json([one for one in self.pulls if one["head"]["label"] == head])
            case ("POST", ["pulls"]):
                label = body["head"] if ":" in body["head"] else f"{row['owner']['login']}:{body['head']}"
                made = {"number": 5, "html_url": f"{row['html_url']}/pull/5", "head": {"label": label}}
                self.pulls.append(made)
                return json(made, 201)
            case ("POST", ["issues"]):
                return json({"number": 9, "html_url": f"{row['html_url']}/issues/9"}, 201)
            case ("POST", ["actions", "workflows", _, "dispatches"]):
                if not body.get("return_run_details"):
                    return Response(status_code=204)
                return json({"workflow_run_id": 3, "run_url": "https://api/3", "html_url": "https://page/3"})
            case ("GET", [*_, "secrets", "public-key"]):
                return json({"key_id": "42", "key": self.key})
            case ("PUT", ["branches", branch, "protection"]) if not self.find(repo, f"refs/heads/{branch}"):
                return json({"message": "Branch not found"}, 404)
        return json({}, 201) if method == "POST" else Response(status_code=204)
