"""The wiring of the scaffolder: templates, tasks and the language of both."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.approvals.service import Approvals
from callboard.features.scaffolder.forms.settings import SETTINGS as FORM_SETTINGS
from callboard.features.scaffolder.interface import ScaffolderHooks, Tasks, Templates, TemplateSource, TemplateUses
from callboard.features.scaffolder.permissions import CREATE_TASK, PERMISSIONS, RULES
from callboard.features.scaffolder.settings import SETTINGS, ScaffolderSettings
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEM = NavItem("create", "nav.create", "/create", "create", 40, CREATE_TASK, "n")


class Scaffolder:
    """The parts of one portal's scaffolder, put together."""

    def __init__(self, portal: Any) -> None:
        from callboard.features.scaffolder.languages import Extensions
        from callboard.features.scaffolder.tasks.janitor import Janitor
        from callboard.features.scaffolder.tasks.parts import TaskParts
        from callboard.features.scaffolder.tasks.service import TaskService
        from callboard.features.scaffolder.tasks.worker import TaskWorker
        from callboard.features.scaffolder.templates import TemplateForms
        from callboard.features.scaffolder.updates.wiring import UpdateWiring
        from callboard.features.scaffolder.uses import TaskCounts

        self.settings = ScaffolderSettings.of(portal.settings)
        added = portal.plugins.collect("register_template_extensions", portal=portal)
        self.extensions = Extensions.of(self.settings.hosts, added)
        self.templates = TemplateForms(portal)
        self.parts = TaskParts(portal, self.settings, self.templates, self.extensions)
        self.worker = TaskWorker(self.parts)
        self.janitor = Janitor(self.parts)
        self.tasks = TaskService(self.parts)
        self.updates = UpdateWiring(portal, self.settings, self.extensions)
        self.parts.recorder = self.updates.recorder
        self.uses = TaskCounts(portal.db, portal.permissions)


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [ScaffolderHooks]


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.scaffolder.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    from callboard.features.scaffolder.actions.settings import ACTION_SETTINGS

    return [*SETTINGS, *ACTION_SETTINGS, *FORM_SETTINGS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return [*PERMISSIONS]


@hookimpl
def register_permission_rules(portal: Any) -> Sequence[Any]:
    return [*RULES]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.catalog.interface import UrlReader
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.rest import ReadAudit
    from callboard.features.scaffolder.sources import CatalogTemplateSource
    from callboard.features.scaffolder.templates import TemplateForms

    scaffolder = Scaffolder(portal)
    settings = scaffolder.settings
    reads = ReadAudit(
        portal.audit, portal.db, portal.clock, is_on=settings.audits_reads, longest=settings.audited_characters
    )
    return {
        ReadAudit: reads,
        TemplateSource: CatalogTemplateSource(portal.service(UrlReader)),
        Scaffolder: scaffolder,
        ScaffolderSettings: scaffolder.settings,
        Extensions: scaffolder.extensions,
        Templates: scaffolder.templates,
        TemplateForms: scaffolder.templates,
        Tasks: scaffolder.tasks,
        TemplateUses: scaffolder.uses,
        Approvals: Approvals(portal),
        **scaffolder.updates.services(),
    }


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.approvals.rest import approval_routes
    from callboard.features.scaffolder.rest import task_routes

    scaffolder = portal.service(Scaffolder)
    return [
        *task_routes(portal, scaffolder.extensions.to_json),
        *approval_routes(portal.service(Approvals)),
        LateRoutes(["/create", "/catalog"], lambda: _page_routes(portal)),
    ]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.forms import form_routes
    from callboard.features.scaffolder.views import page_routes

    return [
        *form_routes(portal),
        *page_routes(portal),
        *_approval_views(portal).routes(),
        *_day_two(portal).routes(),
        *portal.service(Scaffolder).updates.views(portal).routes(),
    ]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [NAV_ITEM]


@hookimpl
def register_entity_tabs(portal: Any) -> Sequence[Any]:
    return portal.service(Scaffolder).updates.views(portal).tabs()


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.views import run_cards

    return [run_cards(portal).entity_card(), *portal.service(Scaffolder).updates.views(portal).cards()]


@hookimpl
def register_entity_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.views import run_cards

    return [run_cards(portal).entity_action(), _day_two(portal).action()]


@hookimpl
def register_home_cards(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.views import run_cards

    return [run_cards(portal).home_card(), _approval_views(portal).home_card()]


def _day_two(portal: Any) -> Any:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.scaffolder.day_two.views import DayTwo
    from callboard.ui.messages import Messages

    return DayTwo(portal.service(CatalogQueries), portal.permissions, portal.service(Messages))


def _approval_views(portal: Any) -> Any:
    from callboard.features.scaffolder.approvals.views import ApprovalViews
    from callboard.features.scaffolder.views.base import PageParts

    return ApprovalViews(portal.service(Approvals), PageParts(portal))


@hookimpl
def register_templates() -> Sequence[str]:
    package = "callboard.features.scaffolder"
    return [package, f"{package}.forms", f"{package}.updates"]


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    scaffolder = portal.service(Scaffolder)
    approvals = portal.service(Approvals)
    return [scaffolder.worker.kind(), scaffolder.janitor.kind(), approvals.kind(), *scaffolder.updates.kinds()]


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    scaffolder = portal.service(Scaffolder)
    return [scaffolder.janitor.schedule(), *scaffolder.updates.schedules()]


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.scaffolder.actions import core_actions
    from callboard.features.scaffolder.approvals.action import approve_action
    from callboard.features.scaffolder.rest import task_actions

    approve = approve_action(portal.service(Approvals), portal.service(CatalogQueries), portal.clock)
    return [*core_actions(portal), *task_actions(portal), *approve]


@hookimpl
def register_event_guards(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.tasks.telling import TaskGuard

    return TaskGuard(portal.permissions).guards()


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    scaffolder = portal.service(Scaffolder)

    async def begin() -> None:
        scaffolder.parts.stream.start()
        await scaffolder.janitor.clear_disk()

    return [begin]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.rest import ReadAudit

    stream, reads = portal.service(Scaffolder).parts.stream, portal.service(ReadAudit)

    async def stop() -> None:
        stream.stop()
        await reads.close()

    return [stop]
