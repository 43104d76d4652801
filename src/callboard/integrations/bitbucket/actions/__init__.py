"""What steps of templates do at Bitbucket, Cloud and Server."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.integrations.bitbucket.actions.cloud import CloudActions
from callboard.integrations.bitbucket.actions.either import EitherActions
from callboard.integrations.bitbucket.actions.server import ServerActions
from callboard.kernel.actions import Action


def bitbucket_actions(portal: Any) -> Sequence[Action]:
    cloud, server = CloudActions(portal), ServerActions(portal)
    return [*cloud.all(), *server.all(), *EitherActions(portal, cloud, server).all()]
