"""``/notifications``: what a reader was told, and marking it; and the page that links in mails lead to."""

from __future__ import annotations

from typing import Any, Mapping

from starlette.responses import Response

from callboard.features.notifications.domain import page_link
from callboard.features.notifications.interface import NotificationQuery, Severity
from callboard.features.notifications.pages.inbox import PATH, SIZE, InboxAsked, inbox_page
from callboard.features.notifications.pages.unsubscribe import UnsubscribePage
from callboard.features.notifications.personal import Personal
from callboard.features.notifications.service import NotificationService
from callboard.features.notifications.unsubscribe import UnsubscribeLinks
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator

_MARKS: Mapping[str, Mapping[str, bool]] = {
    "read": {"read": True}, "unread": {"read": False}, "save": {"saved": True}, "unsave": {"saved": False},
}  # fmt: skip
_NO_STORE = {"cache-control": "no-store"}


class InboxViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(
        self, service: NotificationService, personal: Personal, links: UnsubscribeLinks, messages: Messages
    ) -> None:
        self._service = service
        self._personal = personal
        self._links = links
        self._messages = messages

    def routes(self) -> list[Route]:
        stop = f"{PATH}/unsubscribe"
        return [
            Route(PATH, self.show, auth="page", name="notifications"),
            Route(f"{PATH}/mark", self.mark, ("POST",), auth="page", name="notifications-mark"),
            Route(f"{PATH}/{{id}}", self.open, auth="page", name="notifications-open"),
            Route(stop, self.ask_unsubscribe, auth="public", name="notifications-unsubscribe"),
            # The signed token is the proof: mail programs post here by themselves (RFC 8058).
            Route(
                stop,
                self.unsubscribe,
                ("POST",),
                auth="public",
                name="notifications-unsubscribed",
                csrf=False,
                max_body_bytes=16 * 1024,
            ),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def context(self, request: Request) -> Mapping[str, Any]:
        """For the bell of every page."""
        if not request.actor.is_user:
            return {}
        return {"unread": await self._service.count_unread(actor=request.actor)}

    async def show(self, request: Request) -> Response:
        asked, actor = InboxAsked.of(request.query_params), request.actor
        severity: Severity = asked.severity or "low"  # type: ignore[assignment]
        query = NotificationQuery(
            read=False if asked.view == "unread" else None, saved=True if asked.view == "saved" else None, topic=asked.topic,
            search=asked.search, min_severity=severity, limit=SIZE, offset=(asked.page - 1) * SIZE,
        )  # fmt: skip
        found, total = await self._service.list_notifications(query, actor=actor)
        if not found and total and asked.page > 1:
            return Redirect(asked.href(page=(total - 1) // SIZE + 1))
        page = inbox_page(
            asked, found, total, await self._service.status(actor=actor), await self._service.list_topics(actor=actor),
            self._t(request), request.moment, may_choose=not request.portal.auth.is_guest(actor),
        )  # fmt: skip
        return request.render("notifications/inbox.html", page, headers=_NO_STORE)

    async def open(self, request: Request) -> Response:
        """Mark it read, and go where it leads."""
        one = await self._service.get_notification(request.path_params["id"], actor=request.actor)
        await self._service.mark([one.id], read=True, actor=request.actor)
        return Redirect(page_link(one.link) or f"{PATH}?view=all", headers=_NO_STORE)

    async def mark(self, request: Request) -> Response:
        """A button of one row (named by what it does, with the id), of those ticked (``do``), or ``do=all``."""
        form = await request.form()
        back = safe_next(str(form.get("back", "")), PATH)
        for name, marks in _MARKS.items():
            id = form.get(name)
            if isinstance(id, str) and id:
                await self._service.mark([id], **marks, actor=request.actor)
                return Redirect(back)
        what = str(form.get("do", ""))
        if what == "all":
            await self._service.mark(None, read=True, actor=request.actor)
        elif what in _MARKS:
            ids = [id for id in form.getlist("ids") if isinstance(id, str)]
            await self._service.mark(ids, **_MARKS[what], actor=request.actor)
        else:
            raise InputError("The form says nothing that could be done.", field="do")
        return Redirect(back)

    # ---- links in mails ----------------------------------------------------------------------------------------------

    async def ask_unsubscribe(self, request: Request) -> Response:
        token = request.query_params.get("t", "")
        about = await self._links.read(token)
        return self._stop_page(request, UnsubscribePage(self._title(request), token, about.origin, about.topic))

    async def unsubscribe(self, request: Request) -> Response:
        token = request.query_params.get("t", "")
        about = await self._links.read(token)
        form = await request.read_form()
        await self._personal.unsubscribe(about, everything="all" in form)
        page = UnsubscribePage(self._title(request), token, about.origin, about.topic, True, "all" in form)
        return self._stop_page(request, page)

    def _title(self, request: Request) -> str:
        t = self._t(request)
        return t("notifications.stop.title")

    @staticmethod
    def _stop_page(request: Request, page: UnsubscribePage) -> Response:
        headers = {**_NO_STORE, "referrer-policy": "no-referrer"}
        return request.render("notifications/unsubscribe.html", page, headers=headers)
