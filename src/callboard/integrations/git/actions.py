"""``publish:git``: a folder of the workspace to any remote, or local bare repository, that ``integrations.git`` opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence
from urllib.parse import quote, unquote, urlsplit

from callboard.integrations.git.client import GitRepositories, check_ref
from callboard.integrations.git.pusher import Pusher
from callboard.kernel.access_token import basic_authorization
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.publishing import PublishDefaults, once, source_folder
from callboard.kernel.publishing.pushing import Push
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, record, text, texts
from callboard.kernel.publishing.signing import signing_key_of
from callboard.kernel.source_host import SettingsView

EXAMPLES = (
    {
        "description": "Begins the history of an empty repository.",
        "example": "steps:\n  - id: publish\n    action: publish:git\n    name: Publish\n    input:\n"
        "      remoteUrl: https://git.example.com/team/tools.git\n      gitCommitMessage: The first files\n",
    },
    {
        "description": "Adds files to a repository on a branch of their own.",
        "example": "steps:\n  - id: publish\n    action: publish:git\n    name: Add the pipeline\n    input:\n"
        "      remoteUrl: ssh://git@git.example.com/team/tools.git\n      defaultBranch: main\n"
        "      targetBranch: add-pipeline\n      sourcePath: ./pipeline\n      targetPath: ci\n",
    },
)


class PublishGit:
    """The handler of ``publish:git``."""

    def __init__(self, repositories: GitRepositories, pusher: Pusher, settings: SettingsView) -> None:
        self._repositories = repositories
        self._pusher = pusher
        self._settings = settings
        self._defaults = PublishDefaults.of(settings)

    def action(self) -> Action:
        return Action(
            id="publish:git",
            title="Publish to git",
            description="Commits the files of the workspace and pushes them to a git remote that the settings name.",
            handler=self.run,
            input_schema=record(
                {
                    "remoteUrl": text(
                        "The repository: https://…, ssh://… or, for a bare repository on this machine, file:///…. A local one "
                        "is made when it is missing."
                    ),
                    "defaultBranch": text(
                        "The branch that is begun, or that targetBranch starts from.", default="main"
                    ),
                    "targetBranch": text("Adds the files to a repository that exists, on this new branch."),
                    "sourcePath": SOURCE_PATH,
                    "targetPath": text("Folder of the repository that the files go to; its root by default."),
                    "filesToDelete": texts("Paths of the repository to remove, with targetBranch."),
                    **COMMIT,
                    "token": TOKEN,
                },
                ("remoteUrl",),
            ),
            output_schema=PUBLISHED,
            attributes=ActionAttributes(destructive=True, idempotent=True),
            needs_workspace=True,
            examples=EXAMPLES,
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        url = location_of(str(given["remoteUrl"]))
        if not self._repositories.is_allowed(url):
            raise NotAllowedError(
                f"{url} may not be pushed to: no row of the setting integrations.git opens it.", field="remoteUrl"
            )
        main, target = check_ref(str(given.get("defaultBranch") or "main")), str(given.get("targetBranch") or "")
        folder = source_folder(context)
        push = Push(
            url=url,
            folder=folder.root,
            branch=target or main,
            author=self._defaults.author_of(given),
            message=self._defaults.message_of(given),
            authorization=self._authorization(url, self._defaults.token_of(given)),
            signing_key=signing_key_of(given, self._settings, url),
            base=main if target else None,
            into=str(given.get("targetPath") or ""),
            delete=[str(one) for one in given.get("filesToDelete") or ()] if target else [],
        )
        if url.startswith("/") and not target:
            await self._pusher.create_bare(Path(url), main)

        async def work() -> str:
            return (await self._pusher.push(push)).commit

        commit = await once(context, "push", work)
        context.log(f"{url} has the branch {push.branch} at {commit}.")
        address = f"file://{quote(url)}" if url.startswith("/") else url
        return {
            "remoteUrl": address,
            "repoContentsUrl": f"git+{address}?ref={quote(push.branch, safe='/')}#",
            "commitHash": commit,
        }

    def _authorization(self, url: str, token: str | None) -> str | None:
        if token:
            return basic_authorization("oauth2", token)
        remote = None if url.startswith("/") else self._repositories.find_remote(url)
        return remote.header if remote else None


def location_of(text: str) -> str:
    """What git is given for ``remoteUrl``: an http(s) or ssh URL, or the absolute path of a ``file:`` one. Raises ``InputError``."""
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname
    except ValueError as error:
        raise InputError(f"{text!r} is no URL: {error}", field="remoteUrl") from error
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return unquote(parts.path)
    if parts.scheme in ("http", "https", "ssh") and host and not parts.query and not parts.fragment:
        if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
            raise InputError("Credentials do not belong into remoteUrl. Put them into the settings.", field="remoteUrl")
        if not host[0].isalnum():
            raise InputError(f"{host!r} is no host.", field="remoteUrl")
        return text.strip().rstrip("/")
    raise InputError("remoteUrl must be https://…, http://…, ssh://… or file:///….", field="remoteUrl")


def git_actions(portal: Any) -> Sequence[Action]:
    return [PublishGit(portal.service(GitRepositories), portal.service(Pusher), portal.settings).action()]
