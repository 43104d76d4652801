"""Wires runs of GitHub Actions in: a card and a tab, over what the GitHub integration offers; nothing where that is switched off."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.interface import CatalogQueries, EntityCard, EntityTab
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting
from callboard.kernel.web.routing import LateRoutes


def _views(portal: Any) -> Any:
    """The views of one portal; None without GitHub or without pages."""
    from callboard.integrations.github_actions.runs import WorkflowRuns
    from callboard.integrations.github_actions.views import ActionsViews
    from callboard.kernel.host_apis import GithubApis
    from callboard.ui.messages import Messages

    apis, queries = portal.find_service(GithubApis), portal.find_service(CatalogQueries)
    if apis is None or queries is None:
        return None
    owners = [str(owner) for owner in portal.settings.get("githubActions.owners", []) or []]
    # a portal that nobody connected to GitHub must not ask it about annotations that came with a catalog
    is_on = portal.settings.has("integrations.github") or portal.settings.has("githubActions")
    runs = WorkflowRuns(apis, portal.clock, owners, is_on=is_on)
    return ActionsViews(
        runs, queries, portal.permissions, portal.audit, clock=portal.clock, messages=portal.service(Messages)
    )


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[EntityCard]:
    views = _views(portal)
    return views.cards() if views is not None else []


@hookimpl
def register_entity_tabs(portal: Any) -> Sequence[EntityTab]:
    views = _views(portal)
    return views.tabs() if views is not None else []


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [LateRoutes(["/catalog"], lambda: _routes(portal))]


def _routes(portal: Any) -> Sequence[Any]:
    views = _views(portal)
    return views.routes() if views is not None else []


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    from callboard.integrations.github_actions.permissions import RERUN

    return [RERUN]


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("githubActions", "object", None, None, "Runs of GitHub Actions on the pages of entities."),
        Setting(
            "githubActions.owners", "list", (), None,
            "Organisations and users whose repositories' runs are shown; all that the credentials reach, when empty.",
        ),
    ]  # fmt: skip


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.integrations.github_actions"]
