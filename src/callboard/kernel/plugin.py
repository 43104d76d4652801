"""The kernel's own part, entering by the hooks that everyone gets: tables, settings, actions on accounts, metrics."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.kernel.account_actions import ACCOUNT_PERMISSIONS, account_actions
from callboard.kernel.plugins.hooks import hookimpl


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.kernel.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    from callboard.kernel.auth.settings import SETTINGS

    return [*SETTINGS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    from callboard.kernel.policy_actions import READ_POLICY
    from callboard.kernel.wire.plugin_endpoints import RUN_TASKS

    return [*ACCOUNT_PERMISSIONS, READ_POLICY, RUN_TASKS]


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.kernel.policy_actions import policy_actions

    return [*account_actions(portal.auth.users, portal.auth.api_tokens), *policy_actions(portal)]


@hookimpl
def register_settings_pages(portal: Any) -> Sequence[Any]:
    from callboard.kernel.web.shell import NavItem

    return [NavItem("tokens", "tokens.title", "/settings/tokens", "tokens", 50)]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    from callboard.kernel.web.routing import LateRoutes

    def rest() -> Sequence[Any]:
        from callboard.kernel.actions_rest import action_routes

        return action_routes(portal.actions)

    def metrics() -> Sequence[Any]:
        from callboard.kernel.metrics_rest import metrics_route

        return [metrics_route(portal.metrics, portal.plugins.collect("register_metrics", portal=portal))]

    return [LateRoutes(["/api/actions"], rest), LateRoutes(["/metrics"], metrics)]


@hookimpl
def register_metrics(portal: Any) -> Sequence[Any]:
    from callboard.kernel.figures import KernelFigures

    return [KernelFigures(portal.metrics, portal.jobs, portal.http.budgets).read]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.kernel.rate_budget import RateBudgets
    from callboard.kernel.user_settings import UserSettings

    return {RateBudgets: portal.http.budgets, UserSettings: UserSettings(portal.db, portal.clock)}


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    async def listen() -> None:
        portal.auth.listen()
        portal.signals.start()

    return [listen]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    async def stop() -> None:
        portal.signals.stop()
        portal.auth.stop()

    return [stop]
