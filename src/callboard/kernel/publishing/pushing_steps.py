"""Pushing what a step has, with the author, message and fields that all hosts' actions share."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.kernel.actions import ActionContext
from callboard.kernel.publishing.pushing import Push, require_pusher
from callboard.kernel.publishing.settings import PublishDefaults
from callboard.kernel.publishing.signing import signing_key_of
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
    for_review: bool = False,
) -> str:
    """The commit at ``branch`` of ``url`` after the push of ``sourcePath``; done once a step. See ``Push`` for ``base`` and ``for_review``."""
    given = context.input
    push = Push(
        url=url,
        folder=source_folder(context).root,
        branch=branch,
        author=defaults.author_of(given),
        message=message or defaults.message_of(given),
        authorization=authorization,
        signing_key=signing_key_of(given, portal.settings, url),
        base=base,
        into=str(given.get("targetPath") or ""),
        delete=delete,
        for_review=for_review,
    )

    async def work() -> str:
        return (await require_pusher(portal).push(push)).commit

    commit: str = await once(context, "push", work)
    told = "for review on" if for_review else "to"
    context.log(f"Pushed {commit[:12]} {told} {branch} of {url}.")
    return commit
