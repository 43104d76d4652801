"""What steps of templates do at GitLab."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.integrations.gitlab.actions.automation import AutomationActions
from callboard.integrations.gitlab.actions.commits import CommitActions
from callboard.integrations.gitlab.actions.groups import GroupActions
from callboard.integrations.gitlab.actions.migrating import MigratingActions
from callboard.integrations.gitlab.actions.project import GitlabPublishing
from callboard.integrations.gitlab.actions.publish import PublishGitlab
from callboard.kernel.actions import Action


def gitlab_actions(portal: Any) -> Sequence[Action]:
    publishing = GitlabPublishing(portal)
    return [
        PublishGitlab(publishing).action(),
        *CommitActions(publishing).all(),
        *GroupActions(publishing).all(),
        *AutomationActions(publishing).all(),
        *MigratingActions(publishing).all(),
    ]
