"""The wiring of personal settings: one service, and its pages."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

PAGES = (
    NavItem("settings-profile", "settings.profile", "/settings", "user", 10),
    NavItem("settings-sessions", "settings.sessions", "/settings/sessions", "lock", 40),
)


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.settings.service import PersonalSettings

    return {PersonalSettings: PersonalSettings(portal)}


@hookimpl
def register_settings_pages(portal: Any) -> Sequence[Any]:
    return [*PAGES]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [LateRoutes(["/settings"], lambda: _page_routes(portal))]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.settings.service import PersonalSettings
    from callboard.features.settings.views import SettingsViews
    from callboard.ui.messages import Messages

    return SettingsViews(portal.service(PersonalSettings), portal.service(Messages)).routes()


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.settings"]
