"""The wiring of notifications: one service, its wire, its channels and pages."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.notifications.interface import SEND_NOTIFICATION, Notifications
from callboard.kernel.plugins.hooks import hookimpl


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.notifications.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return [SEND_NOTIFICATION]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.notifications.service import NotificationService

    service = NotificationService(portal, portal.signals)
    return {NotificationService: service, Notifications: service}
