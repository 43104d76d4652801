"""Decisions about notifications that need no store."""

from __future__ import annotations

import re
import uuid
from typing import Any, Mapping

from callboard.features.notifications.interface import SEVERITIES, NewNotification, Severity
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

WEB, EMAIL, WEBHOOK = "Web", "Email", "Webhook"
CHANNELS = (WEB, EMAIL, WEBHOOK)
"""As on the wire: Backstage's own channel is called Web."""

MAX_TITLE = 500
MAX_DESCRIPTION = 10_000
MAX_NAME = 255
MAX_LINK = 4096
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SCOPES = uuid.UUID("7f3a5c0e-2f1b-4f57-9a54-6f1f0b8f7a11")


def level_of(severity: str) -> int:
    """0 for low to 3 for critical."""
    return SEVERITIES.index(severity)


def parse_severity(text: Any, *, field: str = "severity") -> Severity:
    """Raises ``InputError``."""
    for severity in SEVERITIES:
        if text == severity:
            return severity
    raise InputError(f"{field} must be one of critical, high, normal and low.", field=field)


def check_new(new: NewNotification) -> None:
    """Raises ``InputError`` for what cannot be shown or stored."""
    if not new.title.strip() or len(new.title) > MAX_TITLE:
        raise InputError(f"A notification has a title of at most {MAX_TITLE} characters.", field="title")
    if len(new.description) > MAX_DESCRIPTION:
        raise InputError(f"A description has at most {MAX_DESCRIPTION:,} characters.", field="description")
    parse_severity(new.severity)
    for name, value in (("topic", new.topic), ("scope", new.scope), ("origin", new.origin), ("icon", new.icon)):
        if len(value) > MAX_NAME:
            raise InputError(f"{name} has at most {MAX_NAME} characters.", field=name)
    check_link(new.link)


def check_link(link: str) -> None:
    """http, https, or relative; the message for others is Backstage's."""
    if len(link) > MAX_LINK or any(ord(character) < 32 for character in link):
        raise InputError(f"A link has at most {MAX_LINK} characters, and no line breaks.", field="link")
    if _SCHEME.match(link.strip()) and not link.lower().startswith(("http://", "https://")):
        raise InputError("Only HTTP/HTTPS links are allowed", field="link")


def notification_id(new: NewNotification, user_ref: str) -> str:
    """A new id; with a scope the same one for the same origin, scope and reader, so that it is replaced."""
    if not new.scope:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_SCOPES, f"{new.origin}\0{new.scope}\0{user_ref}"))


def normal_ref(text: str) -> str | None:
    """A ref lower-cased, ``group`` where no kind is said; None for what is no ref."""
    try:
        return str(EntityRef.parse(text.lower(), default_kind="group"))
    except RefError:
        return None


def is_wanted(choices: Mapping[tuple[str, str, str], bool], channel: str, origin: str, topic: str) -> bool:
    """Whether a reader wants this. What is said of the topic goes before what is said of the origin; not said is yes."""
    if topic and (channel, origin, topic) in choices:
        return choices[channel, origin, topic]
    return choices.get((channel, origin, ""), True)


def page_link(link: str) -> str:
    """``link`` as the portal's pages may follow it: no way out of the site but by http(s)."""
    text = link.strip()
    if not text:
        return ""
    if text.lower().startswith(("http://", "https://")):
        return text
    return "/" + text.lstrip("/\\")
