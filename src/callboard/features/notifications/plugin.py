"""The wiring of notifications: the service, its wire and actions, channels, and pages."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Any, Mapping, Sequence

from callboard.features.notifications.interface import SEND_NOTIFICATION, Notifications
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

CLEAN_JOB = "notifications.clean"
SETTINGS_PAGE = NavItem("settings-notifications", "notifications.title", "/settings/notifications", "alert", 30)


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.notifications.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    from callboard.features.notifications.settings import SETTINGS

    return [*SETTINGS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return [SEND_NOTIFICATION]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.notifications.channels.mail import MailServer
    from callboard.features.notifications.channels.outbox import ChannelOutbox
    from callboard.features.notifications.channels.smtp import Smtp
    from callboard.features.notifications.channels.webhooks import WebhookChannel
    from callboard.features.notifications.personal import Personal
    from callboard.features.notifications.service import NotificationService
    from callboard.features.notifications.settings import NotificationSettings, read_notification_settings
    from callboard.features.notifications.unsubscribe import UnsubscribeLinks
    from callboard.ui.messages import Messages

    settings = read_notification_settings(portal.settings)
    outbox = ChannelOutbox(portal, settings)
    service = NotificationService(portal, portal.signals, outbox)
    services: dict[type, Any] = {
        NotificationSettings: settings,
        ChannelOutbox: outbox,
        NotificationService: service,
        Notifications: service,
        Personal: Personal(portal, settings.defaults),
        UnsubscribeLinks: UnsubscribeLinks(portal.db),
        WebhookChannel: WebhookChannel(portal, settings, portal.service(Messages)),
    }
    if settings.email is not None:
        services[MailServer] = Smtp(settings.email)
    return services


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.notifications.actions import notification_actions
    from callboard.features.notifications.service import NotificationService

    return notification_actions(portal.service(NotificationService))


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    from callboard.features.notifications.channels.mail import MailChannel, MailServer
    from callboard.features.notifications.channels.outbox import ChannelOutbox
    from callboard.features.notifications.channels.webhooks import WebhookChannel
    from callboard.features.notifications.retention import clean
    from callboard.features.notifications.settings import NotificationSettings
    from callboard.features.notifications.unsubscribe import UnsubscribeLinks
    from callboard.kernel.jobs import JobContext, JobKind
    from callboard.ui.messages import Messages

    settings = portal.service(NotificationSettings)

    async def run(context: JobContext) -> None:
        await clean(portal.db, context.clock, settings.retention)

    kinds = [JobKind(CLEAN_JOB, run), *portal.service(ChannelOutbox).job_kinds()]
    kinds += portal.service(WebhookChannel).job_kinds()
    if settings.email is not None:
        links, texts = portal.service(UnsubscribeLinks), portal.service(Messages)
        kinds += MailChannel(portal, settings.email, portal.service(MailServer), links, texts).job_kinds()
    return kinds


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    from callboard.kernel.jobs import Schedule

    return [Schedule("notifications_clean", timedelta(days=1), CLEAN_JOB, initial_delay=timedelta(hours=1))]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/notifications"], lambda: _rest_routes(portal)),
        LateRoutes(["/notifications", "/settings/notifications"], lambda: _page_routes(portal)),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.notifications.channels.webhooks import WebhookChannel
    from callboard.features.notifications.personal import Personal
    from callboard.features.notifications.rest import NotificationRoutes, notification_routes
    from callboard.features.notifications.service import NotificationService

    service, personal = portal.service(NotificationService), portal.service(Personal)
    rest = NotificationRoutes(service, portal.permissions, personal, portal.service(WebhookChannel))
    return notification_routes(rest)


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.notifications.channels.webhooks import WebhookChannel
    from callboard.features.notifications.personal import Personal
    from callboard.features.notifications.service import NotificationService
    from callboard.features.notifications.settings import NotificationSettings
    from callboard.features.notifications.views.choices import ChoicesViews
    from callboard.ui.messages import Messages

    choices = ChoicesViews(
        portal.service(NotificationService), portal.service(Personal), portal.service(WebhookChannel),
        portal.service(NotificationSettings), portal.find_service(CatalogQueries), portal.service(Messages),
    )  # fmt: skip
    return [*_inbox(portal).routes(), *choices.routes()]


def _inbox(portal: Any) -> Any:
    from callboard.features.notifications.personal import Personal
    from callboard.features.notifications.service import NotificationService
    from callboard.features.notifications.unsubscribe import UnsubscribeLinks
    from callboard.features.notifications.views.inbox import InboxViews
    from callboard.ui.messages import Messages

    return InboxViews(
        portal.service(NotificationService), portal.service(Personal), portal.service(UnsubscribeLinks), portal.service(Messages)
    )  # fmt: skip


@hookimpl
def register_page_context(portal: Any) -> Sequence[Any]:
    inbox = functools.cache(lambda: _inbox(portal))

    async def context(request: Any) -> Mapping[str, Any]:
        given: Mapping[str, Any] = await inbox().context(request)
        return given

    return [context]


@hookimpl
def register_settings_pages(portal: Any) -> Sequence[Any]:
    return [SETTINGS_PAGE]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.notifications"]
