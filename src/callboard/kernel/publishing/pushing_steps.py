"""Pushing what a step has, with the author, message and fields that all hosts' actions share."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.publishing.pushing import Push, require_pusher
from callboard.kernel.publishing.settings import PublishDefaults
from callboard.kernel.publishing.steps import once, source_folder


async def push_step(
    portal: Any,
    defaults: PublishDefaults,
    context: ActionContext,
    *,
    url: str,
    branch: str,
    authorization: str | None,
    base: str | None = None,
    message: str | None = None,
    delete: Sequence[str] = (),
) -> str:
    """The commit at ``branch`` of ``url`` after the push of ``sourcePath``; done once a step. See ``Push`` for ``base``."""
    given = context.input
    if given.get("signCommit"):
        raise InputError("Commits cannot be signed here. Leave signCommit out.", field="signCommit")
    push = Push(
        url=url,
        folder=source_folder(context).root,
        branch=branch,
        author=defaults.author_of(given),
        message=message or defaults.message_of(given),
        authorization=authorization,
        base=base,
        into=str(given.get("targetPath") or ""),
        delete=delete,
    )

    async def work() -> str:
        return (await require_pusher(portal).push(push)).commit

    commit: str = await once(context, "push", work)
    context.log(f"Pushed {commit[:12]} to {branch} of {url}.")
    return commit
