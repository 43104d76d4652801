"""Webhooks in: ``POST /api/events/http/<topic>``. Whoever calls proves it by a signature or token over a shared secret.

The event has the topic of the path and the payload ``{"type", "headers", "body"}``: what the sender calls it
(``push``), the headers that senders set (lower-case), and the JSON that came.

Sources: GitHub, "Validating webhook deliveries" (``X-Hub-Signature-256``); GitLab, "Webhooks" (``X-Gitlab-Token``);
Bitbucket Cloud, "Secure webhooks", and Data Center, "Manage webhooks" (``X-Hub-Signature``); Gitea, "Webhooks"
(``X-Gitea-Signature``); Azure DevOps, "Service hooks" (basic authentication). Answers and topics: Backstage events-backend 0.6.6.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Mapping
from urllib.parse import parse_qs

import orjson

from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.events.webhooks import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

if TYPE_CHECKING:
    from callboard.kernel.settings import Settings

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub's own limit of a payload."""

MAX_AGE_S = 300
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sender:
    """A system whose webhooks are known: where it puts the kind of event, and its proof."""

    type_header: str
    proof_headers: tuple[str, ...]
    verify: Callable[[str, Headers, bytes], bool]


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def _digest(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _verify_github(secret: str, headers: Headers, body: bytes) -> bool:
    return _equal(headers.get("x-hub-signature-256", ""), f"sha256={_digest(secret, body)}")


def _verify_bitbucket(secret: str, headers: Headers, body: bytes) -> bool:
    return _equal(headers.get("x-hub-signature", ""), f"sha256={_digest(secret, body)}")


def _verify_gitlab(secret: str, headers: Headers, body: bytes) -> bool:
    return _equal(headers.get("x-gitlab-token", ""), secret)


def _verify_gitea(secret: str, headers: Headers, body: bytes) -> bool:
    return _equal(headers.get("x-gitea-signature", ""), _digest(secret, body))


def _verify_azure(secret: str, headers: Headers, body: bytes) -> bool:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    try:
        account = base64.b64decode(value, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return False
    return _equal(account.partition(":")[2], secret)


SENDERS: dict[str, Sender] = {
    "github": Sender("x-github-event", ("x-hub-signature-256",), _verify_github),
    "gitlab": Sender("x-gitlab-event", ("x-gitlab-token",), _verify_gitlab),
    "bitbucketCloud": Sender("x-event-key", ("x-hub-signature",), _verify_bitbucket),
    "bitbucketServer": Sender("x-event-key", ("x-hub-signature",), _verify_bitbucket),
    "gitea": Sender("x-gitea-event", ("x-gitea-signature",), _verify_gitea),
    "azureDevOps": Sender("", ("authorization",), _verify_azure),
}
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-gitlab-token", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class InboundTopic:
    """One topic: any of ``secrets`` will do; ``is_open`` takes unsigned ones when there is no secret."""

    name: str
    secrets: tuple[str, ...] = field(repr=False, default=())
    is_open: bool = False


class Inbound:
    """Which topics come in over HTTP, and how each is proved."""

    def __init__(self, topics: Mapping[str, InboundTopic]) -> None:
        self._topics = dict(topics)

    @property
    def topics(self) -> tuple[str, ...]:
        """Names of the topics that are taken, if the proof is right."""
        return tuple(self._topics)

    @classmethod
    def from_settings(cls, settings: Settings) -> Inbound:
        """``events.http.topics`` (names, or ``{topic, secret}``), ``events.modules.<sender>.webhookSecret`` and
        ``integrations.github[].apps[].webhookSecret``. A topic named without a secret is taken unsigned, as Backstage
        does; a known sender's needs one unless it is named. Raises ``SettingsError``.
        """
        secrets: dict[str, list[str]] = {name: [] for name in SENDERS}
        for name in SENDERS:
            secret = settings.get_str(f"events.modules.{name}.webhookSecret", None)
            if secret:
                secrets[name].append(secret)
        for integration in settings.sections("integrations.github"):
            for app in integration.sections("apps"):
                secret = app.get_str("webhookSecret", None)
                if secret:
                    secrets["github"].append(secret)
        named = set()
        for index, entry in enumerate(settings.get_list("events.http.topics")):
            topic, secret = entry, None
            if isinstance(entry, Mapping):
                topic, secret = entry.get("topic"), entry.get("secret")
            if not isinstance(topic, str) or not topic or (secret is not None and not isinstance(secret, str)):
                raise settings.error(
                    f"events.http.topics.{index}", "must be a topic's name, or an object {topic, secret}"
                )
            named.add(topic)
            secrets.setdefault(topic, []).extend([secret] if secret else [])
        return cls({name: InboundTopic(name, tuple(given), name in named) for name, given in secrets.items()})

    def accept(self, topic: str, headers: Headers, body: bytes, *, now_s: float) -> dict[str, Any]:
        """Payload of the event that this request makes. ``headers`` have lower-case names.

        Raises ``NotFoundError`` for an unknown topic, ``NotAllowedError`` without a valid proof, ``InputError`` when the
        body is not JSON.
        """
        known = self._topics.get(topic)
        if known is None:
            raise NotFoundError(f"No webhooks are taken for the topic {topic!r}. Name it in events.http.topics.")
        sender = SENDERS.get(topic)
        if known.secrets:
            if not any(_is_proved(sender, secret, headers, body, now_s) for secret in known.secrets):
                raise NotAllowedError("The signature or token of the webhook is missing or wrong.")
        elif not known.is_open:
            raise NotAllowedError(
                f"Webhooks from {topic} need a shared secret: set events.modules.{topic}.webhookSecret,"
                f" or name {topic} in events.http.topics to take unsigned ones."
            )
        return {
            "type": headers.get(sender.type_header) if sender is not None else None,
            "headers": {
                name: value
                for name, value in headers.items()
                if name.startswith("x-") and name not in _SECRET_HEADERS and "signature" not in name
            },
            "body": _parse_body(headers.get("content-type", ""), body),
        }


def _is_proved(sender: Sender | None, secret: str, headers: Headers, body: bytes, now_s: float) -> bool:
    """By the sender's own method, or by ours: what another Callboard sends can be taken by this one."""
    if sender is not None and any(name in headers for name in sender.proof_headers):
        return sender.verify(secret, headers, body)
    if SIGNATURE_HEADER.lower() in headers:
        timestamp = headers.get(TIMESTAMP_HEADER.lower(), "")
        is_fresh = timestamp.isascii() and timestamp.isdigit() and abs(now_s - int(timestamp)) <= MAX_AGE_S
        return is_fresh and _equal(headers[SIGNATURE_HEADER.lower()], sign(secret, timestamp, body))
    return sender is None and _verify_github(secret, headers, body)


def _parse_body(content_type: str, body: bytes) -> Any:
    if content_type.startswith("application/x-www-form-urlencoded"):  # GitHub can be set to send this
        fields = parse_qs(body.decode("utf-8", "replace"))
        body = fields.get("payload", [""])[0].encode()
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"The body of the webhook is not JSON: {error}.") from None
