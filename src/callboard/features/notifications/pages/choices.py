"""The page where a reader says by which channel, about what and when they want to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from callboard.features.notifications.channels.store import OwnWebhook
from callboard.features.notifications.domain import CHANNELS
from callboard.features.notifications.interface import TopicChoice
from callboard.features.notifications.preferences import RHYTHMS
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """What an origin sends about a topic (``topic`` "": all else of it); ``channels`` are (field name, label, on)."""

    origin: str
    topic: str
    label: str
    channels: Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook of the reader, or of a group (``owner_ref``, empty for their own). ``state`` is ok, bad or empty."""

    id: str
    title: str
    host: str
    owner_ref: str
    severity: str
    format: str
    state: str
    state_text: str
    at: Any


@dataclass(frozen=True, slots=True)
class ChoicesPage:
    """``notifications/choices.html``: three forms (``/settings/notifications``, ``…/topics``, ``…/webhooks``).

    ``values`` are the fields as typed or stored; ``error`` belongs to the field ``error_field``. ``secret`` is that of the
    webhook just made: shown on this page and never again. ``address`` is where mail goes, empty when nobody knows.
    """

    title: str
    has_email: bool
    address: str
    values: Mapping[str, Any]
    rhythms: Sequence[tuple[str, str]]
    hours: Sequence[tuple[int, str]]
    weekdays: Sequence[tuple[int, str]]
    severities: Sequence[tuple[str, str]]
    zones: Sequence[str]
    rows: Sequence[ChoiceRow]
    channels: Sequence[str]
    webhooks: Sequence[WebhookRow]
    may_add_webhooks: bool
    owners: Sequence[tuple[str, str]]
    webhook_values: Mapping[str, str]
    error: str = ""
    error_field: str = ""
    secret: str = ""
    saved: bool = False
    crumbs: Sequence[Crumb] = ()


def choice_rows(choices: Sequence[TopicChoice], channels: Sequence[str], t: Translator) -> list[ChoiceRow]:
    """One row for each origin and topic, in order; field names are ``on:<channel>`` with the row's number."""
    by_key: dict[tuple[str, str], dict[str, bool]] = {}
    for one in choices:
        by_key.setdefault((one.origin, one.topic), {})[one.channel] = one.enabled
    rows = []
    # What is left of an origin stands below its topics.
    ordered = sorted(by_key.items(), key=lambda item: (item[0][0], not item[0][1], item[0][1]))
    for number, ((origin, topic), enabled) in enumerate(ordered):
        label = topic or t("notifications.choices.rest")
        rows.append(
            ChoiceRow(
                origin, topic, label,
                [(f"on:{number}:{channel}", t(f"notifications.channel.{channel}"), enabled[channel]) for channel in channels],
            )
        )  # fmt: skip
    return rows


def choices_of(form: Mapping[str, str], channels: Sequence[str]) -> list[TopicChoice]:
    """What the form of ``choice_rows`` says: each row names its origin and topic; a box that is not ticked is off."""
    found = []
    for number in range(2000):
        origin = form.get(f"origin:{number}")
        if origin is None:
            break
        topic = form.get(f"topic:{number}", "")
        found += [TopicChoice(c, origin, topic, f"on:{number}:{c}" in form) for c in channels]
    return found


def webhook_row(
    webhook: OwnWebhook, me: str, latest: tuple[str, str, str | None] | None, at: Any, t: Translator
) -> WebhookRow:
    state = {"sent": "ok", "failed": "bad"}.get(latest[1], "") if latest is not None else ""
    text = t("notifications.webhook.never") if latest is None else t(f"notifications.webhook.{latest[1]}")
    if latest is not None and latest[2]:
        text = f"{text}: {latest[2]}"
    return WebhookRow(
        webhook.id, webhook.title, webhook.host, "" if webhook.owner == me else webhook.owner,
        t(f"notifications.severity.{webhook.min_severity}"), t(f"notifications.format.{webhook.format}"), state, text, at,
    )  # fmt: skip


def option_lists(t: Translator) -> dict[str, Any]:
    """What the selects of the page offer."""
    return {
        "rhythms": [(one, t(f"notifications.rhythm.{one}")) for one in RHYTHMS],
        "hours": [(hour, f"{hour:02}:00") for hour in range(24)],
        "weekdays": [(day, t(f"notifications.weekday.{day}")) for day in range(7)],
        "severities": [(one, t(f"notifications.from_severity.{one}")) for one in ("low", "normal", "high", "critical")],
        "channels": list(CHANNELS),
    }
