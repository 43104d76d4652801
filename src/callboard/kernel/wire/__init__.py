"""Backstage's wire as far as it belongs to no feature: auth, permission, user settings, signals, and what every plugin has.

Source: Backstage 1.55 (``facts``: recorded answers of health, auth and permission).
"""

from __future__ import annotations

from typing import Any, Sequence

from callboard.kernel.web.routing import Route, SocketRoute


def own_sockets(portal: Any) -> Sequence[SocketRoute]:
    """Every WebSocket that the kernel itself serves."""
    from callboard.kernel.wire.signals import signal_sockets

    return signal_sockets(portal)


def own_routes(portal: Any) -> Sequence[Route]:
    """Every route that the kernel itself answers, for an assembled portal."""
    from callboard.kernel.user_settings import UserSettings
    from callboard.kernel.web.locales import locale_routes
    from callboard.kernel.web.openapi import openapi_routes
    from callboard.kernel.web.routing import plugin_of
    from callboard.kernel.web.views_auth import AuthViews
    from callboard.kernel.wire.auth import auth_routes
    from callboard.kernel.wire.permission import permission_routes
    from callboard.kernel.wire.plugin_endpoints import plugin_routes
    from callboard.kernel.wire.signals import signal_routes
    from callboard.kernel.wire.user_settings import user_settings_routes

    routes = [
        *AuthViews(portal.auth, UserSettings(portal.db, portal.clock)).routes(),
        *locale_routes(portal),
        *auth_routes(portal.auth),
        *permission_routes(portal),
        *user_settings_routes(portal.db, portal.clock, portal.audit, portal.signals),
        *signal_routes(portal),
    ]
    late_plugins = {plugin for one in portal.late_routes for prefix in one.prefixes if (plugin := plugin_of(prefix))}
    plugins = {plugin_of(route.path) for route in (*portal.early_routes, *routes)} - {None} | late_plugins
    known = sorted(plugin for plugin in plugins if plugin is not None and "{" not in plugin)
    routes += plugin_routes(portal, known)
    early = [*portal.early_routes, *routes]
    late = lambda: [route for one in portal.late_routes for route in one.routes]  # noqa: E731
    title = portal.settings.get_str("app.title", "Callboard")
    return [*routes, *openapi_routes(early, title, late, late_plugins)]
