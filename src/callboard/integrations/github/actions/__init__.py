"""What steps of templates do at GitHub."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.integrations.github.actions.automation import AutomationActions
from callboard.integrations.github.actions.environments import EnvironmentAction
from callboard.integrations.github.actions.issues import IssueActions
from callboard.integrations.github.actions.pull_request import PullRequests
from callboard.integrations.github.actions.repositories import RepositoryActions
from callboard.integrations.github.actions.repository import GithubPublishing
from callboard.kernel.actions import Action


def github_actions(portal: Any) -> Sequence[Action]:
    publishing = GithubPublishing(portal)
    return [
        *RepositoryActions(publishing).all(),
        PullRequests(publishing).action(),
        *AutomationActions(publishing).all(),
        *IssueActions(publishing).all(),
        EnvironmentAction(publishing).action(),
    ]
