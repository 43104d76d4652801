"""What a log line says, and what never leaves."""

from __future__ import annotations

import io
import json
import logging
from typing import Iterator

import pytest

from callboard.kernel.logs import bound_context, captured_logs, configure_logs, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where lines go; put back afterwards."""
    out = io.StringIO()
    configure_logs(json=True, level="debug", secrets={"hunter22"}, stream=out)
    yield out
    configure_logs(level="warning")


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_fixed_phrase_with_fields(stream: io.StringIO) -> None:
    """Fields keep their types; the logger's own fields come along."""
    get_logger("callboard.catalog").bind(provider="github").info("provider refreshed", added=12)
    [line] = lines(stream)
    assert line["event"] == "provider refreshed"
    assert (line["provider"], line["added"], line["level"], line["logger"]) == ("github", 12, "info", "catalog")


def test_secrets_are_replaced_wherever_they_stand(stream: io.StringIO) -> None:
    """By value, by the name of the field, in headers, in URLs and in exceptions."""
    log = get_logger("x")
    try:
        raise ValueError("the password is hunter22")
    except ValueError:
        log.exception(
            "failed with hunter22",
            detail="it was hunter22!",
            headers={"Authorization": "Bearer abcdefgh", "Accept": "x", "x-api-key": "k"},
            note="sent Bearer abcdefghijkl to it",
            url="https://me:topsecret@host/x",
            api_token="abc",
            items=["hunter22"],
        )
    text = stream.getvalue()
    for secret in ("hunter22", "abcdefgh", "topsecret", '"abc"', '"k"'):
        assert secret not in text
    [line] = lines(stream)
    assert line["headers"] == {"Authorization": "<secret>", "Accept": "x", "x-api-key": "<secret>"}
    assert "ValueError" in str(line["exception"])


def test_correlation_reaches_every_event_inside(stream: io.StringIO) -> None:
    """A request id bound once stands in all lines until the block ends."""
    log = get_logger("x")
    with bound_context(request_id="r1"):
        with bound_context(job_id=7):
            log.info("inner")
        log.info("outer")
    log.info("after")
    assert [(line.get("request_id"), line.get("job_id")) for line in lines(stream)] == [
        ("r1", 7),
        ("r1", None),
        (None, None),
    ]


def test_levels_below_the_configured_one_are_not_written() -> None:
    """Quiet means quiet."""
    out = io.StringIO()
    configure_logs(level="error", stream=out)
    get_logger("x").warning("not this")
    get_logger("x").error("but this")
    configure_logs(level="warning")
    assert "not this" not in out.getvalue()
    assert "but this" in out.getvalue()


def test_what_libraries_log_comes_out_the_same_way(stream: io.StringIO) -> None:
    """logging is redirected, with redaction."""
    logging.getLogger("some.library").warning("connected with %s", "hunter22")
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("connected with <secret>", "some.library", "warning")


def test_a_console_line_cannot_be_forged() -> None:
    """Line breaks in a value or event do not begin a new line."""
    out = io.StringIO()
    configure_logs(level="info", stream=out)
    get_logger("x").info("first\nsecond", user="ada\n12:00 error forged")
    configure_logs(level="warning")
    assert len(out.getvalue().splitlines()) == 1


def test_an_unknown_level_is_refused() -> None:
    """The message names the levels there are."""
    with pytest.raises(ValueError, match="debug, info"):
        configure_logs(level="loud")


def test_events_can_be_captured() -> None:
    """For tests of what is logged; nothing is written meanwhile."""
    with captured_logs() as events:
        get_logger("x").debug("seen", n=1)
    assert [(event["event"], event["n"]) for event in events] == [("seen", 1)]
