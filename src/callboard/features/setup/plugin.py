"""The wiring of set-up: its service, its pages."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.kernel.plugins.hooks import LateService, hookimpl
from callboard.kernel.web.routing import LateRoutes


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.setup.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_services(portal: Any) -> Mapping[type | str, Any]:
    folder = Path(os.getcwd())

    def make_checks() -> Any:
        from callboard.features.catalog.interface.checks import FileLook
        from callboard.features.setup.checks import Checks

        hosts = portal.plugins.collect("register_source_checks", portal=portal)
        return Checks(portal.service(FileLook), hosts, folder=folder, environ=os.environ, rows=portal.setting_rows)

    @functools.cache
    def make_setup() -> Any:
        from callboard.features.setup.checks import Checks
        from callboard.features.setup.service import Setup

        return Setup(portal, portal.service(Checks), folder=folder)

    package = "callboard.features.setup"
    return {
        f"{package}.service.Setup": LateService(make_setup),
        f"{package}.interface.SetupService": LateService(make_setup),
        f"{package}.checks.Checks": LateService(make_checks),
    }


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
