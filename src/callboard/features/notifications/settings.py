"""Settings of notifications, read once. Below ``email`` the names are those of Backstage's e-mail processor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from callboard.features.notifications.domain import level_of, normal_ref, parse_severity
from callboard.features.notifications.interface import Severity
from callboard.features.notifications.preferences import RHYTHMS, Preferences, parse_preferences
from callboard.kernel.errors import InputError
from callboard.kernel.settings import Setting, Settings

_EMAIL = "notifications.email"
_BACKSTAGE_EMAIL = "notifications.processors.email"

SETTINGS: tuple[Setting, ...] = (
    Setting("notifications.retention", "duration", "1y", help="How long notifications are kept that nobody saved; false for ever."),
    Setting("notifications.email", "object", help="Sends notifications by mail; nothing is mailed without it. notifications.processors.email is read in its place where that is given."),
    Setting("notifications.email.transportConfig.transport", "text", "smtp", help="smtp; there is no other."),
    Setting("notifications.email.transportConfig.hostname", "text", help="The SMTP server."),
    Setting("notifications.email.transportConfig.port", "number", 587, help="Its port; 465 with secure."),
    Setting("notifications.email.transportConfig.secure", "flag", False, help="TLS from the first byte. Without it STARTTLS is used where the server offers it, and required before a password is sent."),
    Setting("notifications.email.transportConfig.username", "text", help="Name to sign in with at the server."),
    Setting("notifications.email.transportConfig.password", "secret", help="Password to sign in with at the server."),
    Setting("notifications.email.sender", "text", help="Address that mails come from: portal@example.com or Portal <portal@example.com>."),
    Setting("notifications.email.replyTo", "text", help="Address that answers go to."),
    Setting("notifications.email.broadcastConfig.receiver", "text", "none", help="users mails messages to everybody to each user of the catalog, none to nobody."),
    Setting("notifications.email.default", "text", "now", help="How people who chose nothing are mailed: now, daily, weekly or off."),
    Setting("notifications.processors", "object", help="As Backstage has it; email below it is read where notifications.email is not there."),
    Setting("notifications.timeZone", "text", "UTC", help="Time zone of people who chose none, such as Europe/Berlin."),
    Setting("notifications.webhooks", "list", [], help="Addresses that messages to groups and to everybody are posted to."),
    Setting("notifications.webhooks[].url", "secret", help="Where to post; a host inside the network is named under backend.reading.allow, too."),
    Setting("notifications.webhooks[].secret", "secret", help="Signs what is posted, as for events.webhooks."),
    Setting("notifications.webhooks[].format", "text", "json", help="json, or text for Slack and what understands the same."),
    Setting("notifications.webhooks[].recipients", "list", help="Groups whose messages are posted; without it all, and those to everybody."),
    Setting("notifications.webhooks[].topics", "list", help="Topics that are posted; all without it."),
    Setting("notifications.webhooks[].minSeverity", "text", "low", help="Nothing below it is posted."),
    Setting("notifications.webhookHosts", "list", help="Hosts (host or *.suffix) that people's and groups' own webhooks may lead to. Without it any public host; an empty list allows none."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The server and who mails come from."""

    hostname: str
    port: int
    is_secure: bool
    sender: str
    reply_to: str = ""
    username: str = ""
    password: str = field(repr=False, default="")
    mails_broadcasts: bool = False


@dataclass(frozen=True, slots=True)
class FixedWebhook:
    """A receiver that the settings name; ``id`` is its place among them."""

    id: str
    url: str = field(repr=False)
    secret: str = field(repr=False, default="")
    format: Literal["json", "text"] = "json"
    recipients: frozenset[str] | None = None
    topics: frozenset[str] | None = None
    min_severity: Severity = "low"

    def takes(self, groups: frozenset[str], *, is_broadcast: bool, topic: str, severity: str) -> bool:
        """Whether a message to these groups, or to everybody, is for this receiver. Messages to single users never are."""
        if level_of(severity) < level_of(self.min_severity) or (self.topics is not None and topic not in self.topics):
            return False
        if self.recipients is None:
            return is_broadcast or bool(groups)
        return bool(groups & self.recipients)


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What the parts of notifications are built from. ``webhook_hosts`` None means any public host."""

    retention: timedelta | None
    email: EmailSettings | None
    webhooks: tuple[FixedWebhook, ...]
    webhook_hosts: tuple[str, ...] | None
    defaults: Preferences


def read_notification_settings(settings: Settings) -> NotificationSettings:
    """Raises ``SettingsError``."""
    retention = None
    if settings.get("notifications.retention", "1y") is not False:
        retention = settings.get_duration("notifications.retention", "1y")
    prefix = _EMAIL if settings.has(_EMAIL) or not settings.has(_BACKSTAGE_EMAIL) else _BACKSTAGE_EMAIL
    rhythm = settings.get_str(f"{prefix}.default", "now")
    if rhythm not in RHYTHMS:
        raise settings.error(f"{prefix}.default", f"must be one of {', '.join(RHYTHMS)}")
    try:
        zone = settings.get_str("notifications.timeZone", "UTC")
        defaults = parse_preferences({"email": rhythm, "time_zone": zone}, Preferences())
    except InputError as error:
        raise settings.error("notifications.timeZone", error.message) from None
    hosts = settings.get_list("notifications.webhookHosts") if settings.has("notifications.webhookHosts") else None
    return NotificationSettings(
        retention=retention,
        email=_read_email(settings, prefix) if settings.has(prefix) else None,
        webhooks=tuple(_read_webhook(entry, n) for n, entry in enumerate(settings.sections("notifications.webhooks"))),
        webhook_hosts=None if hosts is None else tuple(str(host) for host in hosts),
        defaults=defaults,
    )


def _read_email(settings: Settings, prefix: str) -> EmailSettings:
    section = settings.section(prefix)
    transport = section.get_str("transportConfig.transport", "smtp")
    if transport != "smtp":
        raise section.error("transportConfig.transport", f"{transport} is not supported; use smtp")
    secure = section.get_bool("transportConfig.secure", False)
    receiver = section.get_str("broadcastConfig.receiver", "none")
    if receiver not in ("none", "users"):
        raise section.error("broadcastConfig.receiver", "must be none or users")
    sender = section.get_str("sender")
    if "@" not in sender:
        raise section.error("sender", "must be an e-mail address")
    return EmailSettings(
        hostname=section.get_str("transportConfig.hostname"),
        port=section.get_int("transportConfig.port", 465 if secure else 587),
        is_secure=secure,
        sender=sender,
        reply_to=section.get_str("replyTo", ""),
        username=section.get_str("transportConfig.username", ""),
        password=section.get_str("transportConfig.password", ""),
        mails_broadcasts=receiver == "users",
    )


def _read_webhook(entry: Settings, number: int) -> FixedWebhook:
    url = entry.get_str("url")
    if not url.startswith(("http://", "https://")):
        raise entry.error("url", "must start with https:// or http://")
    form = entry.get_str("format", "json")
    if form not in ("json", "text"):
        raise entry.error("format", "must be json or text")
    recipients = None
    if entry.has("recipients"):
        refs = [normal_ref(str(ref)) for ref in entry.get_list("recipients")]
        if None in refs:
            raise entry.error("recipients", "must be refs of groups such as group:default/payments")
        recipients = frozenset(ref for ref in refs if ref is not None)
    try:
        severity = parse_severity(entry.get_str("minSeverity", "low"), field="minSeverity")
    except InputError as error:
        raise entry.error("minSeverity", error.message) from None
    topics = frozenset(str(topic) for topic in entry.get_list("topics")) if entry.has("topics") else None
    return FixedWebhook(
        f"settings-{number}", url, entry.get_str("secret", ""), "text" if form == "text" else "json", recipients, topics, severity
    )  # fmt: skip
