"""A message as channels carry it: plain values that survive in a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping
from urllib.parse import urljoin

from callboard.features.notifications.domain import page_link
from callboard.features.notifications.interface import NewNotification


@dataclass(frozen=True, slots=True)
class Message:
    """``id`` is that of the sending, not of any reader's notification. ``at`` is ISO text."""

    id: str
    at: str
    title: str
    description: str
    link: str
    severity: str
    topic: str
    scope: str
    origin: str

    @classmethod
    def of(cls, id: str, at: str, new: NewNotification) -> Message:
        return cls(
            id, at, new.title.strip(), new.description, new.link.strip(), new.severity, new.topic, new.scope, new.origin
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Message:
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def url(self, base_url: str) -> str:
        """Where it leads, as an address that works outside the portal; the list of notifications when nowhere."""
        return urljoin(base_url.rstrip("/") + "/", (page_link(self.link) or "/notifications").removeprefix("/"))
