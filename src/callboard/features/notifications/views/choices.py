"""``/settings/notifications``: channels, topics, digests, quiet hours, webhooks."""

from __future__ import annotations

from typing import Any, Mapping
from zoneinfo import available_timezones

from starlette.responses import Response

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.notifications.channels.mail import find_address
from callboard.features.notifications.channels.webhooks import WebhookChannel
from callboard.features.notifications.domain import CHANNELS, EMAIL
from callboard.features.notifications.pages.choices import (
    ChoicesPage,
    choice_rows,
    choices_of,
    option_lists,
    webhook_row,
)
from callboard.features.notifications.personal import Personal
from callboard.features.notifications.service import NotificationService
from callboard.features.notifications.settings import NotificationSettings
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator

PATH = "/settings/notifications"
_NO_STORE = {"cache-control": "no-store"}
_WEBHOOK_FIELDS = ("title", "url", "owner", "format", "min_severity")
_ZONES: list[str] = []


class ChoicesViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(
        self, service: NotificationService, personal: Personal, webhooks: WebhookChannel, settings: NotificationSettings,
        queries: CatalogQueries | None, messages: Messages,
    ) -> None:  # fmt: skip
        self._service = service
        self._personal = personal
        self._webhooks = webhooks
        self._settings = settings
        self._queries = queries
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page"}
        return [
            Route(PATH, self.show, auth="page", name="settings-notifications"),
            Route(PATH, self.change, name="settings-notifications-change", **post),
            Route(f"{PATH}/topics", self.choose, name="settings-notifications-topics", **post),
            Route(f"{PATH}/webhooks", self.add_webhook, name="settings-notifications-webhooks", **post),
            Route(f"{PATH}/webhooks/{{id}}/delete", self.remove_webhook, name="settings-notifications-remove", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    def _channels(self) -> list[str]:
        """Those that reach anybody here."""
        return [channel for channel in CHANNELS if channel != EMAIL or self._settings.email is not None]

    async def show(self, request: Request) -> Response:
        return await self._page(request, saved="saved" in request.query_params)

    async def change(self, request: Request) -> Response:
        _require_person(request)
        form = await request.read_form()
        try:
            await self._personal.change_preferences(form, actor=request.actor)
        except InputError as error:
            return await self._page(request, typed=form, error=error)
        return Redirect(f"{PATH}?saved")

    async def choose(self, request: Request) -> Response:
        _require_person(request)
        form = await request.read_form()
        await self._service.choose(choices_of(form, self._channels()), actor=request.actor)
        return Redirect(f"{PATH}?saved#topics")

    async def add_webhook(self, request: Request) -> Response:
        _require_person(request)
        form = await request.read_form()
        given = {name: form.get(name, "") for name in _WEBHOOK_FIELDS}
        given["format"], given["min_severity"] = given["format"] or "json", given["min_severity"] or "low"
        try:
            made = await self._webhooks.add(**given, actor=request.actor)
        except (InputError, ConflictError) as error:
            return await self._page(request, webhook=given, error=error)
        return await self._page(request, secret=made.secret if made.format == "json" else "", saved=True)

    async def remove_webhook(self, request: Request) -> Response:
        _require_person(request)
        await self._webhooks.remove(request.path_params["id"], actor=request.actor)
        return Redirect(f"{PATH}?saved#webhooks")

    async def _page(
        self, request: Request, *, typed: Mapping[str, str] | None = None, webhook: Mapping[str, str] | None = None,
        error: InputError | ConflictError | None = None, secret: str = "", saved: bool = False,
    ) -> Response:  # fmt: skip
        _require_person(request)
        t, actor = self._t(request), request.actor
        values = (await self._personal.get_preferences(actor=actor)).to_json() | dict(typed or {})
        choices = await self._service.list_choices(actor=actor)
        own = await self._webhooks.list_own(actor=actor)
        latest = await self._webhooks.list_latest([one.id for one in own])
        rows = []
        for one in own:
            last = latest.get(one.id)
            at = request.moment(parse_time(last[0])) if last is not None else None
            rows.append(webhook_row(one, actor.subject, last, at, t))
        groups = sorted(ref for ref in actor.ownership if ref.startswith("group:"))
        page = ChoicesPage(
            title=t("notifications.settings"),
            has_email=self._settings.email is not None,
            address=await find_address(request.portal, self._queries, actor.subject),
            values=values,
            zones=_zones(),
            rows=choice_rows(choices, self._channels(), t),
            webhooks=rows,
            may_add_webhooks=self._webhooks.are_own_allowed,
            owners=[("", t("notifications.webhook.mine")), *((ref, ref.partition(":")[2]) for ref in groups)],
            webhook_values=webhook or dict.fromkeys(_WEBHOOK_FIELDS, ""),
            error=error.message if error is not None else "",
            error_field=(error.field or "title") if error is not None else "",
            secret=secret,
            saved=saved,
            **{**option_lists(t), "channels": [t(f"notifications.channel.{channel}") for channel in self._channels()]},
        )
        return request.render("notifications/choices.html", page, 400 if error is not None else 200, headers=_NO_STORE)


def _zones() -> list[str]:
    """The zones of this machine that people would look for; reading them takes a while, once."""
    if not _ZONES:
        _ZONES.extend(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))
        _ZONES.insert(0, "UTC")
    return _ZONES


def _require_person(request: Request) -> None:
    if not request.actor.is_user or request.portal.auth.is_guest(request.actor):
        raise NotAllowedError("Guests share one account, so they have no settings of their own. Sign in first.")
