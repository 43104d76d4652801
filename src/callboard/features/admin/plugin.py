"""The wiring of administration: its pages and its place in the rail."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.admin.interface import READ_ADMIN
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEM = NavItem("admin", "nav.admin", "/admin", "admin", 200, READ_ADMIN)


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return [READ_ADMIN]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [LateRoutes(["/admin"], lambda: _page_routes(portal))]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.admin.views.accounts import AccountViews
    from callboard.features.admin.views.house import HouseViews
    from callboard.features.admin.views.running import RunningViews
    from callboard.ui.messages import Messages

    messages = portal.service(Messages)
    return [
        *HouseViews(portal, messages).routes(),
        *AccountViews(portal, messages).routes(),
        *RunningViews(portal, messages).routes(),
    ]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [NAV_ITEM]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.admin"]
