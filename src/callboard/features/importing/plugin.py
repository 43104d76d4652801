"""The wiring of importing: one service, its jobs, REST, pages, and the providers of sheets that are read again and again."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CREATE_ENTITY
from callboard.features.importing.job_kinds import SCHEDULES, job_kinds
from callboard.features.importing.settings import SETTINGS
from callboard.kernel.plugins.hooks import LateService, hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEM = NavItem("import", "nav.import", "/import", "sheet", 85, CREATE_ENTITY)


class Importing:
    """The parts of one portal's importing, put together."""

    def __init__(self, portal: Any) -> None:
        from callboard.features.importing.jobs import ImportJobs
        from callboard.features.importing.parts import Parts
        from callboard.features.importing.service import Imports

        parts = Parts(portal)
        self.imports = Imports(parts)
        self.jobs = ImportJobs(parts)


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.importing.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type | str, Any]:
    return {
        Importing: LateService(lambda: Importing(portal)),
        "callboard.features.importing.interface.ImportService": LateService(lambda: portal.service(Importing).imports),
    }


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return job_kinds(lambda: portal.service(Importing).jobs, lambda: portal.service(Importing).imports.drifts)


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    return SCHEDULES


@hookimpl
def register_catalog_providers(portal: Any) -> Sequence[Any]:
    if not portal.settings.has("catalog.providers.spreadsheet"):
        return ()
    from callboard.features.importing.provider import providers_of

    return providers_of(portal)


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.importing.actions import import_actions
    from callboard.features.importing.interface import ImportService

    return import_actions(portal.service(ImportService))


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    def rest() -> Sequence[Any]:
        from callboard.features.importing.interface import ImportService
        from callboard.features.importing.rest import import_routes

        return import_routes(portal.service(ImportService))

    def pages() -> Sequence[Any]:
        from callboard.features.importing.rest import MAX_UPLOAD_BYTES
        from callboard.features.importing.views.wiring import page_routes

        return page_routes(portal, max_bytes=MAX_UPLOAD_BYTES)

    return [LateRoutes(["/api/importing"], rest), LateRoutes(["/import"], pages)]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [NAV_ITEM]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.importing"]
