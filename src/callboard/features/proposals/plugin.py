"""The wiring of proposals: one service, its job, REST, actions and pages."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CREATE_ENTITY
from callboard.features.proposals.job_kinds import job_kinds
from callboard.features.proposals.settings import SETTINGS
from callboard.kernel.plugins.hooks import LateService, hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEM = NavItem("proposals", "nav.proposals", "/proposals", "proposal", 86, CREATE_ENTITY)


class Proposing:
    """The parts of one portal's proposals, put together."""

    def __init__(self, portal: Any) -> None:
        from callboard.features.proposals.parts import Parts
        from callboard.features.proposals.scanning import Scanning
        from callboard.features.proposals.service import Proposals

        parts = Parts(portal)
        self.scanning = Scanning(parts)
        self.proposals = Proposals(parts, self.scanning)


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.proposals.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type | str, Any]:
    return {
        Proposing: LateService(lambda: Proposing(portal)),
        "callboard.features.proposals.interface.ProposalService": LateService(
            lambda: portal.service(Proposing).proposals
        ),
    }


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return job_kinds(lambda: portal.service(Proposing).scanning.run)


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.proposals.actions import proposal_actions
    from callboard.features.proposals.interface import ProposalService

    return proposal_actions(portal.service(ProposalService))


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    def rest() -> Sequence[Any]:
        from callboard.features.proposals.interface import ProposalService
        from callboard.features.proposals.rest import proposal_routes

        return proposal_routes(portal.service(ProposalService))

    def pages() -> Sequence[Any]:
        from callboard.features.proposals.views.routes import page_routes

        return page_routes(portal)

    return [LateRoutes(["/api/proposals"], rest), LateRoutes(["/proposals"], pages)]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [] if portal.settings.get_bool("catalog.readonly", False) else [NAV_ITEM]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.proposals"]
