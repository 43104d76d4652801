"""Pages of announcements. Every form posts and works without script; whatever was typed comes back in the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from markupsafe import Markup
from starlette.responses import Response

from callboard.features.announcements.interface import (
    CREATE_ANNOUNCEMENT,
    DELETE_ANNOUNCEMENT,
    UPDATE_ANNOUNCEMENT,
    Announcement,
    AnnouncementChanged,
    Draft,
    When,
)
from callboard.features.announcements.pages import (
    PATH,
    DetailPage,
    FormPage,
    HomeCards,
    ListPage,
    card_of,
    severity_options,
)
from callboard.features.announcements.service import MAX_AUDIENCE, AnnouncementService
from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.kernel.errors import InputError
from callboard.kernel.web.notices import Notice, leave_notice
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Crumb, Pager, Tab

SIZE = 20
ON_HOME = 3
SUGGESTED = 200
_ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Kolkata", "Asia/Tokyo",
    "Australia/Sydney",
)  # fmt: skip


class AnnouncementViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, service: AnnouncementService, queries: CatalogQueries | None, messages: Messages) -> None:
        self._service = service
        self._queries = queries
        self._messages = messages

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{id}}"
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page"}
        return [
            Route(PATH, self.show_list, auth="page", name="announcements"),
            Route(f"{PATH}/new", self.new, auth="page", name="announcements-new"),
            Route(f"{PATH}/new", self.created, name="announcements-created", **post),
            Route(one, self.show, auth="page", name="announcement"),
            Route(f"{one}/edit", self.edit, auth="page", name="announcement-edit"),
            Route(f"{one}/edit", self.edited, name="announcement-edited", **post),
            Route(f"{one}/delete", self.delete, name="announcement-delete", **post),
            Route(f"{one}/dismiss", self.dismiss, name="announcement-dismiss", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    def _card(self, one: Announcement, request: Request) -> Any:
        may_dismiss = request.actor.is_user and not request.portal.auth.is_guest(request.actor)
        now = request.portal.clock.now()
        return card_of(one, now, self._t(request), request.moment, may_dismiss=may_dismiss)

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def show_list(self, request: Request) -> Response:
        t, actor, given = self._t(request), request.actor, request.query_params
        whens: list[When] = ["current", "ended"]
        if self._service.may(actor, UPDATE_ANNOUNCEMENT):
            whens.append("scheduled")
        when: When = next((one for one in whens if one == given.get("when")), "current")
        text = given.get("page", "")
        number = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else 1
        offset = (number - 1) * SIZE
        found, total = await self._service.list_announcements(when, limit=SIZE, offset=offset, actor=actor)

        def href(page: int) -> str:
            return f"{PATH}?when={when}&page={page}"

        pager = Pager(
            offset + 1 if found else 0, offset + len(found), total, href(number - 1) if number > 1 else None,
            href(number + 1) if offset + len(found) < total else None,
        )  # fmt: skip
        tabs = [
            Tab(one, t(f"announcements.when.{one}"), PATH if one == "current" else f"{PATH}?when={one}", one == when)
            for one in whens
        ]
        may_create = self._service.may(actor, CREATE_ANNOUNCEMENT)
        cards = [self._card(one, request) for one in found]
        page = ListPage(t("announcements.title"), tabs, cards, pager, when, may_create)
        return request.render("announcements/list.html", page)

    async def show(self, request: Request) -> Response:
        one = await self._service.get_announcement(request.path_params["id"], actor=request.actor)
        t = self._t(request)
        page = DetailPage(
            one.title, self._card(one, request), self._service.may(request.actor, UPDATE_ANNOUNCEMENT),
            self._service.may(request.actor, DELETE_ANNOUNCEMENT), (Crumb(t("announcements.title"), PATH), Crumb(one.title)),
        )  # fmt: skip
        return request.render("announcements/detail.html", page)

    async def home_card(self, request: Request) -> Markup | None:
        """For the top of the home page; None when there is nothing that the reader did not dismiss."""
        found, total = await self._service.list_announcements(
            "current", dismissed=False, limit=ON_HOME, actor=request.actor
        )
        if not found:
            return None
        cards = [self._card(one, request) for one in found]
        page = HomeCards(self._t(request)("announcements.title"), cards, total - len(found))
        return Markup(bytes(request.render("announcements/home.html", page).body).decode())

    async def dismiss(self, request: Request) -> Response:
        form = await request.read_form()
        await self._service.dismiss(
            request.path_params["id"], dismissed=form.get("do") != "restore", actor=request.actor
        )
        return Redirect(safe_next(form.get("back"), "/"))

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def new(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ANNOUNCEMENT)
        return await self._form(request, {"severity": "info", "time_zone": "UTC"}, None)

    async def created(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, CREATE_ANNOUNCEMENT)
        return await self._posted(request, None)

    async def edit(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, UPDATE_ANNOUNCEMENT)
        one = await self._service.get_announcement(request.path_params["id"], actor=request.actor)
        return await self._form(request, values_of(one), one)

    async def edited(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, UPDATE_ANNOUNCEMENT)
        one = await self._service.get_announcement(request.path_params["id"], actor=request.actor)
        return await self._posted(request, one)

    async def delete(self, request: Request) -> Response:
        await self._service.delete_announcement(request.path_params["id"], actor=request.actor)
        return leave_notice(request, Redirect(PATH), Notice("announcements.said.deleted"))

    async def _posted(self, request: Request, standing: Announcement | None) -> Response:
        form = await request.read_form()
        if more := form.pop("audience+", "").strip():  # typed and not added yet: it comes back with the form
            form["audience"] = f"{form.get('audience', '').rstrip()}\n{more}".lstrip()
        if form.get("do") == "preview":
            return await self._form(request, form, standing, preview=render_markdown(form.get("body", "")))
        try:
            draft = draft_of_form(form, now=request.portal.clock.now())
            if standing is None:
                made = await self._service.create_announcement(draft, actor=request.actor)
            else:
                version = int(form["version"]) if form.get("version", "").isdigit() else 0
                made = await self._service.update_announcement(standing.id, draft, version=version, actor=request.actor)
        except InputError as error:
            return await self._form(request, form, standing, error=error)
        except AnnouncementChanged as error:
            return await self._form(request, form, error.theirs, conflict=error.message)
        is_ahead = made.starts_at > request.portal.clock.now()
        said = "saved" if standing is not None else "scheduled" if is_ahead else "published"
        told = Notice(f"announcements.said.{said}", arguments={"title": made.title})
        return leave_notice(request, Redirect(f"{PATH}/{made.id}"), told)

    async def _form(
        self, request: Request, values: Mapping[str, str], standing: Announcement | None, *, preview: Markup | None = None,
        error: InputError | None = None, conflict: str = "",
    ) -> Response:  # fmt: skip
        t = self._t(request)
        title = t("announcements.new") if standing is None else t("announcements.edit")
        names = ("title", "body", "severity", "starts_at", "ends_at", "time_zone", "audience", "pinned", "notify")
        # Of a form that was too old when it was sent the version stays, until its writer has seen what stands.
        version = values.get("version") or (str(standing.version) if standing is not None else "")
        page = FormPage(
            title=title, action=f"{PATH}/new" if standing is None else f"{PATH}/{standing.id}/edit",
            values={name: values.get(name, "") for name in names}, severities=severity_options(t), zones=_ZONES,
            groups=await self._groups(request), version=str(standing.version) if conflict and standing else version,
            can_notify=self._service.can_notify, notified=standing is not None and standing.notified_at is not None, preview=preview,
            error=error.message if error is not None else "", error_field=(error.field or "title") if error is not None else "",
            conflict=conflict, crumbs=(Crumb(t("announcements.title"), PATH), Crumb(title)),
        )  # fmt: skip
        status = 409 if conflict else 400 if error is not None else 200
        return request.render("announcements/form.html", page, status)

    async def _groups(self, request: Request) -> list[tuple[str, str]]:
        """(ref, title) of groups to choose from, as far as the writer sees them."""
        if self._queries is None:
            return []
        query = EntityQuery(predicate=has_value("kind", ["group"]), order=Order(BY_TITLE), limit=SUGGESTED)
        found = []
        for raw in (await self._queries.list_raw(query, actor=request.actor)).items:
            metadata = orjson.loads(raw)["metadata"]
            ref = f"group:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()
            found.append((ref, str(metadata.get("title") or metadata["name"])))
        return found


def values_of(one: Announcement) -> dict[str, str]:
    """The fields of the form for what stands; times in UTC."""

    def local(moment: datetime | None) -> str:
        return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M")

    return {
        "title": one.title, "body": one.body, "severity": one.severity, "starts_at": local(one.starts_at), "time_zone": "UTC",
        "ends_at": local(one.ends_at), "audience": "\n".join(one.audience), "pinned": "1" if one.pinned else "",
        "notify": "1" if one.notify else "",
    }  # fmt: skip


def draft_of_form(form: Mapping[str, str], *, now: datetime) -> Draft:
    """Times as typed, in the zone that was chosen. Raises ``InputError`` with the field."""
    name = form.get("time_zone", "").strip() or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{name[:60]!r} is no time zone; write one such as Europe/Berlin or UTC.", field="time_zone"
        ) from None

    def moment(field: str) -> datetime | None:
        text = form.get(field, "").strip()
        if not text:
            return None
        try:
            return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            raise InputError(f"{text[:30]!r} is no date and time; write 2026-11-23T09:00.", field=field) from None

    lines = form.get("audience", "").replace(",", "\n").splitlines()
    return Draft(
        title=form.get("title", ""), body=form.get("body", "").replace("\r\n", "\n"), starts_at=moment("starts_at") or now,
        ends_at=moment("ends_at"), audience=[line.strip() for line in lines if line.strip()][: MAX_AUDIENCE + 1],
        severity=form.get("severity", "info"),  # type: ignore[arg-type]
        pinned="pinned" in form, notify="notify" in form,
    )  # fmt: skip
