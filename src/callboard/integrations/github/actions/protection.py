"""Protection of branches at GitHub. Source: GitHub REST documentation, "Update branch protection"."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubRepository
from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import NotAllowedError, NotFoundError

_TRIES = 4


async def protect_branch(
    repository: GithubRepository, branch: str, given: Mapping[str, Any], *, enforce_admins: bool, context: ActionContext
) -> None:
    """Protect ``branch`` as ``given`` says. A branch just pushed is asked for a few times: GitHub sees it a moment later.

    An account whose plan has no protection of private repositories is told so in the log, and is no error.
    """
    path = f"/branches/{quote(branch, safe='')}/protection"
    for left in reversed(range(_TRIES)):
        try:
            await repository.send("PUT", path, protection_of(given, enforce_admins=enforce_admins))
            break
        except NotAllowedError as error:
            if "Upgrade to GitHub" not in error.message:
                raise
            context.log(f"{branch} is not protected: the plan of {repository.owner} has no protection of private ones.")
            return
        except NotFoundError as error:
            if not left or "Branch not found" not in error.message:
                raise
            await repository.api.budget.pause(0.6)
    if given.get("requiredCommitSigning"):
        await repository.send("POST", f"{path}/required_signatures")
    context.log(f"Protected the branch {branch}.")


def protection_of(given: Mapping[str, Any], *, enforce_admins: bool) -> dict[str, Any]:
    """The body of the request."""
    reviews: dict[str, Any] = {
        "required_approving_review_count": int(given.get("requiredApprovingReviewCount", 1)),
        "require_code_owner_reviews": given.get("requireCodeOwnerReviews", False),
        "dismiss_stale_reviews": given.get("dismissStaleReviews", False),
        "require_last_push_approval": given.get("requireLastPushApproval", False),
    }
    if (bypass := given.get("bypassPullRequestAllowances")) is not None:
        reviews["bypass_pull_request_allowances"] = bypass
    return {
        "required_status_checks": {
            "strict": given.get("requireBranchesToBeUpToDate", True),
            "contexts": list(given.get("requiredStatusCheckContexts") or ()),
        },
        "restrictions": given.get("restrictions"),
        "enforce_admins": enforce_admins,
        "required_pull_request_reviews": reviews,
        "required_conversation_resolution": given.get("requiredConversationResolution", False),
        "required_linear_history": given.get("requiredLinearHistory", False),
    }
