"""Schemas of what GitHub's actions take: the fields that Backstage documents for them."""

from __future__ import annotations

from callboard.kernel.publishing.schemas import (
    COMMIT,
    SOURCE_PATH,
    TOKEN,
    Schema,
    flag,
    number,
    one_of,
    record,
    text,
    text_map,
    texts,
)

REPO_URL = text("The repository: `github.com?owner=acme&repo=tools`.")

_PEOPLE = {"apps": texts("Slugs of apps."), "users": texts("Logins of users."), "teams": texts("Slugs of teams.")}

SETTINGS: dict[str, Schema] = {
    "repoUrl": REPO_URL,
    "description": text("Description of the repository."),
    "homepage": text("Its web page."),
    "access": text("Who gets admin access besides: a login, or `organisation/team`."),
    "repoVisibility": one_of("Who sees it.", "private", "public", "internal", default="private"),
    "deleteBranchOnMerge": flag("Delete branches when they are merged.", False),
    "allowMergeCommit": flag("Allow merge commits.", True),
    "allowSquashMerge": flag("Allow squash merges.", True),
    "squashMergeCommitTitle": one_of(
        "Title of squash merges.", "PR_TITLE", "COMMIT_OR_PR_TITLE", default="COMMIT_OR_PR_TITLE"
    ),
    "squashMergeCommitMessage": one_of(
        "Message of squash merges.", "PR_BODY", "COMMIT_MESSAGES", "BLANK", default="COMMIT_MESSAGES"
    ),
    "allowRebaseMerge": flag("Allow rebase merges.", True),
    "allowAutoMerge": flag("Allow merging by itself once everything holds.", False),
    "allowUpdateBranch": flag("Always offer to bring a pull request's branch up to date.", False),
    "collaborators": {
        "type": "array",
        "description": "Users and teams with access.",
        "items": record(
            {
                "access": text("pull, triage, push, maintain, admin, or a custom role."),
                "user": text("Login of a user."),
                "username": text("The same."),
                "team": text("Slug of a team."),
            },
            ("access",),
            oneOf=[{"required": ["user"]}, {"required": ["username"]}, {"required": ["team"]}],
        ),
    },
    "hasProjects": flag("Switch projects on or off; the organisation's default without it."),
    "hasWiki": flag("Switch the wiki on.", True),
    "hasIssues": flag("Switch issues on.", True),
    "topics": texts("Topics of the repository."),
    "repoVariables": text_map("Variables for workflows."),
    "secrets": text_map("Secrets for workflows."),
    "oidcCustomization": record(
        {
            "useDefault": flag("Use GitHub's template of the subject."),
            "includeClaimKeys": texts("Claims that the subject is made of."),
        },
    ),
    "customProperties": {
        "type": "object",
        "description": "Custom properties of the organisation.",
        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    },
    "subscribe": flag("Watch the repository with the account that makes it."),
    "token": TOKEN,
}

PROTECTION: dict[str, Schema] = {
    "requireCodeOwnerReviews": flag("Approval of code owners is needed.", False),
    "dismissStaleReviews": flag("New commits dismiss approvals.", False),
    "requiredStatusCheckContexts": texts("Checks that must pass."),
    "requireBranchesToBeUpToDate": flag("Branches must be up to date before they are merged.", True),
    "requiredConversationResolution": flag("Conversations must be resolved.", False),
    "requireLastPushApproval": flag("The last push needs approval of somebody else.", False),
    "requiredApprovingReviewCount": number("Approvals needed; 0 to 6.", default=1),
    "bypassPullRequestAllowances": record(_PEOPLE, description="Who may push without a pull request."),
    "restrictions": record(_PEOPLE, ("users", "teams"), description="Who may push at all."),
    "requiredCommitSigning": flag("Commits must be signed.", False),
    "requiredLinearHistory": flag("No merge commits.", False),
}

PROTECT_DEFAULT: dict[str, Schema] = {
    "protectDefaultBranch": flag("Protect the default branch.", True),
    "protectEnforceAdmins": flag("Protection holds for administrators too.", True),
    **PROTECTION,
}

CREATE: dict[str, Schema] = {
    **SETTINGS,
    "autoInit": flag("Begin with an empty README.", False),
    "workflowAccess": one_of("Which repositories may use its workflows.", "none", "organization", "user"),
}

PUSH: dict[str, Schema] = {
    "repoUrl": REPO_URL,
    "defaultBranch": text("The branch that is pushed.", default="main"),
    "sourcePath": SOURCE_PATH,
    **COMMIT,
    **PROTECT_DEFAULT,
    "token": TOKEN,
}
