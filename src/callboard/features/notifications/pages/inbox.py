"""The list of a reader's notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Literal, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.notifications.interface import SEVERITIES, Notification, NotificationStatus
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, Pager, Tab
from callboard.ui.wording import in_words

View = Literal["unread", "all", "saved"]
VIEWS: tuple[View, ...] = ("unread", "all", "saved")
SIZE = 25
PATH = "/notifications"


@dataclass(frozen=True, slots=True)
class Row:
    """A notification as drawn. ``href`` is where a press on the title leads (by way of marking it read), None for nowhere.

    ``status`` is a word of the parts (bad, warn, info, unknown) and ``severity`` the translated one, empty for what is ordinary.
    """

    id: str
    title: str
    description: str
    href: str | None
    severity: str
    status: str
    origin: str
    topic: str
    topic_href: str
    at: Any
    is_read: bool
    is_saved: bool


@dataclass(frozen=True, slots=True)
class InboxPage:
    """``notifications/inbox.html``. Forms post to ``/notifications/mark`` with ``back``, this page's own address.

    ``is_filtered``: nothing is shown because of the conditions, not because there is nothing.
    """

    title: str
    view: View
    tabs: Sequence[Tab]
    rows: Sequence[Row]
    pager: Pager
    topics: Sequence[tuple[str, str]]
    severities: Sequence[tuple[str, str]]
    topic: str
    severity: str
    search: str
    back: str
    unread: int
    is_filtered: bool
    clear_href: str
    may_choose: bool
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class InboxAsked:
    """The query of the page, read. ``page`` counts from 1."""

    view: View = "unread"
    topic: str = ""
    severity: str = ""
    search: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> InboxAsked:
        page = given.get("page", "")
        return cls(
            view=next((view for view in VIEWS if view == given.get("view")), "unread"),
            topic=given.get("topic", "")[:255],
            severity=next((one for one in SEVERITIES if one == given.get("severity")), ""),
            search=given.get("q", "").strip()[:200],
            page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
        )

    def href(self, **changes: Any) -> str:
        """This page with something else; what is the default is left out. Another condition begins at the first page."""
        values: dict[str, Any] = {
            "view": self.view, "topic": self.topic, "severity": self.severity, "q": self.search, "page": 1, **changes
        }  # fmt: skip
        plain = {"view": "unread", "topic": "", "severity": "", "q": "", "page": 1}
        query = urlencode({key: value for key, value in values.items() if value != plain[key]})
        return f"{PATH}?{query}" if query else PATH


def inbox_page(
    asked: InboxAsked,
    found: Sequence[Notification],
    total: int,
    status: NotificationStatus,
    topics: Sequence[str],
    t: Translator,
    moment: Callable[[Any], Any],
    *,
    may_choose: bool,
) -> InboxPage:
    counts = {"unread": status.unread, "all": status.unread + status.read, "saved": None}
    tabs = [
        Tab(view, t(f"notifications.view.{view}"), asked.href(view=view), view == asked.view, counts[view])
        for view in VIEWS
    ]
    first = (asked.page - 1) * SIZE + 1 if found else 0
    last = first + len(found) - 1 if found else 0
    pager = Pager(
        first, last, total, asked.href(page=asked.page - 1) if asked.page > 1 else None,
        asked.href(page=asked.page + 1) if last < total else None,
    )  # fmt: skip
    topic_rows = [("", t("notifications.any_topic")), *((topic, topic) for topic in topics)]
    if asked.topic and asked.topic not in topics:
        topic_rows.append((asked.topic, asked.topic))
    severities = [(one, t(f"notifications.from_severity.{one}")) for one in ("normal", "high", "critical")]
    return InboxPage(
        title=t("notifications.title"), view=asked.view, tabs=tabs, rows=[_row(one, asked, t, moment) for one in found], pager=pager,
        topics=topic_rows, severities=[("", t("notifications.any_severity")), *severities], topic=asked.topic,
        severity=asked.severity, search=asked.search, back=asked.href(page=asked.page), unread=status.unread,
        is_filtered=bool(asked.topic or asked.severity or asked.search),
        clear_href=asked.href(topic="", severity="", q=""), may_choose=may_choose,
    )  # fmt: skip


def _row(one: Notification, asked: InboxAsked, t: Translator, moment: Callable[[Any], Any]) -> Row:
    status = {"critical": "bad", "high": "warn", "normal": "info", "low": "unknown"}[one.severity]
    return Row(
        id=one.id, title=in_words(t, one.title), description=one.description, href=f"{PATH}/{one.id}" if one.link else None,
        severity=t(f"notifications.severity.{one.severity}"), status=status,
        origin=one.origin.removeprefix("plugin:").removeprefix("external:"), topic=one.topic,
        topic_href=asked.href(topic=one.topic), at=moment(one.updated or one.created), is_read=one.read is not None,
        is_saved=one.saved is not None,
    )  # fmt: skip
