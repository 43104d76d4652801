"""Webhooks that come in are believed only with the sender's proof."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.events.inbound import Inbound
from callboard.kernel.events.webhooks import sign
from callboard.kernel.settings import Settings
from callboard.kernel.settings.errors import SettingsError

BODY = json.dumps({"ref": "refs/heads/main", "text": "Größe"}).encode()
NOW = 1_800_000_000.0


def digest(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def inbound(**settings: Any) -> Inbound:
    return Inbound.from_settings(Settings.of(settings))


def module(name: str, secret: str = "s3cret") -> dict[str, Any]:
    return {"events": {"modules": {name: {"webhookSecret": secret}}}}


PROOFS = {
    "github": {"x-hub-signature-256": f"sha256={digest('s3cret')}", "x-github-event": "push"},
    "gitlab": {"x-gitlab-token": "s3cret", "x-gitlab-event": "push"},
    "bitbucketCloud": {"x-hub-signature": f"sha256={digest('s3cret')}", "x-event-key": "push"},
    "gitea": {"x-gitea-signature": digest("s3cret"), "x-gitea-event": "push"},
}


@pytest.mark.parametrize("sender", PROOFS)
def test_a_proved_webhook_becomes_a_payload(sender: str) -> None:
    """What the sender calls it, its headers without secrets, and its JSON."""
    headers = {"content-type": "application/json", "x-request-id": "7", **PROOFS[sender]}
    payload = inbound(**module(sender)).accept(sender, headers, BODY, now_s=NOW)
    assert payload["type"] == "push"
    assert payload["body"] == json.loads(BODY)
    assert payload["headers"]["x-request-id"] == "7"
    assert "s3cret" not in str(payload)
    assert digest("s3cret") not in str(payload)


@pytest.mark.parametrize("sender", PROOFS)
def test_an_unproved_webhook_is_refused(sender: str) -> None:
    """Without proof, with another secret, and with a changed body where the body is signed."""
    taking = inbound(**module(sender))
    wrong = {name: value.replace("s3cret", "other") for name, value in PROOFS[sender].items()}
    with pytest.raises(NotAllowedError):
        taking.accept(sender, {}, BODY, now_s=NOW)
    if sender == "gitlab":
        with pytest.raises(NotAllowedError):
            taking.accept(sender, wrong, BODY, now_s=NOW)
    else:
        with pytest.raises(NotAllowedError):
            taking.accept(sender, PROOFS[sender], BODY + b" ", now_s=NOW)


def test_azure_proves_itself_by_password() -> None:
    """Basic authentication with any user; a broken header is no proof."""
    taking = inbound(**module("azureDevOps", "pa:ss"))
    good = {"authorization": "Basic " + base64.b64encode(b"azure:pa:ss").decode()}
    assert taking.accept("azureDevOps", good, BODY, now_s=NOW)["body"] == json.loads(BODY)
    for value in ("Basic " + base64.b64encode(b"azure:no").decode(), "Basic !", "Bearer pa:ss", ""):
        with pytest.raises(NotAllowedError):
            taking.accept("azureDevOps", {"authorization": value}, BODY, now_s=NOW)


def test_any_github_app_secret_will_do() -> None:
    """Those of the integrations beside the module's own."""
    taking = inbound(
        events={"modules": {"github": {"webhookSecret": "one"}}},
        integrations={"github": [{"host": "github.com", "apps": [{"appId": 1, "webhookSecret": "two"}]}]},
    )
    for secret in ("one", "two"):
        taking.accept("github", {"x-hub-signature-256": f"sha256={digest(secret)}"}, BODY, now_s=NOW)
    with pytest.raises(NotAllowedError):
        taking.accept("github", {"x-hub-signature-256": f"sha256={digest('three')}"}, BODY, now_s=NOW)


def test_a_known_sender_without_a_secret_is_refused_with_the_key_to_set() -> None:
    """Unless it is named, as Backstage takes it: then unsigned."""
    with pytest.raises(NotAllowedError, match=r"events\.modules\.github\.webhookSecret"):
        inbound().accept("github", {}, BODY, now_s=NOW)
    taking = inbound(events={"http": {"topics": ["github", "build"]}})
    assert taking.accept("github", {"x-github-event": "push"}, BODY, now_s=NOW)["type"] == "push"
    assert taking.accept("build", {}, BODY, now_s=NOW)["type"] is None


def test_an_unknown_topic_is_not_found() -> None:
    """With the key that would make it known."""
    with pytest.raises(NotFoundError, match=r"events\.http\.topics"):
        inbound().accept("nowhere", {}, BODY, now_s=NOW)


def test_a_named_topic_with_a_secret_takes_our_own_signature_while_it_is_fresh() -> None:
    """So one Callboard can tell another; a recorded request is worthless five minutes later."""
    taking = inbound(events={"http": {"topics": [{"topic": "build", "secret": "k"}]}})
    timestamp = str(int(NOW))
    headers = {"x-callboard-timestamp": timestamp, "x-callboard-signature-256": sign("k", timestamp, BODY)}
    taking.accept("build", headers, BODY, now_s=NOW + 299)
    for stale in (NOW + 301, NOW - 301):
        with pytest.raises(NotAllowedError):
            taking.accept("build", headers, BODY, now_s=stale)
    with pytest.raises(NotAllowedError):
        taking.accept("build", {**headers, "x-callboard-timestamp": "soon"}, BODY, now_s=NOW)
    taking.accept("build", {"x-hub-signature-256": f"sha256={digest('k')}"}, BODY, now_s=NOW)
    with pytest.raises(NotAllowedError):
        taking.accept("build", {}, BODY, now_s=NOW)


def test_a_form_with_a_payload_is_read() -> None:
    """GitHub's other content type; the signature is over the form."""
    from urllib.parse import quote

    body = b"payload=" + quote(BODY.decode()).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-hub-signature-256": f"sha256={digest('s3cret', body)}",
    }
    assert inbound(**module("github")).accept("github", headers, body, now_s=NOW)["body"] == json.loads(BODY)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"payload=x"])
def test_a_body_that_is_no_json_is_bad_input(body: bytes) -> None:
    """Only once the proof has been checked."""
    with pytest.raises(InputError, match="JSON"):
        inbound(events={"http": {"topics": ["build"]}}).accept("build", {}, body, now_s=NOW)


@pytest.mark.parametrize("topics", [[7], [{"secret": "x"}], [{"topic": "x", "secret": 5}], [""]])
def test_topics_that_cannot_be_read_are_refused_by_key(topics: Any) -> None:
    """At the start."""
    with pytest.raises(SettingsError, match="topic"):
        inbound(events={"http": {"topics": topics}})
