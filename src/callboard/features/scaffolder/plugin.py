"""The wiring of the scaffolder: templates, tasks and the language of both."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.forms.settings import SETTINGS as FORM_SETTINGS
from callboard.features.scaffolder.interface import ScaffolderHooks, Tasks, Templates, TemplateSource, TemplateUses
from callboard.features.scaffolder.job_kinds import job_kinds, schedules
from callboard.features.scaffolder.permissions import CREATE_TASK, PERMISSIONS, RULES
from callboard.features.scaffolder.settings import SETTINGS, ScaffolderSettings, workspaces_folder
from callboard.kernel.plugins.hooks import LateService, hookimpl
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

        self.settings = portal.service(ScaffolderSettings)
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
        self.parts.stream.start()


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
def register_services(portal: Any) -> Mapping[type | str, Any]:
    settings = ScaffolderSettings.of(portal.settings)

    def scaffolder() -> Scaffolder:
        found: Scaffolder = portal.service(Scaffolder)
        return found

    def reads() -> Any:
        from callboard.features.scaffolder.rest.auditing import ReadAudit

        return ReadAudit(
            portal.audit, portal.db, portal.clock, is_on=settings.audits_reads, longest=settings.audited_characters
        )

    def source() -> Any:
        from callboard.features.catalog.interface import UrlReader
        from callboard.features.scaffolder.sources import CatalogTemplateSource

        return CatalogTemplateSource(portal.service(UrlReader))

    def approvals() -> Any:
        from callboard.features.scaffolder.approvals.service import Approvals

        return Approvals(portal)

    package = "callboard.features.scaffolder"
    return {
        ScaffolderSettings: settings,
        Scaffolder: LateService(lambda: Scaffolder(portal)),
        TemplateSource: LateService(source),
        Templates: LateService(lambda: scaffolder().templates),
        Tasks: LateService(lambda: scaffolder().tasks),
        TemplateUses: LateService(lambda: scaffolder().uses),
        f"{package}.rest.auditing.ReadAudit": LateService(reads),
        f"{package}.languages.Extensions": LateService(lambda: scaffolder().extensions),
        f"{package}.templates.TemplateForms": LateService(lambda: scaffolder().templates),
        f"{package}.approvals.service.Approvals": LateService(approvals),
        f"{package}.updates.wiring.UpdateWiring": LateService(lambda: scaffolder().updates),
        f"{package}.updates.interface.TemplateUpdates": LateService(lambda: scaffolder().updates.service),
    }


def _approvals(portal: Any) -> Any:
    from callboard.features.scaffolder.approvals.service import Approvals

    return portal.service(Approvals)


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/scaffolder"], lambda: _rest_routes(portal)),
        LateRoutes(["/create", "/catalog"], lambda: _page_routes(portal)),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.approvals.rest import approval_routes
    from callboard.features.scaffolder.rest import task_routes

    extensions = portal.service(Scaffolder).extensions
    return [*task_routes(portal, extensions.to_json), *approval_routes(_approvals(portal))]


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

    return ApprovalViews(_approvals(portal), PageParts(portal))


@hookimpl
def register_templates() -> Sequence[str]:
    package = "callboard.features.scaffolder"
    return [package, f"{package}.forms", f"{package}.updates"]


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return job_kinds(portal.service(ScaffolderSettings), lambda: portal.service(Scaffolder), lambda: _approvals(portal))


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    return schedules(portal.service(ScaffolderSettings))


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.scaffolder.actions import core_actions
    from callboard.features.scaffolder.approvals.action import approve_action
    from callboard.features.scaffolder.rest import task_actions

    approve = approve_action(_approvals(portal), portal.service(CatalogQueries), portal.clock)
    return [*core_actions(portal), *task_actions(portal), *approve]


@hookimpl
def register_event_guards(portal: Any) -> Sequence[Any]:
    from callboard.features.scaffolder.tasks.telling import TaskGuard

    return TaskGuard(portal.permissions).guards()


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    async def begin() -> None:
        settings = portal.service(ScaffolderSettings)
        folders = (portal.data_dir / "scaffolder", workspaces_folder(portal.data_dir, settings.working_directory))
        if portal.db.dialect == "sqlite" and not any(folder.exists() for folder in folders):
            return  # nothing was ever run here
        await portal.service(Scaffolder).janitor.clear_disk()

    return [begin]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    async def stop() -> None:
        if (scaffolder := portal.find_made_service(Scaffolder)) is not None:
            scaffolder.parts.stream.stop()
        if (reads := portal.find_made_service("callboard.features.scaffolder.rest.auditing.ReadAudit")) is not None:
            await reads.close()

    return [stop]
