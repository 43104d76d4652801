"""The wiring of set-up: its service, its pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.setup.interface import SetupService
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.setup.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.catalog.interface.checks import FileLook
    from callboard.features.setup.checks import Checks
    from callboard.features.setup.service import Setup

    folder = Path(os.getcwd())
    hosts = portal.plugins.collect("register_source_checks", portal=portal)
    files = portal.service(FileLook)
    checks = Checks(files, hosts, folder=folder, environ=os.environ, rows=portal.setting_rows)
    setup = Setup(portal, checks, folder=folder)
    return {Setup: setup, SetupService: setup, Checks: checks}


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [LateRoutes(["/setup"], lambda: _page_routes(portal))]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.setup.checks import Checks
    from callboard.features.setup.service import Setup
    from callboard.features.setup.views import SetupViews
    from callboard.ui.messages import Messages

    return SetupViews(portal.service(Setup), portal.service(Checks), portal.auth, portal.service(Messages)).routes()


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.setup"]
