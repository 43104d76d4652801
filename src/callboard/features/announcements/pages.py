"""What the templates of announcements may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Mapping, Sequence

from markupsafe import Markup

from callboard.features.announcements.interface import SEVERITIES, Announcement
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Translator
from callboard.ui.moments import format_date
from callboard.ui.parts import Crumb, Pager, Tab

PATH = "/announcements"
STATUS: Mapping[str, str] = {"info": "info", "warning": "warn", "critical": "bad"}
"""The word of the parts for each severity."""


@dataclass(frozen=True, slots=True)
class Card:
    """An announcement as drawn. ``state`` is current, ended or scheduled; ``until`` is None for no end.

    ``audience`` are (name, href). ``may_dismiss`` is False for guests, who share a home page.
    """

    id: str
    href: str
    title: str
    html: Markup
    status: str
    severity: str
    state: str
    since: Any
    since_exact: str
    until: str | None
    audience: Sequence[tuple[str, str]]
    pinned: bool
    notify: bool
    by: str
    is_dismissed: bool
    may_dismiss: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """``announcements/list.html``."""

    title: str
    tabs: Sequence[Tab]
    cards: Sequence[Card]
    pager: Pager
    when: str
    may_create: bool
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class DetailPage:
    """``announcements/detail.html``."""

    title: str
    card: Card
    may_update: bool
    may_delete: bool
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class FormPage:
    """``announcements/form.html``. Posts to ``action``; ``values`` are the fields as typed or stored.

    ``do=preview`` shows ``preview``. ``error`` belongs to ``error_field``. ``version`` is empty for a new one.
    """

    title: str
    action: str
    values: Mapping[str, str]
    severities: Sequence[tuple[str, str]]
    zones: Sequence[str]
    groups: Sequence[tuple[str, str]]
    version: str
    can_notify: bool
    notified: bool = False
    preview: Markup | None = None
    error: str = ""
    error_field: str = ""
    conflict: str = ""
    crumbs: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True)
class HomeCards:
    """``announcements/home.html``: those that the reader did not dismiss; ``more`` is how many stand on the list besides."""

    title: str
    cards: Sequence[Card]
    more: int


def card_of(
    one: Announcement, now: datetime, t: Translator, moment: Callable[[datetime], Any], *, may_dismiss: bool
) -> Card:
    state = "scheduled" if one.starts_at > now else "ended" if one.ends_at and one.ends_at <= now else "current"
    groups = []
    for ref in one.audience:
        namespace, _, name = ref.partition(":")[2].partition("/")
        groups.append((name if namespace == "default" else f"{namespace}/{name}", f"/catalog/{namespace}/group/{name}"))
    return Card(
        id=one.id, href=f"{PATH}/{one.id}", title=one.title, html=render_markdown(one.body), status=STATUS[one.severity],
        severity=t(f"announcements.severity.{one.severity}"), state=state, since=moment(one.starts_at),
        since_exact=_exact(one.starts_at, t), until=None if one.ends_at is None else _exact(one.ends_at, t), audience=groups,
        pinned=one.pinned, notify=one.notify, by=one.created_by.partition("/")[2] or one.created_by,
        is_dismissed=one.is_dismissed, may_dismiss=may_dismiss and state == "current",
    )  # fmt: skip


def _exact(at: datetime, t: Translator) -> str:
    return f"{format_date(at.isoformat(), t.locale)}, {at:%H:%M} UTC"


def severity_options(t: Translator) -> list[tuple[str, str]]:
    return [(one, t(f"announcements.severity.{one}")) for one in SEVERITIES]
